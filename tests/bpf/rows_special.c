// SPDX-License-Identifier: Apache-2.0
/*
 * rows_special.c - address classes that are never forwarded, and their neighbours that are.
 *
 * One peer advertises everything (/0): only the class of the address can keep a packet back. A
 * neighbour goes to that peer, or comes from it.
 */
#include "fixture.h"

#define SPECIAL4(what, addr)                                                                     \
	{ "to " what " (" addr ")", PACKET(ORD1_V4, addr), LEFT(SPECIAL), MAPS("0.0.0.0/0=6") }, \
	{                                                                                        \
		"from " what " (" addr ")", PACKET(addr, ORD1_V4), LEFT(SPECIAL),                \
			MAPS("0.0.0.0/0=6")                                                      \
	}
#define PLAIN4(what, addr)                                                               \
	{ "to " what " (" addr ")", PACKET(ORD1_V4, addr), FORWARDED(ORD1, ANY),         \
	  MAPS("0.0.0.0/0=6") },                                                         \
	{                                                                                \
		"from " what " (" addr ")", PACKET(addr, ORD1_V4), FORWARDED(ANY, ORD1), \
			MAPS("0.0.0.0/0=6")                                              \
	}
#define SPECIAL6(what, addr)                                                                     \
	{ "to " what " (" addr ")", PACKET(ORD1_V6, addr), LEFT(SPECIAL), MAPS("::/0=6") },      \
	{                                                                                        \
		"from " what " (" addr ")", PACKET(addr, ORD1_V6), LEFT(SPECIAL), MAPS("::/0=6") \
	}
#define PLAIN6(what, addr)                                                                         \
	{ "to " what " (" addr ")", PACKET(ORD1_V6, addr), FORWARDED(ORD1, ANY), MAPS("::/0=6") }, \
	{                                                                                          \
		"from " what " (" addr ")", PACKET(addr, ORD1_V6), FORWARDED(ANY, ORD1),           \
			MAPS("::/0=6")                                                             \
	}

/* clang-format off */
static const struct row table[] = {
	SPECIAL4("the unspecified IPv4 address", "0.0.0.0"),
	SPECIAL4("the end of \"this network\"", "0.255.255.255"),
	PLAIN4("the first after \"this network\"", "1.0.0.0"),
	PLAIN4("the last before IPv4 loopback", "126.255.255.255"),
	SPECIAL4("the first of IPv4 loopback", "127.0.0.0"),
	SPECIAL4("localhost", "127.0.0.1"),
	SPECIAL4("the end of IPv4 loopback", "127.255.255.255"),
	PLAIN4("the first after IPv4 loopback", "128.0.0.0"),
	PLAIN4("the last before IPv4 link-local", "169.253.255.255"),
	SPECIAL4("the first of IPv4 link-local", "169.254.0.0"),
	SPECIAL4("a cloud's metadata service", "169.254.169.254"),
	SPECIAL4("the end of IPv4 link-local", "169.254.255.255"),
	PLAIN4("the first after IPv4 link-local", "169.255.0.0"),
	PLAIN4("the last unicast address", "223.255.255.255"),
	SPECIAL4("the first IPv4 multicast group", "224.0.0.0"),
	SPECIAL4("all IPv4 hosts", "224.0.0.1"),
	SPECIAL4("the last IPv4 multicast group", "239.255.255.255"),
	SPECIAL4("the first of class E", "240.0.0.0"),
	SPECIAL4("the last of class E", "255.255.255.254"),
	SPECIAL4("limited broadcast", "255.255.255.255"),
	PLAIN4("a shared address outside the VPC", "100.127.255.255"),
	PLAIN4("a private address", "10.0.0.1"),
	PLAIN4("a network's first address", "10.1.2.0"),
	PLAIN4("an address that ends as loopback begins", "10.1.2.127"),
	PLAIN4("an address that ends as multicast begins", "10.1.2.224"),
	PLAIN4("an address that ends with 255", "10.1.2.255"),
	PLAIN4("link-local in the wrong byte order", "10.1.254.169"),
	PLAIN4("a public address", "198.51.100.7"),

	SPECIAL6("the unspecified IPv6 address", "::"),
	SPECIAL6("IPv6 loopback", "::1"),
	SPECIAL6("an IPv4-compatible address", "::100.64.0.2"),
	SPECIAL6("an IPv4-mapped address", "::ffff:100.64.0.2"),
	SPECIAL6("the last of ::/80", "::ffff:ffff:ffff"),
	PLAIN6("the first after ::/80", "0:0:0:0:1::"),
	PLAIN6("bit 79 set, all before it zero", "0:0:0:0:1::1"),
	PLAIN6("bit 64 set, all before it zero", "0:0:0:0:8000::1"),
	PLAIN6("bit 63 set, all before it zero", "0:0:0:1::1"),
	PLAIN6("bit 32 set, all before it zero", "0:0:8000::1"),
	PLAIN6("bit 31 set, all before it zero", "0:1::1"),
	PLAIN6("the NAT64 prefix", "64:ff9b::100.64.0.2"),
	PLAIN6("the last before IPv6 link-local", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
	SPECIAL6("the first of IPv6 link-local", "fe80::"),
	SPECIAL6("an IPv6 link-local address", "fe80::1"),
	SPECIAL6("the last of fe80::/64", "fe80::ffff:ffff:ffff:ffff"),
	SPECIAL6("the last of IPv6 link-local", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
	PLAIN6("the first of old site-local", "fec0::"),
	PLAIN6("the last before IPv6 multicast", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
	SPECIAL6("the first IPv6 multicast group", "ff00::"),
	SPECIAL6("all IPv6 nodes", "ff02::1"),
	SPECIAL6("a global IPv6 multicast group", "ff0e::101"),
	SPECIAL6("the last IPv6 address", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
	PLAIN6("link-local in the wrong byte order", "80fe::1"),
	PLAIN6("multicast in the wrong byte order", "2ff::1"),
	PLAIN6("a unique local address", "fd00::1"),
	PLAIN6("a global address", "2001:db8::1"),
};
/* clang-format on */

const struct rows rows_special = ROWS(table);
