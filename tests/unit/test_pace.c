// SPDX-License-Identifier: Apache-2.0
/*
 * test_pace.c - waiting times: doubling, bounded, with jitter, forgotten after calm.
 *
 * What happens is written as words: "+N" N ms pass, "h" it is healthy, "f=N" it fails and the
 * longest wait is N ms (the shortest is half of that).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pace.h"
#include "notation.h"

/* clang-format off */
static const struct {
	const char *name;
	uint32_t min_ms, max_ms;
	const char *story;
} cases[] = {
	{ "doubles up to the most", 800, 30000, "f=800 f=1600 f=3200 f=6400 f=12800 f=25600 f=30000 f=30000" },
	{ "time alone changes nothing", 800, 30000, "f=800 +1000000 f=1600 +1000000 f=3200" },
	{ "calm: from the beginning", 800, 30000, "f=800 f=1600 h +120000 f=800 f=1600" },
	{ "one ms less than calm",  800, 30000, "f=800 f=1600 h +119999 f=3200" },
	{ "healthy from the first call", 800, 30000, "f=800 f=1600 h +60000 h +60000 h f=800" },
	{ "healthy, failed, healthy: counted anew", 800, 30000, "h +60000 f=800 h +60000 f=1600" },
	{ "healthy does not last beyond a failure", 800, 30000, "f=800 h +60000 f=1600 +60000 f=3200" },
	{ "first failure ever, healthy before", 800, 30000, "h +1000000 f=800" },
	{ "the most is less than the least", 800, 500, "f=500 f=500" },
	{ "the most is the least",  800, 800, "f=800 f=800" },
	{ "not a power of two between", 3, 10, "f=3 f=6 f=10 f=10" },
	{ "one ms",                 1, 2, "f=1 f=2 f=2" },
	{ "no waiting at all",      0, 0, "f=0 f=0" },
	{ "as long as can be",      0x80000000, 0xffffffff, "f=2147483648 f=4294967295 f=4294967295" },
	{ "odd and long",           0x7fffffff, 0xfffffffe, "f=2147483647 f=4294967294 f=4294967294" },
};
/* clang-format on */

static void play(const char *name, struct pace pace, const char *story, int64_t now,
		 uint32_t random_ms)
{
	char copy[256], *rest = copy;

	snprintf(copy, sizeof(copy), "%s", story);
	for (char *word; (word = strsep(&rest, " "));) {
		uint64_t most = strtoull(word + (*word == 'f' ? 2 : 1), NULL, 10), least = most / 2;
		uint64_t want = random_ms == UINT32_MAX ? most
				: random_ms             ? most - most / 4
							: least;
		uint64_t wait;

		if (*word == '+') {
			now += most;
		} else if (*word == 'h') {
			pace_well(&pace, now);
		} else {
			wait = pace_failed(&pace, now, random_ms);
			if (wait != want && !(random_ms == 0x80000000 && wait + 1 == want))
				fail_msg("%s, random %#x: %s waits %llu", name, random_ms, word,
					 (unsigned long long)wait);
		}
	}
}

/* The least, the middle and the most of what the jitter may be; now and long after the start. */
static void test_stories(void **state)
{
	static const uint32_t randoms[] = { 0, 0x80000000, UINT32_MAX };
	static const int64_t starts[] = { 1, 12345, INT64_C(1) << 40 };

	(void)state;
	for (size_t i = 0; i < N(cases); i++)
		for (size_t r = 0; r < N(randoms); r++)
			for (size_t s = 0; s < N(starts); s++)
				play(cases[i].name,
				     (struct pace){ .min_ms = cases[i].min_ms,
						    .max_ms = cases[i].max_ms,
						    .calm_ms = 120000 },
				     cases[i].story, starts[s], randoms[r]);
}

/* Each wait between half and all is as likely as any other. */
static void test_uniform(void **state)
{
	unsigned int seen[11] = {};

	(void)state;
	for (uint64_t r = 0; r <= UINT32_MAX; r += 65521) {
		struct pace pace = { .min_ms = 10, .max_ms = 10, .calm_ms = 1 };
		uint32_t wait = pace_failed(&pace, 1, r);

		assert_in_range(wait, 5, 10);
		seen[wait]++;
	}
	for (int wait = 5; wait <= 10; wait++)
		assert_in_range(seen[wait], 10900, 10950); /* 65552 / 6 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_uniform),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
