/* SPDX-License-Identifier: Apache-2.0 */
/*
 * local_network.h - the networks that this host reaches directly, by interfaces other than the
 * tunnel: what spokes get to only where `kernel-forwarding` names it.
 */
#ifndef TUNNEL_LOCAL_NETWORK_H
#define TUNNEL_LOCAL_NETWORK_H

#include <net/if.h>
#include <stddef.h>

#include "base/prefix.h"
#include "tunnel/link.h"

struct local_network {
	struct prefix net; /* first: prefix_sort() */
	char ifname[IFNAMSIZ];
};

struct local_networks {
	struct local_network *at; /* sorted by prefix_compare(), each prefix once */
	size_t n;
};

/**
 * local_networks_read() - from the addresses of all interfaces that are up.
 * @tunnel: name of the interface that does not count; nor do loopback, hosts, and networks of
 *          special addresses such as fe80::/64.
 * @ret:    set on success only; freed with local_networks_done().
 *
 * Return: 0 or negative errno.
 */
int local_networks_read(const char *tunnel, struct local_networks *ret);

/** local_networks_done() - free what @networks owns and zero it; safe on a zeroed one. */
void local_networks_done(struct local_networks *networks);

/** local_network_of() - the network that @prefix lies in; NULL when there is none. */
const struct local_network *local_network_of(const struct local_networks *networks,
					     const struct prefix *prefix);

#endif
