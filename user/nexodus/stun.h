/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stun.h - STUN Binding as RFC 8489 has it: the request, and what a response says. No network.
 */
#ifndef NEXODUS_STUN_H
#define NEXODUS_STUN_H

#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>

#define STUN_REQUEST_BYTES 20
#define STUN_TRANSACTION_BYTES 12
#define STUN_MESSAGE_MAX 1500 /* bytes; longer ones are refused */

/** stun_request() - a Binding request without attributes (section 6.2, 5). */
void stun_request(const uint8_t transaction[static STUN_TRANSACTION_BYTES],
		  uint8_t ret[static STUN_REQUEST_BYTES]);

/**
 * stun_response() - the mapped address of a Binding success response.
 * @message:     hostile; what the datagram holds behind its UDP header.
 * @transaction: of the request that is answered.
 * @ret:         from XOR-MAPPED-ADDRESS, or else MAPPED-ADDRESS (RFC 3489 servers).
 *
 * All attributes are walked before any is believed. What follows MESSAGE-INTEGRITY or FINGERPRINT
 * is not taken (14.5, 14.7); neither is checked: there is no password, and the transaction is what
 * a forger has to guess.
 *
 * Return: 0; -EBADMSG when it is no answer to that request, malformed, or a success with an unknown
 *         comprehension-required attribute (6.3.3); -ECONNREFUSED for an error response;
 *         -EAFNOSUPPORT for an IPv6 address; -ENODATA without an address; -EADDRNOTAVAIL for one
 *         that can be nobody's (0.0.0.0/8, port 0, loopback, multicast, 240.0.0.0/4).
 */
int stun_response(const uint8_t *message, size_t len,
		  const uint8_t transaction[static STUN_TRANSACTION_BYTES],
		  struct sockaddr_in *ret);

#endif
