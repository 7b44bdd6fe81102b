// SPDX-License-Identifier: Apache-2.0
/*
 * test_json_member.c - documents and their members: what is not as it should be is not there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_member.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define OTHERWISE (-77)

/* clang-format off */
static const struct {
	const char *json;
	const char *text;  /* of the member "a", with room for five bytes; NULL: not copied */
	int64_t number;    /* within 1..100 */
	bool is_there, is_true;
} members[] = {
	{ "{\"a\":\"text\"}",            "text", OTHERWISE, true, false },
	{ "{\"a\":\"texts\"}",           NULL, OTHERWISE, true, false },
	{ "{\"a\":\"\"}",                NULL, OTHERWISE, true, false },
	{ "{\"a\":\"te\\u0000t\"}",      NULL, OTHERWISE, true, false },
	{ "{\"a\":\"\\u0000\"}",         NULL, OTHERWISE, true, false },
	{ "{\"a\":\"\\u00e9\\u00e9\"}",  "\xc3\xa9\xc3\xa9", OTHERWISE, true, false },
	{ "{\"a\":\"7\"}",               "7",  OTHERWISE, true, false },
	{ "{\"a\":\"true\"}",            "true", OTHERWISE, true, false },
	{ "{\"a\":1}",                   NULL, 1, true, false },
	{ "{\"a\":100}",                 NULL, 100, true, false },
	{ "{\"a\":0}",                   NULL, OTHERWISE, true, false },
	{ "{\"a\":101}",                 NULL, OTHERWISE, true, false },
	{ "{\"a\":-1}",                  NULL, OTHERWISE, true, false },
	{ "{\"a\":7.0}",                 NULL, OTHERWISE, true, false },
	{ "{\"a\":1e1}",                 NULL, OTHERWISE, true, false },
	{ "{\"a\":9223372036854775807}", NULL, OTHERWISE, true, false },
	{ "{\"a\":18446744073709551615}", NULL, OTHERWISE, true, false },
	{ "{\"a\":99999999999999999999999999}", NULL, OTHERWISE, true, false },
	{ "{\"a\":true}",                NULL, OTHERWISE, true, true },
	{ "{\"a\":false}",               NULL, OTHERWISE, true, false },
	{ "{\"a\":null}",                NULL, OTHERWISE, false, false },
	{ "{\"a\":[\"text\"]}",          NULL, OTHERWISE, true, false },
	{ "{\"a\":{\"a\":\"text\"}}",    NULL, OTHERWISE, true, false },
	{ "{\"A\":\"text\"}",            NULL, OTHERWISE, false, false },
	{ "{\"b\":\"text\"}",            NULL, OTHERWISE, false, false },
	{ "{}",                          NULL, OTHERWISE, false, false },
	{ "[\"a\"]",                     NULL, OTHERWISE, false, false },
	{ "\"a\"",                       NULL, OTHERWISE, false, false },
};

static const struct {
	const char *name, *json;
	size_t len; /* 0: all */
	bool is_one;
} documents[] = {
	{ "object",            "{}", 0, true },
	{ "blanks around it",  " \r\n\t{ \"a\" : 1 } \n", 0, true },
	{ "array",             "[1]", 0, true },
	{ "text",              "\"a\"", 0, true },
	{ "nothing",           "", 0, false },
	{ "blanks",            "  ", 0, false },
	{ "null",              "null", 0, false },
	{ "only the beginning", "{}}", 2, true },
	{ "cut off",           "{\"a\":1}", 6, false },
	{ "cut off in a text", "{\"a\":\"b\"}", 7, false },
	{ "something behind",  "{} {}", 0, false },
	{ "brace behind",      "{}}", 0, false },
	{ "NUL behind",        "{}\0", 3, false },
	{ "NUL in the middle", "{\"a\":\0 1}", 9, false },
	{ "comment",           "{} // a", 0, false },
	{ "single quotes",     "{'a':1}", 0, false },
	{ "comma at the end",  "{\"a\":1,}", 0, false },
	{ "NaN",               "{\"a\":NaN}", 0, false },
	{ "TRUE",              "{\"a\":TRUE}", 0, false },
	{ "HTML",              "<!DOCTYPE html><html></html>", 0, false },
	{ "not UTF-8",         "{\"a\":\"\xff\"}", 0, false },
	{ "half a character",  "{\"a\":\"\xe2\x82\"}", 0, false },
	{ "control character", "{\"a\":\"b\nc\"}", 0, false },
	{ "member twice",      "{\"a\":1,\"a\":2}", 0, false },
	{ "number",            "12", 0, true },
};
/* clang-format on */

static void test_members(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(members); i++) {
		struct json_object *object = json_parse(members[i].json, strlen(members[i].json));
		char text[5] = "@";
		bool is_copied = json_text_copy(object, "a", text, sizeof(text));

		if (!object)
			fail_msg("%s: not parsed", members[i].json);
		if (is_copied != !!members[i].text || strcmp(text, members[i].text ?: "@") != 0)
			fail_msg("%s: text '%s'", members[i].json, text);
		if (json_number(object, "a", 1, 100, OTHERWISE) != members[i].number)
			fail_msg("%s: number", members[i].json);
		if (!!json_member(object, "a") != members[i].is_there)
			fail_msg("%s: is it there?", members[i].json);
		if (json_is_true(object, "a") != members[i].is_true)
			fail_msg("%s: is it true?", members[i].json);
		json_object_put(object);
	}
}

static void test_no_object(void **state)
{
	char text[5] = "@";

	(void)state;
	assert_null(json_member(NULL, "a"));
	assert_null(json_text(NULL, "a"));
	assert_null(json_text_of(NULL));
	assert_false(json_text_copy(NULL, "a", text, sizeof(text)));
	assert_string_equal(text, "@");
	assert_false(json_is_true(NULL, "a"));
	assert_int_equal(json_number(NULL, "a", 1, 2, OTHERWISE), OTHERWISE);
}

/* From memory of just that size: whoever reads on is caught by the sanitizer. */
static struct json_object *parse(const char *json, size_t len)
{
	char *copy = malloc(len ?: 1);
	struct json_object *object;

	assert_non_null(copy);
	memcpy(copy, json, len);
	object = json_parse(copy, len);
	free(copy);
	return object;
}

static void test_documents(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(documents); i++) {
		size_t len = documents[i].len ?: strlen(documents[i].json);
		struct json_object *object = parse(documents[i].json, len);

		if (!!object != documents[i].is_one)
			fail_msg("%s: %s", documents[i].name, object ? "taken" : "refused");
		json_object_put(object);
	}
}

static void test_depth(void **state)
{
	static char json[200000];
	struct json_object *object;

	(void)state;
	memset(json, '[', 100000);
	memset(json + 100000, ']', 100000);
	assert_null(parse(json, sizeof(json)));
	object = parse(json + 100000 - 15, 30);
	assert_non_null(object);
	json_object_put(object);
	assert_null(parse(json + 100000 - 17, 34));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_no_object),
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
