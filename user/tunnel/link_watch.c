// SPDX-License-Identifier: Apache-2.0
/* link_watch.c - hear of changes to interfaces, addresses and forwarding. Implements part of
 * link.h. */
#include "tunnel/link.h"

#include <linux/rtnetlink.h>

#include "tunnel/nl_watch.h"

#define GROUP(number) (1u << ((number)-1)) /* as the RTMGRP_* that these two have not */

int link_watch_open(void)
{
	return nl_watch_open(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
				     GROUP(RTNLGRP_IPV4_NETCONF) | GROUP(RTNLGRP_IPV6_NETCONF),
			     0);
}

static void take_change(const struct nlmsghdr *msg, void *data)
{
	int *changes = data;

	switch (msg->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		*changes |= LINK_CHANGED;
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		*changes |= ADDR_CHANGED;
		break;
	case RTM_NEWNETCONF:
		*changes |= FORWARDING_CHANGED;
		break;
	}
}

int link_watch_read(int fd)
{
	int changes = 0, lost = nl_watch_read(fd, take_change, &changes);

	if (lost < 0)
		return lost;
	return changes | (lost ? LINK_OVERRUN : 0);
}
