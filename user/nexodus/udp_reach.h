/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp_reach.h - is it said that datagrams to an address do not arrive?
 *
 * That comes as an ICMP error, or from our own routes, within a moment; and only to a connected
 * socket, which libevent's DNS client has none of: it would wait for its time-out.
 */
#ifndef NEXODUS_UDP_REACH_H
#define NEXODUS_UDP_REACH_H

#include <sys/socket.h>

/**
 * udp_reach_open() - send an empty datagram to @at, and listen to what becomes of it.
 * @at: AF_INET or AF_INET6, with port.
 *
 * Return: descriptor, which is readable when there is something to hear; negative errno when it
 * cannot be sent: -ENETUNREACH, -EPERM of a firewall, ...
 */
int udp_reach_open(const struct sockaddr_storage *at);

/**
 * udp_reach_error() - when @fd is readable.
 *
 * Return: -ECONNREFUSED (no such port), -EHOSTUNREACH, -ENETUNREACH, -EACCES of a firewall, ...;
 * 0 when there was something else to hear.
 */
int udp_reach_error(int fd);

#endif
