// SPDX-License-Identifier: Apache-2.0
/*
 * test_tunnel_want.c - what the tunnel should hold for a list.
 *
 * Devices are written as in notation.h; 's' is the relay itself. The result is "peers | routes |
 * addresses".
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
	const char *want;
} cases[] = {
	{ "nobody but the relay",      "s:10.0.0.9,200::9", false, "| | 10.0.0.9/32 200::9/64" },
	{ "a device of both families", "s:10.0.0.9,200::9 a:10.0.0.1,200::1", false,
	  "a=10.0.0.1/32,200::1/128 | 10.0.0.1/32 200::1/128 | 10.0.0.9/32 200::9/64" },
	{ "single stack",              "s%48:10.0.0.9,200::9 a:10.0.0.1,200::1;fd00::/8,172.16.0.0/12", true,
	  "a=172.16.0.0/12,10.0.0.1/32 | 172.16.0.0/12 10.0.0.1/32 | 10.0.0.9/32" },
	{ "IPv6 alone",                "s%32:200::9 a:200::1;fd00::/8", false,
	  "a=fd00::/8,200::1/128 | fd00::/8 200::1/128 | 200::9/32" },
	{ "length of the VPC's range", "s%48:200::9 a%64:200::1", false, "a=200::1/128 | 200::1/128 | 200::9/48" },
	{ "default routes are no routes", "s:10.0.0.9 a:10.0.0.1;0.0.0.0/0,::/0", false,
	  "a=0.0.0.0/0,10.0.0.1/32,::/0 | 10.0.0.1/32 | 10.0.0.9/32" },
	{ "nor are its halves",        "s:10.0.0.9 a:10.0.0.1;128.0.0.0/1,8000::/1", false,
	  "a=128.0.0.0/1,10.0.0.1/32,8000::/1 | 10.0.0.1/32 | 10.0.0.9/32" },
	{ "its quarters are",          "s:10.0.0.9 a:10.0.0.1;64.0.0.0/2,4000::/2", false,
	  "a=64.0.0.0/2,10.0.0.1/32,4000::/2 | 64.0.0.0/2 10.0.0.1/32 4000::/2 | 10.0.0.9/32" },
	{ "what is never routed, IPv4", "s:10.0.0.9 a:10.0.0.1;127.0.0.0/8,127.1.0.0/16,224.0.0.0/4,239.1.1.1,169.254.7.0/24,0.0.0.0/8,0.1.0.0/16,255.255.255.255", false,
	  "a=224.0.0.0/4,0.0.0.0/8,127.0.0.0/8,0.1.0.0/16,127.1.0.0/16,169.254.7.0/24,10.0.0.1/32,239.1.1.1/32,255.255.255.255/32 | 10.0.0.1/32 | 10.0.0.9/32" },
	{ "what is never routed, IPv6", "s:10.0.0.9 a:200::1;::,::1,fe80::/64,ff02::/16,::ffff:10.0.0.0/104", false,
	  "a=ff02::/16,fe80::/64,::ffff:10.0.0.0/104,::/128,::1/128,200::1/128 | 200::1/128 | 10.0.0.9/32" },
	{ "what is just beside them",  "s:10.0.0.9 a:1.0.0.0/8,126.0.0.0/8,223.0.0.0/8,169.253.0.0/16,255.255.255.254,fec0::/10,fe00::/9,::2", false,
	  "a=1.0.0.0/8,126.0.0.0/8,223.0.0.0/8,169.253.0.0/16,255.255.255.254/32,fe00::/9,fec0::/10,::2/128 | "
	  "1.0.0.0/8 126.0.0.0/8 223.0.0.0/8 169.253.0.0/16 255.255.255.254/32 fe00::/9 fec0::/10 ::2/128 | 10.0.0.9/32" },
	{ "what two claim has one",    "s:10.0.0.9 b:10.0.0.1,10.0.0.2 a:10.0.0.1", false,
	  "a=10.0.0.1/32 b=10.0.0.2/32 | 10.0.0.1/32 10.0.0.2/32 | 10.0.0.9/32" },
	{ "our own address is nobody's", "s:10.0.0.9,200::9 a:10.0.0.9,200::9,10.0.0.1", false,
	  "a=10.0.0.1/32 | 10.0.0.1/32 | 10.0.0.9/32 200::9/64" },
	{ "what we advertise is no route", "s:10.0.0.9;10.7.0.0/16,fd07::/16 a:10.0.0.1;10.7.0.0/16", false,
	  "a=10.0.0.1/32 | 10.0.0.1/32 | 10.0.0.9/32" },
	{ "a device with nothing left is a peer", "s:10.0.0.9 a:10.0.0.9", false, "a= | | 10.0.0.9/32" },
	{ "peers in the order of keys", "c:10.0.0.3 s:10.0.0.9 a:10.0.0.1 b:10.0.0.2", false,
	  "a=10.0.0.1/32 b=10.0.0.2/32 c=10.0.0.3/32 | 10.0.0.1/32 10.0.0.2/32 10.0.0.3/32 | 10.0.0.9/32" },
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
	{ "a carrier's range",         "s:100.64.0.1,200::1", "2:100.100.3.4/10", "100.64.0.1 in 100.100.3.4/10" },
	{ "the same IPv6 range",       "s:100.64.0.1,200::1", "3:200::77/64", "200::1 in 200::77/64" },
	{ "just outside of the range", "s:100.128.0.1,200:0:0:1::1", "2:100.100.3.4/10 2:200::77/64", NULL },
	{ "a host of theirs in our range", "s:100.64.0.1,200::1", "2:200::2/128 2:100.64.0.2/32", NULL },
};
/* clang-format on */

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
	n += snprintf(text + n, NOTATION_TEXT_MAX - n, "|");
	for (size_t i = 0; i < want->n_routes; i++)
		n += snprintf(text + n, NOTATION_TEXT_MAX - n, " %s",
			      prefix_format(&want->routes[i], prefix));
	n += snprintf(text + n, NOTATION_TEXT_MAX - n, " |");
	for (size_t i = 0; i < want->n_addresses; i++)
		n += snprintf(text + n, NOTATION_TEXT_MAX - n, " %s",
			      prefix_format(&want->addresses[i], prefix));
	return text;
}

static void make(const char *text, bool ipv6, struct tunnel_want *ret)
{
	struct device_list list = notation_list(text);
	uint8_t self[WG_KEY_BYTES];
	struct desired_input input = { .list = &list, .self_key = self, .ipv6 = ipv6 };
	struct desired desired = {};

	memset(self, 's', sizeof(self));
	assert_int_equal(desired_build(&input, &desired), 0);
	assert_int_equal(tunnel_want_make(&desired, ret), 0);
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

		assert_int_equal(tunnel_want_make(&desired, &want), 0);
		assert_int_equal(want.device.n_peers, n);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(want.device.peers[i].any_keepalive, many);
			assert_int_equal(want.device.peers[i].keepalive_s, many ? 0 : 20);
		}
		tunnel_want_done(&want);
		free(devices);
	}
}

static void test_want(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct tunnel_want want = {};
		char text[NOTATION_TEXT_MAX];

		make(cases[i].list, !cases[i].ipv4_only, &want);
		if (strcmp(show(&want, text), cases[i].want) != 0)
			fail_msg("%s: %s", cases[i].name, text);
		for (size_t r = 1; r < want.n_routes; r++)
			assert_true(prefix_compare(&want.routes[r - 1], &want.routes[r]) < 0);
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

static void test_conflict(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(conflicts); i++) {
		char copy[NOTATION_TEXT_MAX], *rest = copy, ours[PREFIX_TEXT_MAX],
					      theirs[PREFIX_TEXT_MAX], text[160] = "";
		struct link_addr addrs[8];
		const struct prefix *address = NULL;
		const struct link_addr *other;
		struct tunnel_want want = {};
		size_t n = 0;

		snprintf(copy, sizeof(copy), "%s", conflicts[i].others);
		for (char *word; (word = strsep(&rest, " "));)
			if (*word)
				addrs[n++] = parse_addr(word);
		make(conflicts[i].list, true, &want);
		other = tunnel_want_conflict(&want, addrs, n, 7, &address);
		if (other)
			snprintf(text, sizeof(text), "%s in %s", prefix_format_addr(address, ours),
				 prefix_format(&other->addr, theirs));
		if (strcmp(text, conflicts[i].conflict ?: "") != 0)
			fail_msg("%s: '%s'", conflicts[i].name, text);
		tunnel_want_done(&want);
	}
}

/* Ours is 7; what is left of the routes. */
static void test_spare(void **state)
{
	static const struct {
		const char *name, *list, *others, *routes;
	} spared[] = {
		{ "nothing in the way", "s:10.0.0.9 a:10.0.0.1;10.1.0.0/16,fd01::/16",
		  "2:192.0.2.1/24 2:2001:db8::1/64", "10.1.0.0/16 10.0.0.1/32 fd01::/16" },
		{ "part of a subnet", "s:10.0.0.9 a:192.0.2.128/25,2001:db8::8000:0/112",
		  "2:192.0.2.1/24 2:2001:db8::1/64", "" },
		{ "the subnet itself", "s:10.0.0.9 a:192.0.2.0/24,2001:db8::/64",
		  "2:192.0.2.1/24 2:2001:db8::1/64", "" },
		{ "a gateway", "s:10.0.0.9 a:192.0.2.254,2001:db8::fe",
		  "2:192.0.2.1/24 2:2001:db8::1/64", "" },
		{ "more than a subnet", "s:10.0.0.9 a:192.0.0.0/16,2001:db8::/32",
		  "2:192.0.2.1/24 2:2001:db8::1/64", "192.0.0.0/16 2001:db8::/32" },
		{ "our own subnet", "s:10.0.0.9 a:10.0.0.1,200::1", "7:10.0.0.9/8 7:200::9/64",
		  "10.0.0.1/32 200::1/128" },
		{ "the subnet that our address is in", "s:10.0.0.9,200::9 a:10.0.0.1,200::1",
		  "2:10.9.9.9/8 2:200::77/64", "10.0.0.1/32 200::1/128" },
		{ "that one and another", "s:10.0.0.9,200::9 a:10.0.0.1,200::1,fd00::1,172.16.0.1",
		  "2:10.9.9.9/8 2:200::77/64 3:172.16.0.9/12 3:fd00::2/64",
		  "10.0.0.1/32 200::1/128" },
		{ "a lone address", "s:10.0.0.9 a:192.0.2.7,2001:db8::7",
		  "2:192.0.2.7/32 2:2001:db8::7/128", "192.0.2.7/32 2001:db8::7/128" },
	};

	(void)state;
	for (size_t i = 0; i < N(spared); i++) {
		char copy[NOTATION_TEXT_MAX], *rest = copy, text[NOTATION_TEXT_MAX] = "";
		char prefix[PREFIX_TEXT_MAX];
		struct tunnel_want want = {};
		struct link_addr addrs[8];
		size_t n = 0, len = 0, before;

		snprintf(copy, sizeof(copy), "%s", spared[i].others);
		for (char *word; (word = strsep(&rest, " "));)
			addrs[n++] = parse_addr(word);
		make(spared[i].list, true, &want);
		before = want.n_routes;
		tunnel_want_spare(&want, addrs, n, 7);
		for (size_t r = 0; r < want.n_routes; r++)
			len += snprintf(text + len, sizeof(text) - len, "%s%s", r ? " " : "",
					prefix_format(&want.routes[r], prefix));
		if (strcmp(text, spared[i].routes) != 0)
			fail_msg("%s: '%s'", spared[i].name, text);
		assert_int_equal(want.n_routes + want.n_spared, before);
		tunnel_want_done(&want);
	}
}

static void test_too_many_addresses(void **state)
{
	struct prefix addresses[TUNNEL_RECORD_ADDRESSES_MAX + 1] = {};
	struct desired desired = { .self_addresses = addresses };
	struct tunnel_want want = {};

	(void)state;
	for (int i = 0; i <= TUNNEL_RECORD_ADDRESSES_MAX; i++)
		addresses[i] = (struct prefix){ PREFIX_IPV4, 32, { 10, 0, 0, i } };
	desired.n_self_addresses = TUNNEL_RECORD_ADDRESSES_MAX;
	assert_int_equal(tunnel_want_make(&desired, &want), 0);
	assert_int_equal(want.n_addresses, TUNNEL_RECORD_ADDRESSES_MAX);
	tunnel_want_done(&want);
	desired.n_self_addresses++;
	assert_int_equal(tunnel_want_make(&desired, &want), -E2BIG);
	assert_int_equal(want.n_addresses, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_want),
		cmocka_unit_test(test_keepalive_of_many),
		cmocka_unit_test(test_conflict),
		cmocka_unit_test(test_spare),
		cmocka_unit_test(test_too_many_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
