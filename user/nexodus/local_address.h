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

/**
 * local_address_first() - the same for the addresses of one host, IPv4 ones first: peers of a
 * Nexodus VPC compare and reach each other by IPv4.
 * @towards: as names_done has them.
 *
 * Return: 0; the error of the last one tried; -ENODATA when there is none.
 */
int local_address_first(const struct sockaddr_storage *towards, size_t n,
			struct sockaddr_storage *ret);

#endif
