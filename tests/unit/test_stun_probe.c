// SPDX-License-Identifier: Apache-2.0
/*
 * test_stun_probe.c - rounds of requests to servers on loopback, and what comes out of them.
 *
 * In a network namespace of the test's own: that needs root. Servers are given as literals, so that
 * no name server is needed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "netns.h"
#include "nexodus/stun_probe.h"
#include "stun_world.h"
#include "tunnel/stun_socket.h"

#define FIRST "127.0.1.1:3478"
#define SECOND "127.0.1.2:3478"
#define THIRD "127.0.1.3:3478"
#define FOURTH "127.0.1.4:3478"
#define NO_HOST "no host:3478"
#define NO_PORT "127.0.1.1"
#define IPV6_ONLY "::1:3478"
#define NO_ROUTE "203.0.113.1:3478"
#define NO_EVENTS 1 /* what event_base_loop() returns then */

static bool is_private;

/* One probe, and how its last round has ended. */
static struct probed {
	struct loop *loop;
	struct stun_probe *probe;
	int fd, wg; /* the raw socket; who holds WireGuard's port */
	unsigned int calls;
	int err;
	bool is_symmetric;
	char server[STUN_SERVER_MAX], mapped[64];
	int64_t began_ms, took_ms;
} probed;

static void begin(const enum behaviour *behaviours, size_t n)
{
	if (!is_private)
		skip();
	alarm(60); /* instead of waiting for ever */
	netns_fresh();
	netns_ip("link set t0 down; link set t1 down");
	world_begin(behaviours, n);
	probed = (struct probed){ .loop = loop_new(), .wg = world_bind("0.0.0.0", WG_PORT) };
	probed.fd = stun_socket_open(WG_PORT);
	assert_true(probed.loop && probed.fd >= 0);
}

static void begin_probe(const char *const *texts)
{
	size_t n = 0;

	while (texts[n])
		n++;
	probed.probe = stun_probe_new(probed.loop, probed.fd, WG_PORT, texts, n);
	assert_non_null(probed.probe);
}

static void end(void)
{
	stun_probe_free(probed.probe);
	assert_int_equal(fcntl(probed.fd, F_GETFD), -1); /* closed with it */
	loop_free(probed.loop);
	close(probed.wg);
	world_end();
	alarm(0);
}

static void on_done(void *arg, int err, const struct sockaddr_in *mapped, const char *server,
		    bool is_symmetric)
{
	char addr[INET_ADDRSTRLEN];

	assert_ptr_equal(arg, &probed);
	probed.calls++;
	probed.err = err;
	probed.is_symmetric = is_symmetric;
	probed.took_ms = world_ms() - probed.began_ms;
	*probed.mapped = *probed.server = '\0';
	if (err) {
		assert_null(mapped);
		assert_null(server);
		assert_false(is_symmetric);
	} else {
		snprintf(probed.mapped, sizeof(probed.mapped), "%s:%u",
			 inet_ntop(AF_INET, &mapped->sin_addr, addr, sizeof(addr)),
			 ntohs(mapped->sin_port));
		snprintf(probed.server, sizeof(probed.server), "%s", server);
	}
	loop_end(probed.loop, 0);
}

static void start(uint32_t limit_ms)
{
	unsigned int calls = probed.calls;

	probed.began_ms = world_ms();
	assert_int_equal(stun_probe_start(probed.probe, limit_ms, on_done, &probed), 0);
	assert_int_equal(probed.calls, calls);
}

static void run(uint32_t limit_ms)
{
	unsigned int calls = probed.calls;

	start(limit_ms);
	loop_run(probed.loop);
	assert_int_equal(probed.calls, calls + 1);
	/* Nothing is left that would call again. */
	assert_int_equal(event_base_loop(probed.loop->base, EVLOOP_NONBLOCK), NO_EVENTS);
}

/* Each is true in whatever order the servers are asked. took: at least, ms. */
static const struct {
	const char *name;
	enum behaviour behaviours[WORLD_SERVERS_MAX];
	const char *servers[STUN_SERVERS_MAX + 1];
	uint32_t limit_ms;
	int err;
	const char *mapped; /* NULL: any */
	bool is_symmetric;
	int64_t took_min;
	const char *not_by; /* this server's answer does not count */
} rounds[] = {
	/* clang-format off */
	{ "two agree", { ANSWER_A, ANSWER_A }, { FIRST, SECOND }, 5000,
	  0, "203.0.113.10:4711", false, 0, "" },
	{ "two see different ports", { ANSWER_A, ANSWER_B }, { FIRST, SECOND }, 5000,
	  0, NULL, true, 0, "" },
	{ "two see different addresses", { ANSWER_A, ANSWER_C }, { FIRST, SECOND }, 5000,
	  0, NULL, true, 0, "" },
	{ "one alone", { ANSWER_A }, { FIRST }, 5000,
	  0, "203.0.113.10:4711", false, 0, "" },
	{ "one, twice", { ANSWER_A }, { FIRST, FIRST }, 5000,
	  0, "203.0.113.10:4711", false, 0, "" },
	{ "one request is lost", { DROP_ONE }, { FIRST }, 5000,
	  0, "203.0.113.10:4711", false, 500, "" },
	{ "two requests are lost", { DROP_TWO }, { FIRST }, 5000,
	  0, "203.0.113.10:4711", false, 1500, "" },
	{ "silence", { SILENT, SILENT }, { FIRST, SECOND }, 700,
	  -ETIMEDOUT, NULL, false, 700, "" },
	{ "one is silent", { SILENT, ANSWER_A }, { FIRST, SECOND }, 700,
	  0, "203.0.113.10:4711", false, 700, FIRST },
	{ "of three one is silent", { SILENT, ANSWER_A, ANSWER_A }, { FIRST, SECOND, THIRD }, 1800,
	  0, "203.0.113.10:4711", false, 0, FIRST },
	{ "of four two are silent", { SILENT, SILENT, ANSWER_A, ANSWER_A },
	  { FIRST, SECOND, THIRD, FOURTH }, 1800, 0, "203.0.113.10:4711", false, 0, FIRST },
	{ "refused by both", { REFUSE, REFUSE }, { FIRST, SECOND }, 5000,
	  -ECONNREFUSED, NULL, false, 0, "" },
	{ "of three one refuses", { REFUSE, ANSWER_A, ANSWER_A }, { FIRST, SECOND, THIRD }, 5000,
	  0, "203.0.113.10:4711", false, 0, FIRST },
	{ "an answer without an address", { NO_MAPPED, ANSWER_A }, { FIRST, SECOND }, 5000,
	  0, "203.0.113.10:4711", false, 0, FIRST },
	{ "only answers without an address", { NO_MAPPED }, { FIRST }, 5000,
	  -ENODATA, NULL, false, 0, "" },
	{ "lies", { LIE }, { FIRST }, 700, -ETIMEDOUT, NULL, false, 700, "" },
	{ "the truth behind lies", { LIE_THEN_TELL, LIE_THEN_TELL }, { FIRST, SECOND }, 5000,
	  0, "203.0.113.10:4711", false, 0, "" },
	{ "an answer from another port", { OTHER_PORT }, { FIRST }, 700,
	  -ETIMEDOUT, NULL, false, 700, "" },
	{ "an answer from another address", { OTHER_ADDRESS }, { FIRST }, 700,
	  -ETIMEDOUT, NULL, false, 700, "" },
	{ "of four two cannot be asked", { ANSWER_A, ANSWER_A },
	  { NO_HOST, FIRST, IPV6_ONLY, SECOND }, 5000, 0, "203.0.113.10:4711", false, 0, "" },
	{ "no route to one of three", { ANSWER_A, ANSWER_A }, { NO_ROUTE, FIRST, SECOND }, 1800,
	  0, "203.0.113.10:4711", false, 0, NO_ROUTE },
	{ "no route", { 0 }, { NO_ROUTE }, 600, -ENETUNREACH, NULL, false, 600, "" },
	{ "no host", { 0 }, { NO_HOST }, 5000, -ENOENT, NULL, false, 0, "" },
	{ "no port", { ANSWER_A }, { NO_PORT }, 5000, -EINVAL, NULL, false, 0, "" },
	{ "port 0", { ANSWER_A }, { "127.0.1.1:0" }, 5000, -EINVAL, NULL, false, 0, "" },
	{ "port 65536", { ANSWER_A }, { "127.0.1.1:65536" }, 5000,
	  -EINVAL, NULL, false, 0, "" },
	{ "a port that is a name", { ANSWER_A }, { "127.0.1.1:stun" }, 5000,
	  -EINVAL, NULL, false, 0, "" },
	{ "no IPv4 address", { 0 }, { IPV6_ONLY }, 5000, -EAFNOSUPPORT, NULL, false, 0, "" },
	{ "no time", { ANSWER_A }, { FIRST }, 0, -ETIMEDOUT, NULL, false, 0, "" },
	/* clang-format on */
};

static void check_round(size_t i)
{
	run(rounds[i].limit_ms);
	if (probed.err != rounds[i].err)
		fail_msg("%s: %d", rounds[i].name, probed.err);
	if (rounds[i].mapped && strcmp(probed.mapped, rounds[i].mapped))
		fail_msg("%s: %s", rounds[i].name, probed.mapped);
	if (probed.is_symmetric != rounds[i].is_symmetric)
		fail_msg("%s: symmetric %d", rounds[i].name, probed.is_symmetric);
	if (probed.took_ms < rounds[i].took_min)
		fail_msg("%s: %lld ms", rounds[i].name, (long long)probed.took_ms);
	if (!strcmp(probed.server, rounds[i].not_by) && !probed.err)
		fail_msg("%s: %s", rounds[i].name, probed.server);
}

static void test_rounds(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rounds); i++) {
		size_t n = 0;

		while (rounds[i].servers[n])
			n++;
		begin(rounds[i].behaviours, n);
		begin_probe(rounds[i].servers);
		/* Once with each server as the first one; those that drop requests do so once. */
		for (size_t first = 0; first < n; first++)
			check_round(i);
		end();
	}
}

/* Of three servers two are asked in each round, each as often as the others. */
static void test_rotation(void **state)
{
	static const char *const texts[] = { FIRST, SECOND, THIRD, NULL };

	(void)state;
	begin((enum behaviour[]){ ANSWER_A, ANSWER_A, ANSWER_A }, 3);
	begin_probe(texts);
	for (unsigned int i = 1; i <= 6; i++) {
		run(5000);
		assert_int_equal(probed.err, 0);
		assert_int_equal(servers[0].requests + servers[1].requests + servers[2].requests,
				 2 * i);
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(servers[i].requests, 4);
	end();
}

/* At 0, 500 and 1500 ms, and not at 3500. */
static void test_how_often(void **state)
{
	static const char *const texts[] = { FIRST, NULL };

	(void)state;
	begin((enum behaviour[]){ SILENT }, 1);
	begin_probe(texts);
	run(2500);
	assert_int_equal(probed.err, -ETIMEDOUT);
	assert_int_equal(servers[0].requests, 3);
	end();
}

/* WireGuard has its port, all the time, and the raw socket does not see what is WireGuard's. */
static void test_port_is_not_harmed(void **state)
{
	static const char *const texts[] = { FIRST, NULL };
	struct sockaddr_in to = world_at("127.0.0.1", WG_PORT);
	auto_close int from = -1;
	char bytes[64];

	(void)state;
	begin((enum behaviour[]){ DROP_ONE }, 1);
	begin_probe(texts);
	from = world_bind("127.0.0.1", 0);
	start(5000);
	event_base_loop(probed.loop->base, EVLOOP_ONCE); /* it is on its way */
	for (uint8_t i = 0; i < 10; i++) {
		assert_int_equal(sendto(from, (uint8_t[]){ 4, 0, 0, i }, 4, 0,
					(struct sockaddr *)&to, sizeof(to)),
				 4);
		assert_int_equal(recv(probed.wg, bytes, sizeof(bytes), MSG_DONTWAIT), 4);
		assert_int_equal(bytes[3], i);
	}
	assert_int_equal(recv(probed.fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_PEEK), -1);
	loop_run(probed.loop);
	assert_int_equal(probed.err, 0);
	/* The answer it gets as well, and answers nothing: no error goes to the server. */
	assert_int_equal(recv(probed.wg, bytes, sizeof(bytes), MSG_DONTWAIT), 32);
	end();
}

/* What has come since the last round leaves no room; it is read first. */
static void test_full_queue(void **state)
{
	static const char *const texts[] = { FIRST, NULL };
	static const uint8_t junk[STUN_MESSAGE_MAX] = { 1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };
	struct sockaddr_in to = world_at("127.0.0.1", WG_PORT);
	auto_close int from = -1;

	(void)state;
	begin((enum behaviour[]){ ANSWER_A }, 1);
	begin_probe(texts);
	from = world_bind("127.0.0.1", 0);
	for (int i = 0; i < 3000; i++)
		(void)sendto(from, junk, i % 2 ? 20 : sizeof(junk), 0, (struct sockaddr *)&to,
			     sizeof(to));
	/* Between rounds nothing is read. */
	assert_int_equal(event_base_loop(probed.loop->base, EVLOOP_NONBLOCK), NO_EVENTS);
	run(5000);
	assert_int_equal(probed.err, 0);
	end();
}

/* An answer to an earlier round is none to this one. */
static void test_started_again(void **state)
{
	static const char *const texts[] = { FIRST, NULL };

	(void)state;
	begin((enum behaviour[]){ ANSWER_A }, 1);
	begin_probe(texts);
	for (int i = 0; i < 5; i++) {
		start(5000);
		event_base_loop(probed.loop->base, EVLOOP_NONBLOCK);
		event_base_loop(probed.loop->base, EVLOOP_NONBLOCK);
	}
	probed.calls = 0;
	run(5000);
	assert_int_equal(probed.err, 0);
	end();
}

static void test_freed_meanwhile(void **state)
{
	static const char *const texts[] = { FIRST, SECOND, NULL };

	(void)state;
	for (int turns = 0; turns < 4; turns++) {
		begin((enum behaviour[]){ SILENT, SILENT }, 2);
		begin_probe(texts);
		start(5000);
		for (int i = 0; i < turns; i++)
			event_base_loop(probed.loop->base, EVLOOP_NONBLOCK);
		stun_probe_free(probed.probe);
		probed.probe = NULL;
		assert_int_equal(event_base_loop(probed.loop->base, EVLOOP_NONBLOCK), NO_EVENTS);
		assert_int_equal(probed.calls, 0);
		end();
	}
}

static void free_now(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	stun_probe_free(probed.probe);
	probed.probe = NULL;
}

/* In its turn of the loop comes the probe's timer, and after that free_now(). */
static void free_next(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval at_once = {};

	assert_int_equal(event_base_once(probed.loop->base, fd, what, free_now, arg, &at_once), 0);
}

/* Between the call to resolve_start() and its answer, which comes from the loop. */
static void test_freed_while_resolving(void **state)
{
	static const char *const texts[] = { FIRST, SECOND, NULL };
	static const struct timeval at_once = {};

	(void)state;
	begin((enum behaviour[]){ ANSWER_A, ANSWER_A }, 2);
	begin_probe(texts);
	start(5000);
	assert_int_equal(
		event_base_once(probed.loop->base, -1, EV_TIMEOUT, free_next, NULL, &at_once), 0);
	loop_run(probed.loop);
	assert_int_equal(probed.calls, 0);
	assert_int_equal(servers[0].requests + servers[1].requests, 0);
	end();
}

static void start_again(void *arg, int err, const struct sockaddr_in *mapped, const char *server,
			bool is_symmetric)
{
	(void)arg;
	(void)mapped;
	(void)server;
	(void)is_symmetric;
	assert_int_equal(err, 0);
	start(5000);
}

static void free_it(void *arg, int err, const struct sockaddr_in *mapped, const char *server,
		    bool is_symmetric)
{
	on_done(arg, err, mapped, server, is_symmetric);
	stun_probe_free(probed.probe);
	probed.probe = NULL;
}

static void test_from_within(void **state)
{
	static const char *const good[] = { FIRST, SECOND, NULL };
	static const char *const bad[] = { IPV6_ONLY, NULL };

	(void)state;
	begin((enum behaviour[]){ ANSWER_A, ANSWER_A }, 2);
	begin_probe(good);
	assert_int_equal(stun_probe_start(probed.probe, 5000, start_again, NULL), 0);
	loop_run(probed.loop);
	assert_int_equal(probed.calls, 1);
	assert_int_equal(probed.err, 0);
	assert_int_equal(servers[0].requests, 2);
	assert_int_equal(stun_probe_start(probed.probe, 5000, free_it, &probed), 0);
	loop_run(probed.loop);
	assert_int_equal(probed.calls, 2);
	assert_int_equal(probed.err, 0);
	end();

	begin((enum behaviour[]){ ANSWER_A }, 1);
	begin_probe(bad);
	assert_int_equal(stun_probe_start(probed.probe, 5000, free_it, &probed), 0);
	loop_run(probed.loop);
	assert_int_equal(probed.err, -EAFNOSUPPORT);
	end();
}

static void test_new(void **state)
{
	char longest[STUN_SERVER_MAX + 1];
	const char *const texts[] = { longest, FIRST, FIRST, FIRST, FIRST,
				      FIRST,   FIRST, FIRST, FIRST };

	(void)state;
	begin((enum behaviour[]){ ANSWER_A }, 1);
	memset(longest, 'a', sizeof(longest));
	longest[STUN_SERVER_MAX] = '\0';
	assert_null(stun_probe_new(probed.loop, probed.fd, WG_PORT, texts, 1));
	assert_null(stun_probe_new(probed.loop, probed.fd, WG_PORT, texts, 0));
	longest[STUN_SERVER_MAX - 1] = '\0';
	assert_null(stun_probe_new(probed.loop, probed.fd, WG_PORT, texts, STUN_SERVERS_MAX + 1));
	assert_true(fcntl(probed.fd, F_GETFD) >= 0); /* not taken over */
	probed.probe = stun_probe_new(probed.loop, probed.fd, WG_PORT, texts, STUN_SERVERS_MAX);
	assert_non_null(probed.probe);
	stun_probe_free(NULL);
	end();
}

/* clang-format off */
#define NEEDS_ROOT(test) { #test " (needs root, for a network namespace)", test, NULL, NULL, NULL }
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEEDS_ROOT(test_rounds),          NEEDS_ROOT(test_rotation),
		NEEDS_ROOT(test_how_often),       NEEDS_ROOT(test_port_is_not_harmed),
		NEEDS_ROOT(test_full_queue),      NEEDS_ROOT(test_started_again),
		NEEDS_ROOT(test_freed_meanwhile), NEEDS_ROOT(test_freed_while_resolving),
		NEEDS_ROOT(test_from_within),     NEEDS_ROOT(test_new),
	};

	is_private = netns_may();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
