/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route_message.h - what RTM_NEWROUTE and RTM_DELROUTE say, as far as it matters here.
 */
#ifndef TUNNEL_ROUTE_MESSAGE_H
#define TUNNEL_ROUTE_MESSAGE_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/prefix.h"

struct route_message {
	struct prefix to;
	uint32_t table;
	uint32_t ifindex; /* the one interface that it leads out of; 0 for several or none */
	uint32_t metric;
	uint8_t protocol; /* RTPROT_* */
	uint8_t type;     /* RTN_* */
};

/**
 * route_message_parse() - read a route of either family.
 * @ret_route: set only when true is returned.
 *
 * Return: false when it is no route, one of another family, one that is only for some sources or a
 *         cached one, or when anything in it is malformed.
 */
bool route_message_parse(const struct nlmsghdr *msg, struct route_message *ret_route);

/** route_message_is_floor() - is @route one of ours that leads nowhere (table_floor.h)? */
bool route_message_is_floor(const struct route_message *route);

#endif
