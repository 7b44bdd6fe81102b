// SPDX-License-Identifier: Apache-2.0
/* test_device.c - the list of devices: what is added is there, up to the bounds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "notation.h"
#include "peers/device.h"

/* A prefix belongs to the device that was added last; what the caller wrote into the prefix
 * members of a device does not count. */
static void test_add(void **state)
{
	struct device device = { .name = "x", .first_prefix = 7, .n_prefixes = 9 };
	struct prefix prefix = notation_prefix("10.0.0.0/8");
	struct device_list list = {};
	char text[NOTATION_TEXT_MAX];

	(void)state;
	for (char key = 'a'; key <= 'c'; key++) {
		memset(device.public_key, key, sizeof(device.public_key));
		device.relay_only = key == 'b';
		device.n_addresses = key == 'c';
		assert_int_equal(device_list_add(&list, &device), 0);
		for (char i = 'a'; i < key; i++) {
			prefix.addr[0]++;
			assert_int_equal(device_list_add_prefix(&list, &prefix), 0);
		}
	}
	assert_string_equal(notation_show(&list, text), "a b!:;11.0.0.0/8 c:12.0.0.0/8;13.0.0.0/8");
	assert_string_equal(list.devices[2].name, "x");
	device_list_done(&list);
}

static void test_prefix_of_nobody(void **state)
{
	struct prefix prefix = notation_prefix("200::/64");
	struct device_list list = {};

	(void)state;
	assert_int_equal(device_list_add_prefix(&list, &prefix), -EINVAL);
	assert_int_equal(list.n_prefixes, 0);
	device_list_done(&list);
}

static void test_devices_max(void **state)
{
	struct device_list list = {};
	struct device device = {};

	(void)state;
	for (uint32_t i = 0; i < DEVICES_MAX; i++) {
		memcpy(device.public_key, &i, sizeof(i));
		if (device_list_add(&list, &device))
			fail_msg("device %u", i);
	}
	assert_int_equal(device_list_add(&list, &device), -E2BIG);
	assert_int_equal(list.n_devices, DEVICES_MAX);
	for (uint32_t i = 0; i < DEVICES_MAX; i++)
		if (memcmp(list.devices[i].public_key, &i, sizeof(i)) != 0)
			fail_msg("device %u is another one", i);
	device_list_done(&list);
}

static void test_prefixes_max(void **state)
{
	struct prefix prefix = { .family = PREFIX_IPV6, .bits = 128 };
	struct device_list list = {};
	struct device device = {};

	(void)state;
	for (uint32_t i = 0; i < DEVICE_PREFIXES_MAX; i++) {
		memcpy(prefix.addr, &i, sizeof(i));
		if (i % 64 == 0)
			assert_int_equal(device_list_add(&list, &device), 0);
		if (device_list_add_prefix(&list, &prefix))
			fail_msg("prefix %u", i);
	}
	assert_int_equal(device_list_add_prefix(&list, &prefix), -E2BIG);
	assert_int_equal(list.n_prefixes, DEVICE_PREFIXES_MAX);
	assert_int_equal(list.devices[1].first_prefix, 64);
	assert_int_equal(list.devices[list.n_devices - 1].n_prefixes, 64);
	device_list_done(&list);
}

static void test_done(void **state)
{
	struct device_list list = notation_list("a:10.0.0.1 b");

	(void)state;
	list.n_skipped = 3;
	device_list_done(&list);
	assert_null(list.devices);
	assert_null(list.prefixes);
	assert_int_equal(list.n_devices + list.n_prefixes + list.n_skipped, 0);
	device_list_done(&list);
}

static void test_label(void **state)
{
	struct device device = { .name = "edge-lte-3" };
	char text[DEVICE_NAME_MAX];

	(void)state;
	memset(device.public_key, 'a', sizeof(device.public_key));
	assert_string_equal(device_label(&device, text), "edge-lte-3");
	device.name[0] = '\0';
	assert_string_equal(device_label(&device, text),
			    "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=");
	memset(device.name, 'n', DEVICE_NAME_MAX - 1);
	assert_string_equal(device_label(&device, text), device.name);
}

/* In whatever order they were, however many at the end are out of order. */
static void test_sort(void **state)
{
	enum { MAX = 60 };
	struct device devices[MAX] = {};

	(void)state;
	srandom(7);
	for (int round = 0; round < 3000; round++) {
		size_t n = random() % (MAX + 1), n_sorted = random() % (n + 1);
		uint32_t sum = 0;

		for (size_t i = 0; i < n; i++) {
			size_t key = i < n_sorted ? i * 200 / MAX : (size_t)random() % 200;

			memset(devices[i].public_key, (int)key, sizeof(devices[i].public_key));
			devices[i].first_prefix = i;
		}
		device_sort(devices, n);
		for (size_t i = 0; i < n; i++) {
			const struct device *a = &devices[i ? i - 1 : 0], *b = &devices[i];
			int order = memcmp(a->public_key, b->public_key, WG_KEY_BYTES);

			assert_true(!i || order < 0 ||
				    (!order && a->first_prefix < b->first_prefix));
			sum += b->first_prefix;
		}
		assert_int_equal(sum, n ? n * (n - 1) / 2 : 0);
	}
}

/* Of one key the one that is newer comes first, wherever it is in the list. */
static void test_sort_one_key(void **state)
{
	static const uint64_t revisions[] = { 5, 0, 9, 7, 9 }, sorted[] = { 9, 9, 7, 5, 0 };
	struct device devices[N(revisions)] = {};

	(void)state;
	for (size_t i = 0; i < N(revisions); i++)
		devices[i] = (struct device){ .revision = revisions[i], .first_prefix = i };
	device_sort(devices, N(devices));
	for (size_t i = 0; i < N(sorted); i++)
		assert_int_equal(devices[i].revision, sorted[i]);
	assert_int_equal(devices[0].first_prefix, 2);
	assert_int_equal(devices[1].first_prefix, 4);
}

/* What is there stays, and the room is there. */
static void test_reserve(void **state)
{
	struct prefix prefix = notation_prefix("200::/64");
	struct device device = { .public_key = "a" };
	struct device_list list = {};
	const struct device *devices;
	const struct prefix *prefixes;

	(void)state;
	assert_int_equal(device_list_add(&list, &device), 0);
	assert_int_equal(device_list_reserve(&list, 1000, 2000), 0);
	assert_int_equal(device_list_reserve(&list, 1, 1), 0);
	assert_int_equal(list.n_devices, 1);
	assert_memory_equal(list.devices[0].public_key, device.public_key, WG_KEY_BYTES);
	devices = list.devices;
	prefixes = list.prefixes;
	for (int i = 1; i < 1000; i++)
		assert_int_equal(device_list_add(&list, &device), 0);
	for (int i = 0; i < 2000; i++)
		assert_int_equal(device_list_add_prefix(&list, &prefix), 0);
	assert_ptr_equal(list.devices, devices);
	assert_ptr_equal(list.prefixes, prefixes);
	device_list_done(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),         cmocka_unit_test(test_prefix_of_nobody),
		cmocka_unit_test(test_devices_max), cmocka_unit_test(test_prefixes_max),
		cmocka_unit_test(test_done),        cmocka_unit_test(test_label),
		cmocka_unit_test(test_sort),        cmocka_unit_test(test_sort_one_key),
		cmocka_unit_test(test_reserve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
