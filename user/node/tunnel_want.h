/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel_want.h - from the desired state to what the tunnel should hold.
 *
 * Pure computation: no kernel, no logging.
 */
#ifndef NODE_TUNNEL_WANT_H
#define NODE_TUNNEL_WANT_H

#include "peers/desired.h"
#include "tunnel/link.h"
#include "tunnel/tunnel.h"

/* Of the VPC's IPv6 range when the list does not say it: what nexd always takes. */
#define TUNNEL_WANT_IPV6_BITS 64

/**
 * tunnel_want_make() - peers with their AllowedIPs, routes, and our own addresses.
 * @desired: as desired_build() made it; borrowed.
 * @ret:     set on success only; freed with tunnel_want_done().
 *
 * IPv4 addresses are hosts, IPv6 ones have the length of the VPC's range, so that it is routed into
 * the tunnel as a whole. A default route is an AllowedIP, but no route, nor are the two halves of
 * one, nor what is never routed: unspecified, loopback, link-local, multicast and broadcast
 * addresses.
 *
 * Return: 0; -E2BIG with more addresses than a tunnel takes; -ENOMEM.
 */
int tunnel_want_make(const struct desired *desired, struct tunnel_want *ret);

/**
 * tunnel_want_spare() - leave out the routes that would take a part of another interface's subnet
 * into the tunnel: a gateway, say, or the endpoint of a spoke.
 * @addrs, @n, @ifindex: as tunnel_want_conflict().
 *
 * They stay AllowedIPs, and are relayed between spokes. @want->n_spared and @want->spared say what
 * was left out. A subnet that one of our own addresses lies in is no reason: that is a conflict,
 * and would take all spokes away.
 */
void tunnel_want_spare(struct tunnel_want *want, const struct link_addr *addrs, size_t n,
		       uint32_t ifindex);

/**
 * tunnel_want_conflict() - does an address of ours lie in a subnet of another interface?
 * @addrs:   all addresses of the host, @n of them.
 * @ifindex: ours.
 * @ret_address: set to the address of ours in a conflict.
 *
 * The kernel would take what goes to that address, or to the subnet, for the one or for the other.
 *
 * Return: the other interface's address; NULL when there is no conflict.
 */
const struct link_addr *tunnel_want_conflict(const struct tunnel_want *want,
					     const struct link_addr *addrs, size_t n,
					     uint32_t ifindex, const struct prefix **ret_address);

#endif
