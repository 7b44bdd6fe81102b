// SPDX-License-Identifier: Apache-2.0
/*
 * test_json_strict.c - what is almost JSON is refused by every reader, wherever the text is cut:
 * answers and registration.json (as a whole), peers files, devices.json and lists (an array), and
 * events (documents one after the other).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_member.h"
#include "base/json_strict.h"
#include "notation.h"
#include "peers/json_stream.h"

#define BAD false
#define GOOD true
#define A5 "[[[[["
#define Z5 "]]]]]"

/* clang-format off */
static const struct {
	const char *value; /* of a member, as notation_json() */
	bool is_good;
} values[] = {
	{ "0", GOOD }, { "-0", GOOD }, { "7", GOOD }, { "1.0", GOOD }, { "-10.25", GOOD },
	{ "1e5", GOOD }, { "1E+05", GOOD }, { "0e-1", GOOD }, { "1.5e05", GOOD },
	{ "1e400", GOOD }, { "123456789012345678901234567890", GOOD },
	{ "00", BAD }, { "01", BAD }, { "-01", BAD }, { "-00", BAD }, { "0123", BAD },
	{ "1.", BAD }, { "-1.", BAD }, { "1.e5", BAD }, { ".5", BAD }, { "-.5", BAD },
	{ "-", BAD }, { "--1", BAD }, { "+1", BAD }, { "5-5", BAD }, { "5+5", BAD },
	{ "1e", BAD }, { "1e+", BAD }, { "1e5e5", BAD }, { "1e1.5", BAD }, { "1.5.5", BAD },
	{ "0x10", BAD }, { "1_000", BAD }, { "1f", BAD }, { "1 2", BAD },
	{ "NaN", BAD }, { "-NaN", BAD }, { "nan", BAD }, { "Infinity", BAD }, { "-Infinity", BAD },
	{ "-I", BAD }, { "inf", BAD },
	{ "true", GOOD }, { "false", GOOD }, { "null", GOOD },
	{ "True", BAD }, { "TRUE", BAD }, { "tru", BAD }, { "truee", BAD }, { "Null", BAD },
	{ "nul", BAD }, { "undefined", BAD }, { "", BAD }, { ",", BAD }, { ":", BAD },

	{ "''", GOOD }, { "'x'", GOOD }, { "'\177'", GOOD }, { "'\302\205'", GOOD },
	{ "'\\'\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u00E9'", GOOD }, { "'\\ud83d\\ude00'", GOOD },
	{ "'\\uD83D\\uDE00'", GOOD },
	{ "'x\ny'", BAD }, { "'x\ry'", BAD }, { "'\t'", BAD }, { "'\001'", BAD }, { "'\037'", BAD },
	{ "'\\x41'", BAD }, { "'\\`'", BAD }, { "'\\0'", BAD }, { "'\\a'", BAD }, { "'\\U0041'", BAD },
	{ "'\\u12'", BAD }, { "'\\u12g4'", BAD }, { "'\\u 123'", BAD }, { "'\\\n'", BAD },
	{ "'\\ud800'", BAD }, { "'\\udc00'", BAD }, { "'\\ud83d\\ud83d'", BAD },
	{ "'\\ud83dx'", BAD }, { "'\\ud83d\\n'", BAD }, { "'\\ud83d\\u0041'", BAD },
	{ "'\\ude00\\ud83d'", BAD }, { "'\\ud83d", BAD },
	{ "'\355\240\200'", BAD }, { "'\300\200'", BAD }, { "'\377'", BAD }, { "'\303'", BAD },
	{ "'\364\220\200\200'", BAD }, { "'~'", BAD }, { "`x`", BAD }, { "x", BAD }, { "'x", BAD },

	{ "[]", GOOD }, { "{}", GOOD }, { "[1,[2],{'a':3}]", GOOD }, { "{'a':{'a':1}}", GOOD },
	{ "{'':1,'b':2}", GOOD }, { "[ 1 , \t2\r\n]", GOOD },
	{ "[1,]", BAD }, { "[,1]", BAD }, { "[1 2]", BAD }, { "[1}", BAD }, { "[", BAD },
	{ "{'a':1,}", BAD }, { "{,}", BAD }, { "{'a' 1}", BAD }, { "{'a':}", BAD }, { "{'a'}", BAD },
	{ "{'a':1]", BAD }, { "{'a':1 'b':2}", BAD }, { "{'a'::1}", BAD }, { "{1:2}", BAD },
	{ "{`id`:1}", BAD }, { "{id:1}", BAD }, { "{null:1}", BAD },
	{ "{'b':1,'b':2}", BAD }, { "{'b':1,'b':1}", BAD }, { "{'b':1,'\\u0062':2}", BAD },
	{ "[{'b':1},{'b':{},'b':[]}]", BAD }, { "{'b\\u0000':1}", BAD },
	{ "{'b':1,'b\\u0000':2}", BAD },
	{ "/* x */1", BAD }, { "1// x\n", BAD }, { "#\n1", BAD }, { "1/**/", BAD },
	{ "\v1", BAD }, { "\f1", BAD }, { "\302\2401", BAD }, { "\357\273\2771", BAD },
	{ "~1", BAD }, { "1~", BAD },
};
/* clang-format on */

/* What has come out of a reader, errors included. */
struct result {
	int err;
	char tree[NOTATION_TEXT_MAX], error[JSON_ERROR_MAX];
};

static int on_element(void *arg, struct json_object *object, uint64_t line)
{
	struct result *result = arg;

	(void)line;
	snprintf(result->tree, sizeof(result->tree), "%s",
		 json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	return 0;
}

/* Each piece is a copy of its own length: the sanitizer sees who reads behind it. */
static void feed(struct json_stream *reader, const char *text, size_t len, struct result *result)
{
	char *copy = malloc(len ?: 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	if (!result->err)
		result->err = json_stream_feed(reader, copy, len);
	free(copy);
}

/* In pieces of one byte when @cut is the length, else in two. */
static struct result read_cut(enum json_stream_kind kind, const char *text, size_t len, size_t cut)
{
	struct json_stream reader;
	struct result result = {};

	assert_int_equal(json_stream_init(&reader, kind, on_element, &result), 0);
	for (size_t i = 0; cut == len && i < len; i++)
		feed(&reader, text + i, 1, &result);
	if (cut < len) {
		feed(&reader, text, cut, &result);
		feed(&reader, text + cut, len - cut, &result);
	}
	if (!result.err)
		result.err = json_stream_finish(&reader);
	memcpy(result.error, reader.error, sizeof(result.error));
	json_stream_done(&reader);
	return result;
}

static void check_cuts(enum json_stream_kind kind, size_t row, const char *text, size_t len)
{
	struct result whole = read_cut(kind, text, len, 0);

	if (whole.err != (values[row].is_good ? 0 : -EBADMSG) ||
	    (values[row].is_good ? !*whole.tree : !*whole.error))
		fail_msg("%s: %d, %s", values[row].value, whole.err, whole.error);
	for (size_t cut = 1; cut <= len; cut++) {
		struct result result = read_cut(kind, text, len, cut);

		if (result.err != whole.err || strcmp(result.tree, whole.tree) != 0 ||
		    strcmp(result.error, whole.error) != 0)
			fail_msg("%s, cut after %zu: %d, '%s' instead of %d, '%s'",
				 values[row].value, cut, result.err, result.error, whole.err,
				 whole.error);
	}
}

static void check_whole(size_t row, const char *text, size_t len)
{
	char *copy = malloc(len ?: 1);
	struct json_object *object;

	assert_non_null(copy);
	memcpy(copy, text, len);
	object = json_parse(copy, len);
	free(copy);
	if (!!object != values[row].is_good)
		fail_msg("%s: %s as a whole", values[row].value, object ? "taken" : "refused");
	json_object_put(object);
}

static void test_every_reader_and_every_cut(void **state)
{
	char notation[NOTATION_TEXT_MAX], text[NOTATION_TEXT_MAX];
	size_t len;

	(void)state;
	for (size_t i = 0; i < N(values); i++) {
		snprintf(notation, sizeof(notation), "[{'a':%s}]", values[i].value);
		len = notation_json(notation, text, sizeof(text));
		check_whole(i, text, len);
		check_cuts(JSON_ARRAY, i, text, len);
		check_whole(i, text + 1, len - 2);
		check_cuts(JSON_DOCUMENTS, i, text + 1, len - 2);
	}
}

/* Documents that are no objects come as answers alone. Those that are null have no tree. */
static void test_documents_of_one_value(void **state)
{
	char text[NOTATION_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < N(values); i++) {
		size_t len = notation_json(values[i].value, text, sizeof(text));

		if (strcmp(values[i].value, "null") != 0)
			check_whole(i, text, len);
	}
}

struct passed {
	char kind[JSON_LABEL_MAX], why[64];
	struct result after;
};

static struct passed *passed;

static int on_refused(void *arg, const struct json_label *label, const char *why)
{
	(void)arg;
	snprintf(passed->kind, sizeof(passed->kind), "%s", label->kind);
	snprintf(passed->why, sizeof(passed->why), "%s", why);
	return 0;
}

/* What is passed over ends where it ends, however deep it is and whatever is in its strings; its
 * own structure is nobody's business. */
static void test_passed_over_with_every_cut(void **state)
{
	static const char *const deep[] = {
		"{'kind':'x','a':" A5 A5 A5 "[[1]]" Z5 Z5 Z5 "}",
		"{'kind':'x','a':" A5 A5 A5 "{'a':'}\\'}'}" Z5 Z5 Z5 "}",
		"{'kind':'x','a':" A5 A5 A5 "'[{\\\\'" Z5 Z5 Z5 "}",
		"{'kind':'x','a':" A5 A5 A5 "-5" Z5 Z5 Z5 ", 'b':00}",
		"{'kind':'x','a':" A5 A5 A5 "true}}}}}" Z5 Z5 "]",
	};
	char notation[NOTATION_TEXT_MAX], text[NOTATION_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < N(deep); i++) {
		size_t len;

		snprintf(notation, sizeof(notation), "%s {'b':2}", deep[i]);
		len = notation_json(notation, text, sizeof(text));
		for (size_t cut = 0; cut <= len; cut++) {
			struct result result = {};
			struct json_stream reader;
			struct passed now = {};

			passed = &now;
			assert_int_equal(
				json_stream_init(&reader, JSON_DOCUMENTS, on_element, &result), 0);
			json_stream_set_refused(&reader, on_refused);
			feed(&reader, text, cut, &result);
			feed(&reader, text + cut, len - cut, &result);
			json_stream_done(&reader);
			if (result.err || strcmp(now.kind, "x") != 0 ||
			    strcmp(result.tree, "{\"b\":2}") != 0)
				fail_msg("%s, cut after %zu: %d, %s, '%s', %s", deep[i], cut,
					 result.err, reader.error, now.kind, result.tree);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_reader_and_every_cut),
		cmocka_unit_test(test_documents_of_one_value),
		cmocka_unit_test(test_passed_over_with_every_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
