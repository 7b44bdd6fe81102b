// SPDX-License-Identifier: Apache-2.0
/*
 * test_prefix_list.c - lists of networks as an operator writes them, and what an address is for.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/prefix_class.h"
#include "base/prefix_list.h"
#include "notation.h"

static const struct {
	const char *text;
	int err;
	const char *list;
} lists[] = {
	{ "10.0.0.0/8", 0, "10.0.0.0/8" },
	{ "10.0.0.0/8,fd00::/8", 0, "10.0.0.0/8 fd00::/8" },
	{ " 10.0.0.0/8 ,\tfd00::/8,, 192.0.2.1 ", 0, "10.0.0.0/8 fd00::/8 192.0.2.1/32" },
	{ "0.0.0.0/0 ::/0", 0, "0.0.0.0/0 ::/0" },
	{ "", -EINVAL, "" },
	{ " , ", -EINVAL, "" },
	{ "10.0.0.0/8 nonsense", -EINVAL, "" },
	{ "10.0.0.0/8;fd00::/8", -EINVAL, "" },
	{ "10.0.0.0/33", -ERANGE, "" },
	{ "10.0.0.1/8", -EADDRNOTAVAIL, "" },
	{ "fd00::1/8", -EADDRNOTAVAIL, "" },
	{ "1234567890123456789012345678901234567890123456789012345678901234567890", -EINVAL, "" },
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(lists); i++) {
		struct prefix_list list = {};
		char text[NOTATION_TEXT_MAX] = "", one[PREFIX_TEXT_MAX];
		int err = prefix_list_parse(lists[i].text, &list);

		for (size_t k = 0; k < list.n; k++) {
			strcat(text, k ? " " : "");
			strcat(text, prefix_format(&list.at[k], one));
		}
		if (err != lists[i].err || strcmp(text, lists[i].list) != 0)
			fail_msg("'%s': %d, '%s'", lists[i].text, err, text);
	}
}

static void test_too_many(void **state)
{
	char text[PREFIX_LIST_MAX * 16 + 16] = "";
	struct prefix_list list = {};

	(void)state;
	for (int i = 0; i < PREFIX_LIST_MAX; i++)
		strcat(text, "192.0.2.1,");
	assert_int_equal(prefix_list_parse(text, &list), 0);
	assert_int_equal(list.n, PREFIX_LIST_MAX);
	list.n = 0;
	strcat(text, "192.0.2.1");
	assert_int_equal(prefix_list_parse(text, &list), -E2BIG);
	assert_int_equal(list.n, 0);
}

static void test_covers(void **state)
{
	static const struct {
		const char *prefix;
		bool covered;
	} rows[] = {
		{ "10.1.0.0/16", true }, { "10.0.0.0/8", true }, { "8.0.0.0/7", false },
		{ "11.0.0.1", false },   { "fd00::1", true },    { "fd00::/7", false },
		{ "::/0", false },       { "0.0.0.0/0", false },
	};
	struct prefix_list list;

	(void)state;
	assert_int_equal(prefix_list_parse("10.0.0.0/8,fd00::/8", &list), 0);
	for (size_t i = 0; i < N(rows); i++) {
		struct prefix prefix = {};

		/* Some of them no file could hold. */
		if (prefix_parse(rows[i].prefix, &prefix))
			continue;
		if (prefix_list_covers(&list, &prefix) != rows[i].covered)
			fail_msg("%s", rows[i].prefix);
	}
}

static void test_class(void **state)
{
	static const struct {
		const char *prefix;
		enum prefix_class class;
	} rows[] = {
		{ "8.8.8.8", PREFIX_GLOBAL },
		{ "2001:db8::1", PREFIX_GLOBAL },
		{ "0.0.0.0/0", PREFIX_GLOBAL },
		{ "::/0", PREFIX_GLOBAL },
		{ "10.255.0.1", PREFIX_PRIVATE },
		{ "172.31.255.255", PREFIX_PRIVATE },
		{ "172.32.0.0", PREFIX_GLOBAL },
		{ "192.168.0.0/16", PREFIX_PRIVATE },
		{ "192.168.0.0/15", PREFIX_GLOBAL },
		{ "100.127.255.255", PREFIX_PRIVATE },
		{ "100.128.0.0", PREFIX_GLOBAL },
		{ "fc00::1", PREFIX_PRIVATE },
		{ "fe00::1", PREFIX_GLOBAL },
		{ "200::1", PREFIX_PRIVATE },
		{ "3ff::1", PREFIX_PRIVATE },
		{ "400::1", PREFIX_GLOBAL },
		{ "0.1.2.3", PREFIX_UNSPECIFIED },
		{ "::", PREFIX_UNSPECIFIED },
		{ "127.0.0.53", PREFIX_LOOPBACK },
		{ "::1", PREFIX_LOOPBACK },
		{ "169.254.169.254", PREFIX_LINK_LOCAL },
		{ "fe80::9", PREFIX_LINK_LOCAL },
		{ "fec0::9", PREFIX_GLOBAL },
		{ "224.0.0.5", PREFIX_MULTICAST },
		{ "239.255.255.255", PREFIX_MULTICAST },
		{ "ff02::5", PREFIX_MULTICAST },
		{ "255.255.255.255", PREFIX_BROADCAST },
		{ "::ffff:10.0.0.1", PREFIX_MAPPED },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct prefix prefix = notation_prefix(rows[i].prefix);
		enum prefix_class class = prefix_class(&prefix);

		if (class != rows[i].class)
			fail_msg("%s: %d", rows[i].prefix, class);
		assert_int_equal(prefix_is_special(&prefix),
				 class != PREFIX_GLOBAL && class != PREFIX_PRIVATE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_covers),
		cmocka_unit_test(test_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
