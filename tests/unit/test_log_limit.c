// SPDX-License-Identifier: Apache-2.0
/* test_log_limit.c - what comes up again and again is written so often, and then counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log_limit.h"

static const char one[] = "%s: one", other[] = "%s: other";

/* Return: how many of @n messages at one time are written. */
static unsigned int take(struct log_limit *limit, const char *kind, int64_t now_s, unsigned int n,
			 unsigned int *ret_first)
{
	unsigned int written = 0;
	char text[32];
	bool is_first;

	*ret_first = 0;
	for (unsigned int i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%lld/%u", (long long)now_s, i);
		written += log_limit_take(limit, kind, now_s, text, &is_first);
		*ret_first += is_first;
	}
	return written;
}

static void test_what_is_rare_is_written(void **state)
{
	struct log_limit limit = {};
	char last[LOG_LIMIT_TEXT_MAX];
	unsigned int first;

	(void)state;
	assert_int_equal(take(&limit, one, 1000, LOG_LIMIT_AT_ONCE, &first), LOG_LIMIT_AT_ONCE);
	for (int64_t now = 1001; now < 5000; now++)
		assert_int_equal(take(&limit, one, now, 1, &first), 1);
	assert_int_equal(take(&limit, one, 9000, 1000, &first), LOG_LIMIT_AT_ONCE);
	assert_int_equal(first, 1);
	assert_int_equal(log_limit_left_out(&limit, 9000, true, last), 1000 - LOG_LIMIT_AT_ONCE);
}

static void test_what_is_left_out_is_told_when_it_is_over(void **state)
{
	struct log_limit limit = {};
	char last[LOG_LIMIT_TEXT_MAX];
	unsigned int first;

	(void)state;
	assert_int_equal(take(&limit, one, 0, 500, &first), LOG_LIMIT_AT_ONCE);
	assert_int_equal(first, 1);
	assert_int_equal(take(&limit, one, 1, 500, &first), 1);
	assert_int_equal(first, 0);
	assert_int_equal(log_limit_left_out(&limit, LOG_LIMIT_CALM_S, false, last), 0);
	assert_int_equal(log_limit_left_out(&limit, 1 + LOG_LIMIT_CALM_S, false, last),
			 1000 - LOG_LIMIT_AT_ONCE - 1);
	assert_string_equal(last, "1/499");
	assert_int_equal(log_limit_left_out(&limit, 1 + LOG_LIMIT_CALM_S, false, last), 0);
	assert_int_equal(log_limit_left_out(&limit, 1000, true, last), 0);
}

/* A storm without an end is 1 line a second, and one a minute that says how many there were. */
static void test_what_goes_on_is_told_once_a_minute(void **state)
{
	unsigned int first, written = 0, n_told = 0, left_out = 0, n;
	struct log_limit limit = {};
	char last[LOG_LIMIT_TEXT_MAX];

	(void)state;
	for (int64_t now = 0; now < 600; now++) {
		written += take(&limit, one, now, 100, &first);
		while ((n = log_limit_left_out(&limit, now, false, last))) {
			left_out += n;
			n_told++;
		}
	}
	left_out += log_limit_left_out(&limit, 600, true, last);
	assert_in_range(written, 600, 600 + LOG_LIMIT_AT_ONCE);
	assert_in_range(n_told, 8, 10);
	assert_int_equal(written + left_out, 60000);
}

static void test_kinds_have_nothing_to_do_with_each_other(void **state)
{
	struct log_limit limit = {};
	char last[LOG_LIMIT_TEXT_MAX];
	unsigned int first;

	(void)state;
	assert_int_equal(take(&limit, one, 0, 500, &first), LOG_LIMIT_AT_ONCE);
	assert_int_equal(take(&limit, other, 0, 100, &first), LOG_LIMIT_AT_ONCE);
	assert_int_equal(log_limit_left_out(&limit, 0, true, last), 500 - LOG_LIMIT_AT_ONCE);
	assert_int_equal(log_limit_left_out(&limit, 0, true, last), 100 - LOG_LIMIT_AT_ONCE);
	assert_int_equal(log_limit_left_out(&limit, 0, true, last), 0);
}

/* More kinds than there is room for: the quietest go, those that owe a number stay. */
static void test_many_kinds(void **state)
{
	static char kinds[10 * LOG_LIMIT_KINDS];
	struct log_limit limit = {};
	char last[LOG_LIMIT_TEXT_MAX];
	unsigned int first;

	(void)state;
	assert_int_equal(take(&limit, one, 0, 500, &first), LOG_LIMIT_AT_ONCE);
	for (size_t i = 0; i < sizeof(kinds); i++)
		assert_int_equal(take(&limit, &kinds[i], 1, 2, &first), 2);
	assert_int_equal(log_limit_left_out(&limit, 1, true, last), 500 - LOG_LIMIT_AT_ONCE);
	assert_string_equal(last, "0/499");
	for (size_t i = 0; i < LOG_LIMIT_KINDS; i++)
		assert_in_range(take(&limit, &kinds[i], 2, 100, &first), LOG_LIMIT_AT_ONCE - 1,
				LOG_LIMIT_AT_ONCE);
	assert_int_equal(take(&limit, other, 2, 100, &first), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_rare_is_written),
		cmocka_unit_test(test_what_is_left_out_is_told_when_it_is_over),
		cmocka_unit_test(test_what_goes_on_is_told_once_a_minute),
		cmocka_unit_test(test_kinds_have_nothing_to_do_with_each_other),
		cmocka_unit_test(test_many_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
