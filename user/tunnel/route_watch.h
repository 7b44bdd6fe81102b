/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route_watch.h - hear when somebody changes the routes that lead into the tunnel, the rules that
 * lead to its table, or the host's default routes.
 *
 * Not everything is told: when an interface goes down or away the kernel drops its IPv4 routes
 * without a word. link_watch_read() hears of that. Those of a nexthop object that is deleted go in
 * the same way, and nobody hears of it.
 */
#ifndef TUNNEL_ROUTE_WATCH_H
#define TUNNEL_ROUTE_WATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"
#include "tunnel/tunnel.h"

/** What route_watch_read() saw, as bits. */
enum route_change {
	ROUTE_OURS_CHANGED = 1 << 0,    /* read the routes again */
	ROUTE_OVERRUN = 1 << 1,         /* messages were lost: read everything again */
	ROUTE_FOREIGN = 1 << 2,         /* count those of others again, there is no hurry */
	ROUTE_DEFAULT_CHANGED = 1 << 3, /* a default route of the host's */
	RULES_CHANGED = 1 << 4,         /* read the rules again */
};

/**
 * route_watch_open() - a non-blocking, close-on-exec rtnetlink socket that hears of changes to
 * routes and rules of both families.
 *
 * Adding very many routes at once overruns it all the same; that costs one more reading.
 *
 * Return: descriptor, to be closed with close(); negative errno.
 */
int route_watch_open(void);

struct route_watch {
	uint32_t ifindex;   /* the tunnel */
	uint32_t own_table; /* its number */
	/* What is to be routed into the tunnel, also where ours is not there because somebody else
	 * has a route to it. */
	const struct prefix_set *own, *main;
};

/**
 * route_watch_read() - take pending messages from @fd, a bounded number.
 *
 * A change of ours is, in either table and to exactly one of its prefixes: a route that was
 * deleted, whoever's (ours is missing, or one that ours had to give way to is gone); a route that
 * does not lead out of the tunnel alone; and one that replaced ours under another protocol; and in
 * the own table, a route with our protocol that leads nowhere and comes or goes. Additions of ours
 * that lead into the tunnel are none.
 * ROUTE_FOREIGN is one of the main table out of the tunnel, to whatever prefix, that is neither
 * ours nor the kernel's; and one of the own table that is another program's, and leads elsewhere.
 * There, a new one with our protocol that leads elsewhere is a change of ours.
 *
 * Return: bits of enum route_change, 0 when nothing of interest was pending; negative errno.
 */
int route_watch_read(int fd, const struct route_watch *watch);

#endif
