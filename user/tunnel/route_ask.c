// SPDX-License-Identifier: Apache-2.0
#include "tunnel/route_ask.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "tunnel/nl.h"
#include "tunnel/route_message.h"

static struct rtmsg *begin(struct nlmsghdr *msg, uint8_t family)
{
	struct rtmsg *head;

	msg->nlmsg_type = RTM_GETROUTE;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->rtm_family = family;
	return head;
}

static int take_interface(const struct nlmsghdr *msg, void *data)
{
	const struct rtmsg *head = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attr;
	uint32_t *ifindex = data;

	if (msg->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(msg) < sizeof(*head))
		return -EPROTO;
	if (head->rtm_type != RTN_UNICAST)
		return 0; /* this host's own */
	mnl_attr_for_each(attr, msg, sizeof(*head))
	{
		if (mnl_attr_get_type(attr) == RTA_OIF &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			*ifindex = mnl_attr_get_u32(attr);
	}
	return 0;
}

int route_ask(const struct prefix *host, uint32_t *ret_ifindex)
{
	char request[NL_REQUEST_BYTES];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(request);
	struct rtmsg *head = begin(msg, host->family == PREFIX_IPV4 ? AF_INET : AF_INET6);
	uint32_t ifindex = 0;
	int err;

	head->rtm_dst_len = host->bits;
	mnl_attr_put(msg, RTA_DST, host->bits / 8, host->addr);
	err = nl_ask(NETLINK_ROUTE, msg, take_interface, &ifindex);
	if (!err && !ifindex)
		err = -ENETUNREACH;
	if (!err)
		*ret_ifindex = ifindex;
	return err;
}

struct mtu_reading {
	uint32_t ifindex, mtu;
	struct route_mtus found, before; /* before: of the family that was first */
};

/* Return: the MTU in a route's metrics; 0: none. */
static uint32_t mtu_of(const struct nlmsghdr *msg)
{
	const struct nlattr *attr, *metric;
	uint32_t mtu = 0;

	mnl_attr_for_each(attr, msg, sizeof(struct rtmsg))
	{
		if (mnl_attr_get_type(attr) != RTA_METRICS)
			continue;
		mnl_attr_for_each_nested(metric, attr)
		{
			if (mnl_attr_get_type(metric) == RTAX_MTU &&
			    mnl_attr_validate(metric, MNL_TYPE_U32) == 0)
				mtu = mnl_attr_get_u32(metric);
		}
	}
	return mtu;
}

static int take_mtu(const struct nlmsghdr *msg, void *data)
{
	struct mtu_reading *reading = data;
	struct route_message route;
	uint32_t mtu;

	/* The kernel was asked for just these, but it need not have understood. */
	if (msg->nlmsg_type != RTM_NEWROUTE || !route_message_parse(msg, &route) ||
	    route.type != RTN_UNICAST || route.ifindex != reading->ifindex)
		return 0;
	mtu = mtu_of(msg);
	if (!mtu || mtu >= reading->mtu)
		return 0;
	if (!reading->found.n++) {
		reading->found.first = route.to;
		reading->found.mtu = mtu;
	}
	return 0;
}

static void forget_mtus(void *data)
{
	struct mtu_reading *reading = data;

	reading->found = reading->before;
}

int route_mtus(uint32_t ifindex, uint32_t mtu, struct route_mtus *ret)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct mtu_reading reading = { .ifindex = ifindex, .mtu = mtu };
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(families); i++) {
		char request[NL_REQUEST_BYTES];
		struct nlmsghdr *msg = mnl_nlmsg_put_header(request);

		reading.before = reading.found;
		(void)begin(msg, families[i]);
		mnl_attr_put_u32(msg, RTA_OIF, ifindex);
		err = nl_dump_strict(NETLINK_ROUTE, msg, take_mtu, forget_mtus, &reading);
		if (err == -EAFNOSUPPORT || err == -EOPNOTSUPP)
			err = 0; /* no IPv6 */
	}
	if (!err)
		*ret = reading.found;
	return err;
}
