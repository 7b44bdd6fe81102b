/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_routes.h - routes that would take what goes to the control plane into the tunnel: any
 * device may advertise a network that the api-server, a name server or a STUN server is in.
 *
 * Pure computation: no kernel, no logging.
 */
#ifndef NODE_CONTROL_ROUTES_H
#define NODE_CONTROL_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "peers/border_addresses.h"
#include "peers/desired.h"
#include "tunnel/tunnel.h"

struct control_route {
	struct prefix route;          /* first: prefix_sort() */
	struct prefix address;        /* the first one in it */
	char device[DEVICE_NAME_MAX]; /* device_label() of whose it is; or empty */
	bool is_said;
};

struct control_routes {
	struct control_route *at; /* sorted by route, each once */
	size_t n;
};

/** control_routes_done() - free what @routes owns and zero it; safe on a zeroed one. */
void control_routes_done(struct control_routes *routes);

/**
 * control_routes_find() - those of @routes that one of @addresses is in.
 * @routes: sorted by prefix_compare(), @n of them.
 * @ret:    set on success only; freed with control_routes_done().
 *
 * Takes time in proportion to the addresses and to the different prefix lengths of the routes, not
 * to the routes.
 *
 * Return: 0; -ENOMEM.
 */
int control_routes_find(const struct prefix *routes, size_t n,
			const struct border_addresses *addresses, struct control_routes *ret);

/**
 * control_routes_spare() - leave them out of @want: of its routes, not of its AllowedIPs.
 * @want: as tunnel_want_make() made it of @desired.
 * @ret:  what was left out, with whose it is; as control_routes_find().
 */
int control_routes_spare(struct tunnel_want *want, const struct desired *desired,
			 const struct border_addresses *addresses, struct control_routes *ret);

/** control_routes_keep_said() - of @routes, what was said of those of @before is said. */
void control_routes_keep_said(struct control_routes *routes, const struct control_routes *before);

/**
 * control_routes_still() - the addresses are other ones now: are the same routes left out for them?
 * @spared: those that are left out; the address of each is brought up to date.
 * @routes: those that are not, sorted, @n of them.
 *
 * Return: 1 when they are; 0 when they are not; -ENOMEM.
 */
int control_routes_still(struct control_routes *spared, const struct prefix *routes, size_t n,
			 const struct border_addresses *addresses);

#endif
