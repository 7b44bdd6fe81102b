// SPDX-License-Identifier: Apache-2.0
/*
 * test_names_servers.c - name servers that are silent, cannot be reached, or come and go.
 *
 * On port 53 of addresses of a network namespace of the test's own: that needs root.
 */
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

#define FIRST "2001:db8::1 192.0.2.1"
#define SECOND "2001:db8::201 192.0.2.201"
#define TWO "options timeout:1 attempts:1\nnameserver 127.0.0.1\nnameserver ::1\n"
#define AT_ONCE_MS 15000  /* on a busy machine: less than a watchdog waits */
#define TIMED_OUT_MS 1000 /* timeout:1 */

/* clang-format off */
static const struct fake_name zone[] = {
	{ .name = "both.test",      .a = "192.0.2.1", .aaaa = "2001:db8::1" },
	{ .name = "servfail.test",  .rcode = 2 },
	{ .name = "slow.test",      .rcode = SAY_NOTHING },
	{ .rcode = 3 },
};
static const struct fake_name second_zone[] = {
	{ .name = "both.test",      .a = "192.0.2.201", .aaaa = "2001:db8::201" },
	{ .name = "servfail.test",  .a = "192.0.2.202" },
	{ .name = "slow.test",      .a = "192.0.2.203" },
	{ .name = "none.test",      .a = "192.0.2.207" },
	{ .rcode = 3 },
};
static const struct fake_name silence[] = { { .rcode = SAY_NOTHING } };

/* Addresses that say at once that nothing arrives. */
static const struct {
	const char *name, *address;
} unreachable[] = {
	{ "closed port, IPv4",               "127.0.0.9" },
	{ "closed port, IPv6",               "fd00::1" },
	{ "no route, IPv4",                  "198.51.100.1" },
	{ "no route, IPv6",                  "2001:db8:51::1" },
	{ "route says unreachable, IPv4",    "192.0.2.129" },
	{ "route says unreachable, IPv6",    "2001:db8:52::1" },
	{ "route says prohibited, IPv4",     "192.0.2.193" },
	{ "route says prohibited, IPv6",     "2001:db8:53::1" },
	{ "router says no host, IPv4",       "127.0.0.10" },
	{ "router says no host, IPv6",       "fd00::10" },
	{ "router says no net, IPv4",        "127.0.0.11" },
	{ "router says no net, IPv6",        "fd00::11" },
	{ "firewall drops what we send, IPv4", "127.0.0.12" },
	{ "firewall drops what we send, IPv6", "fd00::12" },
};
/* clang-format on */

static void add_unreachable(void)
{
	static const struct {
		const char *to, *with;
	} rejects[] = {
		{ "ip daddr 127.0.0.10", "icmp type host-unreachable" },
		{ "ip6 daddr fd00::10", "icmpv6 type addr-unreachable" },
		{ "ip daddr 127.0.0.11", "icmp type net-unreachable" },
		{ "ip6 daddr fd00::11", "icmpv6 type no-route" },
	};

	netns_ip("addr add fd00::1/64 dev lo nodad; addr add fd00::10/64 dev lo nodad; "
		 "addr add fd00::11/64 dev lo nodad; addr add fd00::12/64 dev lo nodad; "
		 "route add unreachable 192.0.2.128/26; -6 route add unreachable 2001:db8:52::/48; "
		 "route add prohibit 192.0.2.192/26; -6 route add prohibit 2001:db8:53::/48");
	netns_run("nft 'add table inet t; "
		  "add chain inet t in { type filter hook input priority 0; }; "
		  "add chain inet t out { type filter hook output priority 0; }; "
		  "add rule inet t out ip daddr 127.0.0.12 drop; "
		  "add rule inet t out ip6 daddr fd00::12 drop' 2>&1");
	for (size_t i = 0; i < N(rejects); i++)
		netns_run("nft 'add rule inet t in %s udp dport 53 reject with %s' 2>&1",
			  rejects[i].to, rejects[i].with);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* @want, after at least so long and not much longer. */
static void check(struct event_base *base, struct names *names, const char *host, const char *want,
		  int ms)
{
	int64_t from = now_ms(), took;
	const char *got = resolve(base, names, host);

	took = now_ms() - from;
	if (strcmp(got, want) || took < ms - 20 || took > ms + AT_ONCE_MS)
		fail_msg("%s: %s after %d ms, not %s after %d", host, got, (int)took, want, ms);
}

static void test_cannot_be_reached(void **state)
{
	struct event_base *base;
	struct names *names;
	char text[200];
	pid_t pid;

	(void)state;
	begin(&base, &names);
	add_unreachable();
	pid = fake_dns_start("::1", second_zone);
	for (size_t i = 0; i < N(unreachable); i++) {
		print_message("%s\n", unreachable[i].name);
		snprintf(text, sizeof(text), "options timeout:5\nnameserver %s\nnameserver ::1\n",
			 unreachable[i].address);
		set_resolv_conf(names, text);
		check(base, names, "both.test", SECOND, 0);
		snprintf(text, sizeof(text), "options timeout:5 attempts:5\nnameserver %s\n",
			 unreachable[i].address);
		set_resolv_conf(names, text);
		check(base, names, "both.test", "-11", 0);
	}
	fake_dns_stop(pid);
	end(base, names);
}

/* One question of a name waits for it, the next ones do not. */
static void test_silent_server(void **state)
{
	static const struct {
		const char *silent, *first, *second;
	} pairs[] = { { "127.0.0.1", "127.0.0.1", "::1" }, { "::1", "::1", "127.0.0.1" } };
	struct event_base *base;
	struct names *names;

	(void)state;
	begin(&base, &names);
	for (size_t i = 0; i < N(pairs); i++) {
		pid_t silent = fake_dns_start(pairs[i].silent, silence);
		pid_t second = fake_dns_start(pairs[i].second, second_zone), first;
		char text[200];

		snprintf(text, sizeof(text),
			 "options timeout:1 attempts:1\nnameserver %s\nnameserver %s\n",
			 pairs[i].first, pairs[i].second);
		set_resolv_conf(names, text);
		check(base, names, "both.test", SECOND, TIMED_OUT_MS);
		for (int n = 0; n < 5; n++)
			check(base, names, "Both.test", SECOND, 0);
		set_resolv_conf(names, text); /* the same is no news */
		check(base, names, "both.test", SECOND, 0);
		/* The second one dies: the first is asked then, though it was silent. */
		fake_dns_stop(silent);
		first = fake_dns_start(pairs[i].first, zone);
		fake_dns_stop(second);
		silent = fake_dns_start(pairs[i].second, silence);
		check(base, names, "both.test", FIRST, TIMED_OUT_MS);
		check(base, names, "both.test", FIRST, 0);
		/* All of them: an end, and in order. */
		fake_dns_stop(first);
		first = fake_dns_start(pairs[i].first, silence);
		check(base, names, "both.test", "-11", 2 * TIMED_OUT_MS);
		/* The second one is back, and remembered when it has been heard of. */
		fake_dns_stop(silent);
		second = fake_dns_start(pairs[i].second, second_zone);
		check(base, names, "both.test", SECOND, TIMED_OUT_MS);
		check(base, names, "both.test", SECOND, 0);
		fake_dns_stop(first);
		fake_dns_stop(second);
	}
	end(base, names);
}

static void test_others_are_news(void **state)
{
	struct event_base *base;
	struct names *names;
	pid_t silent, first, second;

	(void)state;
	begin(&base, &names);
	silent = fake_dns_start("127.0.0.1", silence);
	second = fake_dns_start("::1", second_zone);
	set_resolv_conf(names, TWO);
	check(base, names, "both.test", SECOND, TIMED_OUT_MS);
	fake_dns_stop(silent);
	first = fake_dns_start("127.0.0.1", zone);
	check(base, names, "both.test", SECOND, 0);
	set_resolv_conf(names, TWO "nameserver 127.0.0.2\n");
	check(base, names, "both.test", FIRST, 0);
	fake_dns_stop(first);
	fake_dns_stop(second);
	end(base, names);
}

/* A server that fails, or is slow with one name, is asked first for the others. */
static void test_of_one_name_only(void **state)
{
	struct event_base *base;
	struct names *names;
	pid_t first, second;

	(void)state;
	begin(&base, &names);
	first = fake_dns_start("127.0.0.1", zone);
	second = fake_dns_start("::1", second_zone);
	set_resolv_conf(names, TWO);
	check(base, names, "slow.test", "192.0.2.203", TIMED_OUT_MS);
	check(base, names, "slow.test", "192.0.2.203", 0);
	check(base, names, "none.test", "-2", 0);
	for (int i = 0; i < 2; i++) {
		check(base, names, "servfail.test", "192.0.2.202", 0);
		check(base, names, "both.test", FIRST, 0);
	}
	fake_dns_stop(first);
	fake_dns_stop(second);
	end(base, names);
}

/* The first server goes and comes; it is asked again at once. */
static void test_server_comes_back(void **state)
{
	struct event_base *base;
	struct names *names;
	pid_t first, second;

	(void)state;
	begin(&base, &names);
	set_resolv_conf(names, TWO);
	assert_string_equal(resolve(base, names, "both.test"), "-11");
	second = fake_dns_start("::1", second_zone);
	for (int i = 0; i < 2; i++)
		assert_string_equal(resolve(base, names, "both.test"), SECOND);
	first = fake_dns_start("127.0.0.1", zone);
	assert_string_equal(resolve(base, names, "both.test"), FIRST);
	fake_dns_stop(first);
	fake_dns_stop(second);
	assert_string_equal(resolve(base, names, "both.test"), "-11");
	first = fake_dns_start("127.0.0.1", zone);
	assert_string_equal(resolve(base, names, "both.test"), FIRST);
	fake_dns_stop(first);
	end(base, names);
}

static pid_t in_its_place;

static void on_start(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	fake_dns_stop(in_its_place);
	*(pid_t *)arg = fake_dns_start("127.0.0.1", zone);
}

/* It comes back while it is being waited for. */
static void test_server_comes_back_meanwhile(void **state)
{
	struct timeval after = { .tv_usec = 300000 };
	struct event_base *base;
	struct names *names;
	struct event *start;
	pid_t pid = 0;

	(void)state;
	begin(&base, &names);
	set_resolv_conf(names, "options timeout:1 attempts:2\n");
	in_its_place = fake_dns_start("127.0.0.1", silence);
	start = evtimer_new(base, on_start, &pid);
	event_add(start, &after);
	assert_string_equal(resolve(base, names, "both.test"), FIRST);
	event_free(start);
	fake_dns_stop(pid);
	end(base, names);
}

/* What is asked of a server that is silent goes on with the new one at once. */
static void test_new_servers(void **state)
{
	struct lookup lookup = {}, other = {}, local = {};
	struct names_request *request;
	struct event_base *base;
	struct names *names;
	struct timespec from, to;
	auto_close int huge = -1;
	pid_t pid, silent;

	(void)state;
	begin(&base, &names);
	lookup.base = other.base = local.base = base;
	pid = fake_dns_start("::1", second_zone);
	set_resolv_conf(names, "options timeout:20\nnameserver 127.0.0.9\n");
	silent = fake_dns_start("127.0.0.9", silence);
	assert_int_equal(names_resolve(names, "both.test", on_done, &lookup, &request), 0);
	assert_int_equal(names_resolve(names, "none.test", on_done, &other, &request), 0);
	assert_int_equal(names_resolve(names, "localhost", on_done, &local, &request), 0);
	clock_gettime(CLOCK_MONOTONIC, &from);
	/* Not these, and the old ones stay. */
	huge = memfd_create("huge", MFD_CLOEXEC);
	assert_int_equal(ftruncate(huge, NAMES_FILE_BYTES_MAX + 1), 0);
	assert_int_equal(names_set_resolv_conf(names, huge), -EFBIG);
	assert_int_equal(names_set_resolv_conf(names, -1), -EBADF);
	assert_int_equal(names_set_hosts(names, huge), -EFBIG);
	assert_int_equal(names_set_hosts(names, -1), -EBADF);
	set_resolv_conf(names, "nameserver ::1");
	while (!lookup.n_done || !other.n_done || !local.n_done)
		event_base_dispatch(base);
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_true(to.tv_sec - from.tv_sec < 10);
	assert_string_equal(lookup.text, SECOND);
	assert_string_equal(other.text, "192.0.2.207");
	assert_string_equal(local.text, "::1 127.0.0.1");
	fake_dns_stop(silent);
	fake_dns_stop(pid);
	end(base, names);
}

struct again {
	struct names *names;
	const char *text;
	int n;
};

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct again *again = arg;

	(void)fd;
	(void)what;
	set_resolv_conf(again->names, again->text);
	again->n++;
}

/* The same ones, however often they are set and the text is another: the question goes on. */
static void test_same_servers(void **state)
{
	struct again again = { .text = "# new\nnameserver 127.0.0.1\noptions attempts:1 timeout:1\n"
				       "nameserver ::1\nnameserver nobody\nsearch test\n" };
	struct timeval often = { .tv_usec = 100000 };
	struct names_request *request;
	struct lookup lookup = {};
	struct event_base *base;
	struct event *timer;
	pid_t silent, second;

	(void)state;
	begin(&base, &again.names);
	silent = fake_dns_start("127.0.0.1", silence);
	second = fake_dns_start("::1", second_zone);
	set_resolv_conf(again.names, TWO);
	timer = event_new(base, -1, EV_PERSIST, on_again, &again);
	event_add(timer, &often);
	lookup.base = base;
	assert_int_equal(names_resolve(again.names, "both.test", on_done, &lookup, &request), 0);
	while (!lookup.n_done && again.n < 50)
		event_base_loop(base, EVLOOP_ONCE);
	assert_string_equal(lookup.text, SECOND);
	assert_in_range(again.n, 5, 15);
	event_free(timer);
	fake_dns_stop(silent);
	fake_dns_stop(second);
	end(base, again.names);
}

/* Options are news as well: no more time is left to an answer than they give it. */
static void test_new_options(void **state)
{
	static const char *const news[] = {
		"options timeout:1 attempts:1\nnameserver 127.0.0.9\n",
		"options timeout:20 attempts:1\nnameserver ::1\n",
	};
	struct event_base *base;
	struct names *names;
	pid_t silent, second;

	(void)state;
	begin(&base, &names);
	silent = fake_dns_start("127.0.0.9", silence);
	second = fake_dns_start("::1", second_zone);
	for (size_t i = 0; i < N(news); i++) {
		struct lookup lookup = { .base = base };
		struct names_request *request;

		set_resolv_conf(names, "options timeout:20 attempts:1\nnameserver 127.0.0.9\n");
		assert_int_equal(names_resolve(names, "both.test", on_done, &lookup, &request), 0);
		event_base_loop(base, EVLOOP_NONBLOCK);
		set_resolv_conf(names, news[i]);
		run(&lookup);
		assert_string_equal(lookup.text, i ? SECOND : "-11");
	}
	fake_dns_stop(silent);
	fake_dns_stop(second);
	end(base, names);
}

/* However many servers have been asked in vain. */
static void test_new_servers_later(void **state)
{
	struct timeval after = { .tv_sec = 1, .tv_usec = 300000 };
	struct lookup lookup = {};
	struct names_request *request;
	struct event_base *base;
	struct names *names;
	pid_t pid, silent;

	(void)state;
	begin(&base, &names);
	lookup.base = base;
	pid = fake_dns_start("::1", second_zone);
	set_resolv_conf(names, "options timeout:1 attempts:2\nnameserver 127.0.0.9\n");
	silent = fake_dns_start("127.0.0.9", silence);
	assert_int_equal(names_resolve(names, "both.test", on_done, &lookup, &request), 0);
	event_base_loopexit(base, &after);
	event_base_dispatch(base);
	assert_int_equal(lookup.n_done, 0);
	set_resolv_conf(names, "options attempts:1\nnameserver ::1\n");
	run(&lookup);
	assert_string_equal(lookup.text, SECOND);
	fake_dns_stop(silent);
	fake_dns_stop(pid);
	end(base, names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEEDS_ROOT(test_cannot_be_reached), NEEDS_ROOT(test_silent_server),
		NEEDS_ROOT(test_others_are_news),   NEEDS_ROOT(test_of_one_name_only),
		NEEDS_ROOT(test_server_comes_back), NEEDS_ROOT(test_server_comes_back_meanwhile),
		NEEDS_ROOT(test_new_servers),       NEEDS_ROOT(test_new_servers_later),
		NEEDS_ROOT(test_same_servers),      NEEDS_ROOT(test_new_options),
	};

	is_private = netns_may();
	if (is_private)
		netns_fresh();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
