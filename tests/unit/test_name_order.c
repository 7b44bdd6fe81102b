// SPDX-License-Identifier: Apache-2.0
/*
 * test_name_order.c - which name server is asked first.
 *
 * What happens is written as words: "+N" N ms pass, "s1" server 1 is silent, "h1" it is heard of,
 * "=120" they are asked in this order; "b:" before any of them: about another name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nexodus/name_order.h"
#include "notation.h"

/* clang-format off */
static const struct {
	const char *name;
	size_t n;
	const char *story;
} cases[] = {
	{ "in order",                     3, "=012 =012" },
	{ "one server, even if silent",   1, "=0 s0 =0" },
	{ "no server",                    0, "=" },
	{ "a silent one comes last",      3, "s0 =120" },
	{ "for a minute less a ms",       3, "s0 +59999 =120" },
	{ "then it is tried, once",       3, "s0 +60000 =012 =120 +59999 =120 +1 =012 =120" },
	{ "tried in vain",                3, "s0 +60000 =012 +2000 s0 =120 +59999 =120 +1 =012" },
	{ "tried, and heard of",          3, "s0 +60000 =012 h0 =012 =012" },
	{ "heard of before",              3, "s0 =120 +10 h0 =012" },
	{ "the second is silent",         3, "s1 =021" },
	{ "two are silent",               3, "s0 +1 s1 =201" },
	{ "all are silent",               3, "s2 s1 s0 =012" },
	{ "all but the last, by and by",  3, "s0 +60000 =012 s0 s1 =201 +60000 =012 =201" },
	{ "heard of without reason",      3, "h2 =012" },
	{ "another name",                 3, "s0 b:=012 b:s1 =120 b:=021 b:h1 =120 b:=012" },
};
/* clang-format on */

static void act(struct name_order *order, const char *name, size_t n, const char *word, int64_t now)
{
	const char *host = strncmp(word, "b:", 2) ? "a.test" : "b.test";
	uint8_t servers[NAME_SERVERS_MAX];
	char got[NAME_SERVERS_MAX + 1] = "";

	if (*host == 'b')
		word += 2;
	if (*word == 's')
		name_order_silent(order, host, word[1] - '0', now);
	if (*word == 'h')
		name_order_heard(order, host, word[1] - '0');
	if (*word != '=')
		return;
	name_order_choose(order, host, n, now, servers);
	for (size_t i = 0; i < n; i++)
		got[i] = '0' + servers[i];
	if (strcmp(got, word + 1) != 0)
		fail_msg("%s: %s, not %s", name, got, word);
}

static void test_stories(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct name_order order = {};
		char copy[256], *rest = copy;
		int64_t now = 1;

		snprintf(copy, sizeof(copy), "%s", cases[i].story);
		for (char *word; (word = strsep(&rest, " "));) {
			if (*word == '+')
				now += strtoll(word + 1, NULL, 10);
			else
				act(&order, cases[i].name, cases[i].n, word, now);
		}
	}
}

/* Names are the same in any case; of too many the oldest are forgotten. */
static void test_names(void **state)
{
	struct name_order order = {};
	char host[HOST_NAME_ROOM];

	(void)state;
	memset(host, 'a', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	name_order_silent(&order, host, 0, 1);
	memset(host, 'A', sizeof(host) - 1);
	act(&order, "longest", 0, "=", 1);
	for (size_t i = 0; i < NAME_ORDER_HOSTS; i++) {
		uint8_t servers[NAME_SERVERS_MAX];

		name_order_choose(&order, host, 2, 1, servers);
		assert_int_equal(servers[0], 1);
		snprintf(host, sizeof(host), "%zu.test", i);
		name_order_silent(&order, host, 0, 1);
		snprintf(host, sizeof(host), "%zu.TEST", i);
	}
	act(&order, "forgotten", 3, "=012", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
