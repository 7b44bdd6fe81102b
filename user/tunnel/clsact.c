// SPDX-License-Identifier: Apache-2.0
#include "tunnel/clsact.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>

#include "tunnel/nl.h"

static int see_filter(const struct nlmsghdr *msg, void *data)
{
	bool *seen = data;

	if (msg->nlmsg_type == RTM_NEWTFILTER)
		*seen = true;
	return 0;
}

static void see_none(void *data)
{
	bool *seen = data;

	*seen = false;
}

static struct nlmsghdr *tc_message(char *buffer, uint16_t type, uint32_t ifindex, uint32_t parent)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buffer);
	struct tcmsg *tc = mnl_nlmsg_put_extra_header(msg, sizeof(*tc));

	msg->nlmsg_type = type;
	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = (int)ifindex;
	tc->tcm_parent = parent;
	return msg;
}

/* Return: 1 when a filter is there, 0 when none is, negative errno. */
static int has_filters(uint32_t ifindex, uint32_t direction)
{
	char buffer[NL_REQUEST_BYTES];
	bool seen = false;
	int err = nl_dump(NETLINK_ROUTE,
			  tc_message(buffer, RTM_GETTFILTER, ifindex,
				     TC_H_MAKE(TC_H_CLSACT, direction)),
			  see_filter, see_none, &seen);

	return err ?: seen;
}

int clsact_remove_if_unused(uint32_t ifindex)
{
	char buffer[NL_REQUEST_BYTES];
	struct nlmsghdr *msg;
	struct tcmsg *tc;
	int used, err;

	used = has_filters(ifindex, TC_H_MIN_INGRESS);
	if (!used)
		used = has_filters(ifindex, TC_H_MIN_EGRESS);
	if (used)
		return used < 0 && used != -EINVAL && used != -ENODEV ? used : 0;

	msg = tc_message(buffer, RTM_DELQDISC, ifindex, TC_H_CLSACT);
	tc = mnl_nlmsg_get_payload(msg);
	tc->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	mnl_attr_put_strz(msg, TCA_KIND, "clsact");
	err = nl_ask(NETLINK_ROUTE, msg, NULL, NULL);
	return err == -ENOENT || err == -EINVAL || err == -ENODEV ? 0 : err;
}
