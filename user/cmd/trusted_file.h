/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trusted_file.h - read a short text that decides what a privileged process does: only when nobody
 * else could have written it, or, where it holds a secret, could read it.
 *
 * Symbolic links are followed (configuration management makes them); what they end at is checked.
 */
#ifndef CMD_TRUSTED_FILE_H
#define CMD_TRUSTED_FILE_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#define TRUSTED_FILE_WHY_MAX (PATH_MAX + 160)

/* Bits of the mode that a file must not have. */
#define TRUSTED_FILE_OTHERS_WRITE 0022
#define TRUSTED_FILE_OTHERS_READ 0044
#define TRUSTED_FILE_OTHERS 0077
/* What systemd makes: 0400, or 0440 with an ACL for the unit's user. */
#define TRUSTED_FILE_CREDENTIAL 0037

struct trusted_file {
	char *text; /* terminated; the caller's, ends with trusted_file_done() */
	size_t len; /* bytes before the terminator; there may be NULs among them */
	mode_t mode;
};

/**
 * trusted_file_read() - all of a regular file of root or ours.
 * @forbidden: bits of the mode.
 * @max:       bytes, at most.
 * @ret_why:   what is wrong and what to do; nothing of the content.
 *
 * Return: 0; -ENOENT; -EACCES when we may not open it; -EPERM when owner or mode are wrong; -EFBIG;
 *         -EBADMSG when it is no regular file; another negative errno.
 */
int trusted_file_read(const char *path, mode_t forbidden, size_t max, struct trusted_file *ret,
		      char ret_why[static TRUSTED_FILE_WHY_MAX]);

/** trusted_file_check_mode() - as above, for a file that was read. Return: 0; -EPERM. */
int trusted_file_check_mode(const char *path, mode_t mode, mode_t forbidden,
			    char ret_why[static TRUSTED_FILE_WHY_MAX]);

/** trusted_file_done() - wipe and free. Safe on a zeroed one. */
void trusted_file_done(struct trusted_file *file);

#endif
