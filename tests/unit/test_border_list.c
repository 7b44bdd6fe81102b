// SPDX-License-Identifier: Apache-2.0
/*
 * test_border_list.c - records between the processes: what the node takes, and what it refuses.
 *
 * A record is written "B" (begin), "Da!2" (device: key, relay-only, tunnel addresses),
 * "P10.0.0.1,200::1" (prefixes), "E1,2,3" (end: devices, prefixes, skipped), "X7" (kind 7); "^6"
 * behind it names the list. The node wants list 5, which is also the default.
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

#include "notation.h"
#include "peers/border_list.h"

#define WANT 5

/* clang-format off */
static const struct {
	const char *name, *records; /* each before the last is taken with 0 */
	int ret;
	const char *list;           /* when it is whole */
} cases[] = {
	{ "empty list",              "B E0,0,0",                        1, "" },
	{ "whole list",              "B Da!2 P10.0.0.1,200::1 Db Dc P10.0.0.0/8 E3,3,2", 1,
	  "a!:10.0.0.1/32,200::1/128 b c:;10.0.0.0/8" },
	{ "prefixes in two records", "B Da2 P10.0.0.1 P200::1,10.0.0.0/8 E1,3,0", 1, "a:10.0.0.1/32,200::1/128;10.0.0.0/8" },
	{ "all prefixes are addresses", "B Da3 P10.0.0.1 P200::1,10.0.0.2 Db1 P200::2 E2,4,0", 1,
	  "a:10.0.0.1/32,200::1/128,10.0.0.2/32 b:200::2/128" },
	{ "more addresses than prefixes, at the end",  "B Da Db2 P200::1 E2,1,0", -EPROTO, NULL },
	{ "more addresses than prefixes, another device", "B Da2 P10.0.0.1 Db",   -EPROTO, NULL },
	{ "address, but no prefix, at the end",        "B Da1 E1,0,0",            -EPROTO, NULL },
	{ "address, but no prefix, another device",    "B Da1 Db",                -EPROTO, NULL },
	{ "very many addresses",     "B Da4294967295 P10.0.0.1 E1,1,0",   -EPROTO, NULL },
	{ "addresses of another device", "B Da P10.0.0.1,10.0.0.2 Db1 E2,2,0", -EPROTO, NULL },
	{ "older list is skipped",   "B^4 Db^4 E9,9,9^4 B Da X9^3 D^0 E1,0,0", 1, "a" },
	{ "older list begins in between", "B Da1 B^4 P10.0.0.1 E1,1,0", 1, "a:10.0.0.1/32" },
	{ "the end of a list is missing", "B^4 Da^4 B Db E1,0,0",         1, "b" },
	{ "newer list begins",       "B^6",                             -EPROTO, NULL },
	{ "newer device",            "B Da^6",                          -EPROTO, NULL },
	{ "newer end",               "B E0,0,0^6",                      -EPROTO, NULL },
	{ "device before the beginning", "Da",                          -EPROTO, NULL },
	{ "prefixes before the beginning", "P10.0.0.1",                 -EPROTO, NULL },
	{ "end before the beginning", "E0,0,0",                         -EPROTO, NULL },
	{ "prefixes before a device", "B P10.0.0.1",                    -EPROTO, NULL },
	{ "one device too few",      "B Da E2,0,0",                     -EPROTO, NULL },
	{ "one device too many",     "B Da Db E1,0,0",                  -EPROTO, NULL },
	{ "one prefix too few",      "B Da P10.0.0.1 E1,2,0",           -EPROTO, NULL },
	{ "one prefix too many",     "B Da P10.0.0.1,10.0.0.2 E1,1,0",  -EPROTO, NULL },
	{ "counts change places",    "B Da E0,1,0",                     -EPROTO, NULL },
	{ "list begins twice",       "B Da B",                          -EPROTO, NULL },
	{ "file from the source",    "B X1",                            -EPROTO, NULL },
	{ "warning is not for here", "B X10",                           -EPROTO, NULL },
	{ "kind zero",               "B X0",                            -EPROTO, NULL },
	{ "kind beyond the last",    "B X15",                           -EPROTO, NULL },
	{ "kind very large",         "B X4294967295",                   -EPROTO, NULL },
	{ "unknown kind, no list",   "X15",                             -EPROTO, NULL },
};

/* One byte of a good device record is changed: where, to what. */
#define NAME(at) offsetof(struct border_record, device.name[0]) + (at)
#define FLAG(at) offsetof(struct border_record, device.relay_only) + (at)
static const struct {
	const char *name;
	size_t at;
	uint8_t byte;
	int ret;
} device_cases[] = {
	{ "nothing changed",             NAME(0),  'n',  0 },
	{ "empty name",                  NAME(0),  0,    0 },
	{ "name of 63 bytes",            NAME(62), 'x',  0 },
	{ "name is not terminated",      NAME(63), 'x',  -EPROTO },
	{ "escape character",            NAME(0),  27,   -EPROTO },
	{ "line feed in the middle",     NAME(31), '\n', -EPROTO },
	{ "unit separator at the end",   NAME(62), 31,   -EPROTO },
	{ "delete character",            NAME(5),  127,  -EPROTO },
	{ "blank is no control character", NAME(5), ' ', 0 },
	{ "byte behind the end",         NAME(40), 0,    -EPROTO },
	{ "relay-only",                  FLAG(0),  1,    0 },
	{ "relay-only is 2",             FLAG(0),  2,    -EPROTO },
	{ "relay-only is 256",           FLAG(1),  1,    -EPROTO },
	{ "relay-only is 2^31",          FLAG(3),  0x80, -EPROTO },
};

static const struct {
	const char *name;
	uint32_t n;
	struct prefix prefix; /* the last one; those before are good */
	int ret;
} prefix_cases[] = {
	{ "one IPv4 address",   1,  { 4, 32, { 10, 0, 0, 1 } }, 0 },
	{ "one IPv6 address",   1,  { 6, 128, { 2, 0, [15] = 1 } }, 0 },
	{ "twelve",             12, { 6, 8, { 2 } },     0 },
	{ "everything",         1,  { 4, 0, { 0 } },     0 },
	{ "none",               0,  { 4, 8, { 10 } },    -EPROTO },
	{ "thirteen",           13, { 4, 8, { 10 } },    -EPROTO },
	{ "very many",          UINT32_MAX, { 4, 8, { 10 } }, -EPROTO },
	{ "no family",          1,  { 0, 0, { 0 } },     -EPROTO },
	{ "family of a socket", 1,  { 10, 8, { 10 } },   -EPROTO },
	{ "IPv4 too long",      1,  { 4, 33, { 10 } },   -EPROTO },
	{ "IPv6 too long",      1,  { 6, 129, { 2 } },   -EPROTO },
	{ "IPv4 host bits",     1,  { 4, 8, { 10, 1 } }, -EPROTO },
	{ "IPv6 host bits",     1,  { 6, 8, { 2, 1 } },  -EPROTO },
	{ "bytes behind IPv4",  1,  { 4, 32, { 10, 0, 0, 1, 1 } }, -EPROTO },
	{ "last of twelve is bad", 12, { 6, 129, { 2 } }, -EPROTO },
};
/* clang-format on */

static struct border_record begin(void)
{
	return (struct border_record){ .kind = BORDER_LIST_BEGIN, .list = WANT };
}

static struct border_record device(char key)
{
	struct border_record record = { .kind = BORDER_DEVICE, .list = WANT };

	memset(record.device.public_key, key, sizeof(record.device.public_key));
	return record;
}

static struct border_record make_record(char *word)
{
	struct border_record record = { .list = WANT };
	char *list = strchr(word, '^'), *text = word + 1;
	unsigned int a, b, c;

	if (list) {
		*list = '\0';
		record.list = strtoul(list + 1, NULL, 10);
	}
	if (*word == 'B') {
		record.kind = BORDER_LIST_BEGIN;
	} else if (*word == 'D') {
		record.kind = BORDER_DEVICE;
		memset(record.device.public_key, word[1], sizeof(record.device.public_key));
		record.device.relay_only = word[1] && word[2] == '!';
		if (word[1])
			record.device.n_addresses =
				strtoul(word + 2 + record.device.relay_only, NULL, 10);
	} else if (*word == 'P') {
		record.kind = BORDER_PREFIXES_OF_DEVICE;
		for (char *prefix; (prefix = strsep(&text, ","));)
			record.prefixes.prefix[record.prefixes.n++] = notation_prefix(prefix);
	} else if (*word == 'E') {
		record.kind = BORDER_LIST_END;
		assert_int_equal(sscanf(text, "%u,%u,%u", &a, &b, &c), 3);
		record.end.n_devices = a;
		record.end.n_prefixes = b;
		record.end.n_skipped = c;
	} else {
		record.kind = strtoul(text, NULL, 10);
	}
	return record;
}

static void test_sequences(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		char copy[NOTATION_TEXT_MAX], *rest = copy, text[NOTATION_TEXT_MAX];
		struct border_list list = {};
		int ret = 0;

		snprintf(copy, sizeof(copy), "%s", cases[i].records);
		for (char *word; (word = strsep(&rest, " "));) {
			struct border_record record = make_record(word);

			ret = border_list_add(&list, &record, WANT);
			if (ret && rest)
				fail_msg("%s: %s gave %d", cases[i].name, word, ret);
		}
		if (ret != cases[i].ret)
			fail_msg("%s: %d", cases[i].name, ret);
		if (ret == 1 && strcmp(notation_show(&list.devices, text), cases[i].list) != 0)
			fail_msg("%s: %s", cases[i].name, text);
		border_list_done(&list);
	}
}

/* A list is taken once; a newer one replaces it. */
static void test_next_list(void **state)
{
	static char words[][16] = { "Da", "E1,0,0", "B", "B^6", "Db!^6", "E1,0,7^6" };
	static const int want[] = { 0, 1, -EPROTO, 0, 0, 1 };
	static const uint32_t number[] = { 5, 5, 5, 6, 6, 6 };
	struct border_record record = begin();
	struct border_list list = {};
	char text[NOTATION_TEXT_MAX];

	(void)state;
	assert_int_equal(border_list_add(&list, &record, WANT), 0);
	for (size_t i = 0; i < N(words); i++) {
		record = make_record(words[i]);
		assert_int_equal(border_list_add(&list, &record, number[i]), want[i]);
	}
	assert_string_equal(notation_show(&list.devices, text), "b!");
	assert_int_equal(list.devices.n_skipped, 7);
	border_list_done(&list);
	border_list_done(&list);
}

static void test_device_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(device_cases); i++) {
		struct border_record first = begin(), record = device('a');
		size_t at = device_cases[i].at;
		struct border_list list = {};
		int ret;

		/* A name that reaches up to the byte in question, unless that is behind the end. */
		memset(record.device.name, 'n', 40);
		if (at < FLAG(0) && device_cases[i].byte)
			memset(record.device.name, 'n', at - (NAME(0)));
		((uint8_t *)&record)[at] = device_cases[i].byte;
		if (at == NAME(0) && !device_cases[i].byte)
			memset(record.device.name, 0, sizeof(record.device.name));
		if (at == NAME(40))
			record.device.name[41] = 'x';
		assert_int_equal(border_list_add(&list, &first, WANT), 0);
		ret = border_list_add(&list, &record, WANT);
		if (ret != device_cases[i].ret || list.devices.n_devices != !ret)
			fail_msg("%s: %d", device_cases[i].name, ret);
		if (!ret && (strcmp(list.devices.devices->name, record.device.name) != 0 ||
			     list.devices.devices->relay_only != !!record.device.relay_only))
			fail_msg("%s: another device", device_cases[i].name);
		border_list_done(&list);
	}
}

static void test_low_order_keys(void **state)
{
	struct border_record first = begin(), record = device('\0');
	struct border_list list = {};

	(void)state;
	assert_int_equal(border_list_add(&list, &first, WANT), 0);
	assert_int_equal(border_list_add(&list, &record, WANT), -EPROTO);
	record.device.public_key[0] = 1; /* another low-order point */
	assert_int_equal(border_list_add(&list, &record, WANT), -EPROTO);
	record.device.public_key[WG_KEY_BYTES - 1] = 1;
	assert_int_equal(border_list_add(&list, &record, WANT), 0);
	border_list_done(&list);
}

static void test_prefix_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(prefix_cases); i++) {
		struct border_record first = begin(), second = device('a');
		struct border_record record = { .kind = BORDER_PREFIXES_OF_DEVICE, .list = WANT };
		struct border_list list = {};
		uint32_t n = prefix_cases[i].n;
		int ret;

		record.prefixes.n = n;
		for (uint32_t p = 0; p < BORDER_PREFIXES; p++)
			record.prefixes.prefix[p] = (struct prefix){ 4, 16, { 10, p } };
		if (n && n <= BORDER_PREFIXES)
			record.prefixes.prefix[n - 1] = prefix_cases[i].prefix;
		assert_int_equal(border_list_add(&list, &first, WANT), 0);
		assert_int_equal(border_list_add(&list, &second, WANT), 0);
		ret = border_list_add(&list, &record, WANT);
		if (ret != prefix_cases[i].ret)
			fail_msg("%s: %d", prefix_cases[i].name, ret);
		if (!ret &&
		    (list.devices.n_prefixes != n ||
		     prefix_compare(&list.devices.prefixes[n - 1], &prefix_cases[i].prefix)))
			fail_msg("%s: another prefix", prefix_cases[i].name);
		border_list_done(&list);
	}
}

static void test_too_many(void **state)
{
	struct border_record record = begin(),
			     prefixes = { .kind = BORDER_PREFIXES_OF_DEVICE, .list = WANT };
	struct border_list list = {};

	(void)state;
	assert_int_equal(border_list_add(&list, &record, WANT), 0);
	record = device('a');
	for (int i = 0; i < DEVICES_MAX; i++)
		assert_int_equal(border_list_add(&list, &record, WANT), 0);
	prefixes.prefixes.n = 8;
	for (uint32_t p = 0; p < 8; p++)
		prefixes.prefixes.prefix[p] = (struct prefix){ 6, 128, { 2, p } };
	for (int i = 0; i < DEVICE_PREFIXES_MAX / 8; i++)
		assert_int_equal(border_list_add(&list, &prefixes, WANT), 0);
	assert_int_equal(border_list_add(&list, &prefixes, WANT), -E2BIG);
	assert_int_equal(border_list_add(&list, &record, WANT), -E2BIG);
	border_list_done(&list);
}

/* @times records of @number. Return: of the first that is not skipped. */
static int send_older(struct border_list *list, uint32_t number, uint32_t times, uint32_t want)
{
	struct border_record record = { .kind = BORDER_WARNING, .list = number };
	int ret = 0;

	for (uint32_t i = 0; !ret && i < times; i++)
		ret = border_list_add(list, &record, want);
	return ret;
}

/* A source may end the lists that it was asked for before; it cannot keep us busy with them. */
static void test_older_lists(void **state)
{
	struct border_record record = make_record((char[]){ "B^8" });
	struct border_list list = {};

	(void)state;
	assert_int_equal(send_older(&list, 5, BORDER_RECORDS_OF_LIST_MAX, 6), 0);
	assert_int_equal(send_older(&list, 5, 1, 6), -EPROTO);
	border_list_done(&list);

	/* Asked for 5 first, then for more and more. */
	assert_int_equal(send_older(&list, 4, 1, 5), 0);
	for (uint32_t number = 5; number < 8; number++)
		assert_int_equal(send_older(&list, number, BORDER_RECORDS_OF_LIST_MAX, 8), 0);
	assert_int_equal(border_list_add(&list, &record, 8), 0);
	assert_int_equal(send_older(&list, 6, 1, 8), -EPROTO);
	border_list_done(&list);

	/* A new source is asked for 900: it has no part in those before. */
	for (uint32_t number = 1; number < 900; number++)
		assert_int_equal(send_older(&list, number, 100, 900), 0);
	assert_int_equal(send_older(&list, 899, BORDER_RECORDS_OF_LIST_MAX - 899 * 100, 900), 0);
	assert_int_equal(send_older(&list, 899, 1, 900), -EPROTO);
	border_list_done(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequences),     cmocka_unit_test(test_next_list),
		cmocka_unit_test(test_device_fields), cmocka_unit_test(test_low_order_keys),
		cmocka_unit_test(test_prefix_fields), cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_older_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
