/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stun_datagram.h - a STUN message in UDP, as a raw socket wants and gives it. No network.
 */
#ifndef NEXODUS_STUN_DATAGRAM_H
#define NEXODUS_STUN_DATAGRAM_H

#include "nexodus/stun.h"

#define STUN_DATAGRAM_BYTES (8 + STUN_REQUEST_BYTES)
#define STUN_PACKET_MAX (60 + 8 + STUN_MESSAGE_MAX) /* with the longest IPv4 header */

/**
 * stun_datagram_make() - a UDP header, made by hand, and a Binding request.
 * @from, @to: ports, host order.
 *
 * The checksum is 0, "none", which IPv4 allows (RFC 768): the source address that it would cover is
 * the kernel's choice, made later, and a wrong checksum would be dropped where none is not.
 */
void stun_datagram_make(uint16_t from, uint16_t to,
			const uint8_t transaction[static STUN_TRANSACTION_BYTES],
			uint8_t ret[static STUN_DATAGRAM_BYTES]);

/**
 * stun_datagram_parse() - find the message in what a raw IPv4 socket has received.
 * @packet:   from the IP header on; hostile.
 * @port:     that it has to be for, host order.
 * @ret_from: address and port of the sender.
 * @ret_message: points into @packet.
 *
 * The checksum is not looked at: on a packet from this host it may not have been computed yet.
 *
 * Return: 0; -EBADMSG.
 */
int stun_datagram_parse(const uint8_t *packet, size_t len, uint16_t port,
			struct sockaddr_in *ret_from, const uint8_t **ret_message, size_t *ret_len);

#endif
