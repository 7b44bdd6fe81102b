// SPDX-License-Identifier: Apache-2.0
#include "tunnel/table_others.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "base/prefix.h"
#include "tunnel/nl_batch.h"
#include "tunnel/tunnel_routes.h"

#define STRAYS_MAX 64 /* of one reading */

struct reading {
	uint32_t table, ifindex;
	struct table_others others, others_before; /* before: the family that is read */
	struct route_message strays[STRAYS_MAX];   /* with our protocol */
	size_t n_strays, n_strays_before;
	int err; /* of one that could not be deleted */
};

static int take_route(const struct nlmsghdr *msg, void *data)
{
	struct reading *reading = data;
	struct route_message route;

	if (msg->nlmsg_type != RTM_NEWROUTE || !route_message_parse(msg, &route) ||
	    route.table != reading->table || route_message_is_floor(&route) ||
	    (route.type == RTN_UNICAST && route.ifindex == reading->ifindex))
		return 0;
	if (route.protocol != TUNNEL_ROUTE_PROTOCOL) {
		if (!reading->others.n++)
			reading->others.first = route;
	} else if (reading->n_strays < STRAYS_MAX) {
		reading->strays[reading->n_strays++] = route;
	}
	return 0;
}

static void forget_family(void *data)
{
	struct reading *reading = data;

	reading->others = reading->others_before;
	reading->n_strays = reading->n_strays_before;
}

static int read_table(struct reading *reading)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(families); i++) {
		char request[NL_REQUEST_BYTES];
		struct nlmsghdr *msg = mnl_nlmsg_put_header(request);
		struct rtmsg *head;

		reading->others_before = reading->others;
		reading->n_strays_before = reading->n_strays;
		msg->nlmsg_type = RTM_GETROUTE;
		head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
		head->rtm_family = families[i];
		mnl_attr_put_u32(msg, RTA_TABLE, reading->table);
		err = nl_dump_strict(NETLINK_ROUTE, msg, take_route, forget_family, reading);
		/* A table is made with its first route. */
		if (err == -ENOENT || err == -EAFNOSUPPORT || err == -EOPNOTSUPP)
			err = 0;
	}
	return err;
}

static bool fill_stray(struct nlmsghdr *msg, size_t i, void *data)
{
	const struct reading *reading = data;
	const struct route_message *route = &reading->strays[i];
	bool is_ipv4 = route->to.family == PREFIX_IPV4;
	struct rtmsg *head;

	msg->nlmsg_type = RTM_DELROUTE;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->rtm_family = is_ipv4 ? AF_INET : AF_INET6;
	head->rtm_dst_len = route->to.bits;
	head->rtm_protocol = TUNNEL_ROUTE_PROTOCOL;
	head->rtm_type = route->type;
	head->rtm_scope = RT_SCOPE_NOWHERE; /* any */
	mnl_attr_put(msg, RTA_DST, is_ipv4 ? 4 : 16, route->to.addr);
	mnl_attr_put_u32(msg, RTA_TABLE, route->table);
	mnl_attr_put_u32(msg, RTA_PRIORITY, route->metric);
	if (route->ifindex)
		mnl_attr_put_u32(msg, RTA_OIF, route->ifindex);
	return true;
}

static void on_deleted(size_t i, int err, void *data)
{
	int *failed = &((struct reading *)data)->err;

	(void)i;
	if (err && err != -ESRCH && err != -ENOENT)
		*failed = err;
}

int table_others_look(uint32_t table, uint32_t ifindex, struct table_others *ret)
{
	struct reading reading = { .table = table, .ifindex = ifindex };
	int err = read_table(&reading);

	if (!err && reading.n_strays)
		err = nl_batch(NETLINK_ROUTE, reading.n_strays, fill_stray, on_deleted, &reading);
	err = err ?: reading.err;
	if (!err)
		*ret = reading.others;
	return err;
}

static const char *type_word(uint8_t type)
{
	switch (type) {
	case RTN_LOCAL:
		return "local ";
	case RTN_BROADCAST:
		return "broadcast ";
	case RTN_MULTICAST:
		return "multicast ";
	case RTN_BLACKHOLE:
		return "blackhole ";
	case RTN_UNREACHABLE:
		return "unreachable ";
	case RTN_PROHIBIT:
		return "prohibit ";
	case RTN_THROW:
		return "throw ";
	}
	return "";
}

const char *table_others_command(const struct route_message *route,
				 char text[static TABLE_OTHERS_COMMAND_MAX])
{
	char to[PREFIX_TEXT_MAX], metric[sizeof(" metric 4294967295")] = "";

	if (route->metric)
		snprintf(metric, sizeof(metric), " metric %u", route->metric);
	snprintf(text, TABLE_OTHERS_COMMAND_MAX, "ip -%d route del %s%s table %u proto %u%s",
		 route->to.family, type_word(route->type), prefix_format(&route->to, to),
		 route->table, route->protocol, metric);
	return text;
}
