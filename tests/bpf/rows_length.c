// SPDX-License-Identifier: Apache-2.0
/*
 * rows_length.c - truncations of every length, and length fields that do not fit the packet.
 *
 * Up to 13 bytes the packets are live: BPF_PROG_RUN does not take them.
 */
#include "fixture.h"

#define V4(...) PACKET(ORD1_V4, ORD2_V4, ##__VA_ARGS__), LEFT(MALFORMED)
#define V6(...) PACKET(ORD1_V6, ORD2_V6, ##__VA_ARGS__), LEFT(MALFORMED)

/* A header of which n bytes are left, and in which everything else is right. */
#define CUT4(n)                                                                           \
	{                                                                                 \
		"IPv4 header cut after " #n " bytes", V4(.size = 20, .missing = 20 - (n)) \
	}
#define CUT6(n)                                                                           \
	{                                                                                 \
		"IPv6 header cut after " #n " bytes", V6(.size = 40, .missing = 40 - (n)) \
	}

/* clang-format off */
static const struct row table[] = {
	{ "no byte at all of IPv4", PACKET(ORD1_V4, ORD2_V4, .size = 20, .missing = 20),
	  LEFT(NOT_IP) },
	CUT4(1), CUT4(2), CUT4(3), CUT4(4), CUT4(5), CUT4(6), CUT4(7), CUT4(8), CUT4(9), CUT4(10),
	CUT4(11), CUT4(12), CUT4(13), CUT4(14), CUT4(15), CUT4(16), CUT4(17), CUT4(18), CUT4(19),

	{ "no byte at all of IPv6", PACKET(ORD1_V6, ORD2_V6, .size = 40, .missing = 40),
	  LEFT(NOT_IP) },
	CUT6(1), CUT6(2), CUT6(3), CUT6(4), CUT6(5), CUT6(6), CUT6(7), CUT6(8), CUT6(9), CUT6(10),
	CUT6(11), CUT6(12), CUT6(13), CUT6(14), CUT6(15), CUT6(16), CUT6(17), CUT6(18), CUT6(19),
	CUT6(20), CUT6(21), CUT6(22), CUT6(23), CUT6(24), CUT6(25), CUT6(26), CUT6(27), CUT6(28),
	CUT6(29), CUT6(30), CUT6(31), CUT6(32), CUT6(33), CUT6(34), CUT6(35), CUT6(36), CUT6(37),
	CUT6(38), CUT6(39),

	{ "IPv4 header length 0", V4(SET(V4_VERSION_IHL(0x40))) },
	{ "IPv4 header length 4", V4(SET(V4_VERSION_IHL(0x41))) },
	{ "IPv4 header length 8", V4(SET(V4_VERSION_IHL(0x42))) },
	{ "IPv4 header length 12", V4(SET(V4_VERSION_IHL(0x43))) },
	{ "IPv4 header length 16", V4(SET(V4_VERSION_IHL(0x44))) },
	{ "IPv4 header length 24 in a packet of 20", V4(.size = 20, SET(V4_VERSION_IHL(0x46))) },
	{ "IPv4 header length 60 in a packet of 59", V4(.size = 59, SET(V4_VERSION_IHL(0x4f))) },

	{ "IPv4 total length 0", V4(SET(V4_TOTAL_LENGTH(0))) },
	{ "IPv4 total length 19", V4(SET(V4_TOTAL_LENGTH(19))) },
	{ "IPv4 total length 20 and a payload", V4(SET(V4_TOTAL_LENGTH(20))) },
	{ "IPv4 total length one too small", V4(SET(V4_TOTAL_LENGTH(99))) },
	{ "IPv4 total length one too large", V4(SET(V4_TOTAL_LENGTH(101))) },
	{ "IPv4 total length 65535", V4(SET(V4_TOTAL_LENGTH(65535))) },
	{ "IPv4 total length in the wrong byte order", V4(SET(V4_TOTAL_LENGTH(0x6400))) },
	{ "IPv4 payload cut", V4(.missing = 1) },
	{ "IPv4 payload cut whole", V4(.missing = 80) },
	{ "IPv4 one byte too many", V4(.extra = 1) },
	{ "IPv4 padded like an Ethernet frame", V4(.size = 28, .extra = 32) },

	{ "IPv6 payload length 0 and a payload", V6(SET(V6_LENGTH(0))) },
	{ "IPv6 payload length one too small", V6(SET(V6_LENGTH(59))) },
	{ "IPv6 payload length one too large", V6(SET(V6_LENGTH(61))) },
	{ "IPv6 payload length that counts the header", V6(SET(V6_LENGTH(100))) },
	{ "IPv6 payload length 65535", V6(SET(V6_LENGTH(65535))) },
	{ "IPv6 payload length in the wrong byte order", V6(SET(V6_LENGTH(0x3c00))) },
	{ "IPv6 payload cut", V6(.missing = 1) },
	{ "IPv6 payload cut whole", V6(.missing = 60) },
	{ "IPv6 one byte too many", V6(.extra = 1) },
	{ "IPv6 padded like an Ethernet frame", V6(.size = 48, .extra = 12) },
};
/* clang-format on */

const struct rows rows_length = ROWS(table);
