/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wg_uapi_socket.h - one question to a userspace WireGuard, and its answer.
 */
#ifndef TUNNEL_WG_UAPI_SOCKET_H
#define TUNNEL_WG_UAPI_SOCKET_H

#include "tunnel/wg_uapi.h"

/* How long a question may take, in seconds. */
struct wg_uapi_limits {
	int silence_s; /* nothing is taken from us or given to us */
	int total_s;
};

/**
 * wg_uapi_ask() - connect to /var/run/wireguard/@name.sock, ask, take the answer.
 * @name: a valid interface name.
 * @uapi: zeroed; freed with wg_uapi_done() whatever comes.
 *
 * Return: 0; -ENODEV when nobody serves such a socket; -EPERM; -ETIMEDOUT; as wg_uapi_feed();
 *         another negative errno.
 */
int wg_uapi_ask(const char *name, const char *question, size_t len,
		const struct wg_uapi_limits *limits, struct wg_uapi *uapi);

/**
 * wg_uapi_probe() - does anybody serve the socket of that name?
 *
 * Return: 0 when somebody takes the connection, answer or not; else as wg_uapi_ask().
 */
int wg_uapi_probe(const char *name);

#endif
