/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel_routes_list.h - the routes of a table that lead out of one interface, by who made them.
 */
#ifndef TUNNEL_TUNNEL_ROUTES_LIST_H
#define TUNNEL_TUNNEL_ROUTES_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"

enum route_owner {
	ROUTE_OURS,      /* TUNNEL_ROUTE_PROTOCOL */
	ROUTE_CONNECTED, /* the kernel's, which come with addresses */
	ROUTE_FOREIGN,   /* all others; in the main table, default routes of anybody */
	ROUTE_OWNERS
};

struct routes_into {
	struct {
		struct prefix *to; /* sorted, each once; room for a power of two */
		size_t n;
	} of[ROUTE_OWNERS];
};

/**
 * routes_into_read() - all unicast routes of @table out of @ifindex alone.
 * @ret: set on success only; freed with routes_into_done().
 *
 * Return: 0; -ENODEV; -E2BIG; another negative errno.
 */
int routes_into_read(uint32_t table, uint32_t ifindex, struct routes_into *ret);

/** routes_into_has() - does @owner have a route to exactly @to? */
bool routes_into_has(const struct routes_into *routes, enum route_owner owner,
		     const struct prefix *to);

/** routes_into_done() - free what @routes owns and zero it; safe on a zeroed one. */
void routes_into_done(struct routes_into *routes);

#endif
