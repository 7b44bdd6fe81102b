/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route.h - the host's default routes, to know its uplinks. Read through rtnetlink.
 */
#ifndef TUNNEL_ROUTE_H
#define TUNNEL_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"

struct default_route {
	uint8_t family;        /* enum prefix_family */
	uint32_t ifindex;      /* a route with several next hops appears once for each */
	bool from_ra;          /* IPv6: learnt from a router advertisement (RTPROT_RA) */
	struct prefix gateway; /* a host; family 0: none */
};

/**
 * route_defaults() - all unicast default routes but ours, in whatever table, both families.
 * @ret_routes: caller frees with free(); NULL when there are none.
 * @ret_n:      number of routes.
 *
 * Return: 0 or negative errno.
 */
int route_defaults(struct default_route **ret_routes, size_t *ret_n);

#endif
