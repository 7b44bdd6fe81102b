// SPDX-License-Identifier: Apache-2.0
/*
 * rows_size.c - the MTU of the interface, which WireGuard itself does not keep on this path.
 */
#include "fixture.h"

#define V4(n, ...) PACKET(ORD1_V4, ORD2_V4, .size = (n), ##__VA_ARGS__)
#define V6(n, ...) PACKET(ORD1_V6, ORD2_V6, .size = (n), ##__VA_ARGS__)
#define HERE FORWARDED(ORD1, ORD2)
#define OVER_THERE FORWARDED(THERE(ORD1), THERE(ORD2)), .place = SECOND

/* clang-format off */
static const struct row table[] = {
	{ "IPv4 of 1280 bytes", V4(1280), HERE },
	{ "IPv6 of 1280 bytes", V6(1280), HERE },
	{ "IPv4 one below the MTU", V4(MTU_FIRST - 1), HERE },
	{ "IPv6 one below the MTU", V6(MTU_FIRST - 1), HERE },
	{ "IPv4 as large as the MTU", V4(MTU_FIRST), HERE },
	{ "IPv6 as large as the MTU", V6(MTU_FIRST), HERE },
	{ "IPv4 one above the MTU", V4(MTU_FIRST + 1), LEFT(TOO_BIG) },
	{ "IPv6 one above the MTU", V6(MTU_FIRST + 1), LEFT(TOO_BIG) },
	{ "IPv4 above the MTU, do not fragment", V4(MTU_FIRST + 1, SET(V4_FRAGMENT(0x4000))),
	  LEFT(TOO_BIG) },
	{ "IPv4 of 1500 bytes", V4(1500), LEFT(TOO_BIG) },
	{ "IPv6 of 1500 bytes", V6(1500), LEFT(TOO_BIG) },
	{ "IPv4 of 3000 bytes", V4(3000), LEFT(TOO_BIG) },
	{ "IPv6 of 3000 bytes", V6(3000), LEFT(TOO_BIG) },
	{ "IPv4 of 1421 bytes through a larger MTU", V4(1421), OVER_THERE },
	{ "IPv6 of 1421 bytes through a larger MTU", V6(1421), OVER_THERE },
	{ "IPv4 of 1500 bytes through a larger MTU", V4(1500), OVER_THERE },
	{ "IPv6 of 1500 bytes through a larger MTU", V6(1500), OVER_THERE },
	{ "IPv4 of 3000 bytes through a larger MTU", V4(3000), OVER_THERE },
	{ "IPv6 of 3000 bytes through a larger MTU", V6(3000), OVER_THERE },

	{ "IPv4 as large as the MTU really goes out", V4(MTU_FIRST), HERE, .live = true },
	{ "IPv6 as large as the MTU really goes out", V6(MTU_FIRST), HERE, .live = true },
	{ "IPv4 one above the MTU does not go out", V4(MTU_FIRST + 1), LEFT(TOO_BIG),
	  .live = true },
	{ "IPv6 one above the MTU does not go out", V6(MTU_FIRST + 1), LEFT(TOO_BIG),
	  .live = true },
	/* The linear part of a packet larger than a page is one byte: see device_send(). */
	{ "IPv4 of 9000 bytes with one byte linear", V4(MTU_SECOND), OVER_THERE, .live = true },
	{ "IPv6 of 9000 bytes with one byte linear", V6(MTU_SECOND), OVER_THERE, .live = true },
	{ "IPv4 of 9001 bytes with one byte linear", V4(MTU_SECOND + 1), LEFT(TOO_BIG),
	  .place = SECOND, .live = true },
	{ "IPv6 of 9001 bytes with one byte linear", V6(MTU_SECOND + 1), LEFT(TOO_BIG),
	  .place = SECOND, .live = true },
	{ "IPv4 of 65535 bytes", V4(65535), LEFT(TOO_BIG), .live = true },
	{ "IPv6 of 65535 bytes", V6(65535), LEFT(TOO_BIG), .live = true },
	{ "IPv6 of 65575 bytes, the longest there is", V6(65575), LEFT(TOO_BIG), .live = true },
	{ "IPv4 of 9000 bytes to nobody", PACKET(ORD1_V4, NOBODY_V4, .size = 9000),
	  LEFT(UNKNOWN_DST), .place = SECOND, .live = true },
	{ "IPv6 of 9000 bytes to nobody", PACKET(ORD1_V6, NOBODY_V6, .size = 9000),
	  LEFT(UNKNOWN_DST), .place = SECOND, .live = true },
};
/* clang-format on */

const struct rows rows_size = ROWS(table);
