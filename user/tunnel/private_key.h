/* SPDX-License-Identifier: Apache-2.0 */
/*
 * private_key.h - the relay's identity on disk: <state-dir>/private.key.
 *
 * Base64 and a newline, as `wg genkey` prints it, mode 0600 in a folder of mode 0700, both root's.
 */
#ifndef TUNNEL_PRIVATE_KEY_H
#define TUNNEL_PRIVATE_KEY_H

#include <limits.h>
#include <stdint.h>

#include "base/wg_key.h"

#define PRIVATE_KEY_NEXD_STATE "/var/lib/nexd" /* of nexd when it runs as root */

enum private_key_origin {
	PRIVATE_KEY_LOADED,   /* it was there */
	PRIVATE_KEY_IMPORTED, /* from nexd's state.json */
	PRIVATE_KEY_MADE,
};

/* What went wrong where: for a message "PATH: WHY". */
struct private_key_error {
	char path[PATH_MAX];
	char why[PATH_MAX + 160]; /* says what to do; never anything of the file's content */
};

/**
 * private_key_get() - load the key; at first start take nexd's, or make one.
 * @state_dir:  made with mode 0700 if it is not there (its parent must be).
 * @ret_key:    clamped as RFC 7748 section 5 says. The caller wipes it with explicit_bzero().
 * @ret_origin: which of the three.
 * @ret_from:   for PRIVATE_KEY_IMPORTED the file it came from (room for PATH_MAX), else empty.
 * @ret_err:    set on failure.
 *
 * Folder and file must be ours (the effective user's: root's), the folder closed to others
 * and the file to everything of others'; a symbolic link is no key. When there is no private.key,
 * the "private-key" of <state-dir>/state.json or else of /var/lib/nexd/state.json is taken over and
 * written down: so a relay moves from nexd with its identity. The JSON is parsed in a child process
 * that ends: nothing of it stays in our memory. A state.json without a key is passed over, one that
 * cannot be read is an error: a new identity is not made by accident. A new file is written, synced
 * and renamed: after a crash there is a whole key or none. Several processes that start at once
 * come to one key.
 *
 * May take as long as two children that hang, 10 s; usually milliseconds.
 *
 * Return: 0; -EACCES when owner or mode are wrong; -EBADMSG when a file holds no key; -EBUSY when
 *         another process does not end its first start; another negative errno.
 */
int private_key_get(const char *state_dir, uint8_t ret_key[static WG_KEY_BYTES],
		    enum private_key_origin *ret_origin, char ret_from[static PATH_MAX],
		    struct private_key_error *ret_err);

/** private_key_get_in() - the same in @dir, which is @state_dir, open; its lock may be held. */
int private_key_get_in(int dir, const char *state_dir, uint8_t ret_key[static WG_KEY_BYTES],
		       enum private_key_origin *ret_origin, char ret_from[static PATH_MAX],
		       struct private_key_error *ret_err);

/** private_key_load() - the one that is there; none is made. Return: as above; -ENOENT. */
int private_key_load(const char *state_dir, uint8_t ret_key[static WG_KEY_BYTES],
		     struct private_key_error *ret_err);

/** private_key_public() - the public key of @key. Return: 0; -EIO; -ENOMEM. */
int private_key_public(const uint8_t key[static WG_KEY_BYTES],
		       uint8_t ret_public[static WG_KEY_BYTES]);

#endif
