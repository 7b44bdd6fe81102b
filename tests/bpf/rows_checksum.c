// SPDX-License-Identifier: Apache-2.0
/*
 * rows_checksum.c - the IPv4 header checksum: verified on the way in, right on the way out.
 *
 * The program adds 0x0100 to the old checksum with an end-around carry, as ip_decrease_ttl() does;
 * the expected bytes are summed from scratch (packet_forward()). 0x0000 and 0xffff in the field
 * stand for the same sum and both verify; senders write 0x0000.
 */
#include "fixture.h"

#define V4(...) PACKET(ORD1_V4, ORD2_V4, ##__VA_ARGS__)
#define OLD(checksum, ...) \
	V4(.choose_id = true, .old_checksum = (checksum), ##__VA_ARGS__), FORWARDED(ORD1, ORD2)

/* clang-format off */
static const struct row table[] = {
	{ "checksum 0000 becomes 0100", OLD(0x0000) },
	{ "checksum ffff, the other zero, becomes 0100 too", OLD(0xffff) },
	{ "checksum 0001 becomes 0101", OLD(0x0001) },
	{ "checksum 00fe becomes 01fe", OLD(0x00fe) },
	{ "checksum 00ff becomes 01ff", OLD(0x00ff) },
	{ "checksum 0100 becomes 0200", OLD(0x0100) },
	{ "checksum 7fff becomes 80ff", OLD(0x7fff) },
	{ "checksum 8000 becomes 8100", OLD(0x8000) },
	{ "checksum fdff becomes feff", OLD(0xfdff) },
	{ "checksum fe00 becomes ff00", OLD(0xfe00) },
	{ "checksum fefe becomes fffe", OLD(0xfefe) },
	{ "checksum feff becomes 0000, not ffff", OLD(0xfeff) },
	{ "checksum ff00 becomes 0001", OLD(0xff00) },
	{ "checksum ff01 becomes 0002", OLD(0xff01) },
	{ "checksum fffe becomes 00ff", OLD(0xfffe) },
	{ "checksum feff with TTL 2", OLD(0xfeff, SET(V4_TTL(2))) },
	{ "checksum ff00 with TTL 2", OLD(0xff00, SET(V4_TTL(2))) },
	{ "checksum feff with TTL 255", OLD(0xfeff, SET(V4_TTL(255))) },
	{ "checksum ffff with TTL 255", OLD(0xffff, SET(V4_TTL(255))) },
	{ "checksum ffff really goes out as 0100", OLD(0xffff), .live = true },
	{ "checksum feff really goes out as 0000", OLD(0xfeff), .live = true },
	{ "one bit of the checksum is wrong", V4(.wrong_checksum = true), LEFT(MALFORMED) },
	{ "checksum 0 where it is not right", V4(SET(V4_CHECKSUM(0))), LEFT(MALFORMED) },
	{ "checksum ffff where it is not right", V4(SET(V4_CHECKSUM(0xffff))), LEFT(MALFORMED) },
	{ "one bit of the checksum is wrong, really written", V4(.wrong_checksum = true),
	  LEFT(MALFORMED), .live = true },
	{ "one bit of the checksum is wrong, to the relay",
	  PACKET(ORD1_V4, OWN_V4, .wrong_checksum = true), LEFT(MALFORMED) },

	/* The right one for 100.64.0.1 > 100.64.0.2 with the usual fields is 0x81cd. */
	{ "the right checksum, written out", V4(SET(V4_CHECKSUM(0x81cd))), FORWARDED(ORD1, ORD2) },
	{ "checksum one too small", V4(SET(V4_CHECKSUM(0x81cc))), LEFT(MALFORMED) },
	{ "checksum one too large", V4(SET(V4_CHECKSUM(0x81ce))), LEFT(MALFORMED) },
	{ "checksum with the other byte order", V4(SET(V4_CHECKSUM(0xcd81))), LEFT(MALFORMED) },
	{ "TTL changed without the checksum", V4(SET(V4_CHECKSUM(0x81cd), V4_TTL(65))),
	  LEFT(MALFORMED) },
	{ "id changed without the checksum", V4(SET(V4_CHECKSUM(0x81cd), V4_ID(0x303a))),
	  LEFT(MALFORMED) },
	{ "DSCP changed without the checksum", V4(SET(V4_CHECKSUM(0x81cd), V4_TOS(0xb8))),
	  LEFT(MALFORMED) },
	{ "last address byte changed without the checksum",
	  V4(SET(V4_CHECKSUM(0x81cd), { 19, 1, 3 })), LEFT(MALFORMED) },
	{ "source byte changed without the checksum",
	  V4(SET(V4_CHECKSUM(0x81cd), { 15, 1, 2 })), LEFT(MALFORMED) },
	/* Source and destination exchanged add up to the same: no checksum can see that. */
	{ "addresses exchanged keep the checksum",
	  PACKET(ORD2_V4, ORD1_V4, SET(V4_CHECKSUM(0x81cd))), FORWARDED(ORD2, ORD1) },
	{ "a sum with several carries",
	  PACKET("223.255.255.254", ORD2_V4, SET(V4_ID(0xffff), V4_TOS(0xff), V4_TTL(255))),
	  FORWARDED(ANY, ORD2), MAPS("223.255.255.254=6") },
	{ "every checksum there is", OLD(0), .every_checksum = true },
};
/* clang-format on */

const struct rows rows_checksum = ROWS(table);
