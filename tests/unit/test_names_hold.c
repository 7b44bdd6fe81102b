// SPDX-License-Identifier: Apache-2.0
/*
 * test_names_hold.c - who watches names is told first, and may have everybody else wait.
 *
 * The name server listens on port 53 of a loopback address of a network namespace of the test's
 * own: that needs root.
 */
#include <arpa/inet.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "fake_dns.h"
#include "netns.h"
#include "nexodus/names.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define WATCHDOG_S 60
#define A_WHILE_MS 200

static const struct fake_name zone[] = {
	{ .name = "both.test", .a = "192.0.2.1", .aaaa = "2001:db8::1" },
	{ .name = "noaaaa.test", .a = "192.0.2.7", .aaaa_rcode = SAY_NOTHING },
	{ .rcode = 3 },
};

static bool is_private;

/* All that has happened, in its order: "S" servers, "F" found, "D" done. */
struct story {
	struct event_base *base;
	struct names *names;
	char text[1024];
	bool holds; /* whenever it is told of something */
};

static void add(struct story *story, const char *what, const char *host,
		const struct sockaddr_storage *addresses, size_t n)
{
	size_t len = strlen(story->text);
	char one[INET6_ADDRSTRLEN];

	len += snprintf(story->text + len, sizeof(story->text) - len, "%s%s", what, host);
	for (size_t i = 0; i < n; i++) {
		const struct sockaddr_in *v4 = (const void *)&addresses[i];
		const struct sockaddr_in6 *v6 = (const void *)&addresses[i];

		inet_ntop(v4->sin_family,
			  v4->sin_family == AF_INET ? (const void *)&v4->sin_addr : &v6->sin6_addr,
			  one, sizeof(one));
		len += snprintf(story->text + len, sizeof(story->text) - len, " %s", one);
	}
	snprintf(story->text + len, sizeof(story->text) - len, "; ");
}

static void on_servers(void *arg, const struct sockaddr_storage *servers, size_t n)
{
	struct story *story = arg;

	add(story, "S", "", servers, n);
	if (story->holds)
		names_hold(story->names, true);
}

static void on_found(void *arg, const char *host, const struct sockaddr_storage *addresses,
		     size_t n)
{
	struct story *story = arg;

	add(story, "F ", host, addresses, n);
	if (story->holds)
		names_hold(story->names, true);
}

static void on_done(void *arg, int err, const struct sockaddr_storage *addresses, size_t n)
{
	struct story *story = arg;

	add(story, err ? "E" : "D", "", addresses, n);
	event_base_loopbreak(story->base);
}

static void set_resolv_conf(struct story *story, const char *text)
{
	auto_close int fd = memfd_create("text", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(names_set_resolv_conf(story->names, fd), 0);
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	fail_msg("it never comes: %s", ((struct story *)arg)->text);
}

/* Until the story is that long. */
static void run_until(struct story *story, const char *want)
{
	struct event *watchdog = evtimer_new(story->base, on_watchdog, story);
	struct timeval after = { .tv_sec = WATCHDOG_S };

	event_add(watchdog, &after);
	while (strlen(story->text) < strlen(want))
		event_base_loop(story->base, EVLOOP_ONCE);
	event_free(watchdog);
	assert_string_equal(story->text, want);
}

/* Nothing happens. */
static void run_in_vain(struct story *story)
{
	struct timeval after = { .tv_usec = A_WHILE_MS * 1000 };
	char before[sizeof(story->text)];

	memcpy(before, story->text, sizeof(before));
	event_base_loopexit(story->base, &after);
	event_base_dispatch(story->base);
	assert_string_equal(story->text, before);
}

static void begin(struct story *story)
{
	const struct names_watch watch = { .on_servers = on_servers,
					   .on_found = on_found,
					   .arg = story };

	if (!is_private)
		skip();
	*story = (struct story){ .base = event_base_new() };
	story->names = names_new(story->base);
	assert_non_null(story->names);
	names_set_watch(story->names, &watch);
}

static void end(struct story *story)
{
	names_free(story->names);
	assert_int_equal(event_base_loop(story->base, EVLOOP_NONBLOCK), 1); /* nothing is left */
	event_base_free(story->base);
}

static void resolve(struct story *story, const char *host, struct names_request **ret_request)
{
	assert_int_equal(names_resolve(story->names, host, on_done, story, ret_request), 0);
}

/* Whoever does not hold sees everything before the others, once. */
static void test_told_first(void **state)
{
	struct names_request *request;
	struct story story;
	pid_t pid;

	(void)state;
	begin(&story);
	pid = fake_dns_start("127.0.0.1", zone);
	set_resolv_conf(&story, "nameserver 127.0.0.1\nnameserver 2001:db8::53");
	resolve(&story, "Both.test.", &request);
	run_until(&story, "S 127.0.0.1 2001:db8::53; F Both.test 2001:db8::1 192.0.2.1; "
			  "D 2001:db8::1 192.0.2.1; ");
	story.text[0] = '\0';
	resolve(&story, "192.0.2.9", &request);
	run_until(&story, "F 192.0.2.9 192.0.2.9; D 192.0.2.9; ");
	story.text[0] = '\0';
	resolve(&story, "none.test", &request);
	run_until(&story, "E; "); /* nobody is about to be talked to */
	end(&story);
	fake_dns_stop(pid);
}

/* No name server is asked, and nobody gets an address, before it is over; then all do. */
static void test_held(void **state)
{
	static const char *const hosts[] = { "both.test", "[2001:db8::9]", "noaaaa.test" };
	struct names_request *request;
	struct story story;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < N(hosts); i++) {
		bool is_name = i != 1;
		char want[sizeof(story.text)];

		begin(&story);
		story.holds = true;
		set_resolv_conf(&story, "options timeout:30\nnameserver 127.0.0.1\n");
		resolve(&story, hosts[i], &request);
		if (is_name) {
			run_in_vain(&story);
			pid = fake_dns_start("127.0.0.1", zone); /* that it was asked fails */
			names_hold(story.names, false);
		}
		snprintf(want, sizeof(want), "S 127.0.0.1; F %s",
			 i == 0   ? "both.test 2001:db8::1 192.0.2.1; "
			 : i == 1 ? "2001:db8::9 2001:db8::9; "
				  : "noaaaa.test 192.0.2.7; ");
		run_until(&story, want);
		run_in_vain(&story);
		story.holds = false;
		names_hold(story.names, false);
		assert_string_equal(story.text, want); /* from the loop, and not before */
		strcat(want, i == 0   ? "D 2001:db8::1 192.0.2.1; "
			     : i == 1 ? "D 2001:db8::9; "
				      : "D 192.0.2.7; ");
		run_until(&story, want);
		end(&story);
		if (is_name)
			fake_dns_stop(pid);
	}
}

/* The new name servers are those that are asked when it is over. */
static void test_other_servers_meanwhile(void **state)
{
	struct names_request *request;
	struct story story;
	pid_t pid;

	(void)state;
	begin(&story);
	pid = fake_dns_start("127.0.0.1", zone);
	story.holds = true;
	set_resolv_conf(&story, "options timeout:30\nnameserver 127.0.0.9\n");
	resolve(&story, "both.test", &request);
	set_resolv_conf(&story, "nameserver 127.0.0.1\n");
	run_in_vain(&story);
	story.holds = false;
	names_hold(story.names, false);
	run_until(&story, "S 127.0.0.9; S 127.0.0.1; F both.test 2001:db8::1 192.0.2.1; "
			  "D 2001:db8::1 192.0.2.1; ");
	end(&story);
	fake_dns_stop(pid);
}

/* What is cancelled while it waits, in either way, is never done. */
static void test_cancelled(void **state)
{
	struct names_request *asked, *found, *left;
	struct story story;

	(void)state;
	begin(&story);
	set_resolv_conf(&story, "nameserver 127.0.0.1\n");
	names_hold(story.names, true);
	resolve(&story, "both.test", &asked);
	resolve(&story, "192.0.2.9", &found);
	run_until(&story, "S 127.0.0.1; F 192.0.2.9 192.0.2.9; ");
	names_cancel(asked);
	names_cancel(found);
	names_hold(story.names, false);
	run_in_vain(&story);
	/* Held again before it is told: it goes on waiting, and is not reported twice. */
	names_hold(story.names, true);
	story.text[0] = '\0';
	resolve(&story, "192.0.2.9", &left);
	run_until(&story, "F 192.0.2.9 192.0.2.9; ");
	names_hold(story.names, false);
	names_hold(story.names, true);
	run_in_vain(&story);
	names_hold(story.names, false);
	run_until(&story, "F 192.0.2.9 192.0.2.9; D 192.0.2.9; ");
	names_hold(story.names, true);
	resolve(&story, "192.0.2.9", &left);
	resolve(&story, "both.test", &left);
	end(&story); /* and nothing leaks */
}

/* clang-format off */
#define NEEDS_ROOT(test) { #test " (needs root, for a network namespace)", test, NULL, NULL, NULL }
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEEDS_ROOT(test_told_first),
		NEEDS_ROOT(test_held),
		NEEDS_ROOT(test_other_servers_meanwhile),
		NEEDS_ROOT(test_cancelled),
	};

	is_private = netns_may();
	if (is_private)
		netns_fresh();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
