/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel_record.h - the file that remembers what of the tunnel we made: the interface, and which
 * addresses on it.
 *
 * Below /run: neither it nor the tunnel outlives a reboot. It is written before the thing is made,
 * so that a crash between the two leaves nothing unknown.
 *
 *   interface 7          we made it, and this is its ifindex; 0: we were about to
 *   taken-over           another program made it, and no list has been applied since
 *   address 100.64.0.1/32
 *   address 200::1/64
 */
#ifndef TUNNEL_TUNNEL_RECORD_H
#define TUNNEL_TUNNEL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"

#define TUNNEL_ADDRESSES_MAX 64 /* of a tunnel */
/* While one set takes the place of another, both are there. */
#define TUNNEL_RECORD_ADDRESSES_MAX (2 * TUNNEL_ADDRESSES_MAX)

struct tunnel_record {
	bool made;        /* the interface is ours to remove */
	bool taken_over;  /* till the first list: whose routes to its prefixes are ours then */
	uint32_t ifindex; /* 0: we were about to make it */
	struct prefix addresses[TUNNEL_RECORD_ADDRESSES_MAX]; /* host bits set */
	size_t n_addresses;
};

/**
 * tunnel_record_load() - read a file.
 * @ret_record: set on success only.
 *
 * Return: 0; -ENOENT; -EBADMSG when anything in it is not as tunnel_record_save() writes it;
 *         another negative errno.
 */
int tunnel_record_load(const char *file, struct tunnel_record *ret_record);

/** tunnel_record_save() - write a file, mode 0600, all or nothing. Return: 0 or negative errno. */
int tunnel_record_save(const char *file, const struct tunnel_record *record);

/** tunnel_record_remove() - remove a file, if there is one. Return: 0 or negative errno. */
int tunnel_record_remove(const char *file);

/** tunnel_record_has() - is @address in @record? */
bool tunnel_record_has(const struct tunnel_record *record, const struct prefix *address);

#endif
