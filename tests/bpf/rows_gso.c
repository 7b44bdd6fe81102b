// SPDX-License-Identifier: Apache-2.0
/*
 * rows_gso.c - super-packets: forwarded whole, judged and counted as their segments on the wire.
 *
 * BPF_PROG_RUN rows say how many segments there are, as GRO does; a tun device does not know.
 * Numbers are written out: 3 segments of 1000 payload bytes with 40 bytes of headers each are 3120
 * bytes on the wire and 3040 in memory.
 */
#include "fixture.h"

/* A TCP header of @words 32-bit words stands at the front; its data offset is at byte 12. */
#define TCP4(n, words, ...) \
	.size = (n), SET(V4_PROTOCOL(6), { 32, 1, (words) << 4 | 0xf }, ##__VA_ARGS__)
#define TCP6(n, words, ...) \
	.size = (n), SET(V6_NEXT(6), { 52, 1, (words) << 4 | 0xf }, ##__VA_ARGS__)
#define GSO(bytes, n) .gso = { .size = (bytes), .segs = (n) }
#define USO(bytes, n) .gso = { .size = (bytes), .segs = (n), .udp = true }
#define THERE4(...) \
	PACKET(ORD1_V4, ORD2_V4, __VA_ARGS__), FORWARDED(THERE(ORD1), THERE(ORD2)), .place = SECOND
#define THERE6(...) \
	PACKET(ORD1_V6, ORD2_V6, __VA_ARGS__), FORWARDED(THERE(ORD1), THERE(ORD2)), .place = SECOND
#define HERE4(...)                                                                  \
	PACKET(ORD1_V4, ORD2_V4, __VA_ARGS__), FORWARDED(ORD1, ORD2), .live = true, \
								      .too_big_for_xdp = true
#define HERE6(...)                                                                  \
	PACKET(ORD1_V6, ORD2_V6, __VA_ARGS__), FORWARDED(ORD1, ORD2), .live = true, \
								      .too_big_for_xdp = true

/* clang-format off */
static const struct row table[] = {
	{ "IPv4 TCP super-packet of 3", THERE4(TCP4(3040, 5)), GSO(1000, 3), COUNTED(3, 3120) },
	{ "IPv6 TCP super-packet of 3", THERE6(TCP6(3060, 5)), GSO(1000, 3), COUNTED(3, 3180) },
	{ "IPv4 TCP super-packet with timestamps", THERE4(TCP4(3052, 8)), GSO(1000, 3),
	  COUNTED(3, 3156) },
	{ "IPv6 TCP super-packet with timestamps", THERE6(TCP6(3072, 8)), GSO(1000, 3),
	  COUNTED(3, 3216) },
	{ "IPv4 TCP super-packet with a short end", THERE4(TCP4(2041, 5)), GSO(1000, 3),
	  COUNTED(3, 2121) },
	{ "IPv6 TCP super-packet with a short end", THERE6(TCP6(2061, 5)), GSO(1000, 3),
	  COUNTED(3, 2181) },
	{ "IPv4 TCP super-packet of 1", THERE4(TCP4(1040, 5)), GSO(1000, 1), COUNTED(1, 1040) },
	{ "IPv6 TCP super-packet of 1", THERE6(TCP6(1060, 5)), GSO(1000, 1), COUNTED(1, 1060) },
	{ "IPv4 UDP super-packet of 3", THERE4(.size = 3028), GSO(1000, 3), COUNTED(3, 3084) },
	{ "IPv6 UDP super-packet of 3", THERE6(.size = 3048), GSO(1000, 3), COUNTED(3, 3144) },
	{ "IPv4 super-packet of another protocol", THERE4(.size = 3020, SET(V4_PROTOCOL(132))),
	  GSO(1000, 3), COUNTED(3, 3060) },
	{ "IPv6 super-packet of another protocol", THERE6(.size = 3040, SET(V6_NEXT(132))),
	  GSO(1000, 3), COUNTED(3, 3120) },

	/* GRO puts together what came, also when the segments were not all full. */
	{ "IPv4 TCP super-packet of 4, one of them short", THERE4(TCP4(3040, 5)), GSO(1000, 4),
	  COUNTED(4, 3160) },
	{ "IPv6 TCP super-packet of 4, one of them short", THERE6(TCP6(3060, 5)), GSO(1000, 4),
	  COUNTED(4, 3240) },

	{ "IPv4 TCP super-packet of an unknown number", THERE4(TCP4(3040, 5)), GSO(1000, 0),
	  COUNTED(3, 3120) },
	{ "IPv6 TCP super-packet of an unknown number", THERE6(TCP6(3060, 5)), GSO(1000, 0),
	  COUNTED(3, 3180) },
	{ "IPv4 TCP super-packet of an unknown number, one byte more", THERE4(TCP4(3041, 5)),
	  GSO(1000, 0), COUNTED(4, 3161) },
	{ "IPv6 TCP super-packet of an unknown number, one byte more", THERE6(TCP6(3061, 5)),
	  GSO(1000, 0), COUNTED(4, 3241) },
	{ "IPv4 UDP super-packet of an unknown number", THERE4(.size = 3028), GSO(1000, 0),
	  COUNTED(3, 3084) },
	{ "IPv6 UDP super-packet of an unknown number", THERE6(.size = 3048), GSO(1000, 0),
	  COUNTED(3, 3144) },
	{ "IPv4 super-packet without payload", THERE4(TCP4(40, 5)), GSO(1000, 0), COUNTED(1, 40) },
	{ "IPv6 super-packet without payload", THERE6(TCP6(60, 5)), GSO(1000, 0), COUNTED(1, 60) },
	{ "IPv4 super-packet shorter than its headers", THERE4(TCP4(36, 15)), GSO(8, 0),
	  COUNTED(1, 36) },
	{ "IPv6 super-packet shorter than its headers", THERE6(TCP6(56, 15)), GSO(8, 0),
	  COUNTED(1, 56) },
	{ "IPv4 TCP super-packet cut before the data offset",
	  THERE4(.size = 28, SET(V4_PROTOCOL(6))), GSO(4, 0), COUNTED(2, 48) },
	{ "IPv6 TCP super-packet cut before the data offset",
	  THERE6(.size = 48, SET(V6_NEXT(6))), GSO(4, 0), COUNTED(2, 88) },

	{ "IPv4 super-packet to nobody counts its segments",
	  PACKET(ORD1_V4, NOBODY_V4, TCP4(3040, 5)), LEFT(UNKNOWN_DST), GSO(1000, 3),
	  COUNTED(3, 3120) },
	{ "IPv6 super-packet to nobody counts its segments",
	  PACKET(ORD1_V6, NOBODY_V6, TCP6(3060, 5)), LEFT(UNKNOWN_DST), GSO(1000, 3),
	  COUNTED(3, 3180) },
	{ "IPv4 super-packet to the relay counts its segments",
	  PACKET(ORD1_V4, OWN_V4, TCP4(3040, 5)), LEFT(LOCAL), GSO(1000, 3), COUNTED(3, 3120) },
	{ "IPv6 super-packet to the relay counts its segments",
	  PACKET(ORD1_V6, OWN_V6, TCP6(3060, 5)), LEFT(LOCAL), GSO(1000, 3), COUNTED(3, 3180) },
	{ "IPv4 super-packet that is dropped counts its segments",
	  PACKET(ORD1_V4, ORD2_V4, TCP4(3040, 5)), LEFT(NOT_ALLOWED), GSO(1000, 3),
	  COUNTED(3, 3120), .settings = RELAY_ONLY | STRICT },
	{ "IPv6 super-packet that is dropped counts its segments",
	  PACKET(ORD1_V6, ORD2_V6, TCP6(3060, 5)), LEFT(NOT_ALLOWED), GSO(1000, 3),
	  COUNTED(3, 3180), .settings = RELAY_ONLY | STRICT },
	/* Whoever cannot read the headers cannot count by them. */
	{ "IPv4 super-packet with a wrong length counts once",
	  PACKET(ORD1_V4, ORD2_V4, TCP4(3040, 5), .extra = 1), LEFT(MALFORMED), GSO(1000, 3),
	  COUNTED(1, 3041) },
	{ "IPv6 super-packet with a wrong length counts once",
	  PACKET(ORD1_V6, ORD2_V6, TCP6(3060, 5), .extra = 1), LEFT(MALFORMED), GSO(1000, 3),
	  COUNTED(1, 3061) },
	{ "IPv4 multicast super-packet counts once", PACKET(ORD1_V4, "224.0.0.1", TCP4(3040, 5)),
	  LEFT(SPECIAL), GSO(1000, 3), COUNTED(1, 3040) },
	{ "IPv6 multicast super-packet counts once", PACKET(ORD1_V6, "ff02::1", TCP6(3060, 5)),
	  LEFT(SPECIAL), GSO(1000, 3), COUNTED(1, 3060) },

	{ "IPv4 TCP super-packet of 64 KiB goes out whole", HERE4(TCP4(65535, 5)), GSO(1380, 0),
	  COUNTED(48, 67415) },
	{ "IPv6 TCP super-packet of 64 KiB goes out whole", HERE6(TCP6(65535, 5)), GSO(1360, 0),
	  COUNTED(49, 68415) },
	{ "IPv4 TCP super-packet whose segments are one too large",
	  PACKET(ORD1_V4, ORD2_V4, TCP4(65535, 5)), LEFT(TOO_BIG), .live = true, GSO(1381, 0),
	  COUNTED(48, 67415), .too_big_for_xdp = true },
	{ "IPv6 TCP super-packet whose segments are one too large",
	  PACKET(ORD1_V6, ORD2_V6, TCP6(65535, 5)), LEFT(TOO_BIG), .live = true, GSO(1361, 0),
	  COUNTED(49, 68415), .too_big_for_xdp = true },
	{ "IPv4 TCP super-packet with timestamps goes out whole", HERE4(TCP4(10052, 8)),
	  GSO(1000, 0), COUNTED(10, 10520) },
	{ "IPv6 TCP super-packet with timestamps goes out whole", HERE6(TCP6(10072, 8)),
	  GSO(1000, 0), COUNTED(10, 10720) },
	{ "IPv4 super-packet with TTL 1 does not go out",
	  PACKET(ORD1_V4, ORD2_V4, TCP4(10040, 5, V4_TTL(1))), LEFT(HOP_LIMIT), .live = true,
	  GSO(1000, 0), COUNTED(10, 10400) },
	{ "IPv6 super-packet with hop limit 1 does not go out",
	  PACKET(ORD1_V6, ORD2_V6, TCP6(10060, 5, V6_HOP_LIMIT(1))), LEFT(HOP_LIMIT), .live = true,
	  GSO(1000, 0), COUNTED(10, 10600) },
	{ "IPv4 UDP super-packet goes out whole", HERE4(.size = 10028), USO(1000, 0),
	  COUNTED(10, 10280) },
	{ "IPv6 UDP super-packet goes out whole", HERE6(.size = 10048), USO(1000, 0),
	  COUNTED(10, 10480) },
	{ "IPv4 UDP super-packet whose segments are one too large",
	  PACKET(ORD1_V4, ORD2_V4, .size = 10028), LEFT(TOO_BIG), .live = true, USO(1393, 0),
	  COUNTED(8, 10224), .too_big_for_xdp = true },
	{ "IPv6 UDP super-packet whose segments are one too large",
	  PACKET(ORD1_V6, ORD2_V6, .size = 10048), LEFT(TOO_BIG), .live = true, USO(1373, 0),
	  COUNTED(8, 10384), .too_big_for_xdp = true },
};
/* clang-format on */

const struct rows rows_gso = ROWS(table);
