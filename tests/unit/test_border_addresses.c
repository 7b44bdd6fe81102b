// SPDX-License-Identifier: Apache-2.0
/*
 * test_border_addresses.c - whom the source talks to, as it crosses the border.
 *
 * Records are written "1:0/2=10.0.0.1,10.0.0.2": number of the set, offset, total, addresses.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "notation.h"
#include "peers/border_addresses.h"

/* clang-format off */
static const struct {
	const char *records; /* each before the last is taken with 0, or is a whole set */
	int ret;
	size_t n; /* of the set, when it is whole */
} rows[] = {
	{ "1:0/0=", 1, 0 },
	{ "1:0/1=192.0.2.1", 1, 1 },
	{ "7:0/2=192.0.2.1,2001:db8::1", 1, 2 },
	{ "1:0/2=192.0.2.1 1:1/2=2001:db8::1", 1, 2 },
	{ "1:0/2=192.0.2.1", 0, 0 },
	{ "1:0/2=192.0.2.1 2:0/1=192.0.2.7", 1, 1 }, /* given up for another one */
	{ "1:0/1=192.0.2.1 2:0/0=", 1, 0 },
	/* Pieces that do not fit together. */
	{ "1:0/1=192.0.2.1,192.0.2.2", -EPROTO, 0 },
	{ "1:0/1=", -EPROTO, 0 },
	{ "1:1/2=192.0.2.1", -EPROTO, 0 },
	{ "1:0/3=192.0.2.1 1:2/3=192.0.2.3", -EPROTO, 0 },
	{ "1:0/2=192.0.2.1 2:1/2=192.0.2.2", -EPROTO, 0 },
	{ "1:0/3=192.0.2.1 1:1/2=192.0.2.2", -EPROTO, 0 },
	{ "1:0/3=192.0.2.1 1:1/3=", -EPROTO, 0 },
	{ "1:0/1=192.0.2.1 1:1/1=192.0.2.2", -EPROTO, 0 },
	{ "1:0/257=192.0.2.1", -EPROTO, 0 },
	{ "1:0/4294967295=192.0.2.1", -EPROTO, 0 },
	{ "1:4294967295/4294967295=192.0.2.1", -EPROTO, 0 },
	/* Neither sorted nor each once. */
	{ "1:0/2=192.0.2.2,192.0.2.1", -EPROTO, 0 },
	{ "1:0/2=2001:db8::1,192.0.2.1", -EPROTO, 0 },
	{ "1:0/2=192.0.2.1,192.0.2.1", -EPROTO, 0 },
	{ "1:0/2=192.0.2.1 1:1/2=192.0.2.1", -EPROTO, 0 },
	{ "1:0/1=0.0.0.0", -EPROTO, 0 },
	{ "1:0/2=192.0.2.1,::1", -EPROTO, 0 },
};

static const struct {
	const char *address;
	bool is_good;
} addresses[] = {
	{ "192.0.2.1", true },      { "10.0.0.1", true },       { "100.64.0.1", true },
	{ "169.254.169.253", true }, { "240.0.0.1", true },     { "1.0.0.0", true },
	{ "223.255.255.255", true }, { "126.0.0.1", true },     { "128.0.0.1", true },
	{ "0.0.0.0", false },       { "0.0.0.1", false },       { "127.0.0.1", false },
	{ "127.0.0.53", false },    { "224.0.0.1", false },     { "239.255.255.255", false },
	{ "255.255.255.255", false }, { "192.0.2.0/24", false }, { "0.0.0.0/0", false },
	{ "2001:db8::1", true },    { "fd00::53", true },       { "200::1", true },
	{ "fec0::1", true },        { "::2", true },            { "64:ff9b::c000:201", true },
	{ "::", false },            { "::1", false },           { "::ffff:192.0.2.1", false },
	{ "fe80::1", false },       { "febf::1", false },       { "ff02::1", false },
	{ "2001:db8::/32", false }, { "::/0", false },
};
/* clang-format on */

static struct border_record make_record(const char *word)
{
	struct border_record record = { .kind = BORDER_ADDRESSES };
	char copy[NOTATION_TEXT_MAX], *rest;

	snprintf(copy, sizeof(copy), "%s", word);
	record.addresses.number = strtoul(copy, &rest, 10);
	record.addresses.offset = strtoul(rest + 1, &rest, 10);
	record.addresses.total = strtoul(rest + 1, &rest, 10);
	rest++;
	for (char *text; (text = strsep(&rest, ",")) && *text;)
		record.addresses.at[record.addresses.n++] = notation_prefix(text);
	return record;
}

static void test_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		/* On the heap: the sanitizer sees what is behind it. */
		struct border_addresses_coming *coming = calloc(1, sizeof(*coming));
		char copy[NOTATION_TEXT_MAX], *rest = copy;
		int ret = 0;

		assert_non_null(coming);
		snprintf(copy, sizeof(copy), "%s", rows[i].records);
		for (char *word; (word = strsep(&rest, " "));) {
			struct border_record record = make_record(word);

			assert_true(ret >= 0);
			ret = border_addresses_add(coming, &record);
		}
		if (ret != rows[i].ret || (ret == 1 && coming->set.n != rows[i].n))
			fail_msg("%s: %d, %zu", rows[i].records, ret, coming->set.n);
		free(coming);
	}
}

/* What no notation can say. */
static void test_hostile_records(void **state)
{
	struct border_addresses_coming coming = {};
	struct border_record record = make_record("1:0/1=192.0.2.1");

	(void)state;
	record.addresses.n = BORDER_PREFIXES + 1;
	record.addresses.total = BORDER_PREFIXES + 1;
	assert_int_equal(border_addresses_add(&coming, &record), -EPROTO);
	record.addresses.n = UINT32_MAX;
	assert_int_equal(border_addresses_add(&coming, &record), -EPROTO);
	record = make_record("1:0/1=192.0.2.1");
	record.addresses.at[0].family = 5;
	assert_int_equal(border_addresses_add(&coming, &record), -EPROTO);
	record.addresses.at[0].family = PREFIX_IPV4;
	record.addresses.at[0].bits = 128;
	assert_int_equal(border_addresses_add(&coming, &record), -EPROTO);
	record.addresses.at[0].bits = 32;
	record.addresses.at[0].addr[9] = 1;
	assert_int_equal(border_addresses_add(&coming, &record), -EPROTO);
}

static void test_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(addresses); i++) {
		struct prefix address = notation_prefix(addresses[i].address);

		if (border_address_is_good(&address) != addresses[i].is_good)
			fail_msg("%s", addresses[i].address);
	}
}

/* What is sent arrives, however many there are: with an odd number of messages or of records. */
static void test_sent(void **state)
{
	static const size_t sizes[] = { 0, 1, 12, 13, 24, 255, 256 };
	static struct border_addresses set;
	static struct border_batch batch;

	(void)state;
	for (size_t i = 0; i < N(sizes); i++) {
		struct border_addresses_coming coming = {};
		struct border_record records[BORDER_BATCH_MAX];
		int sock[2], ret = 0;
		ssize_t n;

		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock), 0);
		batch = (struct border_batch){ .sock = sock[0] };
		set.n = sizes[i];
		for (size_t a = 0; a < set.n; a++)
			set.at[a] = (struct prefix){ PREFIX_IPV4, 32, { 10, 0, a >> 8, a } };
		assert_int_equal(border_addresses_send(&batch, &set, 7), 0);
		n = border_receive(sock[1], records, NULL);
		assert_in_range(n, 1, BORDER_BATCH_MAX);
		for (ssize_t r = 0; r < n; r++) {
			assert_int_equal(ret, 0);
			ret = border_addresses_add(&coming, &records[r]);
		}
		assert_int_equal(ret, 1);
		assert_int_equal(coming.number, 7);
		assert_int_equal(coming.set.n, set.n);
		assert_memory_equal(coming.set.at, set.at, set.n * sizeof(set.at[0]));
		close(sock[0]);
		assert_int_not_equal(border_addresses_send(&batch, &set, 8), 0);
		close(sock[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_hostile_records),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_sent),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
