/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forwarding_record.h - the file that remembers which sysctls we changed.
 *
 * Text, one line for each: "net/ipv4/ip_forward 1 0", that is path below /proc/sys, the value that
 * we (or the kernel because of us) gave it, and the value it had. The file is ours and only root
 * can write it, but what is in it is written to /proc/sys: so only the sysctls that
 * forwarding_enable() knows are accepted.
 */
#ifndef TUNNEL_FORWARDING_RECORD_H
#define TUNNEL_FORWARDING_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#define FORWARDING_PATH_MAX 64       /* bytes, NUL included */
#define FORWARDING_ENTRIES_MAX 4096  /* of one record */
#define FORWARDING_FILE_BYTES 524288 /* of one record; longer than as many of the longest lines */

struct forwarding_entry {
	char path[FORWARDING_PATH_MAX]; /* below /proc/sys */
	int wrote;
	int original;
};

struct forwarding_record {
	struct forwarding_entry *entry;
	size_t n;
};

/** forwarding_path_valid() - is @path one of the sysctls that forwarding_enable() changes? */
bool forwarding_path_valid(const char *path);

/** forwarding_record_find() - Return: the entry for @path; NULL. */
const struct forwarding_entry *forwarding_record_find(const struct forwarding_record *record,
						      const char *path);

/**
 * forwarding_record_add() - add an entry, unless there is one for @path: the first one has the
 * host's own value.
 *
 * Return: 0; -EINVAL when @path is none of ours; -E2BIG; -ENOMEM.
 */
int forwarding_record_add(struct forwarding_record *record, const char *path, int wrote,
			  int original);

/**
 * forwarding_record_parse() - read the text of a record.
 * @text:       @len bytes, not NUL-terminated.
 * @ret_record: set on success only; freed with forwarding_record_done().
 *
 * Return: 0; -EBADMSG when anything in it is not as forwarding_record_save() writes it; -ENOMEM.
 */
int forwarding_record_parse(const char *text, size_t len, struct forwarding_record *ret_record);

/** forwarding_record_load() - read a file. Return: as forwarding_record_parse(); -ENOENT; ... */
int forwarding_record_load(const char *file, struct forwarding_record *ret_record);

/** forwarding_record_save() - write a file, mode 0600, all or nothing. Return: 0 or errno. */
int forwarding_record_save(const char *file, const struct forwarding_record *record);

/** forwarding_record_forget_new() - remove what a forwarding_record_save() that was killed left. */
void forwarding_record_forget_new(const char *file);

/** forwarding_record_done() - free what @record owns; safe on a zeroed one. */
void forwarding_record_done(struct forwarding_record *record);

#endif
