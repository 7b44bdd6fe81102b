/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stun_socket.h - a raw IPv4 UDP socket that sees only STUN answers to one port.
 */
#ifndef TUNNEL_STUN_SOCKET_H
#define TUNNEL_STUN_SOCKET_H

#include <stdint.h>

/**
 * stun_socket_open() - needs CAP_NET_RAW.
 * @port: host order, not 0.
 *
 * The filter (UDP destination port, Binding success or error response, magic cookie 0x2112A442, no
 * longer than STUN_MESSAGE_MAX) is in force before the caller can read anything, and locked: the
 * process that gets the socket cannot widen it. Whoever holds the UDP port gets its datagrams as
 * before; the socket has copies.
 *
 * Return: descriptor, non-blocking and close-on-exec; negative errno: -EPERM without the
 *         capability.
 */
int stun_socket_open(uint16_t port);

#endif
