// SPDX-License-Identifier: Apache-2.0
#include "tunnel/route_watch.h"

#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>

#include "tunnel/nl_watch.h"
#include "tunnel/route_message.h"
#include "tunnel/tunnel_routes.h"

#define RECEIVE_BUFFER (4 * 1024 * 1024) /* some thousand changes */

struct wanted {
	uint32_t ifindex;
	const struct prefix *ours;
	size_t n;
	int changes;
};

int route_watch_open(void)
{
	return nl_watch_open(RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE, RECEIVE_BUFFER);
}

static int compare(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static bool is_wanted(const struct wanted *wanted, const struct prefix *to)
{
	return wanted->n && bsearch(to, wanted->ours, wanted->n, sizeof(*to), compare);
}

/* As the reading of them counts. */
static bool is_foreign(const struct wanted *wanted, const struct route_message *route)
{
	if (route->ifindex != wanted->ifindex || route->type != RTN_UNICAST)
		return false;
	return !route->to.bits ||
	       (route->protocol != TUNNEL_ROUTE_PROTOCOL && route->protocol != RTPROT_KERNEL);
}

static void take_route(const struct nlmsghdr *msg, void *data)
{
	struct wanted *wanted = data;
	struct route_message route;
	bool replaces = msg->nlmsg_flags & NLM_F_REPLACE;

	if (!route_message_parse(msg, &route) || route.table != RT_TABLE_MAIN)
		return;
	if (is_foreign(wanted, &route))
		wanted->changes |= ROUTE_FOREIGN;
	/* What leads into the tunnel beside ours does no harm; in its place, it is not ours. */
	if (msg->nlmsg_type == RTM_NEWROUTE && route.ifindex == wanted->ifindex &&
	    (route.protocol == TUNNEL_ROUTE_PROTOCOL || !replaces))
		return;
	if (is_wanted(wanted, &route.to))
		wanted->changes |= ROUTE_OURS_CHANGED;
}

int route_watch_read(int fd, uint32_t ifindex, const struct prefix *ours, size_t n)
{
	struct wanted wanted = { .ifindex = ifindex, .ours = ours, .n = n };
	int lost = nl_watch_read(fd, take_route, &wanted);

	if (lost < 0)
		return lost;
	return wanted.changes | (lost ? ROUTE_OVERRUN : 0);
}
