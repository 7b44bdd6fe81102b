// SPDX-License-Identifier: Apache-2.0
/*
 * test_http_stream.c - answers that come bit by bit, several at once, and what is cancelled.
 *
 * In a network namespace of the test's own: that needs root.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_client.h"

static void test_stream(void **state)
{
	static const struct {
		const char *url;
		int err, data_answer;
		long status;
		const char *data, *body;
	} streams[] = {
		{ "https://v4.test:%d/chunked", 0, 0, 200, "hello", "" },
		{ "https://v6.test:%d/slowly", 0, 0, 200, "hello", "" },
		{ "https://v4.test:%d/to-the-end", 0, 0, 200, "hello", "" },
		{ "https://v4.test:%d/404", 0, 0, 404, "", "no\n" },
		{ "https://v4.test:%d/chunk-cut", -ECONNRESET, 0, 200, "hello", "" },
		{ "https://v6.test:%d/chunk-end", -ECONNRESET, 0, 200, "hello", "" },
		{ "https://v4.test:%d/chunk-reset", -ECONNRESET, 0, 200, "hello", "" },
		{ "https://v4.test:%d/silence", -ETIMEDOUT, 0, 0, "", "" },
		{ "https://v4.test:%d/slow-header", -ETIMEDOUT, 0, 200, "", "" },
		{ "https://v4.test:%d/slow-401", -ETIMEDOUT, 0, 401, "", "he" },
		{ "https://v4.test:%d/chunked", -ECANCELED, -1, 200, "hel", "" },
	};
	struct http_limits limits = { 20000, SHORT_MS, SHORT_MS };
	struct http_request request = { .is_stream = true, .on_data = on_data };
	struct client client = begin();
	struct outcome outcome;

	(void)state;
	http_set_limits(client.http, &limits);
	for (size_t i = 0; i < N(streams); i++) {
		start(&client, &outcome, &request, streams[i].url, server.port);
		outcome.data_answer = streams[i].data_answer;
		while (!outcome.n_done)
			run_loop(client.loop);
		if (outcome.answer.err != streams[i].err ||
		    outcome.answer.is_whole !=
			    (!streams[i].err && !strstr(streams[i].url, "/to-")) ||
		    outcome.answer.status != streams[i].status ||
		    strncmp(outcome.data, streams[i].data, strlen(streams[i].data)) ||
		    strcmp(outcome.body, streams[i].body))
			fail_msg("%s: err %d status %ld data '%s' body '%s' why '%s'",
				 streams[i].url, outcome.answer.err, outcome.answer.status,
				 outcome.data, outcome.body, outcome.why);
	}
	end(&client);
}

/* A stream may be silent for longer than anything else may take. */
static void test_silent_stream(void **state)
{
	struct http_limits limits = { 20000, SHORT_MS, SHORT_MS / 3 };
	struct http_request request = { .is_stream = true, .on_data = on_data };
	struct timeval after = { .tv_sec = SHORT_MS / 1000, .tv_usec = SHORT_MS % 1000 * 1000 };
	struct client client = begin();
	struct outcome outcome;

	(void)state;
	http_set_limits(client.http, &limits);
	start(&client, &outcome, &request, "https://v4.test:%d/slow-body", server.port);
	event_base_loopexit(client.loop->base, &after);
	loop_run(client.loop);
	event_base_loopexit(client.loop->base, &after);
	loop_run(client.loop);
	assert_string_equal(outcome.data, "he");
	assert_int_equal(outcome.n_done, 0);
	end(&client); /* takes the stream with it */
	assert_int_equal(outcome.n_done, 0);
}

struct another {
	struct client *client;
	struct outcome outcome;
};

static void start_another(void *arg)
{
	struct another *another = arg;

	start(another->client, &another->outcome, &(struct http_request){}, "https://v6.test:%d/ok",
	      server.port);
}

/* What comes in one answer makes us ask for something else: libcurl is on the stack. */
static void test_start_from_within(void **state)
{
	struct http_request request = { .is_stream = true, .on_data = on_data };
	struct client client = begin();
	struct another another = { .client = &client };
	struct outcome first;

	(void)state;
	start(&client, &first, &request, "https://v4.test:%d/slowly", server.port);
	first.starts = start_another;
	first.start_arg = &another;
	while (!first.n_done || !another.outcome.n_done)
		run_loop(client.loop);
	assert_int_equal(another.outcome.answer.err, 0);
	assert_string_equal(another.outcome.body, "hello");
	end(&client);
}

/* In every state, and from within a callback. */
static void test_cancel(void **state)
{
	struct http_request request = { .is_stream = true, .on_data = on_data, .bearer = TOKEN };
	struct client client = begin();
	struct outcome first, second, third;

	(void)state;
	http_cancel(NULL);
	start(&client, &first, &request, "https://v4.test:%d/ok", server.port);
	http_cancel(first.call);
	start(&client, &first, &request, "https://silent.test:%d/ok", server.port);
	start(&client, &second, &request, "https://v4.test:%d/ok", silent_port);
	assert_int_equal(get(&client, "https://v6.test:%d/ok")->answer.status, 200);
	http_cancel(first.call);
	http_cancel(second.call);

	/* Itself. */
	start(&client, &first, &request, "https://v4.test:%d/chunked", server.port);
	first.is_cancelling = true;
	run_loop(client.loop);
	assert_true(first.data_len > 0);
	assert_int_equal(get(&client, "https://v6.test:%d/ok")->answer.status, 200);
	assert_int_equal(first.n_done, 0);

	/* Another: one that waits, then one that is being resolved. */
	start(&client, &second, &request, "https://v4.test:%d/ok", silent_port);
	start(&client, &first, &request, "https://v4.test:%d/ok", server.port);
	first.cancels = &second;
	run_loop(client.loop);
	while (!first.n_done)
		run_loop(client.loop);
	assert_string_equal(first.data, "hello");
	start(&client, &third, &request, "https://silent.test:%d/ok", server.port);
	start(&client, &first, &request, "https://v4.test:%d/ok", server.port);
	first.cancels = &third;
	while (!first.n_done)
		run_loop(client.loop);
	assert_int_equal(first.answer.err, 0);
	assert_int_equal(second.n_done + third.n_done, 0);
	end(&client);
}

/* on_done starts the next one and cancels another. */
static struct client *chained;
static struct outcome chain[2];

static void on_chain_done(void *arg, const struct http_answer *answer)
{
	struct outcome *next = arg;

	assert_int_equal(answer->status, 200);
	http_cancel(chain[1].call);
	start(chained, next, &(struct http_request){}, "https://v6.test:%d/ok", server.port);
}

static void test_chain(void **state)
{
	struct client client = begin();
	struct http_request request = { .method = "GET",
					.on_done = on_chain_done,
					.arg = &chain[0] };
	struct http_call *call;
	char url[64];

	(void)state;
	chained = &client;
	snprintf(url, sizeof(url), "https://v4.test:%d/ok", server.port);
	request.url = url;
	start(&client, &chain[1], &(struct http_request){}, "https://v4.test:%d/silence",
	      server.port);
	chain[0].loop = client.loop;
	assert_int_equal(http_start(client.http, &request, &call), 0);
	while (!chain[0].n_done)
		run_loop(client.loop);
	assert_string_equal(chain[0].body, "hello");
	assert_int_equal(chain[1].n_done, 0);
	end(&client);
}

/* Many at once. */
static void test_many(void **state)
{
	static struct outcome many[20];
	struct client client = begin();
	int n_done;

	(void)state;
	for (size_t i = 0; i < N(many); i++)
		start(&client, &many[i], &(struct http_request){},
		      i % 2 ? "https://v4.test:%d/slowly" : "https://v6.test:%d/chunked",
		      server.port);
	do {
		run_loop(client.loop);
		n_done = 0;
		for (size_t i = 0; i < N(many); i++)
			n_done += many[i].n_done;
	} while (n_done < (int)N(many));
	for (size_t i = 0; i < N(many); i++)
		assert_string_equal(many[i].body, "hello");
	end(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEEDS_ROOT(test_stream),
		NEEDS_ROOT(test_silent_stream),
		NEEDS_ROOT(test_start_from_within),
		NEEDS_ROOT(test_cancel),
		NEEDS_ROOT(test_chain),
		NEEDS_ROOT(test_many),
	};

	is_private = netns_may();
	return cmocka_run_group_tests(tests, setup, teardown);
}
