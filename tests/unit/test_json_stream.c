// SPDX-License-Identifier: Apache-2.0
/*
 * test_json_stream.c - reading objects piece by piece: whole, cut, hostile, too large, too deep.
 *
 * Every row is fed whole and in pieces of several sizes: where the pieces end must not matter. A
 * good row is also cut after each byte: what is left must never pass for a whole list.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "notation.h"
#include "peers/json_stream.h"

#define X16 "xxxxxxxxxxxxxxxx"
#define TWICE "the device that ends here has the same member twice"

/* clang-format off */
struct row {
	const char *name, *text;  /* as notation_json() */
	const char *elements;     /* each followed by @line, with blanks between */
	const char *error;        /* start of it; NULL: the text is good */
};

static const struct row cases[] = {
	{ "empty array",             "[]",                             "", NULL },
	{ "empty object",            "[{}]",                           "{}@1", NULL },
	{ "blanks everywhere",       " \t\r\n[ { } \n,\t{ 'a' : 1 } ] \n", "{}@2 {'a':1}@3", NULL },
	{ "no blanks anywhere",      "[{'a':1},{'b':2}]",              "{'a':1}@1 {'b':2}@1", NULL },
	{ "line numbers",            "[\n{\n'a':\n1}\n,\n\n{}\r\n,{}]", "{'a':1}@2 {}@7 {}@8", NULL },
	{ "every kind of value",
	  "[{'a':[1,-2.5e-3,true,false,null,'x',{}]}]",
	  "{'a':[1,-2.5e-3,true,false,null,'x',{}]}@1", NULL },
	{ "escapes in a string",     "[{'a':'\\'\\\\\\n\\u00e9\\ud83d\\ude00'}]",
	  "{'a':'\\'\\\\\\n\303\251\360\237\230\200'}@1", NULL },
	{ "escaped NUL in a string", "[{'a':'\\u0000'}]",              "{'a':'\\u0000'}@1", NULL },
	{ "UTF-8 of two bytes",      "[{'a':'\303\251'}]",             "{'a':'\303\251'}@1", NULL },
	{ "UTF-8 of three bytes",    "[{'a':'\342\202\254'}]",         "{'a':'\342\202\254'}@1", NULL },
	{ "UTF-8 of four bytes",     "[{'a':'\360\237\230\200'}]",     "{'a':'\360\237\230\200'}@1", NULL },
	{ "UTF-8 in a name",         "[{'\303\251':1}]",               "{'\303\251':1}@1", NULL },

	{ "nothing",                 "",          "", "line 1, column 1: empty" },
	{ "blanks alone",            " \n ",      "", "line 2, column 2: empty" },
	{ "an object",               "{'a':1}",   "", "line 1, column 1: not a JSON array" },
	{ "a string",                " '[]'",     "", "line 1, column 2: not a JSON array" },
	{ "byte order mark",         "\357\273\277[]", "", "line 1, column 1: not a JSON array" },
	{ "element is a number",     "[1]",       "", "line 1, column 2: a device must be a JSON object" },
	{ "element is a string",     "['a']",     "", "line 1, column 2: a device must be a JSON object" },
	{ "element is null",         "[{},null]", "{}@1", "line 1, column 5: a device must be" },
	{ "element is an array",     "[{},\n[]]", "{}@1", "line 2, column 1: a device must be" },
	{ "comma before the first",  "[,{}]",     "", "line 1, column 2: a device must be" },
	{ "comma behind the last",   "[{},]",     "{}@1", "line 1, column 5: a device must be" },
	{ "two commas",              "[{},,{}]",  "{}@1", "line 1, column 5: a device must be" },
	{ "no comma",                "[{} {}]",   "{}@1", "line 1, column 5: expected ',' or ']'" },
	{ "closed twice",            "[{}}]",     "{}@1", "line 1, column 4: expected ',' or ']'" },
	{ "array closed twice",      "[]]",       "", "line 1, column 3: something follows" },
	{ "a second array",          "[{}]\n[]",  "{}@1", "line 2, column 1: something follows" },
	{ "rubbish behind",          "[] x",      "", "line 1, column 4: something follows" },
	{ "other blanks between",    "[\v{}]",    "", "line 1, column 2: a device must be" },

	{ "NUL between",             "[{}~]",     "{}@1", "line 1, column 4: NUL byte" },
	{ "NUL behind",              "[{}]~",     "{}@1", "line 1, column 5: NUL byte" },
	{ "NUL before",              "~[{}]",     "", "line 1, column 1: NUL byte" },
	{ "NUL in an object",        "[{'a':~1}]", "", "line 1, column 7: NUL byte" },
	{ "NUL in a string",         "[{'a':'~'}]", "", "line 1, column 8: NUL byte" },
	{ "NUL in a name",           "[{'~':1}]", "", "line 1, column 4: NUL byte" },
	{ "UTF-8 cut off",           "[{'a':'\303'}]", "", "line 1, column 9: " },
	{ "UTF-8 begun again and again", "[{'a':'\303\303\303\303\303\303\303\303\303\303\303\303'}]", "", "line 1, column 9: " },
	{ "four bytes begun again and again", "[{'a':'\360\360\360\360\360\360\360\360\360\360\360\360'}]", "", "line 1, column 9: " },
	{ "UTF-8 without a start",   "[{'a':'\251'}]", "", "line 1, column 8: " },
	{ "not UTF-8 at all",        "[{'a':'\377'}]", "", "line 1, column 8: " },
	{ "UTF-8 longer than needed", "[{'a':'\300\257'}]", "", "line 1, column " },
	{ "UTF-8 of half a pair",    "[{'a':'\355\240\200'}]", "", "line 1, column " },
	{ "UTF-8 beyond U+10FFFF",   "[{'a':'\364\220\200\200'}]", "", "line 1, column " },
	{ "UTF-8 between objects",   "[{}\303\251]", "{}@1", "line 1, column 4: " },

	{ "comma in the object",     "[{'a':1,}]", "", "line 1, column 9: " },
	{ "comma in an inner array", "[{'a':[1,]}]", "", "line 1, column 10: " },
	{ "no colon",                "[{'a' 1}]", "", "line 1, column 7: " },
	{ "no value",                "[{'a':}]",  "", "line 1, column 7: " },
	{ "name without quotes",     "[{a:1}]",   "", "line 1, column 3: " },
	{ "name in single quotes",   "[{`a`:1}]", "", "line 1, column 3: " },
	{ "value in single quotes",  "[{'a':`b`}]", "", "line 1, column 7: " },
	{ "comment in the object",   "[{'a':/* b */1}]", "", "line 1, column 7: " },
	{ "comment between",         "[/* b */{}]", "", "line 1, column 2: a device must be" },
	{ "words in capitals",       "[{'a':TRUE}]", "", "line 1, column 7: " },
	{ "not a number",            "[{'a':NaN}]", "", "line 1, column 7: NaN" },
	{ "infinite",                "[{'a':-Infinity}]", "", "line 1, column 8: NaN" },
	{ "end of line in a string", "[{'a':'x\ny'}]", "", "line 1, column 9: a control" },
	{ "leading zero",            "[{'a':01}]", "", "line 1, column 8: " },
	{ "hexadecimal",             "[{'a':0x10}]", "", "line 1, column 8: " },
	{ "plus sign",               "[{'a':+1}]", "", "line 1, column 7: " },
	{ "brackets that cross",     "[{'a':[}]}]", "", "line 1, column 8: " },
	{ "bad escape",              "[{'a':'\\x'}]", "", "line 1, column 9: " },
	{ "escape too short",        "[{'a':'\\u12'}]", "", "line 1, column 12: " },
	{ "line of an error",        "[{'a':1},\n{'b':\n  x}]", "{'a':1}@1", "line 3, column 3: " },

	{ "member twice",            "[{'a':1,'a':2}]", "", "line 1, column 15: " TWICE },
	{ "member twice, the same",  "[{'a':1,'a':1}]", "", "line 1, column 15: " TWICE },
	{ "member twice, null",      "[{'a':null,'a':1}]", "", "line 1, column 18: " TWICE },
	{ "member twice, escaped",   "[{'a':1,'\\u0061':2}]", "", "line 1, column 20: " TWICE },
	{ "empty name twice",        "[{'':1,'':2}]", "", "line 1, column 13: " TWICE },
	{ "member twice, inside",    "[{'a':{'b':1,'b':1}}]", "", "line 1, column 21: " TWICE },
	{ "member twice, in an array", "[{'a':[{'b':1,'b':1}]}]", "", "line 1, column 23: " TWICE },
	{ "member three times",      "[{'a':1,'a':2,'a':3}]", "", "line 1, column 21: " TWICE },
	{ "object twice",            "[{'a':{'b':1},'a':{'b':1}}]", "", "line 1, column 27: " TWICE },
	{ "member twice, in the second", "[{'a':1},\n{'a':1,'a':2}]", "{'a':1}@1",
	  "line 2, column 14: " TWICE },
	{ "same name in two devices", "[{'a':1},{'a':2}]", "{'a':1}@1 {'a':2}@1", NULL },
	{ "same name further in",    "[{'a':{'a':{'a':1}}}]", "{'a':{'a':{'a':1}}}@1", NULL },
	{ "same name side by side",  "[{'a':[{'b':1},{'b':1}],'b':1}]",
	  "{'a':[{'b':1},{'b':1}],'b':1}@1", NULL },
	{ "names differ in case",    "[{'A':1,'a':2}]", "{'A':1,'a':2}@1", NULL },
	{ "colons in strings",       "[{'a:':':','b':'::{}'}]", "{'a:':':','b':'::{}'}@1", NULL },
	{ "quotes in strings",       "[{'\\'':'\\':\\'','b':'\\\\','c':'\\\\\\':'}]",
	  "{'\\'':'\\':\\'','b':'\\\\','c':'\\\\\\':'}@1", NULL },
};

static const struct row documents[] = {
	{ "nothing",                 "",                     "", NULL },
	{ "blanks alone",            " \t\r\n ",             "", NULL },
	{ "one document",            "{'a':1}",              "{'a':1}@1", NULL },
	{ "empty lines between",     "{'a':1}\n\n{'b':2}\n\n", "{'a':1}@1 {'b':2}@3", NULL },
	{ "blanks between",          " {'a':1} \t{'b':2}\r\n", "{'a':1}@1 {'b':2}@1", NULL },
	{ "nothing between",         "{}{'a':{}}{}",         "{}@1 {'a':{}}@1 {}@1", NULL },
	{ "braces in strings",       "{'a':'}{'} {'}':'{'}", "{'a':'}{'}@1 {'}':'{'}@1", NULL },
	{ "same member in two",      "{'a':1} {'a':1}",      "{'a':1}@1 {'a':1}@1", NULL },
	{ "member twice",            "{} {'a':1,'a':1}",     "{}@1",
	  "line 1, column 17: the event that ends here has the same member twice" },
	{ "array around",            "[{}]",                 "", "line 1, column 1: an event must be a JSON object" },
	{ "array inside",            "{} []",                "{}@1", "line 1, column 4: an event must be" },
	{ "number",                  "{}\n1",                "{}@1", "line 2, column 1: an event must be" },
	{ "null",                    "null",                 "", "line 1, column 1: an event must be" },
	{ "comma between",           "{},{}",                "{}@1", "line 1, column 3: an event must be" },
	{ "closed twice",            "{}}",                  "{}@1", "line 1, column 3: an event must be" },
	{ "record separator",        "\036{}",               "", "line 1, column 1: an event must be" },
	{ "byte order mark",         "\357\273\277{}",      "", "line 1, column 1: an event must be" },
	{ "server-sent event",       "data: {}",             "", "line 1, column 1: an event must be" },
	{ "NUL between",             "{}~{}",                "{}@1", "line 1, column 3: NUL byte" },
	{ "not UTF-8",               "{'a':'\377'}",         "", "line 1, column 7: not UTF-8" },
	{ "cut off",                 "{} {'a':{}",           "{}@1", "line 1, column 11: cut off: the last event does not end" },
	{ "cut off in a string",     "{'a':'}",              "", "line 1, column 8: cut off" },
};

/* What is too large is named by what has come before the bound. */
static const struct {
	const char *name;
	enum json_stream_kind kind;
	const char *text; /* until the member that never ends */
	const char *what;
} labels[] = {
	{ "first device, no name",   JSON_ARRAY, "[{", "device 1 is" },
	{ "third device, no name",   JSON_ARRAY, "[{},{'id':'x'},{", "device 3 is" },
	{ "host name",               JSON_ARRAY, "[{'hostname':'build-07',", "device 1 ('build-07') is" },
	{ "id",                      JSON_ARRAY, "[{'id':'c93b',", "device 1 ('c93b') is" },
	{ "id, then host name",      JSON_ARRAY, "[{'id':'c93b','hostname':'build-07',", "device 1 ('build-07') is" },
	{ "host name, then id",      JSON_ARRAY, "[{'hostname':'build-07','id':'c93b',", "device 1 ('build-07') is" },
	{ "empty host name",         JSON_ARRAY, "[{'id':'c93b','hostname':'',", "device 1 ('c93b') is" },
	{ "host name is null",       JSON_ARRAY, "[{'id':'c93b','hostname':null,'os':'linux',", "device 1 ('c93b') is" },
	{ "host name is an array",   JSON_ARRAY, "[{'id':'c93b','hostname':['x'],'os':'linux',", "device 1 ('c93b') is" },
	{ "blanks around",           JSON_ARRAY, "[{ 'id' : 'c93b' , ", "device 1 ('c93b') is" },
	{ "value that looks like a name", JSON_ARRAY, "[{'os':'id','x':'linux',", "device 1 is" },
	{ "longer name",             JSON_ARRAY, "[{'ids':'x','hostnames':'y','xid':'z',", "device 1 is" },
	{ "id of something inside",  JSON_ARRAY, "[{'a':{'id':'x'},'b':[{'hostname':'y'}],", "device 1 is" },
	{ "behind something inside", JSON_ARRAY, "[{'a':{'b':[{}]},'id':'c93b',", "device 1 ('c93b') is" },
	{ "strings in an array",     JSON_ARRAY, "[{'a':['id','x'],'b':'y',", "device 1 is" },
	{ "quotes in the name",      JSON_ARRAY, "[{'hostname':'a\\'b',", "device 1 ('a\\\"b') is" },
	{ "DEL in the name",         JSON_ARRAY, "[{'hostname':'a\177b',", "device 1 ('a?b') is" },
	{ "name of 63 bytes",        JSON_ARRAY, "[{'hostname':'" X16 X16 X16 "xxxxxxxxxxxxxxx',", "device 1 ('" X16 X16 X16 "xxxxxxxxxxxxxxx') is" },
	{ "name is cut",             JSON_ARRAY, "[{'hostname':'" X16 X16 X16 X16 "yy',", "device 1 ('" X16 X16 X16 "xxxxxxxxxxxxxxx') is" },
	{ "name is cut before a character", JSON_ARRAY, "[{'hostname':'" X16 X16 X16 "xxxxxxxxxxxxxx\303\251y',", "device 1 ('" X16 X16 X16 "xxxxxxxxxxxxxx') is" },
	{ "not of the one before",   JSON_ARRAY, "[{'id':'c93b'},{", "device 2 is" },
	{ "event",                   JSON_DOCUMENTS, "{", "event 1 is" },
	{ "event of a device, id",   JSON_DOCUMENTS, "{}\n{'kind':'device','value':{'id':'c93b',", "event 2 ('c93b') is" },
	{ "event of a device, host name", JSON_DOCUMENTS, "{'value':{'id':'c93b','hostname':'build-07',", "event 1 ('build-07') is" },
	{ "event of a device, behind it", JSON_DOCUMENTS, "{'value':{'id':'c93b'},", "event 1 ('c93b') is" },
	{ "id of the event itself",  JSON_DOCUMENTS, "{'id':'c93b','value':{", "event 1 is" },
	{ "id further in",           JSON_DOCUMENTS, "{'value':{'a':{'id':'c93b'},", "event 1 is" },
};
/* clang-format on */

struct result {
	char elements[NOTATION_TEXT_MAX];
	size_t len;
	size_t n;
	size_t stop_at; /* the callback fails at this element, counted from 1 */
	int stop_with;
	uint64_t last_line;
	char error[JSON_ERROR_MAX];
};

static int on_element(void *arg, struct json_object *object, uint64_t line)
{
	struct result *result = arg;
	const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);

	result->n++;
	result->last_line = line;
	if (result->len < sizeof(result->elements))
		result->len += snprintf(result->elements + result->len,
					sizeof(result->elements) - result->len, "%s%s@%llu",
					result->len ? " " : "", text, (unsigned long long)line);
	return result->n == result->stop_at ? result->stop_with : 0;
}

/* Each piece is a copy of its own length: the sanitizer sees who reads behind it. */
static int read_all(enum json_stream_kind kind, const char *text, size_t len, size_t piece,
		    struct result *result)
{
	struct json_stream reader;
	int err;

	err = json_stream_init(&reader, kind, on_element, result);
	assert_int_equal(err, 0);
	for (size_t at = 0; !err && at < len; at += piece) {
		size_t n = piece < len - at ? piece : len - at;
		char *copy = malloc(n);

		assert_non_null(copy);
		memcpy(copy, text + at, n);
		err = json_stream_feed(&reader, copy, n);
		free(copy);
	}
	if (!err)
		err = json_stream_finish(&reader);
	if (err == -EBADMSG)
		memcpy(result->error, reader.error, sizeof(result->error));
	json_stream_done(&reader);
	return err;
}

static void check_pieces(enum json_stream_kind kind, const struct row *row)
{
	static const size_t pieces[] = { 100000, 1, 2, 3, 7, 64 };
	char text[NOTATION_TEXT_MAX], elements[NOTATION_TEXT_MAX], first[JSON_ERROR_MAX] = "";
	size_t len = notation_json(row->text, text, sizeof(text));
	const char *want = row->error ?: "";

	notation_json(row->elements, elements, sizeof(elements));
	for (size_t p = 0; p < N(pieces); p++) {
		struct result result = {};
		int err = read_all(kind, text, len, pieces[p], &result);

		if (err != (row->error ? -EBADMSG : 0) ||
		    strncmp(result.error, want, strlen(want)) != 0)
			fail_msg("%s, pieces of %zu: %d, %s", row->name, pieces[p], err,
				 result.error);
		if (strcmp(result.elements, elements) != 0)
			fail_msg("%s, pieces of %zu: read as %s", row->name, pieces[p],
				 result.elements);
		if (!p)
			memcpy(first, result.error, sizeof(first));
		if (strcmp(first, result.error) != 0)
			fail_msg("%s, pieces of %zu: '%s' instead of '%s'", row->name, pieces[p],
				 result.error, first);
	}
}

static void test_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(cases); i++)
		check_pieces(JSON_ARRAY, &cases[i]);
	for (size_t i = 0; i < N(documents); i++)
		check_pieces(JSON_DOCUMENTS, &documents[i]);
}

static void test_cut_off(void **state)
{
	char text[NOTATION_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		size_t len = notation_json(cases[i].text, text, sizeof(text));

		if (cases[i].error)
			continue;
		while (text[len - 1] != ']')
			len--; /* blanks behind the array may be missing */
		for (size_t cut = 0; cut < len; cut++) {
			struct result result = {};
			int err = read_all(JSON_ARRAY, text, cut, 100000, &result);

			if (err != -EBADMSG || strncmp(result.error, "line ", 5) != 0 ||
			    !strstr(result.error, ", column "))
				fail_msg("%s, cut after %zu: %d, %s", cases[i].name, cut, err,
					 result.error);
		}
	}
}

/* "[{"a":" and then arrays, or objects, until @depth levels are open, the outer array included. */
static size_t nest(char *text, size_t depth, bool objects)
{
	size_t len = sprintf(text, "[{\"a\":");

	for (size_t i = 2; i < depth; i++)
		len += sprintf(text + len, objects ? "{\"a\":" : "[");
	text[len++] = '1';
	for (size_t i = 2; i < depth; i++)
		text[len++] = objects ? '}' : ']';
	return len + sprintf(text + len, "}]");
}

static void test_nesting(void **state)
{
	static const size_t depths[] = { 2, 15, 16, 17, 10000 };
	static char text[100000];

	(void)state;
	for (int objects = 0; objects < 2; objects++) {
		for (size_t i = 0; i < N(depths); i++) {
			size_t len = nest(text, depths[i], objects);
			struct result result = {};
			int err = read_all(JSON_ARRAY, text, len, len, &result);

			if (err != (depths[i] > JSON_DEPTH_MAX ? -EBADMSG : 0))
				fail_msg("%zu levels: %d, %s", depths[i], err, result.error);
			if (err && !strstr(result.error, "nested too deeply"))
				fail_msg("%zu levels: %s", depths[i], result.error);
		}
	}
}

/* An object of the largest size is taken, one byte more is not, however it arrives. */
static void test_element_size(void **state)
{
	static const size_t pieces[] = { 65536, JSON_ELEMENT_BYTES_MAX / 2, 1 << 24 };
	static char text[JSON_ELEMENT_BYTES_MAX + 16];

	(void)state;
	for (size_t p = 0; p < N(pieces); p++) {
		for (int more = -1; more <= 1; more++) {
			size_t size = JSON_ELEMENT_BYTES_MAX + more;
			struct result result = {};
			int err;

			memset(text, 'x', sizeof(text));
			memcpy(text, "[{\"a\":\"", 7);
			memcpy(text + 1 + size - 2, "\"}]", 3);
			err = read_all(JSON_ARRAY, text, size + 2, pieces[p], &result);
			if (err != (more > 0 ? -EBADMSG : 0) || result.n != (more <= 0))
				fail_msg("1 MiB %+d: %d, %s", more, err, result.error);
			if (err && !strstr(result.error, "larger than 1 MiB"))
				fail_msg("1 MiB %+d: %s", more, result.error);
		}
	}
}

static void check_label(size_t row, const char *text, size_t len, size_t piece)
{
	struct result result = {};
	int err = read_all(labels[row].kind, text, len, piece, &result);

	if (err != -EBADMSG || !strstr(result.error, labels[row].what) ||
	    !strstr(result.error, "is larger than 1 MiB"))
		fail_msg("%s, pieces of %zu: %d, %s", labels[row].name, piece, err, result.error);
}

static void test_label(void **state)
{
	static const size_t pieces[] = { 4096, 1 << 24, 100001 };
	static char text[JSON_ELEMENT_BYTES_MAX + 4096];

	(void)state;
	for (size_t i = 0; i < N(labels); i++) {
		size_t len = notation_json(labels[i].text, text, sizeof(text));

		memset(text + len, 'x', sizeof(text) - len);
		memcpy(text + len, "\"p\":\"", 5);
		/* A name behind the bound comes too late, whatever the pieces are. */
		memcpy(text + sizeof(text) - 40, "\",\"hostname\":\"late\",\"q\":\"", 26);
		for (size_t p = 0; p < N(pieces); p++)
			check_label(i, text, sizeof(text), pieces[p]);
	}
}

/* The size is that of one object: many of them may be larger together. */
static void test_many(void **state)
{
	static char element[40000];
	struct json_stream reader;
	struct result result = {};

	(void)state;
	memset(element, ' ', sizeof(element));
	memcpy(element, "{\"a\":1", 6);
	element[sizeof(element) - 2] = '}';
	assert_int_equal(json_stream_init(&reader, JSON_ARRAY, on_element, &result), 0);
	assert_int_equal(json_stream_feed(&reader, "[", 1), 0);
	for (int i = 0; i < 100; i++) {
		element[sizeof(element) - 1] = i < 99 ? ',' : ']';
		element[6] = '\n';
		assert_int_equal(json_stream_feed(&reader, element, sizeof(element)), 0);
	}
	assert_int_equal(json_stream_finish(&reader), 0);
	assert_int_equal(result.n, 100);
	assert_int_equal(result.last_line, 100);
	json_stream_done(&reader);
}

/* Behind a document that has come whole a text may end, inside of one it may not. */
static void test_documents_cut_off(void **state)
{
	static const char text[] = "{\"a\":1}\n\n{\"b\":[{}]}{}\n";

	(void)state;
	for (size_t cut = 0; cut < sizeof(text); cut++) {
		bool whole = !cut || (cut >= 7 && cut <= 9) || cut == 19 || cut >= 21;
		struct result result = {};
		int err = read_all(JSON_DOCUMENTS, text, cut, 100000, &result);

		if (cut == sizeof(text) - 1)
			assert_int_equal(result.n, 3);
		if (err != (whole ? 0 : -EBADMSG))
			fail_msg("cut after %zu: %d, %s", cut, err, result.error);
	}
}

static void test_callback_stops(void **state)
{
	static const char text[] = "[{},{},{}]";

	(void)state;
	for (size_t at = 1; at <= 3; at++) {
		struct result result = { .stop_at = at, .stop_with = -EXDEV };

		assert_int_equal(read_all(JSON_ARRAY, text, strlen(text), 100, &result), -EXDEV);
		assert_int_equal(result.n, at);
	}
}

static void test_done_is_safe(void **state)
{
	struct json_stream reader = {};

	(void)state;
	json_stream_done(&reader);
	assert_int_equal(json_stream_init(&reader, JSON_ARRAY, on_element, NULL), 0);
	assert_int_equal(json_stream_feed(&reader, "[{\"a\":[", 7), 0);
	json_stream_done(&reader);
	json_stream_done(&reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_label),        cmocka_unit_test(test_documents_cut_off),
		cmocka_unit_test(test_pieces),       cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_nesting),      cmocka_unit_test(test_element_size),
		cmocka_unit_test(test_many),         cmocka_unit_test(test_callback_stops),
		cmocka_unit_test(test_done_is_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
