// SPDX-License-Identifier: Apache-2.0
/* test_trouble.c - what is wrong is news once, until its text changes or it is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/trouble.h"

static void test_news_once(void **state)
{
	struct troubles troubles = {};

	(void)state;
	assert_string_equal(trouble_text(&troubles, "list"), "");
	assert_false(trouble_clear(&troubles, "list"));
	assert_true(trouble_set(&troubles, "list", "cut off"));
	assert_false(trouble_set(&troubles, "list", "cut off"));
	assert_true(trouble_set(&troubles, "list", "not JSON"));
	assert_string_equal(trouble_text(&troubles, "list"), "not JSON");
	assert_true(trouble_set(&troubles, "lock", "not JSON"));
	assert_int_equal(troubles.n, 2);
	assert_true(trouble_clear(&troubles, "list"));
	assert_false(trouble_clear(&troubles, "list"));
	assert_string_equal(trouble_text(&troubles, "lock"), "not JSON");
	assert_true(trouble_set(&troubles, "list", "not JSON"));
}

static void test_what_is_not_found_again_is_over(void **state)
{
	struct troubles troubles = {};

	(void)state;
	trouble_begin(&troubles);
	assert_true(trouble_set(&troubles, "conflict 10.0.0.0/8", "a"));
	assert_true(trouble_set(&troubles, "conflict fd00::/8", "b"));
	assert_true(trouble_set(&troubles, "conflicts", "c"));
	assert_true(trouble_set(&troubles, "list", "d"));
	trouble_end(&troubles, "conflict");
	assert_int_equal(troubles.n, 4);
	trouble_begin(&troubles);
	assert_false(trouble_set(&troubles, "conflict fd00::/8", "b"));
	trouble_end(&troubles, "conflict");
	assert_int_equal(troubles.n, 3);
	assert_string_equal(trouble_text(&troubles, "conflict 10.0.0.0/8"), "");
	assert_string_equal(trouble_text(&troubles, "conflicts"), "c");
	trouble_begin(&troubles);
	assert_true(trouble_set(&troubles, "conflict 10.0.0.0/8", "a"));
	trouble_end(&troubles, "conflict");
	assert_string_equal(trouble_text(&troubles, "conflict fd00::/8"), "");
}

/* Both are cut, and are the same when what is kept is. */
static void test_long_texts(void **state)
{
	char about[2 * TROUBLE_ABOUT_MAX], text[2 * TROUBLE_TEXT_MAX];
	struct troubles troubles = {};

	(void)state;
	memset(about, 'a', sizeof(about) - 1);
	memset(text, 't', sizeof(text) - 1);
	about[sizeof(about) - 1] = text[sizeof(text) - 1] = '\0';
	assert_true(trouble_set(&troubles, about, text));
	assert_false(trouble_set(&troubles, about, text));
	assert_int_equal(strlen(trouble_text(&troubles, about)), TROUBLE_TEXT_MAX - 1);
	text[TROUBLE_TEXT_MAX - 2] = 'x';
	assert_true(trouble_set(&troubles, about, text));
	assert_int_equal(troubles.n, 1);
	assert_true(trouble_clear(&troubles, about));
}

static void test_full(void **state)
{
	struct troubles troubles = {};
	char about[32];

	(void)state;
	for (int i = 0; i < TROUBLES_MAX; i++) {
		snprintf(about, sizeof(about), "conflict %d", i);
		assert_true(trouble_set(&troubles, about, "x"));
	}
	assert_true(trouble_set(&troubles, "list", "x"));
	assert_true(trouble_set(&troubles, "list", "x"));
	assert_false(trouble_set(&troubles, "conflict 7", "x"));
	assert_true(trouble_clear(&troubles, "conflict 7"));
	assert_true(trouble_set(&troubles, "list", "x"));
	assert_false(trouble_set(&troubles, "list", "x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_news_once),
		cmocka_unit_test(test_what_is_not_found_again_is_over),
		cmocka_unit_test(test_long_texts),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
