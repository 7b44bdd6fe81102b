// SPDX-License-Identifier: Apache-2.0
/* test_interface_list.c - the peers of an interface as a device list. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/interface_list.h"
#include "notation.h"

/* clang-format off */
static const struct {
	const char *name, *one, *other;
	bool same;
} cases[] = {
	{ "two empty lists",        "",                       "",                       true },
	{ "the same",               "a:10.0.0.1,200::1 b",    "a:10.0.0.1,200::1 b",    true },
	{ "one device more",        "a",                      "a b",                    false },
	{ "one prefix more",        "a:10.0.0.1",             "a:10.0.0.1,200::1",      false },
	{ "another key",            "a:10.0.0.1",             "b:10.0.0.1",             false },
	{ "another IPv4 address",   "a:10.0.0.1",             "a:10.0.0.2",             false },
	{ "another IPv6 address",   "a:200::1",               "a:200::2",               false },
	{ "another length",         "a:10.0.0.0/8",           "a:10.0.0.0/9",           false },
	{ "another order of devices", "a b",                  "b a",                    false },
	{ "another order of prefixes", "a:10.0.0.1,10.0.0.2", "a:10.0.0.2,10.0.0.1",    false },
	{ "prefix of the next device", "a:10.0.0.1,10.0.0.2 b", "a:10.0.0.1 b:10.0.0.2", false },
	{ "the same with networks", "a:10.0.0.1;200::/64",    "a:10.0.0.1;200::/64",    true },
	{ "address or advertised",  "a:10.0.0.1,10.0.0.2",    "a:10.0.0.1;10.0.0.2",    false },
	{ "the last prefix differs", "a:10.0.0.1 b:200::1",   "a:10.0.0.1 b:200::2",    false },
};
/* clang-format on */

static void test_is_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct device_list one = notation_list(cases[i].one);
		struct device_list other = notation_list(cases[i].other);

		if (interface_list_is_same(&one, &other) != cases[i].same ||
		    interface_list_is_same(&other, &one) != cases[i].same)
			fail_msg("%s", cases[i].name);
		device_list_done(&one);
		device_list_done(&other);
	}
}

/* The interface's own identity comes first, without addresses; peers keep their order, and of their
 * AllowedIPs the hosts, which come first, and the networks theirs. */
static void test_make(void **state)
{
	struct prefix both[] = { notation_prefix("10.0.0.0/8"), notation_prefix("200::/64") };
	struct prefix mixed[] = { notation_prefix("10.0.0.0/8"), notation_prefix("10.0.0.1"),
				  notation_prefix("200::/64"), notation_prefix("200::1"),
				  notation_prefix("10.0.0.2") };
	struct wg_peer peers[] = {
		{ .allowed = both, .n_allowed = 2 },
		{ .allowed = mixed, .n_allowed = N(mixed) },
		{ .n_allowed = 0 },
		{ .allowed = both + 1, .n_allowed = 1 },
	};
	struct wg_device device = { .peers = peers, .n_peers = N(peers) };
	struct device_list list = {};
	char text[NOTATION_TEXT_MAX];

	(void)state;
	memset(device.public_key, 's', sizeof(device.public_key));
	for (size_t i = 0; i < N(peers); i++)
		memset(peers[i].public_key, 'd' - (int)i, sizeof(peers[i].public_key));
	assert_int_equal(interface_list_make(&device, &list), 0);
	assert_string_equal(
		notation_show(&list, text),
		"s d:;10.0.0.0/8,200::/64 "
		"c:10.0.0.1/32,200::1/128,10.0.0.2/32;10.0.0.0/8,200::/64 b a:;200::/64");
	for (size_t i = 0; i < list.n_devices; i++)
		assert_string_equal(list.devices[i].name, "");
	device_list_done(&list);
	device.n_peers = 0;
	assert_int_equal(interface_list_make(&device, &list), 0);
	assert_string_equal(notation_show(&list, text), "s");
	device_list_done(&list);
}

/* One peer more than a list may have, counting ourselves: nothing of it stays. */
static void test_too_many(void **state)
{
	struct wg_device device = { .peers = calloc(DEVICES_MAX, sizeof(*device.peers)) };
	struct device_list list = {};

	(void)state;
	assert_non_null(device.peers);
	device.n_peers = DEVICES_MAX - 1;
	assert_int_equal(interface_list_make(&device, &list), 0);
	assert_int_equal(list.n_devices, DEVICES_MAX);
	device_list_done(&list);
	device.n_peers = DEVICES_MAX;
	assert_int_equal(interface_list_make(&device, &list), -E2BIG);
	assert_null(list.devices);
	assert_int_equal(list.n_devices, 0);
	free(device.peers);
}

static void test_no_interface(void **state)
{
	struct device_list list = {};

	(void)state;
	assert_int_not_equal(interface_list_read("no-such-wg", &list), 0);
	assert_int_equal(list.n_devices, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_same),
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_no_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
