// SPDX-License-Identifier: Apache-2.0
/*
 * rows_hops.c - TTL and hop limit: one less for each packet, the kernel answers when none is left.
 */
#include "fixture.h"

#define V4(ttl) PACKET(ORD1_V4, ORD2_V4, SET(V4_TTL(ttl)))
#define V6(limit) PACKET(ORD1_V6, ORD2_V6, SET(V6_HOP_LIMIT(limit)))

/* clang-format off */
static const struct row table[] = {
	{ "TTL 0 is for the kernel to answer", V4(0), LEFT(HOP_LIMIT) },
	{ "TTL 1 is for the kernel to answer", V4(1), LEFT(HOP_LIMIT) },
	{ "TTL 2 becomes 1", V4(2), FORWARDED(ORD1, ORD2) },
	{ "TTL 3 becomes 2", V4(3), FORWARDED(ORD1, ORD2) },
	{ "TTL 128 becomes 127", V4(128), FORWARDED(ORD1, ORD2) },
	{ "TTL 255 becomes 254", V4(255), FORWARDED(ORD1, ORD2) },
	{ "hop limit 0 is for the kernel to answer", V6(0), LEFT(HOP_LIMIT) },
	{ "hop limit 1 is for the kernel to answer", V6(1), LEFT(HOP_LIMIT) },
	{ "hop limit 2 becomes 1", V6(2), FORWARDED(ORD1, ORD2) },
	{ "hop limit 3 becomes 2", V6(3), FORWARDED(ORD1, ORD2) },
	{ "hop limit 128 becomes 127", V6(128), FORWARDED(ORD1, ORD2) },
	{ "hop limit 255 becomes 254", V6(255), FORWARDED(ORD1, ORD2) },
	{ "TTL 1 does not go out", V4(1), LEFT(HOP_LIMIT), .live = true },
	{ "hop limit 1 does not go out", V6(1), LEFT(HOP_LIMIT), .live = true },
	{ "TTL 2 really goes out", V4(2), FORWARDED(ORD1, ORD2), .live = true },
	{ "hop limit 2 really goes out", V6(2), FORWARDED(ORD1, ORD2), .live = true },
};
/* clang-format on */

const struct rows rows_hops = ROWS(table);
