// SPDX-License-Identifier: Apache-2.0
/*
 * test_tunnel_want.c - what the tunnel should hold for a list.
 *
 * Devices are written as in notation.h; 's' is the relay itself.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/tunnel_want.h"
#include "notation.h"

/* clang-format off */
static const struct {
	const char *name, *list;
	bool ipv4_only;
	const char *want; /* "peers | own table | main table | our addresses" */
} cases[] = {
	{ "nobody but the relay",      "s:10.0.0.9,200::9", false, "| | | 10.0.0.9/32 200::9/128" },
	{ "a device of both families", "s:10.0.0.9,200::9 a:10.0.0.1,200::1", false,
	  "a=10.0.0.1/32,200::1/128 | 10.0.0.1/32 200::1/128 | 10.0.0.1/32 200::1/128 | 10.0.0.9/32 200::9/128" },
	{ "single stack",              "s%48:10.0.0.9,200::9 a:10.0.0.1,200::1;fd00::/8,172.16.0.0/12", true,
	  "a=172.16.0.0/12,10.0.0.1/32 | 172.16.0.0/12 10.0.0.1/32 | 10.0.0.1/32 | 10.0.0.9/32" },
	{ "IPv6 alone",                "s%32:200::9 a:200::1;fd00::/8", false,
	  "a=fd00::/8,200::1/128 | fd00::/8 200::1/128 | 200::1/128 | 200::9/128" },
	{ "the VPC's range is no network of ours", "s%7:10.0.0.9,fd00::9 a:fd00::1", false,
	  "a=fd00::1/128 | fd00::1/128 | fd00::1/128 | 10.0.0.9/32 fd00::9/128" },
	{ "what is advertised is for spokes", "s:10.0.0.9 a:10.0.0.1;0.0.0.0/0,10.8.0.0/16,::/0,fd08::/16", false,
	  "a=0.0.0.0/0,10.8.0.0/16,10.0.0.1/32,::/0,fd08::/16 | 0.0.0.0/0 10.8.0.0/16 10.0.0.1/32 ::/0 fd08::/16 | 10.0.0.1/32 | 10.0.0.9/32" },
	{ "quarters of everything are", "s:10.0.0.9 a:10.0.0.1;0.0.0.0/2,64.0.0.0/2,128.0.0.0/2,192.0.0.0/2,2000::/3", false,
	  "a=0.0.0.0/2,64.0.0.0/2,128.0.0.0/2,192.0.0.0/2,10.0.0.1/32,2000::/3 | "
	  "0.0.0.0/2 64.0.0.0/2 128.0.0.0/2 192.0.0.0/2 10.0.0.1/32 2000::/3 | 10.0.0.1/32 | 10.0.0.9/32" },
	{ "a host that is advertised is no tunnel address", "s:10.0.0.9 a:10.0.0.1;10.0.0.53,fd00::53", false,
	  "a=10.0.0.1/32,10.0.0.53/32,fd00::53/128 | 10.0.0.1/32 10.0.0.53/32 fd00::53/128 | 10.0.0.1/32 | 10.0.0.9/32" },
	{ "tunnel addresses that are special", "s:127.0.0.9,10.0.0.9,fe80::9 a:127.0.0.1,169.254.169.254,224.0.0.5,0.0.0.1,255.255.255.255,::1,fe80::1,ff02::5,::ffff:10.0.0.1", false,
	  "a=0.0.0.1/32,127.0.0.1/32,169.254.169.254/32,224.0.0.5/32,255.255.255.255/32,::1/128,::ffff:10.0.0.1/128,fe80::1/128,ff02::5/128 | "
	  "0.0.0.1/32 127.0.0.1/32 169.254.169.254/32 224.0.0.5/32 255.255.255.255/32 ::1/128 ::ffff:10.0.0.1/128 fe80::1/128 ff02::5/128 | | 10.0.0.9/32" },
	{ "tunnel addresses of somebody on the Internet", "s:8.8.8.8,2001:db8:ff::1,100.64.0.9 a:8.8.4.4,2001:db8::1,100.64.0.1", false,
	  "a=8.8.4.4/32,100.64.0.1/32,2001:db8::1/128 | 8.8.4.4/32 100.64.0.1/32 2001:db8::1/128 | 100.64.0.1/32 | 100.64.0.9/32" },
	{ "just beside what is private", "s:10.0.0.9 a:11.0.0.1,172.32.0.1,192.169.0.1,100.128.0.1,100.63.255.255,400::1,fe00::1", false,
	  "a=11.0.0.1/32,100.63.255.255/32,100.128.0.1/32,172.32.0.1/32,192.169.0.1/32,400::1/128,fe00::1/128 | "
	  "11.0.0.1/32 100.63.255.255/32 100.128.0.1/32 172.32.0.1/32 192.169.0.1/32 400::1/128 fe00::1/128 | | 10.0.0.9/32" },
	{ "what two claim has one",    "s:10.0.0.9 b:10.0.0.1,10.0.0.2 a:10.0.0.1", false,
	  "a=10.0.0.1/32 b=10.0.0.2/32 | 10.0.0.1/32 10.0.0.2/32 | 10.0.0.1/32 10.0.0.2/32 | 10.0.0.9/32" },
	{ "our own address is nobody's", "s:10.0.0.9,200::9 a:10.0.0.9,200::9,10.0.0.1", false,
	  "a=10.0.0.1/32 | 10.0.0.1/32 | 10.0.0.1/32 | 10.0.0.9/32 200::9/128" },
	{ "what we advertise is no route", "s:10.0.0.9;10.7.0.0/16,fd07::/16 a:10.0.0.1;10.7.0.0/16", false,
	  "a=10.0.0.1/32 | 10.0.0.1/32 | 10.0.0.1/32 | 10.0.0.9/32" },
	{ "a device with nothing left is a peer", "s:10.0.0.9 a:10.0.0.9", false, "a= | | | 10.0.0.9/32" },
	{ "peers in the order of keys", "c:10.0.0.3 s:10.0.0.9 a:10.0.0.1 b:10.0.0.2", false,
	  "a=10.0.0.1/32 b=10.0.0.2/32 c=10.0.0.3/32 | 10.0.0.1/32 10.0.0.2/32 10.0.0.3/32 | "
	  "10.0.0.1/32 10.0.0.2/32 10.0.0.3/32 | 10.0.0.9/32" },
};

/* What the operator and the host say of the same list. */
static const struct {
	const char *name, *list;
	const char *ranges, *host_routes, *taken; /* prefixes with blanks between, or NULL */
	const char *others;                       /* as in conflicts[] */
	const char *host, *addresses;
	size_t left;
} limited[] = {
	{ "ranges that the operator names", "s:8.8.8.8,10.0.0.9 a:8.8.4.4,10.0.0.1", "8.8.0.0/16", NULL, NULL, "",
	  "8.8.4.4/32", "8.8.8.8/32", 2 },
	{ "IPv6 ranges that the operator names", "s:2001:db8::9,fd00::9 a:2001:db8::1,fd00::1", "2001:db8::/32", NULL, NULL, "",
	  "2001:db8::1/128", "2001:db8::9/128", 2 },
	{ "special stays special in them", "s:10.0.0.9 a:127.0.0.1,::1", "127.0.0.0/8 10.0.0.0/8 ::/8", NULL, NULL, "",
	  "", "10.0.0.9/32", 2 },
	{ "networks for the host", "s:10.0.0.9 a:10.0.0.1;10.8.0.0/16,10.9.0.0/16,fd08::/16,fd09::/16", NULL, "10.8.0.0/15 fd09::/16", NULL, "",
	  "10.8.0.0/16 10.9.0.0/16 10.0.0.1/32 fd09::/16", "10.0.0.9/32", 0 },
	{ "a wider one is not inside", "s:10.0.0.9 a:10.0.0.1;10.8.0.0/14,fd08::/14,0.0.0.0/0,::/0", NULL, "10.8.0.0/16 fd08::/16", NULL, "",
	  "10.0.0.1/32", "10.0.0.9/32", 0 },
	{ "gateway, name server and api-server", "s:10.0.0.9 a:10.0.0.1,10.0.0.53,fd00::53,fd00::1", NULL, NULL, "10.0.0.53/32 fd00::53/128", "",
	  "10.0.0.1/32 fd00::1/128", "10.0.0.9/32", 2 },
	{ "ours is one of them", "s:10.0.0.53,fd00::53,10.0.0.9 a:10.0.0.1", NULL, NULL, "10.0.0.53/32 fd00::53/128", "",
	  "10.0.0.1/32", "10.0.0.9/32", 2 },
	{ "also where host-routes has room", "s:10.0.0.9 a:10.0.0.1;10.0.0.53/32,fd00::53/128", NULL, "10.0.0.0/8 fd00::/8", "10.0.0.53/32 fd00::53/128", "",
	  "10.0.0.1/32", "10.0.0.9/32", 2 },
	{ "an address of this host", "s:10.0.0.9,fd00::9 a:10.0.0.1,fd00::1", NULL, NULL, NULL, "2:10.0.0.1/32 2:fd00::1/128",
	  "", "10.0.0.9/32 fd00::9/128", 2 },
	{ "hosts of another interface's subnet", "s:10.0.0.9 a:10.0.0.1,192.168.1.7,fd01::7", NULL, NULL, NULL, "2:192.168.1.1/24 2:fd01::1/64",
	  "10.0.0.1/32", "10.0.0.9/32", 2 },
	{ "a part of it", "s:10.0.0.9 a:10.0.0.1;192.168.1.128/25,fd01::8000:0/112", NULL, "192.168.0.0/16 fd00::/8", NULL, "2:192.168.1.1/24 2:fd01::1/64",
	  "10.0.0.1/32", "10.0.0.9/32", 2 },
	{ "more than it", "s:10.0.0.9 a:10.0.0.1;192.168.0.0/16,fd01::/32", NULL, "192.168.0.0/16 fd00::/8", NULL, "2:192.168.1.1/24 2:fd01::1/64",
	  "192.168.0.0/16 10.0.0.1/32 fd01::/32", "10.0.0.9/32", 0 },
	{ "our own interface is no other", "s:10.0.0.9,200::9 a:10.0.0.1,200::1", NULL, NULL, NULL, "7:10.0.0.9/8 7:200::9/64",
	  "10.0.0.1/32 200::1/128", "10.0.0.9/32 200::9/128", 0 },
	{ "a subnet that our address is in is a conflict", "s:10.0.0.9,200::9 a:10.0.0.1,200::1", NULL, NULL, NULL, "2:10.9.9.9/8 2:200::77/64",
	  "10.0.0.1/32 200::1/128", "10.0.0.9/32 200::9/128", 0 },
};

static const struct {
	const char *name, *list;
	const char *others; /* "IFINDEX:ADDRESS/LENGTH", with blanks between; ours is 7 */
	const char *conflict; /* "ours in theirs", or NULL */
} conflicts[] = {
	{ "no other address",          "s:100.64.0.1,200::1", "", NULL },
	{ "other ranges",              "s:100.64.0.1,200::1", "1:127.0.0.1/8 2:192.0.2.1/24 2:2001:db8::1/64 2:fe80::1/64", NULL },
	{ "on the tunnel itself",      "s:100.64.0.1,200::1", "7:100.64.0.1/32 7:200::1/64", NULL },
	{ "the same address",          "s:100.64.0.1", "2:100.64.0.1/32", "100.64.0.1 in 100.64.0.1/32" },
	{ "the same IPv6 address",     "s:200::1", "2:200::1/128", "200::1 in 200::1/128" },
	{ "a carrier's range",         "s:100.64.0.1,200::1", "2:100.100.3.4/10", "100.64.0.1 in 100.100.3.4/10" },
	{ "the same IPv6 range",       "s:100.64.0.1,200::1", "3:200::77/64", "200::1 in 200::77/64" },
	{ "just outside of the range", "s:100.128.0.1,200:0:0:1::1", "2:100.100.3.4/10 2:200::77/64", NULL },
	{ "a host of theirs in our range", "s:100.64.0.1,200::1", "2:200::2/128 2:100.64.0.2/32", NULL },
};
/* clang-format on */

static const struct tunnel_limits unlimited;

static const char *show(const struct tunnel_want *want, char text[static NOTATION_TEXT_MAX])
{
	char prefix[PREFIX_TEXT_MAX];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < want->device.n_peers; i++) {
		const struct wg_peer *peer = &want->device.peers[i];

		n += snprintf(text + n, NOTATION_TEXT_MAX - n, "%c=", peer->public_key[0]);
		for (size_t a = 0; a < peer->n_allowed; a++)
			n += snprintf(text + n, NOTATION_TEXT_MAX - n, "%s%s", a ? "," : "",
				      prefix_format(&peer->allowed[a], prefix));
		n += snprintf(text + n, NOTATION_TEXT_MAX - n, " ");
		assert_int_equal(peer->keepalive_s, 20);
	}
	for (int t = 0; t < TUNNEL_TABLE_COUNT; t++) {
		n += snprintf(text + n, NOTATION_TEXT_MAX - n, "%s|", t ? " " : "");
		for (size_t i = 0; i < want->routes[t].n; i++)
			n += snprintf(text + n, NOTATION_TEXT_MAX - n, " %s",
				      prefix_format(&want->routes[t].at[i], prefix));
	}
	n += snprintf(text + n, NOTATION_TEXT_MAX - n, " |");
	for (size_t i = 0; i < want->n_addresses; i++)
		n += snprintf(text + n, NOTATION_TEXT_MAX - n, " %s",
			      prefix_format(&want->addresses[i], prefix));
	return text;
}

static void make(const char *text, bool ipv6, const struct tunnel_limits *limits,
		 struct tunnel_want *ret)
{
	struct device_list list = notation_list(text);
	uint8_t self[WG_KEY_BYTES];
	struct desired_input input = { .list = &list, .self_key = self, .ipv6 = ipv6 };
	struct desired desired = {};

	memset(self, 's', sizeof(self));
	assert_int_equal(desired_build(&input, &desired), 0);
	assert_int_equal(tunnel_want_make(&desired, limits, ret), 0);
	desired_done(&desired);
	device_list_done(&list);
}

/* All have a keepalive from the beginning, or nobody has. */
static void test_keepalive_of_many(void **state)
{
	(void)state;
	for (size_t n = TUNNEL_KEEPALIVE_PEERS; n <= TUNNEL_KEEPALIVE_PEERS + 1; n++) {
		struct device *devices = calloc(n, sizeof(*devices));
		struct desired desired = { .devices = devices, .n_devices = n };
		bool many = n > TUNNEL_KEEPALIVE_PEERS;
		struct tunnel_want want = {};

		assert_int_equal(tunnel_want_make(&desired, &unlimited, &want), 0);
		assert_int_equal(want.device.n_peers, n);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(want.device.peers[i].any_keepalive, many);
			assert_int_equal(want.device.peers[i].keepalive_s, many ? 0 : 20);
		}
		tunnel_want_done(&want);
		free(devices);
	}
}

static void expect_sorted(const struct prefix_set *set)
{
	for (size_t r = 1; r < set->n; r++)
		assert_true(prefix_compare(&set->at[r - 1], &set->at[r]) < 0);
}

static void test_want(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct tunnel_want want = {};
		char text[NOTATION_TEXT_MAX];

		make(cases[i].list, !cases[i].ipv4_only, &unlimited, &want);
		if (strcmp(show(&want, text), cases[i].want) != 0)
			fail_msg("%s: %s", cases[i].name, text);
		expect_sorted(&want.routes[TUNNEL_OWN]);
		expect_sorted(&want.routes[TUNNEL_HOST]);
		tunnel_want_done(&want);
	}
}

/* "IFINDEX:ADDRESS/LENGTH", which has host bits and so is no prefix. */
static struct link_addr parse_addr(const char *word)
{
	const char *colon = strchr(word, ':'), *slash = strchr(word, '/');
	char text[PREFIX_TEXT_MAX] = "";
	struct link_addr addr = { .ifindex = atoi(word) };

	memcpy(text, colon + 1, slash - colon - 1);
	addr.addr = notation_prefix(text);
	addr.addr.bits = atoi(slash + 1);
	return addr;
}

static size_t parse_addrs(const char *text, struct link_addr *addrs)
{
	char copy[NOTATION_TEXT_MAX], *rest = copy;
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word; (word = strsep(&rest, " "));)
		if (*word)
			addrs[n++] = parse_addr(word);
	return n;
}

static void test_conflict(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(conflicts); i++) {
		char ours[PREFIX_TEXT_MAX], theirs[PREFIX_TEXT_MAX], text[160] = "";
		struct link_addr addrs[8];
		struct tunnel_limits limits = { .addrs = addrs, .ifindex = 7 };
		const struct prefix *address = NULL;
		const struct link_addr *other;
		struct tunnel_want want = {};

		limits.n_addrs = parse_addrs(conflicts[i].others, addrs);
		make(conflicts[i].list, true, &limits, &want);
		other = tunnel_want_conflict(&want, &limits, &address);
		if (other)
			snprintf(text, sizeof(text), "%s in %s", prefix_format_addr(address, ours),
				 prefix_format(&other->addr, theirs));
		if (strcmp(text, conflicts[i].conflict ?: "") != 0)
			fail_msg("%s: '%s'", conflicts[i].name, text);
		tunnel_want_done(&want);
	}
}

static const char *show_set(const struct prefix *at, size_t n, char text[static NOTATION_TEXT_MAX])
{
	char prefix[PREFIX_TEXT_MAX];
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		len += snprintf(text + len, NOTATION_TEXT_MAX - len, "%s%s", i ? " " : "",
				prefix_format(&at[i], prefix));
	return text;
}

/* Ours is 7. */
static void test_limits(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(limited); i++) {
		char text[NOTATION_TEXT_MAX];
		struct link_addr addrs[8];
		struct prefix_list taken = {};
		struct tunnel_limits limits = { .addrs = addrs, .ifindex = 7 };
		struct tunnel_want want = {};

		limits.n_addrs = parse_addrs(limited[i].others, addrs);
		if (limited[i].ranges)
			assert_int_equal(prefix_list_parse(limited[i].ranges, &limits.ranges), 0);
		if (limited[i].host_routes)
			assert_int_equal(
				prefix_list_parse(limited[i].host_routes, &limits.host_routes), 0);
		if (limited[i].taken)
			assert_int_equal(prefix_list_parse(limited[i].taken, &taken), 0);
		limits.taken = taken.at;
		limits.n_taken = taken.n;
		make(limited[i].list, true, &limits, &want);
		show_set(want.routes[TUNNEL_HOST].at, want.routes[TUNNEL_HOST].n, text);
		if (strcmp(text, limited[i].host) != 0)
			fail_msg("%s: main table: '%s'", limited[i].name, text);
		show_set(want.addresses, want.n_addresses, text);
		if (strcmp(text, limited[i].addresses) != 0)
			fail_msg("%s: addresses: '%s'", limited[i].name, text);
		if (want.left_own.n + want.left_routes.n != limited[i].left)
			fail_msg("%s: %zu and %zu left out", limited[i].name, want.left_own.n,
				 want.left_routes.n);
		assert_int_equal(!want.left_own.n, want.left_own.why == TUNNEL_LEFT_NONE);
		assert_int_equal(!want.left_routes.n, want.left_routes.why == TUNNEL_LEFT_NONE);
		tunnel_want_done(&want);
	}
}

/* A device's address where WireGuard reaches a peer; ours stays: a peer cannot take it. */
static void test_endpoints(void **state)
{
	struct prefix_list endpoints = {};
	struct tunnel_limits limits = { .ifindex = 7 };
	struct tunnel_want want = {};
	char text[NOTATION_TEXT_MAX];

	(void)state;
	assert_int_equal(prefix_list_parse("10.0.0.1/32 10.0.0.9/32 10.8.0.7/32 "
					   "fd00::1/128 fd00::9/128 fd08::7/128",
					   &endpoints),
			 0);
	assert_int_equal(prefix_list_parse("10.8.0.0/16 fd08::/16", &limits.host_routes), 0);
	limits.endpoints = (struct prefix_set){ endpoints.at, endpoints.n };
	make("s:10.0.0.9,fd00::9 a:10.0.0.1,10.0.0.2,fd00::1,fd00::2;10.8.0.7,10.8.0.0/24,fd08::7,"
	     "fd08::/64",
	     true, &limits, &want);
	assert_string_equal(show_set(want.routes[TUNNEL_HOST].at, want.routes[TUNNEL_HOST].n, text),
			    "10.8.0.0/24 10.0.0.2/32 fd08::/64 fd00::2/128");
	assert_int_equal(want.routes[TUNNEL_OWN].n, 8);
	assert_string_equal(show_set(want.addresses, want.n_addresses, text),
			    "10.0.0.9/32 fd00::9/128");
	assert_int_equal(want.left_routes.n, 4);
	assert_int_equal(want.left_routes.why, TUNNEL_LEFT_ENDPOINT);
	tunnel_want_done(&want);
}

/* A network that the operator has named, and that the host's own way to something lies in. */
static void test_networks_that_cover(void **state)
{
	static const struct {
		const char *name, *taken;
		size_t n_gateways;
		const char *others, *host;
		const char *left; /* NULL: none */
	} rows[] = {
		{ "a name server", "10.8.0.53/32 fd08::53/128", 0, "2:192.0.2.1/24",
		  "10.9.0.0/16 fd09::/16", "10.8.0.0/16: it covers 10.8.0.53, " },
		{ "IPv6 alone", "fd08::53/128", 0, "2:192.0.2.1/24",
		  "10.8.0.0/16 10.9.0.0/16 fd09::/16", "fd08::/16: it covers fd08::53, " },
		{ "gateways", "10.8.0.1/32 fd08::1/128", 2, "2:192.0.2.1/24",
		  "10.8.0.0/16 10.9.0.0/16 fd08::/16 fd09::/16", NULL },
		{ "a gateway that is a name server", "10.8.0.1/32 fd08::1/128 10.8.0.1/32", 2,
		  "2:192.0.2.1/24", "10.9.0.0/16 fd08::/16 fd09::/16",
		  "10.8.0.0/16: it covers 10.8.0.1, " },
		{ "a name server in a subnet that is more exact", "10.8.0.53/32 fd08::53/128", 0,
		  "2:10.8.0.7/24 2:fd08::7/64", "10.8.0.0/16 10.9.0.0/16 fd08::/16 fd09::/16",
		  NULL },
		{ "one beside it", "10.8.1.53/32 fd08:0:0:1::53/128", 0,
		  "2:10.8.0.7/24 2:fd08::7/64", "10.9.0.0/16 fd09::/16",
		  "10.8.0.0/16: it covers 10.8.1.53, " },
		{ "a subnet of ours", "10.8.0.53/32", 0, "7:10.8.0.7/24",
		  "10.9.0.0/16 fd08::/16 fd09::/16", "10.8.0.0/16: it covers 10.8.0.53, " },
		{ "the host itself", "10.8.0.7/32 fd08::7/128", 0, "2:10.8.0.7/32 2:fd08::7/128",
		  "10.8.0.0/16 10.9.0.0/16 fd08::/16 fd09::/16", NULL },
		{ "none of these", "10.10.0.53/32 fd10::53/128", 0, "2:192.0.2.1/24",
		  "10.8.0.0/16 10.9.0.0/16 fd08::/16 fd09::/16", NULL },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct link_addr addrs[8];
		struct prefix_list taken = {};
		struct tunnel_limits limits = { .addrs = addrs, .ifindex = 7 };
		struct tunnel_want want = {};
		char text[NOTATION_TEXT_MAX], left[TUNNEL_ERROR_MAX] = "";

		limits.n_addrs = parse_addrs(rows[i].others, addrs);
		for (const char *at = rows[i].taken; *at; at += strspn(at, " ")) {
			snprintf(text, sizeof(text), "%.*s", (int)strcspn(at, " "), at);
			taken.at[taken.n++] = notation_prefix(text);
			at += strcspn(at, " ");
		}
		limits.taken = taken.at;
		limits.n_taken = taken.n;
		limits.n_gateways = rows[i].n_gateways;
		assert_int_equal(prefix_list_parse("10.0.0.0/8 fd00::/8", &limits.host_routes), 0);
		/* What a list brings does not hide it. */
		make("s:10.0.0.9 a:8.8.8.8;10.8.0.0/16,10.9.0.0/16,fd08::/16,fd09::/16", true,
		     &limits, &want);
		show_set(want.routes[TUNNEL_HOST].at, want.routes[TUNNEL_HOST].n, text);
		if (strcmp(text, rows[i].host) != 0)
			fail_msg("%s: '%s'", rows[i].name, text);
		tunnel_left_text(&want.left_routes, left);
		if (rows[i].left && strncmp(left, rows[i].left, strlen(rows[i].left)) != 0)
			fail_msg("%s: '%s'", rows[i].name, left);
		if (!rows[i].left)
			assert_string_equal(left, "8.8.8.8: it lies outside of the tunnel ranges: "
						  "add its range to tunnel-ranges if it is right");
		tunnel_want_done(&want);
	}
}

#define LISTS 3000
#define DEVICES 12
#define PREFIXES 6

/* A fixed sequence, so that what fails fails again. */
static uint32_t draw(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Anything, but often what matters: special, private, whole halves, the host's own. */
static struct prefix draw_prefix(uint32_t *seed, const struct prefix_list *matters, bool host)
{
	struct prefix prefix = matters->at[draw(seed) % matters->n];
	uint8_t most = prefix.family == PREFIX_IPV4 ? 32 : 128;

	if (draw(seed) % 4 == 0)
		for (size_t i = 0; i < (prefix.family == PREFIX_IPV4 ? 4 : 16); i++)
			prefix.addr[i] = draw(seed);
	prefix.bits = host ? most : draw(seed) % 3 ? draw(seed) % (most + 1) : prefix.bits;
	prefix_mask(&prefix);
	return prefix;
}

static struct device_list draw_list(uint32_t *seed, const struct prefix_list *matters)
{
	struct device_list list = {};

	for (int d = 0; d < DEVICES; d++) {
		struct device device = {};
		uint32_t n_hosts = draw(seed) % PREFIXES, n_more = draw(seed) % PREFIXES;

		memset(device.public_key, d ? 'a' + d : 's', sizeof(device.public_key));
		device.name[0] = 'a' + d;
		assert_int_equal(device_list_add(&list, &device), 0);
		for (uint32_t i = 0; i < n_hosts + n_more; i++) {
			struct prefix prefix = draw_prefix(seed, matters, i < n_hosts);

			assert_int_equal(device_list_add_prefix(&list, &prefix), 0);
		}
		list.devices[list.n_devices - 1].n_addresses = n_hosts;
	}
	return list;
}

static bool is_address_of(const struct desired *desired, const struct prefix *prefix)
{
	for (size_t i = 0; i < desired->n_entries; i++)
		if (!prefix_compare(&desired->entries[i].prefix, prefix))
			return desired->entries[i].is_address &&
			       desired->entries[i].device != DESIRED_LOCAL;
	return false;
}

static bool is_allowed(const struct tunnel_limits *limits, const struct prefix *host)
{
	struct prefix_list private;

	assert_int_equal(prefix_list_parse("10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 "
					   "fc00::/7 200::/7",
					   &private),
			 0);
	if (!prefix_is_host(host) || !prefix_list_covers(&private, host))
		return false;
	for (size_t i = 0; i < limits->n_taken; i++)
		if (!prefix_compare(&limits->taken[i], host))
			return false;
	return true;
}

static bool is_local(const struct tunnel_limits *limits, const struct prefix *host)
{
	for (size_t i = 0; i < limits->n_addrs; i++) {
		struct prefix theirs = limits->addrs[i].addr;

		theirs.bits = theirs.family == PREFIX_IPV4 ? 32 : 128;
		if (!prefix_compare(&theirs, host))
			return true;
	}
	return false;
}

/*
 * Whatever a list says: the main table has host routes alone, each to a device's tunnel address
 * that is private and nobody else's, beside what host-routes covers; our addresses are hosts, and
 * as private.
 */
static void test_no_list_moves_the_host(void **state)
{
	struct prefix_list matters, taken;
	struct link_addr addrs[8];
	struct tunnel_limits limits = { .addrs = addrs, .ifindex = 7 };
	uint32_t seed = 20261130;
	uint8_t self[WG_KEY_BYTES];

	(void)state;
	memset(self, 's', sizeof(self));
	assert_int_equal(
		prefix_list_parse(
			"0.0.0.0/0 0.0.0.0/1 128.0.0.0/2 10.0.0.0/8 10.0.0.53 10.9.0.0/16 "
			"100.64.0.0/10 100.100.2.136 192.168.1.0/24 192.168.1.1 8.8.8.8 "
			"169.254.169.254 224.0.0.5 127.0.0.1 ::/0 2000::/3 fd00::/8 fd00::53 "
			"200::/7 2001:db8::1 fe80::9 ff02::5 ::1 ::ffff:10.0.0.1 fd01::/64",
			&matters),
		0);
	assert_int_equal(prefix_list_parse("10.0.0.53 100.100.2.136 fd00::53 2001:db8::1", &taken),
			 0);
	assert_int_equal(prefix_list_parse("10.9.0.0/16 fd09::/16", &limits.host_routes), 0);
	limits.taken = taken.at;
	limits.n_taken = taken.n;
	limits.n_addrs =
		parse_addrs("2:192.168.1.7/24 2:fd01::7/64 2:2001:db8::7/64 2:8.8.8.8/32", addrs);
	for (int i = 0; i < LISTS; i++) {
		struct device_list list = draw_list(&seed, &matters);
		struct desired_input input = { .list = &list, .self_key = self, .ipv6 = true };
		struct desired desired = {};
		struct tunnel_want want = {};
		char text[PREFIX_TEXT_MAX];

		assert_int_equal(desired_build(&input, &desired), 0);
		assert_int_equal(tunnel_want_make(&desired, &limits, &want), 0);
		for (size_t r = 0; r < want.routes[TUNNEL_HOST].n; r++) {
			const struct prefix *route = &want.routes[TUNNEL_HOST].at[r];

			if (is_local(&limits, route) ||
			    (!(is_address_of(&desired, route) && is_allowed(&limits, route)) &&
			     !prefix_list_covers(&limits.host_routes, route)))
				fail_msg("list %d: route to %s", i, prefix_format(route, text));
		}
		for (size_t a = 0; a < want.n_addresses; a++)
			if (!is_allowed(&limits, &want.addresses[a]))
				fail_msg("list %d: address %s", i,
					 prefix_format(&want.addresses[a], text));
		tunnel_want_done(&want);
		desired_done(&desired);
		device_list_done(&list);
	}
}

static void test_too_many_addresses(void **state)
{
	struct prefix addresses[TUNNEL_ADDRESSES_MAX + 1] = {};
	struct desired desired = { .self_addresses = addresses };
	struct tunnel_want want = {};

	(void)state;
	for (int i = 0; i <= TUNNEL_ADDRESSES_MAX; i++)
		addresses[i] = (struct prefix){ PREFIX_IPV4, 32, { 10, 0, 0, i } };
	desired.n_self_addresses = TUNNEL_ADDRESSES_MAX;
	assert_int_equal(tunnel_want_make(&desired, &unlimited, &want), 0);
	assert_int_equal(want.n_addresses, TUNNEL_ADDRESSES_MAX);
	tunnel_want_done(&want);
	desired.n_self_addresses++;
	assert_int_equal(tunnel_want_make(&desired, &unlimited, &want), -E2BIG);
	assert_int_equal(want.n_addresses, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_want),
		cmocka_unit_test(test_keepalive_of_many),
		cmocka_unit_test(test_conflict),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_networks_that_cover),
		cmocka_unit_test(test_no_list_moves_the_host),
		cmocka_unit_test(test_too_many_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
