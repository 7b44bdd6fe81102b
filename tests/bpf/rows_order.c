// SPDX-License-Identifier: Apache-2.0
/*
 * rows_order.c - two verdicts fit: the one that nex_abi.h names first is taken.
 *
 * A hop-by-hop header is the exception: it is seen before the IPv6 length, because a jumbogram's
 * length is in it.
 */
#include "fixture.h"

/* The order is the header's, not this table's. */
#define FIRST_OF(a, b) .verdict = NEX_V_##a < NEX_V_##b ? NEX_V_##a : NEX_V_##b

/* clang-format off */
static const struct row table[] = {
	{ "IPv4 malformed and with options",
	  PACKET(ORD1_V4, ORD2_V4, .extra = 1, SET(V4_VERSION_IHL(0x46))),
	  FIRST_OF(MALFORMED, OPTIONS) },
	{ "IPv4 malformed and special", PACKET(ORD1_V4, "224.0.0.1", .wrong_checksum = true),
	  FIRST_OF(MALFORMED, SPECIAL) },
	{ "IPv6 malformed and special", PACKET(ORD1_V6, "ff02::1", .extra = 1),
	  FIRST_OF(MALFORMED, SPECIAL) },
	{ "IPv4 malformed and to nobody", PACKET(ORD1_V4, NOBODY_V4, .extra = 1),
	  FIRST_OF(MALFORMED, UNKNOWN_DST) },
	{ "IPv6 malformed and to nobody", PACKET(ORD1_V6, NOBODY_V6, .extra = 1),
	  FIRST_OF(MALFORMED, UNKNOWN_DST) },
	{ "IPv4 options and special", PACKET(ORD1_V4, "224.0.0.1", SET(V4_VERSION_IHL(0x46))),
	  FIRST_OF(OPTIONS, SPECIAL) },
	{ "IPv6 options and special", PACKET(ORD1_V6, "ff02::16", SET(V6_NEXT(0))),
	  FIRST_OF(OPTIONS, SPECIAL) },
	{ "IPv4 special and to nobody", PACKET("0.0.0.0", NOBODY_V4),
	  FIRST_OF(SPECIAL, UNKNOWN_DST) },
	{ "IPv6 special and to nobody", PACKET("fe80::1", NOBODY_V6),
	  FIRST_OF(SPECIAL, UNKNOWN_DST) },
	{ "IPv4 special and to the relay", PACKET("0.0.0.0", OWN_V4), FIRST_OF(SPECIAL, LOCAL) },
	{ "IPv6 special and to the relay", PACKET("fe80::1", OWN_V6), FIRST_OF(SPECIAL, LOCAL) },
	{ "IPv4 to the relay from nobody", PACKET(NOBODY_V4, OWN_V4),
	  FIRST_OF(LOCAL, UNKNOWN_SRC) },
	{ "IPv6 to the relay from nobody", PACKET(NOBODY_V6, OWN_V6),
	  FIRST_OF(LOCAL, UNKNOWN_SRC) },
	{ "IPv4 to nobody with TTL 1", PACKET(ORD1_V4, NOBODY_V4, SET(V4_TTL(1))),
	  FIRST_OF(UNKNOWN_DST, HOP_LIMIT) },
	{ "IPv6 to nobody with hop limit 1", PACKET(ORD1_V6, NOBODY_V6, SET(V6_HOP_LIMIT(1))),
	  FIRST_OF(UNKNOWN_DST, HOP_LIMIT) },
	{ "IPv4 to the relay with TTL 1", PACKET(ORD1_V4, OWN_V4, SET(V4_TTL(1))),
	  FIRST_OF(LOCAL, HOP_LIMIT) },
	{ "IPv6 to the relay with hop limit 1", PACKET(ORD1_V6, OWN_V6, SET(V6_HOP_LIMIT(1))),
	  FIRST_OF(LOCAL, HOP_LIMIT) },
	{ "IPv4 from nobody with TTL 1", PACKET(NOBODY_V4, ORD1_V4, SET(V4_TTL(1))),
	  FIRST_OF(UNKNOWN_SRC, HOP_LIMIT) },
	{ "IPv6 from nobody with hop limit 1", PACKET(NOBODY_V6, ORD1_V6, SET(V6_HOP_LIMIT(1))),
	  FIRST_OF(UNKNOWN_SRC, HOP_LIMIT) },
	{ "IPv4 same peer that is not allowed", PACKET(ORD1_V4, ORD1B_V4),
	  FIRST_OF(SAME_PEER, NOT_ALLOWED), .settings = RELAY_ONLY },
	{ "IPv6 same peer that is not allowed", PACKET(ORD1_V6, ORD1B_V6),
	  FIRST_OF(SAME_PEER, NOT_ALLOWED), .settings = RELAY_ONLY },
	{ "IPv4 same peer with TTL 1", PACKET(ORD1_V4, ORD1B_V4, SET(V4_TTL(1))),
	  FIRST_OF(SAME_PEER, HOP_LIMIT) },
	{ "IPv6 same peer with hop limit 1", PACKET(ORD1_V6, ORD1B_V6, SET(V6_HOP_LIMIT(1))),
	  FIRST_OF(SAME_PEER, HOP_LIMIT) },
	{ "IPv4 same peer, which has no counters", PACKET(LOST_V4, LOST_V4),
	  FIRST_OF(SAME_PEER, NO_COUNTER) },
	{ "IPv6 same peer, which has no counters", PACKET(LOST_V6, LOST_V6),
	  FIRST_OF(SAME_PEER, NO_COUNTER) },
	{ "IPv4 not allowed with TTL 1", PACKET(ORD1_V4, ORD2_V4, SET(V4_TTL(1))),
	  FIRST_OF(NOT_ALLOWED, HOP_LIMIT), .settings = RELAY_ONLY | STRICT },
	{ "IPv6 not allowed with hop limit 1", PACKET(ORD1_V6, ORD2_V6, SET(V6_HOP_LIMIT(1))),
	  FIRST_OF(NOT_ALLOWED, HOP_LIMIT), .settings = RELAY_ONLY | STRICT },
	{ "IPv4 not allowed and too big", PACKET(ORD1_V4, ORD2_V4, .size = 1500),
	  FIRST_OF(NOT_ALLOWED, TOO_BIG), .settings = RELAY_ONLY | STRICT },
	{ "IPv6 not allowed and too big", PACKET(ORD1_V6, ORD2_V6, .size = 1500),
	  FIRST_OF(NOT_ALLOWED, TOO_BIG), .settings = RELAY_ONLY | STRICT },
	{ "IPv4 TTL 1 and too big", PACKET(ORD1_V4, ORD2_V4, .size = 1500, SET(V4_TTL(1))),
	  FIRST_OF(HOP_LIMIT, TOO_BIG) },
	{ "IPv6 hop limit 1 and too big",
	  PACKET(ORD1_V6, ORD2_V6, .size = 1500, SET(V6_HOP_LIMIT(1))),
	  FIRST_OF(HOP_LIMIT, TOO_BIG) },
	{ "IPv4 TTL 1 and without counters", PACKET(ORD1_V4, LOST_V4, SET(V4_TTL(1))),
	  FIRST_OF(HOP_LIMIT, NO_COUNTER) },
	{ "IPv6 hop limit 1 and without counters",
	  PACKET(ORD1_V6, LOST_V6, SET(V6_HOP_LIMIT(1))), FIRST_OF(HOP_LIMIT, NO_COUNTER) },
	{ "IPv4 too big and without counters", PACKET(ORD1_V4, LOST_V4, .size = 1500),
	  FIRST_OF(TOO_BIG, NO_COUNTER) },
	{ "IPv6 too big and without counters", PACKET(ORD1_V6, LOST_V6, .size = 1500),
	  FIRST_OF(TOO_BIG, NO_COUNTER) },
};
/* clang-format on */

const struct rows rows_order = ROWS(table);
