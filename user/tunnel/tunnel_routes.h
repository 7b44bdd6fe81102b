/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel_routes.h - the routes that lead into the tunnel, in two tables.
 *
 * The tunnel's own table has every prefix of the device list; tunnel_rules.h says whose packets it
 * routes. The main table, which routes everybody else's, has little more than the devices' tunnel
 * addresses. Ours are told from others' by their protocol number, which `ip route` shows as "proto
 * 110".
 *
 * In the main table ours give way: their metric is 1024 in both families, behind what DHCP clients,
 * network managers and the kernel give to the networks of an interface, whoever comes first. (An
 * IPv6 route that somebody adds without naming a metric has the same; there, the route that was
 * first stays.)
 */
#ifndef TUNNEL_TUNNEL_ROUTES_H
#define TUNNEL_TUNNEL_ROUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"

#define TUNNEL_ROUTE_PROTOCOL 110 /* free in iproute2's rt_protos */
#define TUNNEL_ROUTE_METRIC 1024  /* the kernel's own default for IPv6 */
/* Own tables: one for each interface name, which is all that two relays of a host cannot share. */
#define TUNNEL_TABLE_FIRST 110000
#define TUNNEL_TABLES 10000

struct tunnel_routes {
	struct prefix *ours; /* sorted by prefix_compare() */
	size_t n_ours;
	struct prefix *foreign; /* unicast routes into the interface that somebody else made */
	size_t n_foreign;
};

/** tunnel_table() - number of the own table of a tunnel called @ifname. */
uint32_t tunnel_table(const char *ifname);

/**
 * tunnel_routes_read() - all routes of @table that lead out of @ifindex alone.
 * @ret: set on success only; freed with tunnel_routes_done().
 *
 * Foreign are routes with another protocol and, in the main table, default routes with any: we make
 * none there. The kernel's own (RTPROT_KERNEL, which come with addresses) are in neither list.
 *
 * Return: 0; -ENODEV; another negative errno.
 */
int tunnel_routes_read(uint32_t table, uint32_t ifindex, struct tunnel_routes *ret);

/** tunnel_routes_done() - free what @routes owns and zero it; safe on a zeroed one. */
void tunnel_routes_done(struct tunnel_routes *routes);

/**
 * tunnel_routes_add() - add routes into @ifindex, many to a message buffer.
 * @to:      default routes are refused with -EINVAL in the main table.
 * @refused: room for @n: refused[i] becomes true when somebody else has a route to exactly that
 *           prefix, which stays, and ours was not added; else false. May be NULL.
 *
 * What counts as somebody else's is a route with the metric that a route has when nobody says
 * anything (IPv4: 0, IPv6: 1024), or with ours, whatever interface it leads to, but for the
 * kernel's own into the tunnel. One with another metric is not looked for: ours stands behind it.
 * In an own table only one with our metric counts.
 *
 * Routes of ours that are there already are no error. Every acknowledgement is looked at, and one
 * route that cannot be added does not keep the others from it.
 *
 * Return: 0; -ENETDOWN when the interface is down; -ENODEV when it is not there, or has no IPv6 for
 *         an IPv6 route (MTU below 1280); -EACCES when IPv6 is off on it; another negative errno of
 *         the first route that failed otherwise. @refused is right also when single routes failed.
 */
int tunnel_routes_add(uint32_t table, uint32_t ifindex, const struct prefix *to, size_t n,
		      bool *refused);

/**
 * tunnel_routes_take() - remove others' unicast routes out of @ifindex to exactly @to, whoever made
 * them, from the main table. For those that an earlier owner of the interface has left.
 *
 * Return: as tunnel_routes_remove().
 */
int tunnel_routes_take(uint32_t ifindex, const struct prefix *to, size_t n);

/**
 * tunnel_routes_remove() - remove routes of ours; one that is gone is no error.
 *
 * Only what has our protocol and leads out of @ifindex is touched, whatever else there is to the
 * same prefix.
 *
 * Return: 0, also when the interface is gone; negative errno of the first route that failed.
 */
int tunnel_routes_remove(uint32_t table, uint32_t ifindex, const struct prefix *to, size_t n);

#endif
