/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names_lookup.h - a resolver of a test's own, in a network namespace of the test's own, and what
 * it says as one text.
 */
#ifndef TESTS_NAMES_LOOKUP_H
#define TESTS_NAMES_LOOKUP_H

#include <arpa/inet.h>
#include <event2/event.h>

#include "base/cleanup.h"
#include "netns.h"
#include "nexodus/names.h"
#include "text_fd.h"

#define WATCHDOG_S 60

/* clang-format off */
#define NEEDS_ROOT(test) { #test " (needs root, for a network namespace)", test, NULL, NULL, NULL }
/* clang-format on */

static bool is_private;

struct lookup {
	struct event_base *base;
	char text[1024];
	int n_done;
};

static inline void on_done(void *arg, int err, const struct sockaddr_storage *addresses, size_t n)
{
	struct lookup *lookup = arg;
	size_t len = 0;
	char one[INET6_ADDRSTRLEN];

	assert_int_equal(!err, n > 0);
	if (err)
		snprintf(lookup->text, sizeof(lookup->text), "%d", err);
	for (size_t i = 0; i < n; i++) {
		const struct sockaddr_in *v4 = (const void *)&addresses[i];
		const struct sockaddr_in6 *v6 = (const void *)&addresses[i];

		assert_int_equal(v4->sin_port, 0);
		inet_ntop(v4->sin_family,
			  v4->sin_family == AF_INET ? (const void *)&v4->sin_addr : &v6->sin6_addr,
			  one, sizeof(one));
		len += snprintf(lookup->text + len, sizeof(lookup->text) - len, "%s%s",
				i ? " " : "", one);
	}
	lookup->n_done++;
	event_base_loopbreak(lookup->base);
}

static inline void set_resolv_conf(struct names *names, const char *text)
{
	auto_close int fd = text_fd(text);

	assert_int_equal(names_set_resolv_conf(names, fd), 0);
}

static inline void set_hosts(struct names *names, const char *text)
{
	auto_close int fd = text_fd(text);

	assert_int_equal(names_set_hosts(names, fd), 0);
}

static inline void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	fail_msg("it is never done");
}

static inline void run(struct lookup *lookup)
{
	struct event *watchdog = evtimer_new(lookup->base, on_watchdog, NULL);
	struct timeval after = { .tv_sec = WATCHDOG_S };

	event_add(watchdog, &after);
	while (!lookup->n_done)
		event_base_dispatch(lookup->base);
	event_free(watchdog);
	assert_int_equal(event_base_loop(lookup->base, EVLOOP_NONBLOCK), 1); /* nothing is left */
	assert_int_equal(lookup->n_done, 1);
}

static inline const char *resolve(struct event_base *base, struct names *names, const char *host)
{
	static struct lookup lookup;
	struct names_request *request;

	lookup = (struct lookup){ .base = base };
	assert_int_equal(names_resolve(names, host, on_done, &lookup, &request), 0);
	assert_int_equal(lookup.n_done, 0);
	run(&lookup);
	return lookup.text;
}

static inline void begin(struct event_base **ret_base, struct names **ret_names)
{
	if (!is_private)
		skip();
	*ret_base = event_base_new();
	*ret_names = names_new(*ret_base);
	assert_non_null(*ret_names);
}

static inline void end(struct event_base *base, struct names *names)
{
	names_free(names);
	event_base_free(base);
}

#endif
