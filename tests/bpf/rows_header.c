// SPDX-License-Identifier: Apache-2.0
/*
 * rows_header.c - versions, IPv4 options, IPv6 extension headers.
 *
 * Options and the hop-by-hop header are for routers and go to the kernel; every other extension
 * header is for the destination and is carried (RFC 8200 section 4).
 */
#include "fixture.h"

#define V4(...) PACKET(ORD1_V4, ORD2_V4, ##__VA_ARGS__)
#define V6(...) PACKET(ORD1_V6, ORD2_V6, ##__VA_ARGS__)

/* Only the nibble is changed: everything behind it is a good IPv4 or IPv6 packet. */
#define VERSION4(n)                                                                              \
	{                                                                                        \
		"version " #n ", else IPv4", V4(SET(V4_VERSION_IHL((n) << 4 | 5))), LEFT(NOT_IP) \
	}
#define VERSION6(n)                                                                    \
	{                                                                              \
		"version " #n ", else IPv6", V6(SET({ 0, 1, (n) << 4 })), LEFT(NOT_IP) \
	}

#define OPTIONS4(words, text) V4(BODY(text), SET(V4_VERSION_IHL(0x45 + (words)))), LEFT(OPTIONS)
#define CARRIED(next, text) V6(BODY(text), SET(V6_NEXT(next))), FORWARDED(ORD1, ORD2)
#define HOP_BY_HOP(text, ...) V6(BODY(text), SET(V6_NEXT(0), ##__VA_ARGS__)), LEFT(OPTIONS)

/* Destination options: next header @next, nothing but padding. */
#define DEST_OPTS(next) next "\0\1\4\0\0\0\0"

/* clang-format off */
static const struct row table[] = {
	VERSION4(0), VERSION4(1), VERSION4(2), VERSION4(3), VERSION4(5), VERSION4(7), VERSION4(8),
	VERSION4(12), VERSION4(15),
	VERSION6(0), VERSION6(2), VERSION6(5), VERSION6(7), VERSION6(14), VERSION6(15),
	{ "version 6, else IPv4", V4(SET(V4_VERSION_IHL(0x65), V4_FRAGMENT(0x4000))),
	  LEFT(MALFORMED) },
	{ "version 4, else IPv6", V6(SET({ 0, 1, 0x45 })), LEFT(MALFORMED) },
	{ "one byte that is no version", V4(.size = 20, .missing = 19, SET({ 0, 1, 0xff })),
	  LEFT(NOT_IP) },
	{ "13 bytes that are no version", V4(.size = 20, .missing = 7, SET({ 0, 1, 0x50 })),
	  LEFT(NOT_IP) },

	{ "IPv4 no-operation options", OPTIONS4(1, "\1\1\1\0") },
	{ "IPv4 record route", OPTIONS4(2, "\7\7\4\0\0\0\0\0") },
	{ "IPv4 loose source route", OPTIONS4(2, "\x83\7\4\x64\x40\0\3\0") },
	{ "IPv4 strict source route", OPTIONS4(2, "\x89\7\4\x64\x40\0\3\0") },
	{ "IPv4 router alert", OPTIONS4(1, "\x94\4\0\0") },
	{ "IPv4 timestamp", OPTIONS4(3, "\x44\x0c\5\0\0\0\0\0\0\0\0\0") },
	{ "IPv4 40 bytes of options", OPTIONS4(10, "\7\x27\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
						"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "IPv4 options and nothing else", V4(.size = 24, SET(V4_VERSION_IHL(0x46))),
	  LEFT(OPTIONS) },
	/* The sum is taken over a plain header only: the kernel does the rest. */
	{ "IPv4 options with a wrong checksum",
	  V4(.wrong_checksum = true, BODY("\x94\4\0\0"), SET(V4_VERSION_IHL(0x46))),
	  LEFT(OPTIONS) },
	{ "IPv4 options with total length one too large",
	  V4(SET(V4_VERSION_IHL(0x46), V4_TOTAL_LENGTH(101))), LEFT(MALFORMED) },

	{ "IPv6 hop-by-hop header", HOP_BY_HOP("\x11\0\1\4\0\0\0\0") },
	{ "IPv6 router alert", HOP_BY_HOP("\x3a\0\5\2\0\0\1\0") },
	{ "IPv6 jumbogram", HOP_BY_HOP("\x11\0\xc2\4\0\0\0\x3c", V6_LENGTH(0)) },
	{ "IPv6 hop-by-hop header with a wrong payload length",
	  HOP_BY_HOP("\x11\0\1\4\0\0\0\0", V6_LENGTH(59)) },
	{ "IPv6 hop-by-hop header that is missing",
	  V6(.size = 40, SET(V6_NEXT(0))), LEFT(OPTIONS) },
	{ "IPv6 hop-by-hop header cut before the addresses end",
	  V6(.size = 40, .missing = 1, SET(V6_NEXT(0))), LEFT(MALFORMED) },

	{ "IPv6 hop-by-hop header behind another",
	  CARRIED(60, DEST_OPTS("\0") "\x11\0\1\4\0\0\0\0") },
	{ "IPv6 routing header type 0",
	  CARRIED(43, "\x11\2\0\1\0\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\3") },
	{ "IPv6 segment routing header",
	  CARRIED(43, "\x11\2\4\1\0\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\3") },
	{ "IPv6 destination options", CARRIED(60, DEST_OPTS("\x11")) },
	{ "IPv6 first fragment", CARRIED(44, "\x11\0\0\1\x12\x34\x56\x78") },
	{ "IPv6 middle fragment", CARRIED(44, "\x11\0\5\xc9\x12\x34\x56\x78") },
	{ "IPv6 last fragment", CARRIED(44, "\x11\0\x0b\x90\x12\x34\x56\x78") },
	{ "IPv6 atomic fragment", CARRIED(44, "\x11\0\0\0\x12\x34\x56\x78") },
	{ "IPv6 fragment that ends beyond 65535", CARRIED(44, "\x11\0\xff\xf8\x12\x34\x56\x78") },
	{ "IPv6 authentication header", CARRIED(51, "\x11\4\0\0\0\0\0\1\0\0\0\1\1\2\3\4\5\6\7\x08"
						"\x09\x0a\x0b\x0c") },
	{ "IPv6 no next header", CARRIED(59, "") },
	{ "IPv6 mobility header", CARRIED(135, "\x3b\0\0\0\0\0\0\0") },
	{ "IPv6 host identity header", CARRIED(139, "\x3b\0\0\0\0\0\0\0") },
	{ "IPv6 shim header", CARRIED(140, "\x3b\0\0\0\0\0\0\0") },
	{ "IPv6 chain of two", CARRIED(60, DEST_OPTS("\x2c") "\x11\0\0\1\x12\x34\x56\x78") },
	{ "IPv6 chain of four",
	  CARRIED(60, DEST_OPTS("\x3c") DEST_OPTS("\x3c") DEST_OPTS("\x3c") DEST_OPTS("\x11")) },
	{ "IPv6 chain of eight",
	  V6(.size = 200, SET(V6_NEXT(60)),
	     BODY(DEST_OPTS("\x3c") DEST_OPTS("\x3c") DEST_OPTS("\x3c") DEST_OPTS("\x3c")
		  DEST_OPTS("\x3c") DEST_OPTS("\x3c") DEST_OPTS("\x3c") DEST_OPTS("\x11"))),
	  FORWARDED(ORD1, ORD2) },
	{ "IPv6 chain without an end",
	  V6(.size = 56, BODY(DEST_OPTS("\x3c") DEST_OPTS("\x3c")), SET(V6_NEXT(60))),
	  FORWARDED(ORD1, ORD2) },
	{ "IPv6 extension header that is missing", V6(.size = 40, SET(V6_NEXT(60))),
	  FORWARDED(ORD1, ORD2) },
	{ "IPv6 extension header longer than the packet", CARRIED(60, "\x11\xff\1\4\0\0\0\0") },
};
/* clang-format on */

const struct rows rows_header = ROWS(table);
