// SPDX-License-Identifier: Apache-2.0
#include "tunnel/table_floor.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "tunnel/nl_batch.h"
#include "tunnel/route_message.h"
#include "tunnel/tunnel_routes.h"

/*
 * Whatever a device has comes before them. They differ, so that one default takes the place of the
 * other without a gap: IPv6 has no two such routes of one metric.
 */
#define METRIC_UNREACHABLE UINT32_MAX
#define METRIC_THROW (UINT32_MAX - 1)
#define ROUTES_MAX (1 << 22)

struct floor_route {
	struct prefix to; /* first: prefix_compare() */
	uint32_t metric;
	uint8_t type; /* RTN_UNREACHABLE, RTN_THROW; in a dump any */
};

struct floor {
	struct floor_route *at; /* room for a power of two */
	size_t n;
};

static void floor_done(struct floor *floor)
{
	free(floor->at);
	*floor = (struct floor){};
}

static int floor_add(struct floor *floor, const struct prefix *to, uint8_t type, uint32_t metric)
{
	if (floor->n >= ROUTES_MAX)
		return -E2BIG;
	if (array_room(&floor->at, floor->n, sizeof(*floor->at)))
		return -ENOMEM;
	floor->at[floor->n++] = (struct floor_route){ .to = *to, .metric = metric, .type = type };
	return 0;
}

static bool floor_has(const struct floor *floor, const struct floor_route *route)
{
	for (size_t i = 0; i < floor->n; i++)
		if (floor->at[i].type == route->type && floor->at[i].metric == route->metric &&
		    !prefix_compare(&floor->at[i].to, &route->to))
			return true;
	return false;
}

static int floor_wanted(const struct kernel_forwarding *forwarding, bool ipv6, struct floor *floor)
{
	static const struct prefix defaults[] = { { .family = PREFIX_IPV4 },
						  { .family = PREFIX_IPV6 } };
	uint32_t metric = forwarding->all ? METRIC_THROW : METRIC_UNREACHABLE;
	uint8_t type = forwarding->all ? RTN_THROW : RTN_UNREACHABLE;
	int err = 0;

	for (size_t i = 0; !err && i < forwarding->to.n; i++)
		if (ipv6 || forwarding->to.at[i].family == PREFIX_IPV4)
			err = floor_add(floor, &forwarding->to.at[i], RTN_THROW, METRIC_THROW);
	for (size_t i = 0; !err && i < 2 && (ipv6 || !i); i++)
		err = floor_add(floor, &defaults[i], type, metric);
	return err;
}

struct reading {
	uint32_t table;
	uint8_t type; /* 0: any */
	struct floor floor;
	size_t begin;
};

static int take_route(const struct nlmsghdr *msg, void *data)
{
	struct reading *reading = data;
	struct route_message route;

	/* The kernel was asked for just these, but it need not have understood. */
	if (msg->nlmsg_type != RTM_NEWROUTE || !route_message_parse(msg, &route) ||
	    route.table != reading->table || route.protocol != TUNNEL_ROUTE_PROTOCOL ||
	    (reading->type && route.type != reading->type))
		return 0;
	return floor_add(&reading->floor, &route.to, route.type, route.metric);
}

static void forget_routes(void *data)
{
	struct reading *reading = data;

	reading->floor.n = reading->begin; /* with room for the power of two above, at least */
}

static int read_type(struct reading *reading, uint8_t type)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	int err = 0;

	reading->type = type;
	for (size_t i = 0; !err && i < sizeof(families); i++) {
		char request[NL_REQUEST_BYTES];
		struct nlmsghdr *msg = mnl_nlmsg_put_header(request);
		struct rtmsg *head;

		reading->begin = reading->floor.n;
		msg->nlmsg_type = RTM_GETROUTE;
		head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
		head->rtm_family = families[i];
		head->rtm_type = type;
		head->rtm_protocol = TUNNEL_ROUTE_PROTOCOL;
		mnl_attr_put_u32(msg, RTA_TABLE, reading->table);
		err = nl_dump_strict(NETLINK_ROUTE, msg, take_route, forget_routes, reading);
		/* A table is made with its first route. */
		if (err == -ENOENT || err == -EAFNOSUPPORT || err == -EOPNOTSUPP)
			err = 0;
	}
	return err;
}

struct editing {
	uint16_t type; /* RTM_* */
	uint32_t table;
	const struct floor *floor;
	const struct floor *except; /* those that are left alone */
	size_t failed;              /* the first that did */
	int err;
};

static bool fill_route(struct nlmsghdr *msg, size_t i, void *data)
{
	const struct editing *editing = data;
	const struct floor_route *route = &editing->floor->at[i];
	bool is_ipv4 = route->to.family == PREFIX_IPV4;
	struct rtmsg *head;

	if (editing->except && floor_has(editing->except, route))
		return false;
	msg->nlmsg_type = editing->type;
	if (editing->type == RTM_NEWROUTE)
		msg->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->rtm_family = is_ipv4 ? AF_INET : AF_INET6;
	head->rtm_dst_len = route->to.bits;
	head->rtm_protocol = TUNNEL_ROUTE_PROTOCOL;
	head->rtm_type = route->type;
	head->rtm_scope = editing->type == RTM_DELROUTE ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE;
	mnl_attr_put(msg, RTA_DST, is_ipv4 ? 4 : 16, route->to.addr);
	mnl_attr_put_u32(msg, RTA_TABLE, editing->table);
	/* IPv6 tells routes to be deleted apart by that, and not by their type. */
	mnl_attr_put_u32(msg, RTA_PRIORITY, route->metric);
	return true;
}

static void on_edited(size_t i, int err, void *data)
{
	struct editing *editing = data;

	if (!err ||
	    (editing->type == RTM_NEWROUTE ? err == -EEXIST : err == -ESRCH || err == -ENOENT))
		return;
	if (editing->err && i > editing->failed)
		return;
	editing->failed = i;
	editing->err = err;
}

static int edit(uint16_t type, uint32_t table, const struct floor *floor,
		const struct floor *except)
{
	struct editing editing = { .type = type, .table = table, .floor = floor, .except = except };

	return nl_batch(NETLINK_ROUTE, floor->n, fill_route, on_edited, &editing) ?: editing.err;
}

static int compare_floors(uint32_t table, const struct kernel_forwarding *forwarding, bool ipv6,
			  struct floor *want, struct reading *there)
{
	*there = (struct reading){ .table = table };
	return floor_wanted(forwarding, ipv6, want)
		       ?: read_type(there, RTN_UNREACHABLE) ?: read_type(there, RTN_THROW);
}

bool kernel_forwarding_covers(const struct kernel_forwarding *forwarding,
			      const struct prefix *prefix)
{
	return forwarding->all || prefix_list_covers(&forwarding->to, prefix);
}

int table_floor_read(uint32_t table, struct kernel_forwarding *ret)
{
	struct reading there = { .table = table };
	struct kernel_forwarding forwarding = {};
	int err = read_type(&there, RTN_UNREACHABLE) ?: read_type(&there, RTN_THROW);

	for (size_t i = 0; !err && i < there.floor.n; i++) {
		const struct floor_route *route = &there.floor.at[i];

		if (route->type != RTN_THROW)
			continue;
		if (!route->to.bits)
			forwarding.all = true;
		else if (forwarding.to.n < PREFIX_LIST_MAX)
			forwarding.to.at[forwarding.to.n++] = route->to;
	}
	if (!err && !there.floor.n)
		err = -ENOENT;
	floor_done(&there.floor);
	if (!err)
		*ret = forwarding;
	return err;
}

int table_floor_look(uint32_t table, const struct kernel_forwarding *forwarding, bool ipv6,
		     size_t *ret_wrong)
{
	struct floor want = {};
	struct reading there;
	size_t wrong = 0;
	int err = compare_floors(table, forwarding, ipv6, &want, &there);

	for (size_t i = 0; i < want.n; i++)
		wrong += !floor_has(&there.floor, &want.at[i]);
	for (size_t i = 0; i < there.floor.n; i++)
		wrong += !floor_has(&want, &there.floor.at[i]);
	floor_done(&want);
	floor_done(&there.floor);
	if (!err)
		*ret_wrong = wrong;
	return err;
}

int table_floor_set(uint32_t table, const struct kernel_forwarding *forwarding, bool ipv6)
{
	struct floor want = {};
	struct reading there;
	int err = compare_floors(table, forwarding, ipv6, &want, &there);

	if (!err)
		err = edit(RTM_NEWROUTE, table, &want, &there.floor);
	if (!err)
		err = edit(RTM_DELROUTE, table, &there.floor, &want);
	floor_done(&want);
	floor_done(&there.floor);
	return err;
}

int table_flush(uint32_t table)
{
	struct reading there = { .table = table };
	int err = read_type(&there, 0);

	if (!err)
		err = edit(RTM_DELROUTE, table, &there.floor, NULL);
	floor_done(&there.floor);
	return err;
}
