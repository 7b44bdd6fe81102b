// SPDX-License-Identifier: Apache-2.0
/*
 * test_resolve.c - names of STUN servers and of the api-server, without the loop waiting for them.
 *
 * In a network namespace of the test's own: that needs root.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_dns.h"
#include "host_names.h"
#include "netns.h"
#include "nexodus/resolve.h"

/* clang-format off */
static const struct fake_name zone[] = {
	{ .name = "v4.test",       .a = "192.0.2.1" },
	{ .name = "v6.test",       .aaaa = "2001:db8::1" },
	{ .name = "both.test",     .a = "192.0.2.1", .aaaa = "2001:db8::1" },
	{ .name = "many.test",     .a = "192.0.2.1", .repeat = 20 },
	{ .name = "large.test",    .a = "192.0.2.1", .rcode = SAY_TRUNCATED },
	{ .name = "empty.test" },
	{ .name = "silent.test",   .rcode = SAY_NOTHING },
	{ .name = "near.lan.test", .a = "192.0.2.7" },
	{ .rcode = 3 },
};

static const struct {
	const char *host;
	int err;
	size_t n;
	const char *first[2]; /* one of them */
} cases[] = {
	{ "v4.test",      0, 1, { "192.0.2.1" } },
	{ "v6.test",      0, 1, { "2001:db8::1" } },
	{ "both.test",    0, 2, { "192.0.2.1", "2001:db8::1" } },
	{ "many.test",    0, 16, { NULL } },
	{ "large.test",   0, 1, { "192.0.2.1" } },
	{ "near",         0, 1, { "192.0.2.7" } },
	{ "in-hosts",     0, 1, { "192.0.2.9" } },
	{ "192.0.2.3",    0, 1, { "192.0.2.3" } },
	{ "2001:db8::3",  0, 1, { "2001:db8::3" } },
	{ "none.test",    -ENOENT, 0, { NULL } },
	{ "empty.test",   -ENOENT, 0, { NULL } },
	{ "no host",      -ENOENT, 0, { NULL } },
	{ "silent.test",  -EAGAIN, 0, { NULL } },
};
/* clang-format on */

static bool is_private;
static pid_t dns;

struct outcome {
	struct loop *loop;
	int n_done, err;
	size_t n;
	char first[INET6_ADDRSTRLEN];
};

static void on_done(void *arg, int err, const struct sockaddr_storage *at, size_t n)
{
	struct outcome *outcome = arg;

	outcome->n_done++;
	outcome->err = err;
	outcome->n = n;
	if (n)
		inet_ntop(at->ss_family,
			  at->ss_family == AF_INET6
				  ? (const void *)&((const struct sockaddr_in6 *)at)->sin6_addr
				  : (const void *)&((const struct sockaddr_in *)at)->sin_addr,
			  outcome->first, sizeof(outcome->first));
	loop_end(outcome->loop, 0);
}

static int setup(void **state)
{
	(void)state;
	if (!is_private)
		return 0;
	alarm(120);
	netns_fresh();
	host_names_begin("options timeout:3 attempts:1\nsearch lan.test\nnameserver 127.0.0.1\n",
			 "192.0.2.9 in-hosts\n");
	dns = fake_dns_start("127.0.0.1", zone);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (is_private)
		fake_dns_stop(dns);
	return 0;
}

static void test_cases(void **state)
{
	(void)state;
	if (!is_private)
		skip();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome got = { .loop = loop_new() };
		struct resolve *resolve;

		assert_int_equal(resolve_start(got.loop, cases[i].host, on_done, &got, &resolve),
				 0);
		assert_int_equal(got.n_done, 0);
		loop_run(got.loop);
		if (got.n_done != 1 || got.err != cases[i].err || got.n != cases[i].n ||
		    (cases[i].first[0] && strcmp(got.first, cases[i].first[0]) &&
		     (!cases[i].first[1] || strcmp(got.first, cases[i].first[1]))))
			fail_msg("%s: %d times, err %d, %zu, %s", cases[i].host, got.n_done,
				 got.err, got.n, got.first);
		loop_free(got.loop);
	}
}

/* Nobody waits for a name server that is silent; and there are not ever more threads. */
static void test_cancelled(void **state)
{
	struct outcome got = { .loop = loop_new() };
	struct resolve *resolves[RESOLVE_AT_ONCE_MAX], *one;
	int err;

	(void)state;
	resolve_cancel(NULL);
	if (!is_private)
		skip();
	for (size_t i = 0; i < RESOLVE_AT_ONCE_MAX; i++)
		assert_int_equal(
			resolve_start(got.loop, "silent.test", on_done, &got, &resolves[i]), 0);
	assert_int_equal(resolve_start(got.loop, "v4.test", on_done, &got, &one), -EBUSY);
	for (size_t i = 0; i < RESOLVE_AT_ONCE_MAX; i++)
		resolve_cancel(resolves[i]);
	/* The threads end when the time of their questions is over. */
	do {
		usleep(10000);
		err = resolve_start(got.loop, "v4.test", on_done, &got, &one);
	} while (err == -EBUSY);
	assert_int_equal(err, 0);
	loop_run(got.loop);
	assert_int_equal(got.n_done, 1);
	assert_string_equal(got.first, "192.0.2.1");
	loop_free(got.loop);
}

static void test_too_long(void **state)
{
	char host[RESOLVE_HOST_MAX + 1];
	struct resolve *resolve;

	(void)state;
	memset(host, 'a', sizeof(host));
	host[RESOLVE_HOST_MAX] = '\0';
	assert_int_equal(resolve_start(NULL, host, on_done, NULL, &resolve), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_too_long),
	};

	is_private = netns_may();
	return cmocka_run_group_tests(tests, setup, teardown);
}
