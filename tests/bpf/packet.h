/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet.h - build the packet that a row describes, and what it must look like when forwarded.
 *
 * Nothing here shares code with bpf/: the checksum is always summed from scratch (RFC 1071).
 */
#ifndef PACKET_H
#define PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_BYTES_MAX 65575 /* IPv6 header and the largest payload length */
#define PATCHES_MAX 4

/* A header field that is not as usual: big-endian, @bytes wide (1, 2 or 4), at @offset. */
struct patch {
	uint16_t offset;
	uint8_t bytes;
	uint32_t value;
};

/* clang-format off */
#define V4_VERSION_IHL(v)  { 0, 1, v }
#define V4_TOS(v)          { 1, 1, v }
#define V4_TOTAL_LENGTH(v) { 2, 2, v }
#define V4_ID(v)           { 4, 2, v }
#define V4_FRAGMENT(v)     { 6, 2, v } /* flags and offset */
#define V4_TTL(v)          { 8, 1, v }
#define V4_PROTOCOL(v)     { 9, 1, v }
#define V4_CHECKSUM(v)     { 10, 2, v } /* instead of the right one */
#define V6_FIRST_WORD(v)   { 0, 4, v } /* version, traffic class, flow label */
#define V6_LENGTH(v)       { 4, 2, v }
#define V6_NEXT(v)         { 6, 1, v }
#define V6_HOP_LIMIT(v)    { 7, 1, v }
/* clang-format on */

/* Zero means the usual value, so that a row says only what is special about it. */
struct packet {
	const char *src, *dst; /* a colon makes it IPv6 */
	uint32_t size;         /* bytes, also in the length field; usually 100 */
	uint32_t missing;      /* bytes cut off the end, behind the back of the length field */
	uint32_t extra;        /* bytes added to the end in the same way */
	const char *body;      /* follows the fixed header; then comes a pattern */
	uint32_t body_bytes;   /* of body */
	struct patch patch[PATCHES_MAX];
	bool wrong_checksum; /* one bit of the IPv4 checksum is flipped */
	bool choose_id;      /* make the IPv4 checksum old_checksum, by choice of the id */
	uint16_t old_checksum;
};

/**
 * packet_build() - the bytes of @packet.
 * @bytes: room for PACKET_BYTES_MAX.
 *
 * Return: number of bytes, 0 included.
 */
size_t packet_build(const struct packet *packet, uint8_t *bytes);

/**
 * packet_forward() - what a router makes of @bytes: one hop less, the IPv4 checksum computed anew.
 *
 * This is what the kernel's ip_decrease_ttl() makes as well, although that one adds to the old
 * checksum: a sum of 0xffff is written as checksum 0x0000 by both, whether the old checksum was
 * 0x0000 or its twin 0xffff, because the carry is folded before the sum is stored.
 */
void packet_forward(uint8_t *bytes);

/** packet_is_ipv6() - by the text of the addresses, not by the bytes. */
bool packet_is_ipv6(const struct packet *packet);

#endif
