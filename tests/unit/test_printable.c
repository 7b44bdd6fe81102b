// SPDX-License-Identifier: Apache-2.0
/* test_printable.c - nothing that a terminal acts on, nor that makes a text look like another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/printable.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

/* clang-format off */
static const struct {
	const char *text, *copy, *json; /* NULL: as the text */
} rows[] = {
	{ "",                          NULL,       NULL },
	{ "relay-fra1",                NULL,       NULL },
	{ "caf\303\251 \346\274\242",  NULL,       NULL },
	{ "\360\237\230\200",          NULL,       NULL }, /* an emoji */
	{ "\302\240\302\254\302\256",  NULL,       NULL }, /* next to C1 and the soft hyphen */
	{ "\342\200\220\342\200\252x", "\342\200\220???x", "\342\200\220\\u202ax" },
	{ "\342\200\247\342\200\257",  NULL,       NULL }, /* U+2027, U+202F */
	{ "\357\273\276\357\274\200",  NULL,       NULL }, /* U+FEFE, U+FF00 */
	{ "a\tb",                      "a?b",      "a\\u0009b" },
	{ "\033[2J",                   "?[2J",     "\\u001b[2J" },
	{ "\177",                      "?",        "\\u007f" },
	{ "\302\233",                  "??",       "\\u009b" },
	{ "\302\255",                  "??",       "\\u00ad" },
	{ "\330\234",                  "??",       "\\u061c" },
	{ "\341\240\216",              "???",      "\\u180e" },
	{ "\342\200\213\342\200\214",  "??????",   "\\u200b\\u200c" },
	{ "\342\200\215\342\200\216",  "??????",   "\\u200d\\u200e" },
	{ "\342\200\217",              "???",      "\\u200f" },
	{ "\342\200\250\342\200\251",  "??????",   "\\u2028\\u2029" },
	{ "\342\200\252\342\200\253",  "??????",   "\\u202a\\u202b" },
	{ "\342\200\254\342\200\255",  "??????",   "\\u202c\\u202d" },
	{ "x\342\200\256gpj",          "x???gpj",  "x\\u202egpj" },
	{ "\342\201\240\342\201\246",  "??????",   "\\u2060\\u2066" },
	{ "\342\201\247\342\201\250",  "??????",   "\\u2067\\u2068" },
	{ "\342\201\251",              "???",      "\\u2069" },
	{ "\357\273\277",              "???",      "\\ufeff" },
	{ "\357\277\271",              "???",      "\\ufff9" },
	{ "\363\240\200\201",          "????",     "\\udb40\\udc01" }, /* a tag */
	/* Seen as nothing, or as a blank: fillers of Hangul, a pattern without dots. */
	{ "\341\205\237\341\205\240",  "??????",   "\\u115f\\u1160" },
	{ "\343\205\244\357\276\240",  "??????",   "\\u3164\\uffa0" },
	{ "\342\240\200",              "???",      "\\u2800" },
	{ "\341\205\236\341\205\241",  NULL,       NULL }, /* next to them */
	{ "\343\205\243\343\205\245",  NULL,       NULL },
	{ "\357\276\237\357\276\241",  NULL,       NULL },
	{ "\342\237\277\342\240\201",  NULL,       NULL },
	/* Broken UTF-8 is nobody's character, and hides none. */
	{ "\342\200",                  "??",       "??" },
	{ "\342\302\233",              "???",      "?\\u009b" },
	{ "\342\200\342\200\256",      "?????",    "??\\u202e" },
	{ "\377\033",                  "??",       "?\\u001b" },
	{ "a\233b",                    "a?b",      "a?b" }, /* C1 of Latin-1 */
	{ "\303",                      "?",        "?" },
	{ "\303\303\251",              "?\303\251", "?\303\251" },
	{ "\360\237\230",              "???",      "???" },
	{ "\360\237\230x",             "???x",     "???x" },
	{ "\377\376\370\210\200\200\200", "???????", "???????" },
	/* Overlong: one of these is an escape, or C1. */
	{ "\300\233\301\277",          "????",     "????" },
	{ "\340\200\233\340\202\233",  "??????",   "??????" },
	{ "\340\237\277\340\240\200",  "???\340\240\200", "???\340\240\200" },
	{ "\360\200\200\233",          "????",     "????" },
	{ "\360\217\277\277",          "????",     "????" },
	{ "\360\220\200\200",          NULL,       NULL }, /* U+10000 */
	/* Surrogates, and beyond the last character. */
	{ "a\355\240\200b",            "a???b",    "a???b" },
	{ "\355\277\277",              "???",      "???" },
	{ "\355\240\275\355\270\200",  "??????",   "??????" }, /* an emoji, as CESU-8 has it */
	{ "\355\237\277\356\200\200",  NULL,       NULL }, /* U+D7FF, U+E000 */
	{ "\364\217\277\275",          NULL,       NULL }, /* U+10FFFD */
	{ "\364\220\200\200",          "????",     "????" },
	{ "\365\200\200\200",          "????",     "????" },
};
/* clang-format on */

static void test_check_and_copy(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const char *want = rows[i].copy ?: rows[i].text;
		char copy[32];

		memset(copy, 'x', sizeof(copy));
		printable_copy(copy, sizeof(copy), rows[i].text);
		if (strcmp(copy, want) != 0 || printable_check(rows[i].text) != !rows[i].copy)
			fail_msg("row %zu: %s", i, copy);
		for (size_t c = strlen(copy); c < sizeof(copy); c++)
			assert_int_equal(copy[c], 0);
	}
}

static void test_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const char *want = rows[i].json ?: rows[i].text;
		char *text = NULL;
		size_t len;
		FILE *file = open_memstream(&text, &len);

		printable_put_json(rows[i].text, file);
		fclose(file);
		if (strcmp(text, want) != 0)
			fail_msg("row %zu: %s", i, text);
		free(text);
	}
}

/* The line ends that make JSON readable stay. */
static void test_json_of_many_lines(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	(void)state;
	printable_put_json("{\n  \"a\": 1\n}", file);
	fclose(file);
	assert_string_equal(text, "{\n  \"a\": 1\n}");
	free(text);
}

/* Never half a character, which the next one would be taken for a part of. */
static void test_cut(void **state)
{
	static const char text[] = "ab\342\200\256cd";
	static const char *const want[] = { "", "a", "ab", "ab", "ab", "ab???", "ab???c" };
	char copy[16];

	(void)state;
	for (size_t size = 1; size <= N(want); size++) {
		printable_copy(copy, size, text);
		assert_string_equal(copy, want[size - 1]);
	}
}

/* Nor is what comes before lost, when there is nothing but the middles of characters. */
static void test_cut_of_broken(void **state)
{
	char copy[9];

	(void)state;
	printable_copy(copy, sizeof(copy), "ab\200\200\200\200\200\200\200\200");
	assert_string_equal(copy, "ab???");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check_and_copy),     cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_of_many_lines), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_of_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
