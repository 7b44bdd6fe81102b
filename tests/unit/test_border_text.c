// SPDX-License-Identifier: Apache-2.0
/* test_border_text.c - what a source that was taken over may have the node print: no secret of
 * anybody's, no control characters, no time that no server may ask for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "notation.h"
#include "peers/border.h"

#define KEY "EsDEL74OesY0B2qfVg5AJw4lmHS4yjF8Z0XN8fZ1ihY="
#define STARS "********************************************"

/* clang-format off */
static const struct {
	const char *text, *shown;
} texts[] = {
	{ "HTTP status 503", "HTTP status 503" },
	{ "", "" },
	{ "registered with RK:" KEY, "registered with RK:" STARS },
	{ "sent 'Authorization: Bearer DT:" KEY "'", "sent 'Authorization: Bearer DT:" STARS "'" },
	{ "{\"bearer_token\":\"" KEY "\"}", "{\"bearer_token\":\"" STARS "\"}" },
	{ "[Interface] PrivateKey = " KEY, "[Interface] PrivateKey = " STARS },
	{ "\033[2J\nwg0: \342\200\256x", "?[2J?wg0: ???x" },
};

static const struct {
	uint32_t state, retry_s;
	bool is_good;
} controls[] = {
	{ CONTROL_WATCHING, 0, true },
	{ CONTROL_RETRYING, 1, true },
	{ CONTROL_REVOKED, BORDER_RETRY_MAX_S, true },
	{ CONTROL_RETRYING, BORDER_RETRY_MAX_S + 1, false },
	{ CONTROL_RETRYING, 4000000000u, false },
	{ CONTROL_RETRYING, UINT32_MAX, false },
	{ CONTROL_STATES, 0, false },
	{ UINT32_MAX, 0, false },
};
/* clang-format on */

static void test_texts(void **state)
{
	char shown[BORDER_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < N(texts); i++) {
		struct border_record record = {};

		memcpy(record.text, texts[i].text, strlen(texts[i].text));
		border_text(shown, record.text, sizeof(record.text));
		if (strcmp(shown, texts[i].shown) != 0)
			fail_msg("'%s' is shown as '%s'", texts[i].text, shown);
	}
}

/* It need not end; and what is cut is no less a secret. */
static void test_text_without_an_end(void **state)
{
	char shown[BORDER_TEXT_MAX];
	struct border_record record;

	(void)state;
	memset(&record, 'x', sizeof(record));
	memcpy(record.control.text + sizeof(record.control.text) - 12, " RK:" KEY, 12);
	border_text(shown, record.control.text, sizeof(record.control.text));
	assert_int_equal(strlen(shown), sizeof(record.control.text));
	assert_string_equal(shown + strlen(shown) - 12, " RK:********");
	memset(record.text, 'x', sizeof(record.text));
	border_text(shown, record.text, sizeof(record.text));
	assert_int_equal(strlen(shown), BORDER_TEXT_MAX - 1);
}

static void test_controls(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(controls); i++) {
		struct border_record record = { .kind = BORDER_CONTROL };

		record.control.state = controls[i].state;
		record.control.retry_s = controls[i].retry_s;
		if (border_control_is_good(&record) != controls[i].is_good)
			fail_msg("state %u, retry after %u s", controls[i].state,
				 controls[i].retry_s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_text_without_an_end),
		cmocka_unit_test(test_controls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
