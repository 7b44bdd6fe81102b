// SPDX-License-Identifier: Apache-2.0
/* tunnel_routes_list.c - read the routes that lead into the tunnel. */
#include "tunnel/tunnel_routes_list.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "tunnel/nl.h"
#include "tunnel/route_message.h"
#include "tunnel/tunnel_routes.h"

#define ROUTES_MAX (1 << 22) /* more than that is no tunnel but a mistake */

/* The dump of one family. */
struct reading {
	uint32_t table, ifindex;
	uint8_t family;             /* enum prefix_family */
	size_t begin[ROUTE_OWNERS]; /* where it starts in each list */
	struct routes_into routes;
};

static int add_route(struct routes_into *routes, enum route_owner owner, const struct prefix *to)
{
	size_t n = routes->of[owner].n;

	if (n >= ROUTES_MAX)
		return -E2BIG;
	if (array_room(&routes->of[owner].to, n, sizeof(*to)))
		return -ENOMEM;
	routes->of[owner].to[n] = *to;
	routes->of[owner].n++;
	return 0;
}

static enum route_owner owner_of(const struct route_message *route)
{
	if (!route->to.bits && route->table == RT_TABLE_MAIN)
		return ROUTE_FOREIGN;
	if (route->protocol == TUNNEL_ROUTE_PROTOCOL)
		return ROUTE_OURS;
	return route->protocol == RTPROT_KERNEL ? ROUTE_CONNECTED : ROUTE_FOREIGN;
}

static int take_route(const struct nlmsghdr *msg, void *data)
{
	struct reading *reading = data;
	struct route_message route;

	/* The kernel was asked for just these, but it need not have understood. */
	if (msg->nlmsg_type != RTM_NEWROUTE || !route_message_parse(msg, &route) ||
	    route.to.family != reading->family || route.table != reading->table ||
	    route.type != RTN_UNICAST || route.ifindex != reading->ifindex)
		return 0;
	return add_route(&reading->routes, owner_of(&route), &route.to);
}

static void forget_family(void *data)
{
	struct reading *reading = data;

	/* There is room for the power of two above that, at least. */
	for (int owner = 0; owner < ROUTE_OWNERS; owner++)
		reading->routes.of[owner].n = reading->begin[owner];
}

static int read_family(struct reading *reading, uint8_t family)
{
	char request[NL_REQUEST_BYTES];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(request);
	struct rtmsg *head;
	int err;

	reading->family = family;
	for (int owner = 0; owner < ROUTE_OWNERS; owner++)
		reading->begin[owner] = reading->routes.of[owner].n;
	msg->nlmsg_type = RTM_GETROUTE;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->rtm_family = family == PREFIX_IPV4 ? AF_INET : AF_INET6;
	head->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(msg, RTA_TABLE, reading->table);
	mnl_attr_put_u32(msg, RTA_OIF, reading->ifindex);
	err = nl_dump_strict(NETLINK_ROUTE, msg, take_route, forget_family, reading);
	/* A table is made with its first route. */
	return err == -ENOENT ? 0 : err;
}

static int compare(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

/* IPv6 may have several to one prefix, with different metrics. */
static void sort_lists(struct routes_into *routes)
{
	for (int owner = 0; owner < ROUTE_OWNERS; owner++) {
		struct prefix *to = routes->of[owner].to;
		size_t n = routes->of[owner].n, kept = 0;

		if (n)
			qsort(to, n, sizeof(*to), compare);
		for (size_t i = 0; i < n; i++)
			if (!kept || prefix_compare(&to[kept - 1], &to[i]) != 0)
				to[kept++] = to[i];
		routes->of[owner].n = kept;
	}
}

int routes_into_read(uint32_t table, uint32_t ifindex, struct routes_into *ret)
{
	struct reading reading = { .table = table, .ifindex = ifindex };
	int err = ifindex ? 0 : -ENODEV;

	if (!err)
		err = read_family(&reading, PREFIX_IPV4);
	if (!err)
		err = read_family(&reading, PREFIX_IPV6);
	if (err) {
		routes_into_done(&reading.routes);
		return err;
	}
	sort_lists(&reading.routes);
	*ret = reading.routes;
	return 0;
}

bool routes_into_has(const struct routes_into *routes, enum route_owner owner,
		     const struct prefix *to)
{
	size_t n = routes->of[owner].n;

	return n && bsearch(to, routes->of[owner].to, n, sizeof(*to), compare);
}

void routes_into_done(struct routes_into *routes)
{
	for (int owner = 0; owner < ROUTE_OWNERS; owner++)
		free(routes->of[owner].to);
	*routes = (struct routes_into){};
}

int tunnel_routes_read(uint32_t table, uint32_t ifindex, struct tunnel_routes *ret)
{
	struct routes_into routes = {};
	int err = routes_into_read(table, ifindex, &routes);

	if (err)
		return err;
	*ret = (struct tunnel_routes){
		.ours = routes.of[ROUTE_OURS].to,
		.n_ours = routes.of[ROUTE_OURS].n,
		.foreign = routes.of[ROUTE_FOREIGN].to,
		.n_foreign = routes.of[ROUTE_FOREIGN].n,
	};
	free(routes.of[ROUTE_CONNECTED].to);
	return 0;
}

void tunnel_routes_done(struct tunnel_routes *routes)
{
	free(routes->ours);
	free(routes->foreign);
	*routes = (struct tunnel_routes){};
}
