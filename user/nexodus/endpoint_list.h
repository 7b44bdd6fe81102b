/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint_list.h - the `endpoints` of our device: where agents reach the relay. Pure.
 *
 * Agents take the last entry with the source "local" for the address in our network, the last one
 * with another source for the one that the Internet sees. Older ones look at entries 0 and 1
 * without asking how many there are, so there are always two, the local one first; and what cannot
 * be parsed as address and port keeps them from using the relay at all, so nothing else is there.
 */
#ifndef NEXODUS_ENDPOINT_LIST_H
#define NEXODUS_ENDPOINT_LIST_H

#include <json-c/json.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/prefix.h"

struct endpoint_facts {
	uint16_t port;                        /* WireGuard's; host order, not 0 */
	const struct sockaddr_storage *local; /* of local_addresses(), or NULL */
	const struct sockaddr_storage *way;   /* the one that has reached the server; or NULL */
	const struct prefix *local_ip;        /* --local-endpoint-ip: instead of it; or NULL */
	const struct sockaddr_in *mapped;     /* STUN: as the Internet sees us; or NULL */
	const char *server;                   /* "host:port" that said so; NULL without mapped */
};

/**
 * endpoint_list_new() - [{"source":"local",...},{"source":"stun:HOST:PORT",...}]
 * @ret: the caller's, for json_object_put().
 *
 * Without a STUN result the second entry repeats the first, with the source "stun:"; but where that
 * is a private IPv4 address that was found it is the one that has reached the server. Without a
 * local address the first one has the mapped address and WireGuard's port.
 *
 * Return: 0; -ENODATA when no address is known; -EINVAL for one that is no host's, or no port;
 *         -ENOMEM.
 */
int endpoint_list_new(const struct endpoint_facts *facts, struct json_object **ret);

/**
 * endpoint_list_is_same() - do two lists tell agents the same: as many entries, the same addresses,
 * local or not? Which server has told the mapped address does not matter: they take turns.
 * @a, @b: may be NULL (never published), or from the api-server.
 */
bool endpoint_list_is_same(struct json_object *a, struct json_object *b);

#endif
