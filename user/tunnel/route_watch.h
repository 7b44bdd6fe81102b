/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route_watch.h - hear when somebody changes the routes that lead into the tunnel.
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

/** What route_watch_read() saw, as bits. */
enum route_change {
	ROUTE_OURS_CHANGED = 1 << 0, /* read the routes again */
	ROUTE_OVERRUN = 1 << 1,      /* messages were lost: read them again, too */
	ROUTE_FOREIGN = 1 << 2,      /* count those of others again, there is no hurry */
};

/**
 * route_watch_open() - a non-blocking, close-on-exec rtnetlink socket that hears of changes to
 * routes of both families.
 *
 * Adding very many routes at once overruns it all the same; that costs one more reading.
 *
 * Return: descriptor, to be closed with close(); negative errno.
 */
int route_watch_open(void);

/**
 * route_watch_read() - take pending messages from @fd, a bounded number.
 * @ifindex: the tunnel.
 * @ours:    prefixes that are to be routed into it, sorted by prefix_compare(); also those that
 * ours is not there for, as somebody else has a route to them.
 *
 * A change is, in the main table and to exactly one of @ours: a route that was deleted, whoever's
 * (ours is missing, or one that ours had to give way to is gone); a route that does not lead out of
 * @ifindex alone; and one that replaced ours under another protocol. Additions of ours are none.
 * ROUTE_FOREIGN is one out of @ifindex, to whatever prefix, that is neither ours nor the kernel's.
 *
 * Return: bits of enum route_change, 0 when nothing of interest was pending; negative errno.
 */
int route_watch_read(int fd, uint32_t ifindex, const struct prefix *ours, size_t n);

#endif
