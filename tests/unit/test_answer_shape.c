// SPDX-License-Identifier: Apache-2.0
/*
 * test_answer_shape.c - what is said of an answer that is not the one that was expected.
 *
 * In bodies ' stands for ".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/printable.h"
#include "nexodus/answer.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define ID "f81bfc30-1f66-4b07-afed-47eb6b8a89c4"
#define KEY "HPV5q6RaELodHvBtkfyiqp7QoRUFFWUxVUBdCxjLmmc="
#define TEN "x y z u v "
#define TOKEN "EsDEL74OesY0B2qfVg5AJw4lmHS4yjF8Z0XN8fZ1ihY="

static const char *const members[] = { "id", "public_key", "hostname", NULL };

/* clang-format off */
static const struct {
	const char *body, *shape;
} rows[] = {
	{ "", "an empty answer" },
	{ "\n", "no JSON: ' '" },
	{ "no route", "no JSON: 'no route'" },
	{ "<!DOCTYPE html>\r\n<p>x</p>", "no JSON: '<!DOCTYPE html>  <p>x</p>'" },
	{ "a\033[2J\302\233\342\200\256\377", "no JSON: 'a?[2J?????" "?'" },
	{ TEN TEN TEN TEN TEN TEN, "no JSON: '" TEN TEN TEN TEN TEN TEN "'" },
	{ TEN TEN TEN TEN TEN TEN "12345", "no JSON: '" TEN TEN TEN TEN TEN TEN "...'" },
	{ "{'id':'" ID "','a", "no JSON: '{\"id\":\"***\",\"a'" },
	{ "token=" TOKEN, "no JSON: '***'" },
	{ "<a href=" TOKEN "> b", "no JSON: '<a ***> b'" },
	{ "x23456789012345", "no JSON: 'x23456789012345'" },
	{ "x234567890123456", "no JSON: '***'" },
	{ "1234567890123456", "a number" },
	{ "null", "null" },
	{ "[]", "an array" },
	{ "'x'", "a string" },
	{ "true ", "true or false" },
	{ "7 ", "a number" },
	{ "1.5 ", "a number" },
	{ "{}", "an object of nothing, without id" },
	{ "{'id':null}", "an object of id, without id" },
	{ "{'a':1,'b\\u001b\\u202e':[]}", "an object of a, b????, without id" },
	{ "{'" TOKEN "':1,'c':2}", "an object of ***, c, without id" },
	{ "{'id':7}", "one whose id is not what it should be" },
	{ "{'id':'x'}", "one whose id is not what it should be" },
	{ "{'id':'" ID "'}", "an object of id, without public_key" },
	{ "{'id':'" ID "','public_key':'x'}", "one whose public_key is not what it should be" },
	{ "{'id':'" ID "','public_key':'" KEY "','hostname':[]}", "one whose hostname is not what it should be" },
	{ "{'id':'" ID "','public_key':'" KEY "','hostname':''}", "an object of id, public_key, hostname" },
	{ "{'error':'try later'}", "an error: try later" },
	{ "{'error':'bad token " TOKEN "'}", "an error: bad token ***" },
	{ "{'error':7}", "an object of error, without id" },
};
/* clang-format on */

static char *body_of(const char *notation)
{
	char *body = strdup(notation);

	assert_non_null(body);
	for (char *c = body; *c; c++)
		if (*c == '\'')
			*c = '"';
	return body;
}

static void test_shapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		char *body = body_of(rows[i].body), shape[ANSWER_SHAPE_MAX];

		memset(shape, 'x', sizeof(shape));
		answer_shape(body, strlen(body), members, shape);
		free(body);
		if (strcmp(shape, rows[i].shape) != 0)
			fail_msg("%s: %s", rows[i].body, shape);
	}
}

/* Whatever comes: short, one line, and nothing of a long word. */
static void test_all_beginnings(void **state)
{
	static const char text[] = "<p>" TEN TOKEN TEN "{\"" TOKEN "\":[]}\033\n" TOKEN TEN TEN TEN;
	char shape[ANSWER_SHAPE_MAX];

	(void)state;
	for (size_t at = 0; at < sizeof(text); at++) {
		char *end = strndup(text + at, sizeof(text));

		answer_excerpt(end, strlen(end), shape);
		free(end);
		assert_true(printable_check(shape));
		assert_null(strstr(shape, "74OesY0B2qfVg5AJ"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_all_beginnings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
