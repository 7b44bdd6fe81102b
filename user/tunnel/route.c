// SPDX-License-Identifier: Apache-2.0
/* route.c - the host's default routes. */
#include "tunnel/route.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/prefix.h"
#include "tunnel/nl.h"
#include "tunnel/tunnel_routes.h"

#define ROUTES_MAX 4096 /* default routes, not routes */

struct routes {
	struct default_route *route; /* room for a power of two */
	size_t n;
};

static int add_route(struct routes *routes, const struct default_route *route)
{
	if (routes->n >= ROUTES_MAX)
		return -E2BIG;
	if (array_room(&routes->route, routes->n, sizeof(*route)))
		return -ENOMEM;
	routes->route[routes->n++] = *route;
	return 0;
}

/* RTA_GATEWAY has the family of the route, RTA_VIA one of its own (RFC 5549). */
static void take_gateway(const struct nlattr *attr, uint8_t family, struct prefix *gateway)
{
	const uint8_t *bytes = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);

	if (mnl_attr_get_type(attr) == RTA_VIA) {
		const struct rtvia *via = mnl_attr_get_payload(attr);

		if (len < sizeof(*via))
			return;
		family = via->rtvia_family == AF_INET ? PREFIX_IPV4 : PREFIX_IPV6;
		bytes = via->rtvia_addr;
		len -= sizeof(*via);
	}
	if (len != (family == PREFIX_IPV4 ? 4 : 16))
		return;
	*gateway = (struct prefix){ .family = family, .bits = len * 8 };
	memcpy(gateway->addr, bytes, len);
}

static bool is_gateway(const struct nlattr *attr)
{
	return mnl_attr_get_type(attr) == RTA_GATEWAY || mnl_attr_get_type(attr) == RTA_VIA;
}

static void take_hop_gateway(const struct rtnexthop *hop, struct default_route *route)
{
	const struct nlattr *attr = (const void *)RTNH_DATA(hop);
	int len = (int)hop->rtnh_len - (int)RTNH_LENGTH(0);

	route->gateway = (struct prefix){};
	for (; mnl_attr_ok(attr, len); attr = mnl_attr_next(attr)) {
		if (is_gateway(attr))
			take_gateway(attr, route->family, &route->gateway);
		len -= MNL_ALIGN(attr->nla_len);
	}
}

static int add_hops(struct routes *routes, const struct nlattr *attr, struct default_route *route)
{
	int len = mnl_attr_get_payload_len(attr), err = 0;
	struct rtnexthop *hop = mnl_attr_get_payload(attr);

	for (; !err && len >= (int)sizeof(*hop) && RTNH_OK(hop, len); hop = RTNH_NEXT(hop)) {
		route->ifindex = hop->rtnh_ifindex;
		take_hop_gateway(hop, route);
		err = add_route(routes, route);
		len -= RTNH_ALIGN(hop->rtnh_len);
	}
	return err;
}

static int take_route(const struct nlmsghdr *msg, void *data)
{
	const struct rtmsg *head = mnl_nlmsg_get_payload(msg);
	struct default_route route = {};
	struct nlattr *attr;
	int err = 0;

	if (msg->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(msg) < sizeof(*head))
		return -EPROTO;
	/* Ours lead into a tunnel, and are in no table of the host's. */
	if (head->rtm_dst_len || head->rtm_type != RTN_UNICAST ||
	    head->rtm_protocol == TUNNEL_ROUTE_PROTOCOL)
		return 0;
	if (head->rtm_family != AF_INET && head->rtm_family != AF_INET6)
		return 0;
	route.family = head->rtm_family == AF_INET ? PREFIX_IPV4 : PREFIX_IPV6;
	route.from_ra = head->rtm_protocol == RTPROT_RA;
	mnl_attr_for_each(attr, msg, sizeof(*head))
	{
		if (is_gateway(attr))
			take_gateway(attr, route.family, &route.gateway);
	}
	mnl_attr_for_each(attr, msg, sizeof(*head))
	{
		if (mnl_attr_get_type(attr) == RTA_MULTIPATH) {
			err = add_hops(data, attr, &route);
		} else if (mnl_attr_get_type(attr) == RTA_OIF &&
			   mnl_attr_validate(attr, MNL_TYPE_U32) == 0) {
			route.ifindex = mnl_attr_get_u32(attr);
			err = add_route(data, &route);
		}
		if (err)
			return err;
	}
	return 0;
}

static void forget_routes(void *data)
{
	struct routes *routes = data;

	free(routes->route);
	*routes = (struct routes){};
}

int route_defaults(struct default_route **ret_routes, size_t *ret_n)
{
	char request[NL_REQUEST_BYTES];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(request);
	struct routes routes = {};
	struct rtmsg *head;
	int err;

	msg->nlmsg_type = RTM_GETROUTE;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->rtm_family = AF_UNSPEC;
	err = nl_dump(NETLINK_ROUTE, msg, take_route, forget_routes, &routes);
	if (err) {
		forget_routes(&routes);
		return err;
	}
	*ret_routes = routes.route;
	*ret_n = routes.n;
	return 0;
}
