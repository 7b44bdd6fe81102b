/* SPDX-License-Identifier: Apache-2.0 */
/*
 * local_address.h - which address this host would use to reach somebody. Nothing is sent.
 */
#ifndef NEXODUS_LOCAL_ADDRESS_H
#define NEXODUS_LOCAL_ADDRESS_H

#include <stddef.h>
#include <sys/socket.h>

/**
 * local_address() - the source address that the routing table chooses towards @towards.
 * @towards: AF_INET or AF_INET6; its port does not matter.
 * @ret:     port 0. IPv4 when it is an IPv4-mapped IPv6 address.
 *
 * Calls the system for socket(), connect() and getsockname(), of UDP.
 *
 * Return: 0; -ENETUNREACH and the like without a route; -EADDRNOTAVAIL when the address says
 *         nothing to other hosts (unspecified, or IPv6 link-local); -EAFNOSUPPORT.
 */
int local_address(const struct sockaddr_storage *towards, struct sockaddr_storage *ret);

/** Of each family one, with port 0; AF_UNSPEC: none. */
struct local_addresses {
	struct sockaddr_storage ipv4, ipv6;
};

/**
 * local_addresses() - where others reach this host: its addresses towards one that we know.
 * @towards: of that host, as resolve_done has them; none when it has a name that only a proxy
 * knows.
 *
 * Where that host is this one, or on the link and has a link-local address, our address towards it
 * says nothing to others (loopback, 169.254.0.0/16): then it is that of the default route. Without
 * one of either family it is the first that there is after all: of a network that is one machine.
 */
void local_addresses(const struct sockaddr_storage *towards, size_t n, struct local_addresses *ret);

#endif
