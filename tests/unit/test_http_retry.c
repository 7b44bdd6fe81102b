// SPDX-License-Identifier: Apache-2.0
/* test_http_retry.c - Retry-After: seconds or a date, by the server's clock, within bounds. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nexodus/http_private.h"
#include "notation.h"

#define NOW 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */
#define HOUR HTTP_RETRY_AFTER_MAX_S
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

/* clang-format off */
static const struct {
	const char *text, *date;
	int s;
} cases[] = {
	{ NULL, NULL, -1 },
	{ NULL, DATE, -1 },

	/* seconds */
	{ "0", NULL, 0 },
	{ "1", DATE, 1 },
	{ "007", NULL, 7 },
	{ "120", NULL, 120 },
	{ "3600", NULL, 3600 },
	{ "3601", NULL, HOUR },
	{ "86400", NULL, HOUR },
	{ "315360000", NULL, HOUR }, /* ten years */
	{ "2147483648", NULL, HOUR },
	{ "4294967296", NULL, HOUR },
	{ "4294967297", NULL, HOUR },
	{ "18446744073709551617", NULL, HOUR },
	{ "99999999999999999999999999999999999999999999999999999999999999999999999", NULL, HOUR },
	{ "00000000000000000000000000000000000000000000000000000000000000000000012", NULL, 12 },

	/* neither */
	{ "-1", NULL, -1 },
	{ "-315360000", NULL, -1 },
	{ "+5", NULL, -1 },
	{ "1.5", NULL, -1 },
	{ "1e9", NULL, -1 },
	{ "0x10", NULL, -1 },
	{ "5 s", NULL, -1 },
	{ "10 years", NULL, -1 },
	{ "5, 10", NULL, -1 },
	{ "inf", NULL, -1 },
	{ "nan", NULL, -1 },
	{ "soon", NULL, -1 },
	{ "GMT", NULL, -1 },
	{ "Sun", NULL, -1 },
	{ "08:49:37", NULL, -1 },
	{ "Sun, 06 Nov", NULL, -1 },
	{ "Sun, 32 Nov 1994 08:49:37 GMT", NULL, -1 },
	{ "Sun, 06 Nov 1994 25:49:37 GMT", NULL, -1 },
	{ "Sun, 06 Nov 99999999999999999999 08:49:37 GMT", NULL, -1 },
	{ "\xff\xfe", NULL, -1 },

	/* a date, in each of HTTP's three forms, by our clock */
	{ "Sun, 06 Nov 1994 08:49:37 GMT", NULL, 0 },
	{ "Sun, 06 Nov 1994 08:49:38 GMT", NULL, 1 },
	{ "Sunday, 06-Nov-94 08:50:37 GMT", NULL, 60 },
	{ "Sun Nov  6 08:50:37 1994", NULL, 60 },
	{ "Sun, 06 Nov 1994 09:49:37 GMT", NULL, 3600 },
	{ "Sun, 06 Nov 1994 09:49:38 GMT", NULL, HOUR },
	{ "Sun, 06 Nov 1994 08:49:36 GMT", NULL, 0 },
	{ "Thu, 01 Jan 1970 00:00:00 GMT", NULL, 0 },
	{ "Fri, 31 Dec 1999 23:59:59 GMT", NULL, HOUR },
	{ "Tue, 19 Jan 2038 03:14:08 GMT", NULL, HOUR },
	{ "Sun, 07 Feb 2106 06:28:16 GMT", NULL, HOUR },
	{ "Fri, 31 Dec 9999 23:59:59 GMT", NULL, HOUR },

	/* by the server's */
	{ "Fri, 31 Dec 1999 23:59:59 GMT", "Fri, 31 Dec 1999 23:59:50 GMT", 9 },
	{ "Fri, 31 Dec 2135 00:00:03 GMT", "Fri, 31 Dec 2135 00:00:00 GMT", 3 },
	{ "Fri, 31 Dec 1999 23:59:59 GMT", "Sat, 01 Jan 2000 00:00:00 GMT", 0 },
	{ "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", HOUR },
	{ "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", 0 },
	{ "Sun, 06 Nov 1994 08:49:40 GMT", "now", 3 },
	{ "Sun, 06 Nov 1994 08:49:40 GMT", "-1", 3 },
};
/* clang-format on */

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		int s = http_retry_parse(cases[i].text, cases[i].date, NOW);

		if (s != cases[i].s)
			fail_msg("'%s' at '%s': %d, not %d", cases[i].text ?: "none",
				 cases[i].date ?: "none", s, cases[i].s);
	}
}

/* Whatever our clock says. */
static void test_clock(void **state)
{
	static const time_t clocks[] = {
		0, 1, INT32_MAX, INT64_C(1) << 40, INT64_MAX, -1, INT64_MIN
	};

	(void)state;
	for (size_t i = 0; i < N(clocks); i++) {
		int s = http_retry_parse(DATE, NULL, clocks[i]);

		assert_int_equal(s, clocks[i] < NOW ? HOUR : 0);
		assert_int_equal(http_retry_parse("17", NULL, clocks[i]), 17);
		assert_int_equal(http_retry_parse(DATE, DATE, clocks[i]), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
