/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel_want.h - from the desired state to what the tunnel should hold.
 *
 * Pure computation: no kernel, no logging.
 */
#ifndef NODE_TUNNEL_WANT_H
#define NODE_TUNNEL_WANT_H

#include "base/prefix_list.h"
#include "peers/desired.h"
#include "tunnel/link.h"
#include "tunnel/tunnel.h"

/*
 * What bounds a list: it comes from elsewhere, and no list may move this host's own traffic into
 * the tunnel.
 */
struct tunnel_limits {
	/* The operator's: where tunnel addresses may lie (empty: what is private), and which
	 * advertised networks this host routes, too. */
	struct prefix_list ranges, host_routes;
	/* Of this host: hosts that it has to reach outside of the tunnel (gateways, name servers,
	 * the api-server), its addresses, and which interface is the tunnel. */
	const struct prefix *taken;
	size_t n_taken;
	size_t n_gateways; /* the first of them: a route to a wider network moves none of these */
	/* Where WireGuard reaches its peers. A peer chooses its own: none of them takes an address
	 * from the relay itself. */
	struct prefix_set endpoints;
	const struct link_addr *addrs;
	size_t n_addrs;
	uint32_t ifindex;
};

/**
 * tunnel_want_make() - peers with their AllowedIPs, routes, and our own addresses.
 * @desired: as desired_build() made it; borrowed.
 * @ret:     set on success only; freed with tunnel_want_done().
 *
 * The own table routes every prefix of the list. The main table routes the devices' tunnel
 * addresses, and what devices advertise inside of @limits->host_routes; never a default route. Left
 * out of it, and of our own addresses, is what enum tunnel_left says, and @ret has. Our own
 * addresses are hosts: no network comes with them.
 *
 * Return: 0; -E2BIG with more addresses than a tunnel takes; -ENOMEM.
 */
int tunnel_want_make(const struct desired *desired, const struct tunnel_limits *limits,
		     struct tunnel_want *ret);

/**
 * tunnel_want_conflict() - does an address of ours lie in a subnet of another interface?
 * @ret_address: set to the address of ours in a conflict.
 *
 * The kernel would take what goes to that address, or to the subnet, for the one or for the other.
 *
 * Return: the other interface's address; NULL when there is no conflict.
 */
const struct link_addr *tunnel_want_conflict(const struct tunnel_want *want,
					     const struct tunnel_limits *limits,
					     const struct prefix **ret_address);

/** tunnel_left_text() - the first that was left out, and why: "10.0.0.1: it ...". Return: @text. */
const char *tunnel_left_text(const struct tunnel_left_out *left,
			     char text[static TUNNEL_ERROR_MAX]);

#endif
