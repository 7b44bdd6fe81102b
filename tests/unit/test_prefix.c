// SPDX-License-Identifier: Apache-2.0
/* test_prefix.c - addresses with a prefix length: text, rules, order. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prefix.h"

/* clang-format off */
static const struct {
	const char *name, *text;
	int err;
	const char *again; /* text form of what was read */
} parse_cases[] = {
	{ "IPv4 host",                       "100.64.0.1",          0, "100.64.0.1/32" },
	{ "IPv6 host",                       "200::1",              0, "200::1/128" },
	{ "IPv4 prefix",                     "10.0.0.0/8",          0, "10.0.0.0/8" },
	{ "IPv6 prefix",                     "200::/64",            0, "200::/64" },
	{ "IPv4 prefix ends inside a byte",  "10.32.0.0/11",        0, "10.32.0.0/11" },
	{ "IPv6 prefix ends inside a byte",  "2001:db8:8000::/33",  0, "2001:db8:8000::/33" },
	{ "IPv4 everything",                 "0.0.0.0/0",           0, "0.0.0.0/0" },
	{ "IPv6 everything",                 "::/0",                0, "::/0" },
	{ "IPv4 explicit host",              "10.1.2.3/32",         0, "10.1.2.3/32" },
	{ "IPv6 explicit host",              "fe80::1/128",         0, "fe80::1/128" },
	{ "IPv6 is shortened",               "2001:DB8:0:0::0:1",   0, "2001:db8::1/128" },
	{ "IPv4 in IPv6 is IPv6",            "::ffff:10.0.0.1",     0, "::ffff:10.0.0.1/128" },
	{ "IPv4 host bits",                  "10.0.0.1/8",          -EADDRNOTAVAIL, NULL },
	{ "IPv6 host bits",                  "200::1/64",           -EADDRNOTAVAIL, NULL },
	{ "IPv4 host bit next to the prefix","10.32.0.0/10",        -EADDRNOTAVAIL, NULL },
	{ "IPv6 host bit next to the prefix","2001:db8:8000::/32",  -EADDRNOTAVAIL, NULL },
	{ "IPv4 host bits under /0",         "128.0.0.0/0",         -EADDRNOTAVAIL, NULL },
	{ "IPv6 host bits under /0",         "8000::/0",            -EADDRNOTAVAIL, NULL },
	{ "IPv4 length too large",           "10.0.0.0/33",         -ERANGE, NULL },
	{ "IPv6 length too large",           "200::/129",           -ERANGE, NULL },
	{ "length of three digits",          "10.0.0.0/999",        -ERANGE, NULL },
	{ "nothing",                         "",                    -EINVAL, NULL },
	{ "only a length",                   "/24",                 -EINVAL, NULL },
	{ "no length after the slash",       "10.0.0.0/",           -EINVAL, NULL },
	{ "negative length",                 "10.0.0.0/-1",         -EINVAL, NULL },
	{ "signed length",                   "10.0.0.0/+8",         -EINVAL, NULL },
	{ "length with leading zero",        "10.0.0.0/08",         -EINVAL, NULL },
	{ "length with blank",               "10.0.0.0/ 8",         -EINVAL, NULL },
	{ "length that would wrap around",   "10.0.0.0/4294967304", -EINVAL, NULL },
	{ "two slashes",                     "10.0.0.0/8/8",        -EINVAL, NULL },
	{ "blank in front",                  " 10.0.0.1",           -EINVAL, NULL },
	{ "blank behind",                    "10.0.0.1 ",           -EINVAL, NULL },
	{ "three numbers",                   "10.0.1",              -EINVAL, NULL },
	{ "octal look-alike",                "010.0.0.1",           -EINVAL, NULL },
	{ "number too large",                "10.0.0.256",          -EINVAL, NULL },
	{ "two double colons",               "200::1::2",           -EINVAL, NULL },
	{ "IPv6 with zone",                  "fe80::1%eth0",        -EINVAL, NULL },
	{ "IPv6 in brackets",                "[200::1]",            -EINVAL, NULL },
	{ "host name",                       "relay.example",       -EINVAL, NULL },
	{ "longer than any address",
	  "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", -EINVAL, NULL },
};

static const struct {
	const char *name;
	struct prefix prefix;
	int err;
} check_cases[] = {
	{ "IPv4",                    { .family = 4, .bits = 8, .addr = { 10 } },        0 },
	{ "IPv6",                    { .family = 6, .bits = 7, .addr = { 0xfe } },      0 },
	{ "no family",               { .family = 0, .bits = 0 },                        -EINVAL },
	{ "socket family",           { .family = 2, .bits = 0 },                        -EINVAL },
	{ "IPv4 too long",           { .family = 4, .bits = 33 },                       -ERANGE },
	{ "IPv6 too long",           { .family = 6, .bits = 129 },                      -ERANGE },
	{ "IPv4 host bits",          { .family = 4, .bits = 7, .addr = { 0xff } },      -EADDRNOTAVAIL },
	{ "IPv6 host bits",          { .family = 6, .bits = 7, .addr = { 0xff } },      -EADDRNOTAVAIL },
	{ "IPv4 rubbish behind",     { .family = 4, .bits = 32, .addr = { [15] = 1 } }, -EADDRNOTAVAIL },
	{ "IPv6 last bit of a host", { .family = 6, .bits = 128, .addr = { [15] = 1 } }, 0 },
};

/* In ascending order: family, length, address. */
static const char *const ordered[] = {
	"0.0.0.0/0", "10.0.0.0/8", "11.0.0.0/8", "10.0.0.0/16", "10.0.0.1", "10.0.0.2", "10.0.1.1",
	"::/0", "200::/64", "200:0:0:1::/64", "::1", "200::1", "200::2",
};
/* clang-format on */

#define N(array) (sizeof(array) / sizeof(*(array)))

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(parse_cases); i++) {
		struct prefix prefix, before;
		char text[PREFIX_TEXT_MAX];
		int err;

		memset(&prefix, 0xa5, sizeof(prefix));
		before = prefix;
		err = prefix_parse(parse_cases[i].text, &prefix);
		if (err != parse_cases[i].err)
			fail_msg("%s: %d", parse_cases[i].name, err);
		if (err && memcmp(&prefix, &before, sizeof(prefix)) != 0)
			fail_msg("%s: result was touched", parse_cases[i].name);
		if (!err && strcmp(prefix_format(&prefix, text), parse_cases[i].again) != 0)
			fail_msg("%s: read as %s", parse_cases[i].name, text);
	}
}

/* Host bits are all that is not refused. */
static void test_parse_masked(void **state)
{
	static const struct {
		const char *text, *again;
	} cases[] = {
		{ "192.168.50.1/24", "192.168.50.0/24" },
		{ "fd00:50::1/64", "fd00:50::/64" },
		{ "10.32.0.1/11", "10.32.0.0/11" },
		{ "2001:db8:8000::/32", "2001:db8::/32" },
		{ "128.0.0.0/0", "0.0.0.0/0" },
		{ "8000::/0", "::/0" },
		{ "10.1.2.3", "10.1.2.3/32" },
		{ "200::1/128", "200::1/128" },
	};
	struct prefix prefix;
	char text[PREFIX_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		assert_int_equal(prefix_parse_masked(cases[i].text, &prefix), 0);
		assert_string_equal(prefix_format(&prefix, text), cases[i].again);
	}
	for (size_t i = 0; i < N(parse_cases); i++)
		if (parse_cases[i].err != -EADDRNOTAVAIL)
			assert_int_equal(prefix_parse_masked(parse_cases[i].text, &prefix),
					 parse_cases[i].err);
}

static void test_check(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(check_cases); i++) {
		int err = prefix_check(&check_cases[i].prefix);

		if (err != check_cases[i].err)
			fail_msg("%s: %d", check_cases[i].name, err);
	}
}

/* Every length of both families, against a bit-by-bit mask. */
static void test_mask(void **state)
{
	(void)state;
	for (int family = PREFIX_IPV4; family <= PREFIX_IPV6; family += 2) {
		int width = family == PREFIX_IPV4 ? 32 : 128;

		for (int bits = 0; bits <= width; bits++) {
			struct prefix prefix = { .family = family, .bits = bits };

			memset(prefix.addr, 0xff, width / 8);
			prefix_mask(&prefix);
			for (int bit = 0; bit < 128; bit++) {
				bool set = prefix.addr[bit / 8] & 0x80 >> bit % 8;

				if (set != (bit < bits))
					fail_msg("IPv%d /%d: bit %d", family, bits, bit);
			}
			assert_int_equal(prefix_check(&prefix), 0);
			assert_int_equal(prefix_is_host(&prefix), bits == width);
		}
	}
}

static int sign(int number)
{
	return (number > 0) - (number < 0);
}

static void test_compare(void **state)
{
	(void)state;
	for (int i = 0; i < (int)N(ordered); i++) {
		for (int j = 0; j < (int)N(ordered); j++) {
			struct prefix a, b;

			assert_int_equal(prefix_parse(ordered[i], &a), 0);
			assert_int_equal(prefix_parse(ordered[j], &b), 0);
			if (sign(prefix_compare(&a, &b)) != sign(i - j))
				fail_msg("%s and %s", ordered[i], ordered[j]);
		}
	}
}

/* clang-format off */
static const struct {
	const char *outer, *inner;
	bool covers;
} cover_cases[] = {
	{ "10.0.0.0/8",   "10.0.0.0/8",     true },
	{ "10.0.0.0/8",   "10.9.9.9",       true },
	{ "10.0.0.0/8",   "11.0.0.0/8",     false },
	{ "10.0.0.0/8",   "10.0.0.0/7",     false },
	{ "10.0.0.0/11",  "10.31.255.255",  true },
	{ "10.0.0.0/11",  "10.32.0.0",      false },
	{ "10.0.0.1",     "10.0.0.1",       true },
	{ "10.0.0.1",     "10.0.0.2",       false },
	{ "0.0.0.0/0",    "192.0.2.0/24",   true },
	{ "128.0.0.0/1",  "127.0.0.0/8",    false },
	{ "0.0.0.0/0",    "200::/64",       false },
	{ "::/0",         "10.0.0.0/8",     false },
	{ "::/0",         "200::/64",       true },
	{ "200::/64",     "200::1",         true },
	{ "200::/64",     "200:0:0:1::/64", false },
	{ "200::/63",     "200:0:0:1::/64", true },
	{ "200::/64",     "200::/63",       false },
	{ "200::1",       "200::1",         true },
	{ "200::1",       "200::2",         false },
	{ "fe80::/10",    "febf::1",        true },
	{ "fe80::/10",    "fec0::1",        false },
};
/* clang-format on */

static void test_covers(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(cover_cases); i++) {
		struct prefix outer, inner;

		assert_int_equal(prefix_parse(cover_cases[i].outer, &outer), 0);
		assert_int_equal(prefix_parse(cover_cases[i].inner, &inner), 0);
		if (prefix_covers(&outer, &inner) != cover_cases[i].covers)
			fail_msg("%s and %s", cover_cases[i].outer, cover_cases[i].inner);
	}
}

struct item {
	struct prefix prefix;
	unsigned int number;
};

/* Of few prefixes, so that there are many of each; of both families. */
static struct prefix random_prefix(int kinds)
{
	struct prefix prefix = { .family = random() % 2 ? PREFIX_IPV4 : PREFIX_IPV6 };
	int width = prefix.family == PREFIX_IPV4 ? 32 : 128;

	prefix.bits = kinds > 1 ? random() % (width + 1) : width;
	for (int i = 0; i < width / 8; i++)
		prefix.addr[i] = kinds > 2 ? random() : random() % 2 * 0xff * (i == width / 8 - 1);
	prefix_mask(&prefix);
	return prefix;
}

/* In order, stable, and nothing lost: against the numbers that the items have. */
static void test_sort(void **state)
{
	enum { MAX = 300 };
	struct item items[MAX], before[MAX];

	(void)state;
	srandom(20220601);
	for (int round = 0; round < 2000; round++) {
		unsigned int n = random() % MAX, seen = 0;

		for (unsigned int i = 0; i < n; i++)
			before[i] = (struct item){ random_prefix(round % 4), i };
		memcpy(items, before, sizeof(items));
		assert_int_equal(prefix_sort(items, n, sizeof(*items)), 0);
		for (unsigned int i = 0; i < n; i++) {
			int order = i ? prefix_compare(&items[i - 1].prefix, &items[i].prefix) : -1;

			assert_true(order < 0 || (!order && items[i - 1].number < items[i].number));
			assert_memory_equal(&items[i].prefix, &before[items[i].number].prefix,
					    sizeof(struct prefix));
			seen += items[i].number;
		}
		assert_int_equal(seen, n ? n * (n - 1) / 2 : 0);
	}
}

static void test_format_addr(void **state)
{
	struct prefix prefix;
	char text[PREFIX_TEXT_MAX];

	(void)state;
	assert_int_equal(prefix_parse("10.0.0.0/8", &prefix), 0);
	assert_string_equal(prefix_format_addr(&prefix, text), "10.0.0.0");
	assert_int_equal(prefix_parse("200::/64", &prefix), 0);
	assert_string_equal(prefix_format_addr(&prefix, text), "200::");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),   cmocka_unit_test(test_parse_masked),
		cmocka_unit_test(test_check),   cmocka_unit_test(test_mask),
		cmocka_unit_test(test_compare), cmocka_unit_test(test_format_addr),
		cmocka_unit_test(test_covers),  cmocka_unit_test(test_sort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
