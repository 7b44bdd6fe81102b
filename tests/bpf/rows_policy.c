// SPDX-License-Identifier: Apache-2.0
/*
 * rows_policy.c - which pairs may talk under --forward relay-only, and what --strict drops.
 */
#include "fixture.h"

/* One pair under all settings: forwarded by both rules. */
#define ALWAYS(what, src, dst, from, to)                                                        \
	{ what, PACKET(src, dst), FORWARDED(from, to) },                                        \
		{ what ", strict", PACKET(src, dst), FORWARDED(from, to), .settings = STRICT }, \
		{ what ", relay-only", PACKET(src, dst), FORWARDED(from, to),                   \
		  .settings = RELAY_ONLY },                                                     \
	{                                                                                       \
		what ", relay-only and strict", PACKET(src, dst), FORWARDED(from, to),          \
			.settings = RELAY_ONLY | STRICT                                         \
	}

/* One pair under all settings: only --forward all lets it through. */
#define NOT_RELAY_ONLY(what, src, dst, from, to)                                                \
	{ what, PACKET(src, dst), FORWARDED(from, to) },                                        \
		{ what ", strict", PACKET(src, dst), FORWARDED(from, to), .settings = STRICT }, \
		{ what ", relay-only", PACKET(src, dst), LEFT(NOT_ALLOWED),                     \
		  .settings = RELAY_ONLY },                                                     \
	{                                                                                       \
		what ", relay-only and strict", PACKET(src, dst), LEFT(NOT_ALLOWED),            \
			.settings = RELAY_ONLY | STRICT                                         \
	}

#define STRICTEST .settings = (RELAY_ONLY | STRICT)

/* clang-format off */
static const struct row table[] = {
	NOT_RELAY_ONLY("IPv4 ordinary to ordinary", ORD1_V4, ORD2_V4, ORD1, ORD2),
	ALWAYS("IPv4 ordinary to relay-only", ORD1_V4, REL1_V4, ORD1, REL1),
	ALWAYS("IPv4 relay-only to ordinary", REL1_V4, ORD1_V4, REL1, ORD1),
	ALWAYS("IPv4 relay-only to relay-only", REL1_V4, REL2_V4, REL1, REL2),
	NOT_RELAY_ONLY("IPv6 ordinary to ordinary", ORD1_V6, ORD2_V6, ORD1, ORD2),
	ALWAYS("IPv6 ordinary to relay-only", ORD1_V6, REL1_V6, ORD1, REL1),
	ALWAYS("IPv6 relay-only to ordinary", REL1_V6, ORD1_V6, REL1, ORD1),
	ALWAYS("IPv6 relay-only to relay-only", REL1_V6, REL2_V6, REL1, REL2),
	NOT_RELAY_ONLY("IPv4 ordinary to prefix", ORD1_V4, "10.20.1.1", ORD1, NET1),
	NOT_RELAY_ONLY("IPv6 ordinary to prefix", ORD1_V6, "2001:db8:20::1", ORD1, NET1),
	ALWAYS("IPv4 relay-only to prefix", REL1_V4, "10.20.1.1", REL1, NET1),
	ALWAYS("IPv6 relay-only to prefix", REL1_V6, "2001:db8:20::1", REL1, NET1),
	ALWAYS("IPv4 prefix to relay-only", "10.20.1.1", REL1_V4, NET1, REL1),
	ALWAYS("IPv6 prefix to relay-only", "2001:db8:20::1", REL1_V6, NET1, REL1),

	{ "IPv4 prefix of a relay-only peer", PACKET(ORD1_V4, "172.16.0.1"), FORWARDED(ORD1, ANY),
	  MAPS("172.16.0.0/12=6r"), STRICTEST },
	{ "IPv6 prefix of a relay-only peer", PACKET(ORD1_V6, "fd00::1"), FORWARDED(ORD1, ANY),
	  MAPS("fd00::/8=6r"), STRICTEST },
	{ "IPv4 peer that became relay-only", PACKET(ORD1_V4, ORD2_V4), FORWARDED(ORD1, ORD2),
	  MAPS("100.64.0.2=1r"), STRICTEST },
	{ "IPv6 peer that became relay-only", PACKET(ORD1_V6, ORD2_V6), FORWARDED(ORD1, ORD2),
	  MAPS("200::2=1r"), STRICTEST },
	{ "IPv4 peer that is no longer relay-only", PACKET(ORD1_V4, REL1_V4), LEFT(NOT_ALLOWED),
	  MAPS("100.64.0.3=2"), STRICTEST },
	{ "IPv6 peer that is no longer relay-only", PACKET(ORD1_V6, REL1_V6), LEFT(NOT_ALLOWED),
	  MAPS("200::3=2"), STRICTEST },
	{ "IPv4 pair of the other VPC, relay-only and strict", PACKET(ORD1_V4, ORD2_V4),
	  LEFT(NOT_ALLOWED), .place = SECOND, STRICTEST },
	{ "IPv6 pair of the other VPC, relay-only and strict", PACKET(ORD1_V6, ORD2_V6),
	  LEFT(NOT_ALLOWED), .place = SECOND, STRICTEST },

	{ "IPv4 pair that is not allowed does not go out", PACKET(ORD1_V4, ORD2_V4),
	  LEFT(NOT_ALLOWED), .live = true, .settings = RELAY_ONLY },
	{ "IPv6 pair that is not allowed does not go out", PACKET(ORD1_V6, ORD2_V6),
	  LEFT(NOT_ALLOWED), .live = true, .settings = RELAY_ONLY },
	{ "IPv4 pair that is dropped does not go out", PACKET(ORD1_V4, ORD2_V4),
	  LEFT(NOT_ALLOWED), .live = true, STRICTEST },
	{ "IPv6 pair that is dropped does not go out", PACKET(ORD1_V6, ORD2_V6),
	  LEFT(NOT_ALLOWED), .live = true, STRICTEST },
	{ "IPv4 relay-only peer really reached", PACKET(ORD1_V4, REL1_V4), FORWARDED(ORD1, REL1),
	  .live = true, STRICTEST },
	{ "IPv6 relay-only peer really reached", PACKET(ORD1_V6, REL1_V6), FORWARDED(ORD1, REL1),
	  .live = true, STRICTEST },

	{ "strict drops no IPv4 to nobody", PACKET(REL1_V4, NOBODY_V4), LEFT(UNKNOWN_DST),
	  STRICTEST },
	{ "strict drops no IPv6 to nobody", PACKET(REL1_V6, NOBODY_V6), LEFT(UNKNOWN_DST),
	  STRICTEST },
	{ "strict drops no IPv4 from nobody", PACKET(NOBODY_V4, REL1_V4), LEFT(UNKNOWN_SRC),
	  STRICTEST },
	{ "strict drops no IPv6 from nobody", PACKET(NOBODY_V6, REL1_V6), LEFT(UNKNOWN_SRC),
	  STRICTEST },
	{ "strict drops no IPv4 to the relay", PACKET(ORD1_V4, OWN_V4), LEFT(LOCAL), STRICTEST },
	{ "strict drops no IPv6 to the relay", PACKET(ORD1_V6, OWN_V6), LEFT(LOCAL), STRICTEST },
	{ "strict drops no IPv4 multicast", PACKET(ORD1_V4, "224.0.0.1"), LEFT(SPECIAL),
	  STRICTEST },
	{ "strict drops no IPv6 multicast", PACKET(ORD1_V6, "ff02::1"), LEFT(SPECIAL), STRICTEST },
	{ "strict drops no IPv4 hairpin", PACKET(ORD1_V4, ORD1B_V4), LEFT(SAME_PEER), STRICTEST },
	{ "strict drops no IPv6 hairpin", PACKET(ORD1_V6, ORD1B_V6), LEFT(SAME_PEER), STRICTEST },
	{ "strict drops no TTL 1", PACKET(REL1_V4, ORD1_V4, SET(V4_TTL(1))), LEFT(HOP_LIMIT),
	  STRICTEST },
	{ "strict drops no hop limit 1", PACKET(REL1_V6, ORD1_V6, SET(V6_HOP_LIMIT(1))),
	  LEFT(HOP_LIMIT), STRICTEST },
	{ "strict drops no large IPv4", PACKET(REL1_V4, ORD1_V4, .size = 1421), LEFT(TOO_BIG),
	  STRICTEST },
	{ "strict drops no large IPv6", PACKET(REL1_V6, ORD1_V6, .size = 1421), LEFT(TOO_BIG),
	  STRICTEST },
	{ "strict drops no IPv4 options", PACKET(ORD1_V4, ORD2_V4, SET(V4_VERSION_IHL(0x46))),
	  LEFT(OPTIONS), STRICTEST },
	{ "strict drops no IPv6 hop-by-hop header", PACKET(ORD1_V6, ORD2_V6, SET(V6_NEXT(0))),
	  LEFT(OPTIONS), STRICTEST },
	{ "strict drops no malformed IPv4", PACKET(ORD1_V4, ORD2_V4, .extra = 1), LEFT(MALFORMED),
	  STRICTEST },
	{ "strict drops no malformed IPv6", PACKET(ORD1_V6, ORD2_V6, .extra = 1), LEFT(MALFORMED),
	  STRICTEST },
	{ "strict drops no strange version", PACKET(ORD1_V4, ORD2_V4, SET(V4_VERSION_IHL(0x55))),
	  LEFT(NOT_IP), STRICTEST },
	{ "strict drops no IPv4 without counters", PACKET(REL1_V4, LOST_V4), LEFT(NO_COUNTER),
	  STRICTEST },
	{ "strict drops no IPv6 without counters", PACKET(REL1_V6, LOST_V6), LEFT(NO_COUNTER),
	  STRICTEST },
};
/* clang-format on */

const struct rows rows_policy = ROWS(table);
