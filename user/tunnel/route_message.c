// SPDX-License-Identifier: Apache-2.0
#include "tunnel/route_message.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "tunnel/tunnel_routes.h"

/* The interface of all next hops; 0 when there are several. */
static uint32_t hops_interface(const struct nlattr *attr)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(attr);
	int len = mnl_attr_get_payload_len(attr);
	uint32_t ifindex = 0;

	while (len >= (int)sizeof(*hop) && RTNH_OK(hop, len)) {
		if (ifindex && ifindex != (uint32_t)hop->rtnh_ifindex)
			return 0;
		ifindex = hop->rtnh_ifindex;
		len -= RTNH_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
	return ifindex;
}

static bool take_attr(const struct nlattr *attr, struct route_message *route)
{
	switch (mnl_attr_get_type(attr)) {
	case RTA_DST:
		if (mnl_attr_get_payload_len(attr) != (route->to.family == PREFIX_IPV4 ? 4 : 16))
			return false;
		memcpy(route->to.addr, mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
		return true;
	case RTA_TABLE:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
			return false;
		route->table = mnl_attr_get_u32(attr);
		return true;
	case RTA_PRIORITY:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
			return false;
		route->metric = mnl_attr_get_u32(attr);
		return true;
	case RTA_OIF:
		if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
			return false;
		route->ifindex = mnl_attr_get_u32(attr);
		return true;
	case RTA_MULTIPATH:
		route->ifindex = hops_interface(attr);
		return true;
	}
	return true;
}

bool route_message_parse(const struct nlmsghdr *msg, struct route_message *ret_route)
{
	const struct rtmsg *head = mnl_nlmsg_get_payload(msg);
	struct route_message route = {};
	const struct nlattr *attr;

	if (msg->nlmsg_type != RTM_NEWROUTE && msg->nlmsg_type != RTM_DELROUTE)
		return false;
	if (mnl_nlmsg_get_payload_len(msg) < sizeof(*head))
		return false;
	if (head->rtm_family != AF_INET && head->rtm_family != AF_INET6)
		return false;
	if (head->rtm_src_len || head->rtm_flags & RTM_F_CLONED)
		return false;
	route.to.family = head->rtm_family == AF_INET ? PREFIX_IPV4 : PREFIX_IPV6;
	route.to.bits = head->rtm_dst_len;
	route.table = head->rtm_table;
	route.protocol = head->rtm_protocol;
	route.type = head->rtm_type;
	mnl_attr_for_each(attr, msg, sizeof(*head)) if (!take_attr(attr, &route)) return false;
	if (prefix_check(&route.to))
		return false;
	*ret_route = route;
	return true;
}

bool route_message_is_floor(const struct route_message *route)
{
	return route->protocol == TUNNEL_ROUTE_PROTOCOL &&
	       (route->type == RTN_UNREACHABLE || route->type == RTN_THROW);
}
