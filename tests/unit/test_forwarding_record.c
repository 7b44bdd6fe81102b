// SPDX-License-Identifier: Apache-2.0
/* test_forwarding_record.c - only what we wrote ourselves may be read back and restored. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tunnel/forwarding_record.h"

/* clang-format off */
static const struct {
	const char *name, *text;
	int err;
	size_t n;
} cases[] = {
	{ "empty",                     "",                                            0, 0 },
	{ "IPv4 switch",               "net/ipv4/ip_forward 1 0\n",                   0, 1 },
	{ "IPv6 switch",               "net/ipv6/conf/all/forwarding 1 0\n",          0, 1 },
	{ "IPv4 redirects",            "net/ipv4/conf/all/accept_redirects 0 1\n",    0, 1 },
	{ "IPv4 flag of an interface", "net/ipv4/conf/eth0.100/forwarding 1 1\n",     0, 1 },
	{ "IPv6 flag of an interface", "net/ipv6/conf/eth0.100/forwarding 1 1\n",     0, 1 },
	{ "IPv4 flag of new ones",     "net/ipv4/conf/default/forwarding 1 1\n",      0, 1 },
	{ "IPv6 flag of new ones",     "net/ipv6/conf/default/forwarding 1 1\n",      0, 1 },
	{ "advertisements",            "net/ipv6/conf/eth0/accept_ra 2 1\n",          0, 1 },
	{ "longest interface name",    "net/ipv6/conf/abcdefghijklmno/accept_ra 2 1\n", 0, 1 },
	{ "negative value",            "net/ipv6/conf/eth0/accept_ra 2 -1\n",         0, 1 },
	{ "two lines",  "net/ipv4/ip_forward 1 0\nnet/ipv6/conf/all/forwarding 1 0\n", 0, 2 },

	{ "another sysctl",            "kernel/core_pattern 1 0\n",                   -EBADMSG, 0 },
	{ "another IPv4 sysctl",       "net/ipv4/conf/eth0/rp_filter 1 0\n",          -EBADMSG, 0 },
	{ "another IPv6 sysctl",       "net/ipv6/conf/eth0/disable_ipv6 1 0\n",       -EBADMSG, 0 },
	{ "way up in place of a name", "net/ipv4/conf/../forwarding 1 0\n",           -EBADMSG, 0 },
	{ "way up behind",             "net/ipv4/conf/eth0/../forwarding 1 0\n",      -EBADMSG, 0 },
	{ "way up in front",           "../net/ipv4/ip_forward 1 0\n",                -EBADMSG, 0 },
	{ "absolute path",             "/proc/sys/net/ipv4/ip_forward 1 0\n",         -EBADMSG, 0 },
	{ "more behind a known path",  "net/ipv4/ip_forward/x 1 0\n",                 -EBADMSG, 0 },
	{ "more behind a known leaf",  "net/ipv4/conf/eth0/forwarding/x 1 0\n",       -EBADMSG, 0 },
	{ "no name",                   "net/ipv4/conf//forwarding 1 0\n",             -EBADMSG, 0 },
	{ "name too long",   "net/ipv4/conf/abcdefghijklmnop/forwarding 1 0\n",       -EBADMSG, 0 },
	{ "name with a colon",         "net/ipv4/conf/eth0:1/forwarding 1 0\n",       -EBADMSG, 0 },
	{ "IPv4 switch, other name",   "net/ipv4/conf/all/forwarding 1 0\n",          -EBADMSG, 0 },
	{ "redirects of an interface", "net/ipv4/conf/eth0/accept_redirects 0 1\n",   -EBADMSG, 0 },
	{ "redirects of IPv6",         "net/ipv6/conf/all/accept_redirects 0 1\n",    -EBADMSG, 0 },
	{ "advertisements for IPv4",   "net/ipv4/conf/eth0/accept_ra 2 1\n",          -EBADMSG, 0 },
	{ "advertisements for all",    "net/ipv6/conf/all/accept_ra 2 1\n",           -EBADMSG, 0 },
	{ "advertisements for new ones", "net/ipv6/conf/default/accept_ra 2 1\n",     -EBADMSG, 0 },
	{ "same path twice", "net/ipv4/ip_forward 1 0\nnet/ipv4/ip_forward 1 0\n",    -EBADMSG, 0 },

	{ "no line end",               "net/ipv4/ip_forward 1 0",                     -EBADMSG, 0 },
	{ "cut in the second line",    "net/ipv4/ip_forward 1 0\nnet/ipv6/conf/a",    -EBADMSG, 0 },
	{ "empty line",                "net/ipv4/ip_forward 1 0\n\n",                 -EBADMSG, 0 },
	{ "one value",                 "net/ipv4/ip_forward 1\n",                     -EBADMSG, 0 },
	{ "three values",              "net/ipv4/ip_forward 1 0 0\n",                 -EBADMSG, 0 },
	{ "empty value",               "net/ipv4/ip_forward  0\n",                    -EBADMSG, 0 },
	{ "value is no number",        "net/ipv4/ip_forward 1 x\n",                   -EBADMSG, 0 },
	{ "value with a tail",         "net/ipv4/ip_forward 1 0x\n",                  -EBADMSG, 0 },
	{ "value with a plus",         "net/ipv4/ip_forward +1 0\n",                  -EBADMSG, 0 },
	{ "value with a zero",         "net/ipv4/ip_forward 01 0\n",                  -EBADMSG, 0 },
	{ "largest value",             "net/ipv4/ip_forward 1 2147483647\n",          0, 1 },
	{ "value too large",           "net/ipv4/ip_forward 1 2147483648\n",          -EBADMSG, 0 },
	{ "value far too large", "net/ipv4/ip_forward 1 99999999999999999999\n",      -EBADMSG, 0 },
	{ "tabs",                      "net/ipv4/ip_forward\t1\t0\n",                 -EBADMSG, 0 },
	{ "line too long",
	  "net/ipv4/conf/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/forwarding 1 0\n",                    -EBADMSG, 0 },
};
/* clang-format on */

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct forwarding_record record = {};
		int err;

		err = forwarding_record_parse(cases[i].text, strlen(cases[i].text), &record);
		if (err != cases[i].err || record.n != cases[i].n)
			fail_msg("%s: %d, %zu entries", cases[i].name, err, record.n);
		forwarding_record_done(&record);
	}
}

static void test_nul_byte(void **state)
{
	static const char text[] = "net/ipv4/ip_forward 1 0\0\n";
	struct forwarding_record record = {};

	(void)state;
	assert_int_equal(forwarding_record_parse(text, sizeof(text) - 1, &record), -EBADMSG);
}

static void test_first_value_stays(void **state)
{
	struct forwarding_record record = {};

	(void)state;
	assert_int_equal(forwarding_record_add(&record, "net/ipv4/ip_forward", 1, 0), 0);
	assert_int_equal(forwarding_record_add(&record, "net/ipv4/ip_forward", 1, 1), 0);
	assert_int_equal(record.n, 1);
	assert_int_equal(record.entry[0].original, 0);
	assert_int_equal(forwarding_record_add(&record, "net/ipv4/tcp_syncookies", 1, 0), -EINVAL);
	assert_int_equal(record.n, 1);
	forwarding_record_done(&record);
}

/* As many as there may be, through a file and back; one more is refused. */
static void test_file(void **state)
{
	char dir[] = "/tmp/nex-relay-test-XXXXXX", file[64], path[FORWARDING_PATH_MAX];
	struct forwarding_record record = {}, again = {};
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/record", dir);
	assert_int_equal(forwarding_record_load(file, &again), -ENOENT);
	for (int i = 0; i < FORWARDING_ENTRIES_MAX; i++) {
		snprintf(path, sizeof(path), "net/ipv6/conf/veth%011d/accept_ra", i);
		assert_int_equal(forwarding_record_add(&record, path, -i, i), 0);
	}
	assert_int_equal(forwarding_record_add(&record, "net/ipv4/ip_forward", 1, 0), -E2BIG);
	assert_int_equal(forwarding_record_save(file, &record), 0);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(forwarding_record_load(file, &again), 0);
	assert_int_equal(again.n, record.n);
	assert_memory_equal(again.entry, record.entry, record.n * sizeof(*record.entry));
	assert_int_equal(truncate(file, st.st_size - 1), 0);
	forwarding_record_done(&again);
	assert_int_equal(forwarding_record_load(file, &again), -EBADMSG);
	assert_int_equal(forwarding_record_load(dir, &again), -EBADMSG);
	forwarding_record_done(&record);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(dir), 0); /* no temporary file is left */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_first_value_stays),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
