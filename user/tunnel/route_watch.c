// SPDX-License-Identifier: Apache-2.0
#include "tunnel/route_watch.h"

#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>

#include "tunnel/nl_watch.h"
#include "tunnel/route_message.h"
#include "tunnel/tunnel_routes.h"

#define RECEIVE_BUFFER (4 * 1024 * 1024) /* some thousand changes */
#define GROUP(number) (1u << ((number)-1))

struct reading {
	const struct route_watch *watch;
	int changes;
};

int route_watch_open(void)
{
	return nl_watch_open(GROUP(RTNLGRP_IPV4_ROUTE) | GROUP(RTNLGRP_IPV6_ROUTE) |
				     GROUP(RTNLGRP_IPV4_RULE) | GROUP(RTNLGRP_IPV6_RULE),
			     RECEIVE_BUFFER);
}

static int compare(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static bool is_in(const struct prefix_set *set, const struct prefix *to)
{
	return set->n && bsearch(to, set->at, set->n, sizeof(*to), compare);
}

/* As the reading of them counts. */
static bool is_foreign(const struct route_watch *watch, const struct route_message *route)
{
	if (route->ifindex != watch->ifindex || route->type != RTN_UNICAST)
		return false;
	return !route->to.bits ||
	       (route->protocol != TUNNEL_ROUTE_PROTOCOL && route->protocol != RTPROT_KERNEL);
}

/* What to do about one of the own table that is not ours (table_others.h), or only says so. */
static int look_at_other(const struct route_watch *watch, const struct nlmsghdr *msg,
			 const struct route_message *route)
{
	if (route->ifindex == watch->ifindex && route->type == RTN_UNICAST)
		return 0;
	if (route->protocol != TUNNEL_ROUTE_PROTOCOL)
		return ROUTE_FOREIGN;
	return msg->nlmsg_type == RTM_NEWROUTE ? ROUTE_OURS_CHANGED : 0;
}

static int look_at_route(const struct route_watch *watch, const struct nlmsghdr *msg,
			 const struct route_message *route)
{
	bool is_own = route->table == watch->own_table, is_main = route->table == RT_TABLE_MAIN;
	bool replaces = msg->nlmsg_flags & NLM_F_REPLACE;
	int changes = 0;

	if (!route->to.bits && !is_own && route->ifindex != watch->ifindex)
		changes |= ROUTE_DEFAULT_CHANGED;
	if (is_main && is_foreign(watch, route))
		changes |= ROUTE_FOREIGN;
	if (is_own && route_message_is_floor(route))
		return changes | ROUTE_OURS_CHANGED;
	if (is_own)
		changes |= look_at_other(watch, msg, route);
	/* What leads into the tunnel beside ours does no harm; in its place, it is not ours. */
	if (msg->nlmsg_type == RTM_NEWROUTE && route->ifindex == watch->ifindex &&
	    (route->protocol == TUNNEL_ROUTE_PROTOCOL || !replaces))
		return changes;
	if ((is_own && is_in(watch->own, &route->to)) ||
	    (is_main && is_in(watch->main, &route->to)))
		changes |= ROUTE_OURS_CHANGED;
	return changes;
}

static void take(const struct nlmsghdr *msg, void *data)
{
	struct reading *reading = data;
	struct route_message route;

	if (msg->nlmsg_type == RTM_NEWRULE || msg->nlmsg_type == RTM_DELRULE)
		reading->changes |= RULES_CHANGED;
	else if (route_message_parse(msg, &route))
		reading->changes |= look_at_route(reading->watch, msg, &route);
}

int route_watch_read(int fd, const struct route_watch *watch)
{
	struct reading reading = { .watch = watch };
	int lost = nl_watch_read(fd, take, &reading);

	if (lost < 0)
		return lost;
	return reading.changes | (lost ? ROUTE_OVERRUN : 0);
}
