// SPDX-License-Identifier: Apache-2.0
/*
 * test_border_change.c - a list as changes of the one before: what the node makes of it, and what
 * it refuses.
 *
 * Records as in test_border_list.c, but "Da1" is a device whose id and key are made of the letter,
 * "Dab1" one with the id a and the key b; "C2" begins a change that makes list 2, "Ga" says that
 * the device with the id a is gone. Each list is wanted when it begins.
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
#include "peers/border_list.h"

#define ABC "B1 Daa1 P10.0.0.1 Dbb1 P10.0.0.2 Dcc1 P10.0.0.3 E3,3 "

/* clang-format off */
static const struct {
	const char *name, *records;
	int ret;          /* of the last; the others are taken */
	const char *list; /* when that was the end of a list */
} cases[] = {
	{ "nothing changes",        ABC "C2 E3,3",             1, "a:10.0.0.1/32 b:10.0.0.2/32 c:10.0.0.3/32" },
	{ "one is new",             ABC "C2 Ddd1 P200::4 E4,4", 1, "a:10.0.0.1/32 b:10.0.0.2/32 c:10.0.0.3/32 d:200::4/128" },
	{ "one changes",            ABC "C2 Dbb2 P200::2,10.0.0.9 E3,4", 1, "a:10.0.0.1/32 c:10.0.0.3/32 b:200::2/128,10.0.0.9/32" },
	{ "one gets another key",   ABC "C2 Dbx1 P10.0.0.2 E3,3", 1, "a:10.0.0.1/32 c:10.0.0.3/32 x:10.0.0.2/32" },
	{ "one is gone",            ABC "C2 Gb E2,2",          1, "a:10.0.0.1/32 c:10.0.0.3/32" },
	{ "all are gone",           ABC "C2 Gb Ga Gc E0,0",    1, "" },
	{ "gone, and back with another id", ABC "C2 Gb Ddb1 P10.0.0.2 E3,3", 1, "a:10.0.0.1/32 c:10.0.0.3/32 b:10.0.0.2/32" },
	{ "one that was never there is gone", ABC "C2 Gx E3,3", 1, "a:10.0.0.1/32 b:10.0.0.2/32 c:10.0.0.3/32" },
	{ "change upon change",     ABC "C2 Gb E2,2 C3 Ddd1 P10.0.0.4 E3,3 C4 Ga E2,2", 1, "c:10.0.0.3/32 d:10.0.0.4/32" },
	{ "whole list after changes", ABC "C2 Gb E2,2 B3 Dee1 P10.0.0.5 E1,1 C4 E1,1", 1, "e:10.0.0.5/32" },
	{ "prefixes move along",    "B1 Daa2 P10.0.0.1,200::1 P10.1.0.0/16 Dbb1 P10.0.0.2 E2,4 C2 Ga E1,1", 1, "b:10.0.0.2/32" },

	{ "change of nothing",      "C1",                      -EPROTO, NULL },
	{ "change of a list that did not end", "B1 Daa1 P10.0.0.1 C2", -EPROTO, NULL },
	{ "change of the list before the last", ABC "C2 Gb E2,2 C4", -EPROTO, NULL },
	{ "the same id twice",      ABC "C2 Dbb1 P10.0.0.2 Dbx1 P10.0.0.7 E4,4", -EPROTO, NULL },
	{ "changed and gone",       ABC "C2 Dbb1 P10.0.0.2 Gb E3,3", -EPROTO, NULL },
	{ "gone twice",             ABC "C2 Gb Gb E2,2",       -EPROTO, NULL },
	{ "gone in a whole list",   "B1 Ga",                   -EPROTO, NULL },
	{ "one device too many said", ABC "C2 Gb E3,2",        -EPROTO, NULL },
	{ "one prefix too few said", ABC "C2 Gb E2,1",         -EPROTO, NULL },
	{ "counts of the change, not of the list", ABC "C2 Ddd1 P200::4 E1,1", -EPROTO, NULL },
	{ "device without its address", ABC "C2 Ddd1 E4,3",    -EPROTO, NULL },
	{ "change begins twice",    ABC "C2 C2",               -EPROTO, NULL },
};
/* clang-format on */

static struct border_record make_record(char *word, uint32_t *list)
{
	struct border_record record = {};
	unsigned int a, b;
	char *text = word + 1;

	if (*word == 'B' || *word == 'C') {
		record.kind = *word == 'B' ? BORDER_LIST_BEGIN : BORDER_CHANGE_BEGIN;
		*list = strtoul(text, NULL, 10);
	} else if (*word == 'D') {
		record.kind = BORDER_DEVICE;
		memset(record.device.id, word[1], sizeof(record.device.id));
		memset(record.device.public_key, word[2], sizeof(record.device.public_key));
		record.device.n_addresses = strtoul(word + 3, NULL, 10);
	} else if (*word == 'G') {
		record.kind = BORDER_DEVICE_GONE;
		memset(record.gone, word[1], sizeof(record.gone));
	} else if (*word == 'P') {
		record.kind = BORDER_PREFIXES_OF_DEVICE;
		for (char *prefix; (prefix = strsep(&text, ","));)
			record.prefixes.prefix[record.prefixes.n++] = notation_prefix(prefix);
	} else {
		record.kind = BORDER_LIST_END;
		assert_int_equal(sscanf(text, "%u,%u", &a, &b), 2);
		record.end.n_devices = a;
		record.end.n_prefixes = b;
	}
	record.list = *list;
	return record;
}

static void test_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		char copy[NOTATION_TEXT_MAX], *rest = copy, text[NOTATION_TEXT_MAX];
		struct border_list list = { .keep_base = true };
		uint32_t number = 0;
		int ret = 0;

		snprintf(copy, sizeof(copy), "%s", cases[i].records);
		for (char *word; (word = strsep(&rest, " "));) {
			struct border_record record = make_record(word, &number);

			ret = border_list_add(&list, &record, number);
			if (rest && ret != (*word == 'E'))
				fail_msg("%s: %s gave %d", cases[i].name, word, ret);
			/* The caller takes a whole list: changes go on without it. */
			if (rest && ret == 1)
				device_list_done(&list.devices);
		}
		if (ret != cases[i].ret)
			fail_msg("%s: %d", cases[i].name, ret);
		if (ret == 1 && strcmp(notation_show(&list.devices, text), cases[i].list) != 0)
			fail_msg("%s: %s", cases[i].name, text);
		border_list_done(&list);
	}
}

/* Who parses files only keeps no second list, and so can have no change. */
static void test_no_base(void **state)
{
	char words[][8] = { "B1", "Daa", "E1,0", "C2" };
	static const int want[] = { 0, 0, 1, -EPROTO };
	struct border_list list = {};
	uint32_t number = 0;

	(void)state;
	for (size_t i = 0; i < N(words); i++) {
		struct border_record record = make_record(words[i], &number);

		assert_int_equal(border_list_add(&list, &record, number), want[i]);
	}
	border_list_done(&list);
}

/* Thousands of changes against a list that is kept the plain way. */
static void test_many(void **state)
{
	struct border_list list = { .keep_base = true };
	bool there[26] = {};
	uint32_t number = 1;
	size_t n = 0;

	(void)state;
	srandom(1);
	for (char *word = (char[]){ "B1\0E0,0\0" }; *word; word += strlen(word) + 1) {
		struct border_record record = make_record(word, &number);

		assert_int_equal(border_list_add(&list, &record, number), *word == 'E');
	}
	for (int i = 0; i < 5000; i++) {
		unsigned int which = random() % 26;
		char begin[16], end[32], change[8], prefix[] = "P10.0.0.1";
		char *const words[] = { begin, change, prefix, end };

		n = there[which] ? n - 1 : n + 1;
		snprintf(begin, sizeof(begin), "C%u", ++number);
		snprintf(change, sizeof(change), there[which] ? "G%c" : "D%c%c1", 'a' + which,
			 'a' + which);
		snprintf(end, sizeof(end), "E%zu,%zu", n, n);
		for (size_t w = 0; w < N(words); w++) {
			struct border_record record = make_record(words[w], &number);

			if (words[w] == prefix && there[which])
				continue;
			assert_int_equal(border_list_add(&list, &record, number), w == 3);
		}
		there[which] = !there[which];
		assert_int_equal(list.devices.n_devices, n);
		for (size_t d = 0; d < n; d++)
			assert_true(there[list.devices.devices[d].public_key[0] - 'a']);
		/* What the next change is one of is in order: only that change is to be sorted in.
		 */
		for (size_t d = 1; d < n; d++)
			assert_true(list.base.devices[d - 1].public_key[0] <
				    list.base.devices[d].public_key[0]);
		device_list_done(&list.devices);
	}
	border_list_done(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_no_base),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
