/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route_ask.h - where would a packet of this host go, and which routes narrow the MTU?
 */
#ifndef TUNNEL_ROUTE_ASK_H
#define TUNNEL_ROUTE_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"

/**
 * route_ask() - the interface by which the kernel would send to @host.
 *
 * Return: 0; negative errno: -ENETUNREACH and -EHOSTUNREACH when there is no way, or it is this
 *         host's own, -EACCES and -EINVAL when a route forbids it.
 */
int route_ask(const struct prefix *host, uint32_t *ret_ifindex);

struct route_mtus {
	size_t n; /* routes with an MTU of their own that is lower than the interface's */
	struct prefix first; /* one of them */
	uint32_t mtu;        /* and its MTU, bytes */
};

/**
 * route_mtus() - look at all routes out of @ifindex, of all tables and both families.
 * @mtu: of the interface, bytes.
 *
 * Return: 0 or negative errno.
 */
int route_mtus(uint32_t ifindex, uint32_t mtu, struct route_mtus *ret);

#endif
