// SPDX-License-Identifier: Apache-2.0
/*
 * test_control_routes.c - routes that would take what goes to the control plane into the tunnel.
 *
 * Devices are written as in notation.h; 's' is the relay itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/control_routes.h"
#include "node/tunnel_want.h"
#include "nexodus/address_book.h"
#include "notation.h"

/* clang-format off */
static const struct {
	const char *name, *list;
	const char *addresses;
	const char *routes, *spared; /* "route:address:device", with blanks between */
} rows[] = {
	{ "nothing to spare", "s:10.0.0.9 a:10.0.0.1;10.1.0.0/16,fd01::/16", "",
	  "10.1.0.0/16 10.0.0.1/32 fd01::/16", "" },
	{ "nobody advertises it", "s:10.0.0.9 a:10.0.0.1;10.1.0.0/16,fd01::/16", "192.0.2.1 2001:db8::1",
	  "10.1.0.0/16 10.0.0.1/32 fd01::/16", "" },
	{ "somebody does", "s:10.0.0.9 a:10.0.0.1;192.0.2.0/24 b:200::2;2001:db8::/32",
	  "192.0.2.1 2001:db8::1", "10.0.0.1/32 200::2/128",
	  "192.0.2.0/24:192.0.2.1:a 2001:db8::/32:2001:db8::1:b" },
	{ "just beside it", "s:10.0.0.9 a:192.0.2.2/31,192.0.3.0/24,2001:db8::2/127,2001:db9::/32",
	  "192.0.2.1 2001:db8::1", "192.0.3.0/24 192.0.2.2/31 2001:db9::/32 2001:db8::2/127", "" },
	{ "first and last of a network", "s:10.0.0.9 a:192.0.2.0/24,2001:db8::/64",
	  "192.0.2.0 192.0.2.255 2001:db8::ffff:ffff:ffff:ffff", "",
	  "192.0.2.0/24:192.0.2.0:a 2001:db8::/64:2001:db8::ffff:ffff:ffff:ffff:a" },
	{ "the address itself", "s:10.0.0.9 a:192.0.2.1,2001:db8::1;192.0.2.2,2001:db8::2",
	  "192.0.2.1 192.0.2.2 2001:db8::1 2001:db8::2", "",
	  "192.0.2.1/32:192.0.2.1:a 192.0.2.2/32:192.0.2.2:a 2001:db8::1/128:2001:db8::1:a "
	  "2001:db8::2/128:2001:db8::2:a" },
	{ "networks in networks, by several", "s:10.0.0.9 a:10.0.0.1;192.0.0.0/8 b:192.0.2.0/24 c:192.0.2.128/25",
	  "192.0.2.129", "10.0.0.1/32",
	  "192.0.0.0/8:192.0.2.129:a 192.0.2.0/24:192.0.2.129:b 192.0.2.128/25:192.0.2.129:c" },
	{ "one for many addresses", "s:10.0.0.9 a:192.0.2.0/24", "192.0.2.1 192.0.2.2 192.0.2.3", "",
	  "192.0.2.0/24:192.0.2.1:a" },
	{ "quarters of everything", "s:10.0.0.9 a:0.0.0.0/2,64.0.0.0/2,128.0.0.0/2,192.0.0.0/2,::/2,4000::/2",
	  "8.8.8.8 203.0.113.1 2001:db8::1", "64.0.0.0/2 128.0.0.0/2 4000::/2",
	  "0.0.0.0/2:8.8.8.8:a 192.0.0.0/2:203.0.113.1:a ::/2:2001:db8::1:a" },
	{ "the other family's bits", "s:10.0.0.9 a:c000:201::/32", "192.0.2.1", "c000:201::/32", "" },
};

/* Which routes there are, for whom some are left out, and then for whom. */
static const struct {
	const char *routes, *before, *after;
	int still;
	const char *spared;
} changes[] = {
	{ "10.0.0.0/8 192.0.2.0/24", "192.0.2.1", "192.0.2.1", 1, "192.0.2.0/24:192.0.2.1:" },
	{ "10.0.0.0/8 192.0.2.0/24", "192.0.2.1", "192.0.2.1 203.0.113.1", 1, "192.0.2.0/24:192.0.2.1:" },
	{ "10.0.0.0/8 192.0.2.0/24", "192.0.2.1", "192.0.2.7", 1, "192.0.2.0/24:192.0.2.7:" },
	{ "10.0.0.0/8 192.0.2.0/24", "192.0.2.1", "", 0, NULL },
	{ "10.0.0.0/8 192.0.2.0/24", "192.0.2.1", "10.0.0.1 192.0.2.1", 0, NULL },
	{ "10.0.0.0/8 192.0.2.0/24", "", "203.0.113.1", 1, "" },
	{ "10.0.0.0/8 192.0.2.0/24", "", "10.255.255.255", 0, NULL },
	{ "fd00::/8 2001:db8::/32", "2001:db8::1", "2001:db8::2", 1, "2001:db8::/32:2001:db8::2:" },
	{ "fd00::/8 2001:db8::/32", "2001:db8::1", "2001:db9::2", 0, NULL },
	{ "fd00::/8 2001:db8::/32", "2001:db8::1", "2001:db8::1 fdff::1", 0, NULL },
	{ "", "", "192.0.2.1", 1, "" },
};
/* clang-format on */

static struct border_addresses addresses_of(const char *text)
{
	char copy[NOTATION_TEXT_MAX], *rest = copy;
	struct border_addresses set = {};

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word; (word = strsep(&rest, " ")) && *word;) {
		struct prefix address = notation_prefix(word);

		address_book_add(&set, &address);
	}
	return set;
}

static const char *show_spared(const struct control_routes *spared,
			       char text[static NOTATION_TEXT_MAX])
{
	char route[PREFIX_TEXT_MAX], address[PREFIX_TEXT_MAX];
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < spared->n; i++)
		len += snprintf(text + len, NOTATION_TEXT_MAX - len, "%s%s:%s:%.1s", i ? " " : "",
				prefix_format(&spared->at[i].route, route),
				prefix_format_addr(&spared->at[i].address, address),
				spared->at[i].device);
	return text;
}

static const char *show_routes(const struct tunnel_want *want, char text[static NOTATION_TEXT_MAX])
{
	char route[PREFIX_TEXT_MAX];
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < want->n_routes; i++)
		len += snprintf(text + len, NOTATION_TEXT_MAX - len, "%s%s", i ? " " : "",
				prefix_format(&want->routes[i], route));
	return text;
}

static void make(const char *text, struct desired *desired, struct tunnel_want *want)
{
	struct device_list list = notation_list(text);
	uint8_t self[WG_KEY_BYTES];
	struct desired_input input = { .list = &list, .self_key = self, .ipv6 = true };

	memset(self, 's', sizeof(self));
	assert_int_equal(desired_build(&input, desired), 0);
	assert_int_equal(tunnel_want_make(desired, want), 0);
	for (size_t i = 0; i < desired->n_devices; i++)
		snprintf(desired->devices[i].name, DEVICE_NAME_MAX, "%c",
			 desired->devices[i].public_key[0]);
	device_list_done(&list);
}

static void test_spare(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct border_addresses addresses = addresses_of(rows[i].addresses);
		struct control_routes spared = {};
		struct tunnel_want want = {};
		struct desired desired = {};
		char text[NOTATION_TEXT_MAX];
		size_t n_allowed = 0, n_routes;

		make(rows[i].list, &desired, &want);
		n_routes = want.n_routes;
		assert_int_equal(control_routes_spare(&want, &desired, &addresses, &spared), 0);
		if (strcmp(show_routes(&want, text), rows[i].routes) != 0)
			fail_msg("%s: routes %s", rows[i].name, text);
		if (strcmp(show_spared(&spared, text), rows[i].spared) != 0)
			fail_msg("%s: spared %s", rows[i].name, text);
		/* They are AllowedIPs all the same. */
		for (size_t p = 0; p < want.device.n_peers; p++)
			n_allowed += want.device.peers[p].n_allowed;
		assert_int_equal(n_allowed, n_routes);
		control_routes_done(&spared);
		tunnel_want_done(&want);
		desired_done(&desired);
	}
}

static void test_still(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(changes); i++) {
		struct border_addresses before = addresses_of(changes[i].before),
					after = addresses_of(changes[i].after);
		char list[NOTATION_TEXT_MAX], text[NOTATION_TEXT_MAX];
		struct control_routes spared = {};
		struct tunnel_want want = {};
		struct desired desired = {}, nobody = {};
		int still;

		snprintf(list, sizeof(list), "s:10.0.0.9 a:%s", changes[i].routes);
		for (char *c = list + strlen("s:10.0.0.9 a:"); *c; c++)
			*c = *c == ' ' ? ',' : *c;
		make(*changes[i].routes ? list : "s:10.0.0.9", &desired, &want);
		assert_int_equal(control_routes_spare(&want, &nobody, &before, &spared), 0);
		still = control_routes_still(&spared, want.routes, want.n_routes, &after);
		if (still != changes[i].still)
			fail_msg("'%s' after '%s': %d", changes[i].after, changes[i].before, still);
		if (still && strcmp(show_spared(&spared, text), changes[i].spared) != 0)
			fail_msg("'%s' after '%s': %s", changes[i].after, changes[i].before, text);
		control_routes_done(&spared);
		tunnel_want_done(&want);
		desired_done(&desired);
	}
}

static struct control_route route_of(const char *route, const char *device, bool is_said)
{
	struct control_route made = { .route = notation_prefix(route), .is_said = is_said };

	snprintf(made.device, sizeof(made.device), "%s", device);
	return made;
}

/* The same route of another device is news. */
static void test_said(void **state)
{
	struct control_route before[] = { route_of("10.0.0.0/8", "a", true),
					  route_of("11.0.0.0/8", "a", true),
					  route_of("fd00::/8", "b", true) };
	struct control_route now[] = { route_of("10.0.0.0/8", "a", false),
				       route_of("10.0.0.0/9", "a", false),
				       route_of("11.0.0.0/8", "b", false),
				       route_of("fd00::/8", "b", false) };
	struct control_routes old = { before, N(before) }, new = { now, N(now) };

	(void)state;
	control_routes_keep_said(&new, &old);
	assert_true(now[0].is_said);
	assert_false(now[1].is_said);
	assert_false(now[2].is_said);
	assert_true(now[3].is_said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spare),
		cmocka_unit_test(test_still),
		cmocka_unit_test(test_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
