/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wg_uapi.h - userspace WireGuard through its text protocol (https://www.wireguard.com/xplatform/).
 *
 * The parser takes bytes in whatever pieces they come, and knows of no socket.
 */
#ifndef TUNNEL_WG_UAPI_H
#define TUNNEL_WG_UAPI_H

#include <stdbool.h>
#include <stddef.h>

#include "tunnel/wg_collect.h"

#define WG_UAPI_LINE_MAX 4096 /* bytes of a line, its end included */

struct wg_uapi {
	struct wg_collect collect;
	char line[WG_UAPI_LINE_MAX]; /* the line that has no end yet */
	size_t len;
	bool has_result; /* "errno=" was seen */
	int result;      /* 0 or negative errno */
};

/**
 * wg_uapi_feed() - parse the next @n bytes of the answer to "get=1" (or "set=1": a result alone).
 * @uapi: zeroed before the first byte.
 *
 * Return: 1 when the answer is complete; 0 when more must come;
 *         -EPROTO when it makes no sense, -E2BIG, -ENOMEM, or the errno that it reports.
 */
int wg_uapi_feed(struct wg_uapi *uapi, const char *bytes, size_t n);

/** wg_uapi_done() - free what the parser holds, and wipe what may be secret. */
void wg_uapi_done(struct wg_uapi *uapi);

/**
 * wg_uapi_read() - read @name from /var/run/wireguard/@name.sock.
 * @name:    a valid interface name.
 * @collect: zeroed; set on success only.
 *
 * Return: 0; -ENODEV when nobody serves such a socket; -EPERM; -ETIMEDOUT when the other end is
 *         silent for 1 s or not done after 30 s; as wg_uapi_feed(); another negative errno.
 */
int wg_uapi_read(const char *name, struct wg_collect *collect);

#endif
