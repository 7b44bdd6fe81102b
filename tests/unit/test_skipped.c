// SPDX-License-Identifier: Apache-2.0
/*
 * test_skipped.c - what makes no sense is counted for as long as it is there, and told once.
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

#include "nexodus/skipped.h"
#include "watch_notation.h"

#define TAILS "Tg Td Tm "
#define ODD "x1=a:200::2@5 "
#define ODD_CIDR "b1=a:200::2@5 "

/* As a watch counts. */
static const struct {
	const char *name, *story;
	size_t n;
} stories[] = {
	{ "nothing", TAILS, 0 },
	{ "a device", TAILS ODD, 1 },
	{ "before the tail", ODD TAILS, 1 },
	{ "one that was there", TAILS "d1=a:200::2@4 " ODD, 1 },
	{ "a CIDR", TAILS ODD_CIDR, 1 },
	{ "two devices", TAILS ODD "x2=b:200::3@6", 2 },
	{ "the same twice", TAILS ODD "x1=a:200::2@6", 1 },
	{ "device, and then a CIDR of it", TAILS ODD "b1=a:200::2@6", 1 },
	{ "mended", TAILS ODD "d1=a:200::2@6", 0 },
	{ "mended before the tail", ODD "d1=a:200::2@6 " TAILS, 0 },
	{ "deleted", TAILS ODD "-d1@6", 0 },
	{ "deleted twice", TAILS ODD "x2=b:200::3@5 -d1@6 -d1@6", 1 },
	{ "in another VPC", TAILS ODD "o1=a:200::2@6", 0 },
	{ "CIDR mended", TAILS ODD_CIDR "d1=a:200::2@6", 0 },
	{ "device with a wrong CIDR is deleted", TAILS ODD_CIDR "-d1@6", 0 },
	{ "an older one", TAILS "d1=a:200::2@6 " ODD, 0 },
	{ "after a cut", TAILS ODD "/", 1 },
	{ "deleted after a cut", TAILS ODD "/ -d1@6", 0 },
	{ "before a cut, not whole", ODD "/ " TAILS, 0 },
	{ "without an id: nobody could say when it is gone",
	  TAILS "{'kind':'device','type':'change','value':{}}", 0 },
};

static void test_watch(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(stories); i++) {
		struct heard heard;

		heard_begin(&heard);
		assert_int_equal(play(&heard, stories[i].story, EVENT_MAX), 0);
		if (watch_skipped(heard.watch) != stories[i].n)
			fail_msg("%s: %zu", stories[i].name, watch_skipped(heard.watch));
		watch_free(heard.watch);
	}
}

/*
 * A round is a list: each letter a device, the digit behind it how many of its CIDRs are wrong; in
 * capitals it is for another reason. "-": the list is cut there.
 */
static const struct {
	const char *name, *rounds;
	const char *told; /* names, in the order of the warnings */
	size_t n;
} lists[] = {
	{ "one", "a1", "a", 1 },
	{ "same list", "a1 a1 a1", "a", 1 },
	{ "later", " a0 a1 a1", "a", 1 },
	{ "two", "a1b2", "ab", 3 },
	{ "another reason", "a1 A1 A1", "aA", 1 },
	{ "more of them", "a1 a2", "aa", 2 },
	{ "mended", "a1b1 a0b1", "ab", 1 },
	{ "mended, wrong again", "a1 a0 a1", "aa", 1 },
	{ "gone", "a1b1c1 b1", "abc", 1 },
	{ "all are gone", "a1b1c1 ", "abc", 0 },
	{ "gone, and there again", "a1 b1 a1", "aba", 1 },
	{ "first list is cut", "a1- a1b1", "ab", 2 },
	{ "cut before it", "a1b1 a1- a1b1", "ab", 2 },
	{ "gone after a cut", "a1 a1b1- a1", "ab", 1 },
};

static void note(void *arg, const char *text)
{
	const char *name = strstr(text, "device '");
	char *told = arg;

	told[strlen(told)] = name ? name[strlen("device '")] : '*';
}

static void take(struct skipped *skipped, char letter, unsigned int n)
{
	uint8_t id[DEVICE_ID_BYTES] = { (uint8_t)(letter | 0x20) };
	const char name[] = { letter, '\0' };
	struct complaint complaint = {};

	for (unsigned int i = 0; i < n; i++)
		complaint_add(&complaint, NULL, name);
	(void)skipped_take(skipped, id, name, &complaint);
}

/* Return: whether it came to its end. */
static bool play_list(struct skipped *skipped, const char *list)
{
	skipped_begin(skipped);
	for (; *list && *list != '-'; list += 2)
		take(skipped, list[0], list[1] - '0');
	return !*list;
}

static void test_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(lists); i++) {
		char copy[64], *rest = copy, told[64] = {};
		struct skipped skipped;

		strcpy(copy, lists[i].rounds);
		skipped_init(&skipped, note, told);
		for (char *list; (list = strsep(&rest, " "));)
			if (play_list(&skipped, list))
				skipped_end(&skipped);
		if (strcmp(told, lists[i].told) != 0 || skipped.n != lists[i].n)
			fail_msg("%s: %s, %zu", lists[i].name, told, skipped.n);
		skipped_clear(&skipped);
	}
}

/* Those that were not told one by one are no news in the next list either. */
static void test_many(void **state)
{
	char told[64] = {};
	struct skipped skipped;

	(void)state;
	skipped_init(&skipped, note, told);
	for (int round = 0; round < 2; round++) {
		skipped_begin(&skipped);
		for (char letter = 'a'; letter <= 'z'; letter++)
			take(&skipped, letter, 1);
		skipped_end(&skipped);
	}
	assert_string_equal(told, "abcdefghijklmnopqrst*");
	assert_int_equal(skipped.n, 26);
	skipped_clear(&skipped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
