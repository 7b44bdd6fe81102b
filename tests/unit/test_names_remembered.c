// SPDX-License-Identifier: Apache-2.0
/*
 * test_names_remembered.c - the addresses that a host had, while no name server answers.
 *
 * Name servers listen on port 53 of a loopback address of a network namespace of the test's own:
 * that needs root.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "fake_dns.h"
#include "names_lookup.h"
#include "nexodus/names_text.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define ONE "options timeout:1 attempts:1\nnameserver 127.0.0.1\n"
#define REMEMBERED "2001:db8::99 192.0.2.99"
#define NEW "2001:db8::1 192.0.2.1"
#define AT_ONCE_MS 15000 /* on a busy machine: less than a watchdog waits */
#define AFTER_MS 1500

/* clang-format off */
static const struct fake_name zone[] = {
	{ .name = "both.test",      .a = "192.0.2.1", .aaaa = "2001:db8::1" },
	{ .name = "v4.test",        .a = "192.0.2.4" },
	{ .name = "empty.test" },
	{ .name = "servfail.test",  .rcode = 2 },
	{ .name = "refused.test",   .rcode = 5 },
	{ .name = "formerr.test",   .rcode = 1 },
	{ .name = "silent.test",    .rcode = SAY_NOTHING },
	{ .name = "garbage.test",   .rcode = SAY_GARBAGE },
	{ .name = "truncated.test", .rcode = SAY_TRUNCATED },
	{ .rcode = 3 },
};

/* What is found where REMEMBERED is remembered. */
static const struct {
	const char *host, *want;
} cases[] = {
	{ "servfail.test",  REMEMBERED },
	{ "refused.test",   REMEMBERED },
	{ "formerr.test",   REMEMBERED },
	{ "silent.test",    REMEMBERED },
	{ "garbage.test",   REMEMBERED },
	{ "truncated.test", REMEMBERED },
	{ "SERVFAIL.test.", REMEMBERED },
	{ "both.test",      NEW },
	{ "v4.test",        "192.0.2.4" },
	{ "none.test",      "-2" }, /* that there is none is an answer */
	{ "empty.test",     "-2" },
	{ "192.0.2.33",     "192.0.2.33" },
	{ "localhost",      "::1 127.0.0.1" },
};
/* clang-format on */

struct fixture {
	struct event_base *base;
	struct names *names;
	int n_said;
	char found[256]; /* the last host that the watch was told of */
};

static void on_remembered(void *arg)
{
	((struct fixture *)arg)->n_said++;
}

static void on_found(void *arg, const char *host, const struct sockaddr_storage *addresses,
		     size_t n)
{
	struct fixture *fixture = arg;

	(void)addresses;
	snprintf(fixture->found, sizeof(fixture->found), "%s %zu", host, n);
}

static void setup(struct fixture *fixture)
{
	const struct names_watch watch = { .on_found = on_found,
					   .on_remembered = on_remembered,
					   .arg = fixture };

	*fixture = (struct fixture){};
	begin(&fixture->base, &fixture->names);
	names_set_watch(fixture->names, &watch);
	set_resolv_conf(fixture->names, ONE);
}

static void remember(struct fixture *fixture, const char *host)
{
	struct sockaddr_storage at[NAMES_ADDRESSES_MAX + 2];

	assert_int_equal(address_parse("192.0.2.99", &at[0]), 0);
	assert_int_equal(address_parse("2001:db8::99", &at[1]), 0);
	names_remember(fixture->names, host, at, 2, AFTER_MS);
}

/* As resolve(), but a question beside it may be left. */
static const char *look_up(struct fixture *fixture, const char *host)
{
	static struct lookup lookup;
	struct event *watchdog = evtimer_new(fixture->base, on_watchdog, NULL);
	struct timeval after = { .tv_sec = WATCHDOG_S };
	struct names_request *request;

	event_add(watchdog, &after);
	lookup = (struct lookup){ .base = fixture->base };
	fixture->found[0] = '\0';
	assert_int_equal(names_resolve(fixture->names, host, on_done, &lookup, &request), 0);
	assert_int_equal(lookup.n_done, 0);
	while (!lookup.n_done)
		event_base_dispatch(fixture->base);
	event_free(watchdog);
	assert_int_equal(lookup.n_done, 1);
	return lookup.text;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void test_cases(void **state)
{
	struct fixture fixture;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		bool is_remembered = !strcmp(cases[i].want, REMEMBERED);

		setup(&fixture);
		pid = fake_dns_start("127.0.0.1", zone);
		remember(&fixture, cases[i].host);
		for (int round = 0; round < 3; round++) {
			int64_t from = now_ms();
			const char *got = look_up(&fixture, cases[i].host);
			int64_t took = now_ms() - from;

			if (strcmp(got, cases[i].want))
				fail_msg("%s: %s, not %s", cases[i].host, got, cases[i].want);
			if (round && took > AT_ONCE_MS)
				fail_msg("%s: after %d ms", cases[i].host, (int)took);
			assert_int_equal(fixture.n_said, is_remembered);
			assert_int_equal(!fixture.found[0], cases[i].want[0] == '-');
		}
		assert_string_equal(look_up(&fixture, cases[i == 1 ? 0 : 1].host), "-11");
		fake_dns_stop(pid);
		end(fixture.base, fixture.names);
	}
}

/* Until then the old addresses are found, from then on the new ones; and the next time again. */
static void test_servers_come_back(void **state)
{
	struct fixture fixture;
	pid_t pid;

	(void)state;
	setup(&fixture);
	remember(&fixture, "both.test");
	for (int outage = 1; outage <= 2; outage++) {
		int n = 0;

		for (int i = 0; i < 3; i++)
			assert_string_equal(look_up(&fixture, "both.test"), REMEMBERED);
		assert_string_equal(fixture.found, "both.test 2");
		assert_int_equal(fixture.n_said, outage);
		pid = fake_dns_start("127.0.0.1", zone);
		while (strcmp(look_up(&fixture, "both.test"), NEW)) {
			struct timeval after = { .tv_usec = 10000 };

			assert_true(n++ < 100);
			event_base_loopexit(fixture.base, &after);
			event_base_dispatch(fixture.base);
		}
		fake_dns_stop(pid);
	}
	end(fixture.base, fixture.names);
}

static int count_fds(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(folder);
	while (readdir(folder))
		n++;
	closedir(folder);
	return n;
}

/* Also while it is silent: nobody waits for it, and there is one question at a time. */
static void test_name_is_gone(void **state)
{
	static const struct fake_name silence[] = { { .rcode = SAY_NOTHING } };
	static const struct fake_name nothing[] = { { .rcode = 3 } };
	struct fixture fixture;
	int n = 0, fds;
	pid_t pid;

	(void)state;
	setup(&fixture);
	remember(&fixture, "both.test");
	pid = fake_dns_start("127.0.0.1", silence);
	assert_string_equal(look_up(&fixture, "both.test"), REMEMBERED);
	assert_string_equal(look_up(&fixture, "both.test"), REMEMBERED);
	fds = count_fds();
	for (int i = 0; i < 10; i++)
		assert_string_equal(look_up(&fixture, "both.test"), REMEMBERED);
	assert_int_equal(count_fds(), fds);
	fake_dns_stop(pid);
	pid = fake_dns_start("127.0.0.1", nothing);
	while (strcmp(look_up(&fixture, "both.test"), "-2")) {
		struct timeval after = { .tv_usec = 100000 };

		assert_true(n++ < 50);
		event_base_loopexit(fixture.base, &after);
		event_base_dispatch(fixture.base);
	}
	fake_dns_stop(pid);
	end(fixture.base, fixture.names);
}

/* One that takes longer is not waited for, but heard: what it says is found later. */
static void test_slow_servers(void **state)
{
	static const struct fake_name silence[] = { { .rcode = SAY_NOTHING } };
	struct fixture fixture;
	int64_t from, took;
	int n = 0;
	pid_t pid, late;

	(void)state;
	setup(&fixture);
	set_resolv_conf(fixture.names, "options timeout:5 attempts:1\nnameserver 127.0.0.1\n"
				       "nameserver 127.0.0.2\n");
	remember(&fixture, "both.test");
	pid = fake_dns_start("127.0.0.1", silence);
	late = fake_dns_start("127.0.0.2", zone);
	from = now_ms();
	assert_string_equal(look_up(&fixture, "both.test"), REMEMBERED);
	took = now_ms() - from;
	if (took < AFTER_MS - 20 || took > AFTER_MS + AT_ONCE_MS)
		fail_msg("after %d ms", (int)took);
	while (strcmp(look_up(&fixture, "both.test"), NEW)) {
		struct timeval after = { .tv_usec = 100000 };

		assert_true(n++ < 100);
		event_base_loopexit(fixture.base, &after);
		event_base_dispatch(fixture.base);
	}
	assert_int_equal(fixture.n_said, 1);
	fake_dns_stop(late);
	fake_dns_stop(pid);
	end(fixture.base, fixture.names);
}

/* Another host takes its place; no addresses are none; too many are cut. */
static void test_what_is_remembered(void **state)
{
	struct sockaddr_storage many[2 * NAMES_ADDRESSES_MAX];
	struct fixture fixture;

	(void)state;
	setup(&fixture);
	assert_string_equal(look_up(&fixture, "both.test"), "-11");
	remember(&fixture, "both.test");
	assert_string_equal(look_up(&fixture, "both.test"), REMEMBERED);
	remember(&fixture, "v4.test");
	assert_string_equal(look_up(&fixture, "both.test"), "-11");
	assert_string_equal(look_up(&fixture, "v4.test"), REMEMBERED);
	names_remember(fixture.names, "v4.test", NULL, 0, AFTER_MS);
	assert_string_equal(look_up(&fixture, "v4.test"), "-11");
	assert_int_equal(fixture.n_said, 2);
	for (size_t i = 0; i < N(many); i++)
		assert_int_equal(address_parse("2001:db8::5", &many[i]), 0);
	assert_int_equal(address_parse("192.0.2.5", &many[N(many) - 1]), 0);
	names_remember(fixture.names, "both.test", many, N(many), AFTER_MS);
	assert_string_equal(look_up(&fixture, "both.test"),
			    "2001:db8::5 2001:db8::5 2001:db8::5 2001:db8::5 2001:db8::5 "
			    "2001:db8::5 2001:db8::5 2001:db8::5 192.0.2.5");
	end(fixture.base, fixture.names);
}

/* They are held back as others are; and what is cancelled or left is nobody's any more. */
static void test_held(void **state)
{
	struct timeval a_while = { .tv_usec = 100000 };
	struct lookup lookup = {};
	struct names_request *request, *left;
	struct fixture fixture;

	(void)state;
	setup(&fixture);
	remember(&fixture, "both.test");
	assert_string_equal(look_up(&fixture, "both.test"), REMEMBERED);
	lookup.base = fixture.base;
	names_hold(fixture.names, true);
	fixture.found[0] = '\0';
	assert_int_equal(names_resolve(fixture.names, "both.test", on_done, &lookup, &request), 0);
	assert_int_equal(names_resolve(fixture.names, "both.test", on_done, &lookup, &left), 0);
	event_base_loopexit(fixture.base, &a_while);
	event_base_dispatch(fixture.base);
	assert_string_equal(fixture.found, "both.test 2");
	assert_int_equal(lookup.n_done, 0);
	names_cancel(left);
	names_hold(fixture.names, false);
	while (!lookup.n_done)
		event_base_dispatch(fixture.base);
	assert_string_equal(lookup.text, REMEMBERED);
	assert_int_equal(fixture.n_said, 1);
	assert_int_equal(names_resolve(fixture.names, "both.test", on_done, &lookup, &left), 0);
	end(fixture.base, fixture.names); /* and nothing leaks */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEEDS_ROOT(test_cases),
		NEEDS_ROOT(test_servers_come_back),
		NEEDS_ROOT(test_name_is_gone),
		NEEDS_ROOT(test_slow_servers),
		NEEDS_ROOT(test_what_is_remembered),
		NEEDS_ROOT(test_held),
	};

	is_private = netns_may();
	if (is_private)
		netns_fresh();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
