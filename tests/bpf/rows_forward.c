// SPDX-License-Identifier: Apache-2.0
/*
 * rows_forward.c - what is carried without a look: protocols, sizes, fragments, header fields.
 */
#include "fixture.h"

#define V4(...) PACKET(ORD1_V4, ORD2_V4, ##__VA_ARGS__), FORWARDED(ORD1, ORD2)
#define V6(...) PACKET(ORD1_V6, ORD2_V6, ##__VA_ARGS__), FORWARDED(ORD1, ORD2)

/* clang-format off */
static const struct row table[] = {
	{ "IPv4 UDP", V4() },
	{ "IPv4 TCP", V4(SET(V4_PROTOCOL(6))) },
	{ "IPv4 ICMP", V4(SET(V4_PROTOCOL(1))) },
	{ "IPv4 SCTP", V4(SET(V4_PROTOCOL(132))) },
	{ "IPv4 ESP", V4(SET(V4_PROTOCOL(50))) },
	{ "IPv4 AH", V4(SET(V4_PROTOCOL(51))) },
	{ "IPv4 GRE", V4(SET(V4_PROTOCOL(47))) },
	{ "IPv4 in IPv4", V4(SET(V4_PROTOCOL(4))) },
	{ "IPv4 protocol 0 is no hop-by-hop header", V4(SET(V4_PROTOCOL(0))) },
	{ "IPv4 unknown protocol", V4(SET(V4_PROTOCOL(253))) },
	{ "IPv6 UDP", V6() },
	{ "IPv6 TCP", V6(SET(V6_NEXT(6))) },
	{ "IPv6 ICMPv6", V6(SET(V6_NEXT(58))) },
	{ "IPv6 SCTP", V6(SET(V6_NEXT(132))) },
	{ "IPv6 ESP", V6(SET(V6_NEXT(50))) },
	{ "IPv6 AH", V6(SET(V6_NEXT(51))) },
	{ "IPv6 GRE", V6(SET(V6_NEXT(47))) },
	{ "IPv6 in IPv6", V6(SET(V6_NEXT(41))) },
	{ "IPv6 unknown next header", V6(SET(V6_NEXT(253))) },

	{ "IPv4 the other way round", PACKET(ORD2_V4, ORD1_V4), FORWARDED(ORD2, ORD1) },
	{ "IPv6 the other way round", PACKET(ORD2_V6, ORD1_V6), FORWARDED(ORD2, ORD1) },
	{ "IPv4 nothing but a header", V4(.size = 20) },
	{ "IPv6 nothing but a header", V6(.size = 40) },
	{ "IPv4 empty UDP", V4(.size = 28) },
	{ "IPv6 empty UDP", V6(.size = 48) },
	{ "IPv4 one byte of payload", V4(.size = 21) },
	{ "IPv6 one byte of payload", V6(.size = 41) },
	{ "IPv4 odd length", V4(.size = 1279) },
	{ "IPv6 odd length", V6(.size = 1279) },
	{ "IPv4 length 256: its bytes are not alike", V4(.size = 256) },
	{ "IPv6 length 256: its bytes are not alike", V6(.size = 256) },

	{ "IPv4 do not fragment", V4(SET(V4_FRAGMENT(0x4000))) },
	{ "IPv4 first fragment", V4(SET(V4_FRAGMENT(0x2000))) },
	{ "IPv4 middle fragment", V4(SET(V4_FRAGMENT(0x20b9))) },
	{ "IPv4 last fragment", V4(SET(V4_FRAGMENT(0x0172))) },
	{ "IPv4 tiny fragment", V4(.size = 28, SET(V4_FRAGMENT(0x2000), V4_PROTOCOL(6))) },
	{ "IPv4 overlapping fragment", V4(SET(V4_FRAGMENT(0x2001), V4_PROTOCOL(6))) },
	{ "IPv4 fragment that ends beyond 65535", V4(SET(V4_FRAGMENT(0x1fff))) },
	{ "IPv4 reserved flag", V4(SET(V4_FRAGMENT(0x8000))) },
	{ "IPv4 id 0", V4(SET(V4_ID(0))) },
	{ "IPv4 id 65535", V4(SET(V4_ID(0xffff))) },

	{ "IPv4 ECN ECT(1)", V4(SET(V4_TOS(0x01))) },
	{ "IPv4 ECN ECT(0)", V4(SET(V4_TOS(0x02))) },
	{ "IPv4 ECN congestion experienced", V4(SET(V4_TOS(0x03))) },
	{ "IPv4 DSCP EF", V4(SET(V4_TOS(0xb8))) },
	{ "IPv4 DSCP CS6 with ECT(0)", V4(SET(V4_TOS(0xc2))) },
	{ "IPv4 all bits of DSCP and ECN", V4(SET(V4_TOS(0xff))) },
	{ "IPv6 ECN ECT(1)", V6(SET(V6_FIRST_WORD(0x60100000))) },
	{ "IPv6 ECN ECT(0)", V6(SET(V6_FIRST_WORD(0x60200000))) },
	{ "IPv6 ECN congestion experienced", V6(SET(V6_FIRST_WORD(0x60300000))) },
	{ "IPv6 DSCP EF", V6(SET(V6_FIRST_WORD(0x6b800000))) },
	{ "IPv6 DSCP CS6 with ECT(0)", V6(SET(V6_FIRST_WORD(0x6c200000))) },
	{ "IPv6 all bits of DSCP and ECN", V6(SET(V6_FIRST_WORD(0x6ff00000))) },
	{ "IPv6 flow label", V6(SET(V6_FIRST_WORD(0x60012345))) },
	{ "IPv6 flow label, all bits", V6(SET(V6_FIRST_WORD(0x600fffff))) },

	{ "IPv4 really goes out", V4(), .live = true },
	{ "IPv6 really goes out", V6(), .live = true },
	{ "IPv4 header alone really goes out", V4(.size = 20), .live = true },
	{ "IPv6 header alone really goes out", V6(.size = 40), .live = true },
	{ "IPv4 really goes back", PACKET(ORD2_V4, ORD1_V4), FORWARDED(ORD2, ORD1), .live = true },
	{ "IPv6 really goes back", PACKET(ORD2_V6, ORD1_V6), FORWARDED(ORD2, ORD1), .live = true },
	{ "IPv4 counters wrap around", V4(), .wrap = true },
	{ "IPv6 counters wrap around", V6(), .wrap = true },
};
/* clang-format on */

const struct rows rows_forward = ROWS(table);
