// SPDX-License-Identifier: Apache-2.0
/*
 * test_address_book.c - whom this relay has talked to lately.
 *
 * Steps are "3+10.0.0.1": seen at that time; "5-": those not seen since are forgotten.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nexodus/address_book.h"
#include "notation.h"

/* clang-format off */
static const struct {
	const char *steps, *set;
} rows[] = {
	{ "", "" },
	{ "1+10.0.0.1", "10.0.0.1" },
	{ "1+10.0.0.2 1+10.0.0.1 1+2001:db8::1 1+10.0.0.3", "10.0.0.1 10.0.0.2 10.0.0.3 2001:db8::1" },
	{ "1+10.0.0.1 2+10.0.0.1", "10.0.0.1" },
	{ "1+10.0.0.1 2+10.0.0.2 2-", "10.0.0.2" },
	{ "1+10.0.0.1 2+10.0.0.2 1-", "10.0.0.1 10.0.0.2" },
	{ "1+10.0.0.1 2+10.0.0.2 3+10.0.0.1 3-", "10.0.0.1" },
	{ "1+10.0.0.1 2+2001:db8::2 9-", "" },
	{ "1+10.0.0.1 9- 10+10.0.0.2", "10.0.0.2" },
};

static const struct {
	const char *address, *prefix; /* NULL: nobody has to be told */
} sockets[] = {
	{ "192.0.2.1", "192.0.2.1/32" },
	{ "2001:db8::1", "2001:db8::1/128" },
	{ "::ffff:192.0.2.1", "192.0.2.1/32" },
	{ "::ffff:127.0.0.1", NULL },
	{ "127.0.0.53", NULL },
	{ "::1", NULL },
	{ "fe80::1", NULL },
	{ "169.254.169.253", "169.254.169.253/32" },
};
/* clang-format on */

static const char *show(const struct address_book *book, char text[static NOTATION_TEXT_MAX])
{
	struct border_addresses set = {};
	char one[PREFIX_TEXT_MAX];
	size_t len = 0;

	text[0] = '\0';
	for (size_t twice = 0; twice < 2; twice++)
		for (size_t i = 0; i < book->n; i++)
			address_book_add(&set, &book->entries[i].at);
	for (size_t i = 0; i < set.n; i++)
		len += snprintf(text + len, NOTATION_TEXT_MAX - len, "%s%s", i ? " " : "",
				prefix_format_addr(&set.at[i], one));
	return text;
}

static void test_steps(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		char copy[NOTATION_TEXT_MAX], *rest = copy, text[NOTATION_TEXT_MAX];
		struct address_book book = {};

		snprintf(copy, sizeof(copy), "%s", rows[i].steps);
		for (char *word; (word = strsep(&rest, " ")) && *word;) {
			char *what;
			int64_t at = strtol(word, &what, 10);
			struct prefix address;

			if (*what == '-') {
				address_book_forget(&book, at);
				continue;
			}
			address = notation_prefix(what + 1);
			address_book_note(&book, &address, at);
		}
		if (strcmp(show(&book, text), rows[i].set) != 0)
			fail_msg("%s: %s", rows[i].steps, text);
	}
}

static struct prefix number(size_t i)
{
	return (struct prefix){ PREFIX_IPV4, 32, { 10, 1, i >> 8, i } };
}

/* What is seen again and again stays, however many others come. */
static void test_full(void **state)
{
	struct prefix api = notation_prefix("192.0.2.1"), one;
	struct address_book *book = calloc(1, sizeof(*book));
	struct border_addresses *set = calloc(1, sizeof(*set));

	(void)state;
	assert_non_null(book);
	assert_non_null(set);
	for (size_t i = 0; i < 3 * (size_t)ADDRESS_BOOK_MAX; i++) {
		one = number(i);
		address_book_note(book, &api, 2 * i);
		address_book_note(book, &one, 2 * i + 1);
	}
	assert_int_equal(book->n, ADDRESS_BOOK_MAX);
	for (size_t i = 0; i < book->n; i++)
		address_book_add(set, &book->entries[i].at);
	assert_int_equal(set->n, ADDRESS_BOOK_MAX);
	assert_memory_equal(&set->at[set->n - 1], &api, sizeof(api));
	one = number(2 * ADDRESS_BOOK_MAX + 1); /* with the api-server's, those are all */
	assert_memory_equal(&set->at[0], &one, sizeof(one));
	free(book);
	/* There is room for six name servers, and no more. */
	for (size_t i = 0; i < 7; i++) {
		one = number(i);
		address_book_add(set, &one);
		assert_int_equal(set->n, ADDRESS_BOOK_MAX + (i < 6 ? i + 1 : 6));
	}
	for (size_t i = 1; i < set->n; i++)
		assert_true(prefix_compare(&set->at[i - 1], &set->at[i]) < 0);
	free(set);
}

static void test_sockets(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(sockets); i++) {
		struct sockaddr_storage address;
		char text[PREFIX_TEXT_MAX] = "";
		struct prefix prefix;

		assert_int_equal(address_parse(sockets[i].address, &address), 0);
		if (address_book_prefix(&address, &prefix))
			prefix_format(&prefix, text);
		if (strcmp(text, sockets[i].prefix ?: "") != 0)
			fail_msg("%s: '%s'", sockets[i].address, text);
	}
	assert_false(address_book_prefix(&(struct sockaddr_storage){}, &(struct prefix){}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
