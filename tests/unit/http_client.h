/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_client.h - a client as http.h has it, a server that behaves in all ways, and a name server,
 * in a network namespace of the test's own.
 */
#ifndef TESTS_HTTP_CLIENT_H
#define TESTS_HTTP_CLIENT_H

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "fake_dns.h"
#include "host_names.h"
#include "netns.h"
#include "nexodus/http.h"
#include "text_fd.h"
#include "tls_server.h"

#define WATCHDOG_S 60
#define SHORT_MS 1500
#define TOKEN "RK:secret-of-the-test"
#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"
#define LEN(n) "Content-Length: " #n "\r\n\r\n"

static bool is_private;
static struct tls_server server;
static pid_t dns;
/* Of these ports one is closed, and one accepts and says nothing. */
static uint16_t closed_port, silent_port;
static int silent[2];

/* clang-format off */
static const struct fake_name zone[] = {
	{ .name = "v4.test",     .a = "127.0.0.1" },
	{ .name = "v6.test",     .aaaa = "::1" },
	{ .name = "both.test",   .a = "127.0.0.1", .aaaa = "::1" },
	{ .name = "half.test",   .a = "127.0.0.9", .aaaa = "::1" },
	{ .name = "other-half.test", .a = "127.0.0.1", .aaaa = "fd01::9" },
	{ .name = "several.test", .a = "127.0.0.0", .repeat = 2 },
	{ .name = "hole.test",   .a = "127.0.0.1", .aaaa = "fd00::9" },
	{ .name = "expired.test",  .a = "127.0.0.1" },
	{ .name = "early.test",    .a = "127.0.0.1" },
	{ .name = "wrong.test",    .a = "127.0.0.1" },
	{ .name = "selfsigned.test", .a = "127.0.0.1" },
	{ .name = "large.test",    .a = "127.0.0.1", .rcode = SAY_TRUNCATED },
	{ .name = "large6.test",   .aaaa = "::1", .rcode = SAY_TRUNCATED },
	{ .name = "short.lan.test", .a = "127.0.0.1" },
	{ .name = "lie.test",      .rcode = SAY_GARBAGE },
	{ .name = "loop.test",     .rcode = SAY_LOOP },
	{ .name = "servfail.test", .rcode = 2 },
	{ .name = "silent.test",   .rcode = SAY_NOTHING },
	{ .rcode = 3 },
};

static const struct tls_script scripts[] = {
	{ "ok",          OK LEN(5) "hello" },
	{ "nothing",     OK LEN(0) },
	{ "empty204",    "HTTP/1.1 204 No Content\r\n\r\n" },
	{ "empty401",    "HTTP/1.1 401 Unauthorized\r\n" LEN(0) },
	{ "404",         "HTTP/1.1 404 Not Found\r\n" LEN(3) "no\n" },
	{ "429s",        "HTTP/1.1 429 Too Many\r\nretry-after:  120 \r\n" LEN(0) },
	{ "429past",     "HTTP/1.1 429 Too Many\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n" LEN(0) },
	{ "429clock",    "HTTP/1.1 429 Too Many\r\nDate: Fri, 31 Dec 1999 23:59:50 GMT\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n" LEN(0) },
	{ "429huge",     "HTTP/1.1 429 Too Many\r\nRetry-After: 99999999\r\n" LEN(0) },
	{ "429bad",      "HTTP/1.1 429 Too Many\r\nRetry-After: soon\r\n" LEN(0) },
	{ "429empty",    "HTTP/1.1 429 Too Many\r\nRetry-After:\r\n" LEN(0) },
	{ "503",         "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\n" LEN(0) },
	{ "redirect",    "HTTP/1.1 302 Found\r\nLocation: https://v4.test/ok\r\nSet-Cookie: a=b\r\n" LEN(0) },
	{ "chunked",     CHUNKED "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n" },
	{ "slowly",      SLOWLY CHUNKED "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n" },
	{ "trailer",     CHUNKED "5\r\nhello\r\n0\r\nRetry-After: 3\r\n\r\n" },
	{ "to-the-end",  OK "\r\nhello" },
	{ "to-a-cut",    OK "\r\nhello" CUT },
	{ "continue",    "HTTP/1.1 100 Continue\r\n\r\n" OK LEN(5) "hello" },
	{ "short",       OK LEN(6) "hello" },
	{ "short-cut",   OK LEN(6) "hello" CUT },
	{ "chunk-cut",   CHUNKED "6\r\nhello" CUT },
	{ "chunk-end",   CHUNKED "5\r\nhello\r\n" },
	{ "chunk-reset", CHUNKED "5\r\nhello\r\n" RESET },
	{ "chunk-bad",   CHUNKED "zz\r\nhello\r\n0\r\n\r\n" },
	{ "two-lengths", OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!" },
	{ "gzip",        OK "Content-Encoding: gzip\r\n" LEN(5) "hello" },
	{ "garbage",     "\x80\x81 garbage\r\n\r\n" },
	{ "no-version",  "hello" },
	{ "nothing-said", "" },
	{ "cut",         CUT },
	{ "reset",       RESET },
	{ "silence",     WAIT },
	{ "slow-header", OK "X-Slow: " WAIT },
	{ "slow-continue", "HTTP/1.1 100 Continue\r\n\r\n" WAIT },
	{ "slow-body",   OK LEN(5) "he" WAIT },
	{ "slow-401",    "HTTP/1.1 401 Unauthorized\r\n" LEN(5) "he" WAIT },
	{ "long-headers", OK LONG_HEADERS LEN(5) "hello" },
	{ "long-body",   OK "\r\n" LONG_BODY },
	{ "long-404",    "HTTP/1.1 404 Not Found\r\n\r\n" LONG_BODY },
	{ "echo",        OK "\r\n" ECHO },
	{},
};
/* clang-format on */

struct outcome {
	struct loop *loop;
	struct http_call *call;
	int n_done;
	struct http_answer answer;
	char body[HTTP_BODY_MAX + 1], why[HTTP_WHY_MAX];
	char data[4096];
	size_t data_len;
	/* What on_data does besides. */
	int data_answer;
	bool is_cancelling;
	struct outcome *cancels;
	void (*starts)(void *arg);
	void *start_arg;
};

struct client {
	struct loop *loop;
	struct http *http;
};

static inline void on_done(void *arg, const struct http_answer *answer)
{
	struct outcome *outcome = arg;

	outcome->n_done++;
	outcome->answer = *answer;
	assert_int_equal(answer->body[answer->body_len], '\0');
	memcpy(outcome->body, answer->body, answer->body_len + 1);
	snprintf(outcome->why, sizeof(outcome->why), "%s", answer->why);
	assert_int_equal(!answer->err, !*answer->why);
	assert_true(!answer->err || !answer->is_whole);
	assert_null(strstr(answer->why, "secret"));
	loop_end(outcome->loop, 0);
}

static inline int on_data(void *arg, const char *bytes, size_t len)
{
	struct outcome *outcome = arg;

	assert_true(outcome->data_len + len < sizeof(outcome->data));
	memcpy(outcome->data + outcome->data_len, bytes, len);
	outcome->data_len += len;
	outcome->data[outcome->data_len] = '\0';
	if (outcome->starts)
		outcome->starts(outcome->start_arg);
	outcome->starts = NULL;
	if (outcome->is_cancelling)
		http_cancel(outcome->call);
	if (outcome->cancels)
		http_cancel(outcome->cancels->call);
	if (outcome->is_cancelling || outcome->cancels || outcome->data_len >= 5)
		loop_end(outcome->loop, 0);
	return outcome->data_answer;
}

static inline void on_watchdog(void *arg)
{
	(void)arg;
	fail_msg("it is never done");
}

static inline void run_loop(struct loop *loop)
{
	struct timer watchdog = {};

	timer_init(&watchdog, loop, on_watchdog, NULL);
	timer_arm(&watchdog, WATCHDOG_S * 1000LL);
	loop_run(loop);
	timer_stop(&watchdog);
}

static inline struct client begin(void)
{
	struct http_limits limits = { 20000, 20000, 20000 };
	struct client client = {};
	int ca;

	if (!is_private)
		skip();
	ca = tls_authorities_fd(2);
	client.loop = loop_new();
	client.http = http_new(client.loop, NULL, NULL);
	assert_non_null(client.http);
	assert_int_equal(http_set_ca(client.http, ca), 0);
	http_set_limits(client.http, &limits);
	close(ca);
	return client;
}

static inline void end(struct client *client)
{
	http_free(client->http);
	loop_free(client->loop);
}

static inline void start(struct client *client, struct outcome *outcome,
			 const struct http_request *without_url, const char *url, int port)
{
	struct http_request request = *without_url;
	char text[256];

	snprintf(text, sizeof(text), url, port);
	*outcome = (struct outcome){ .loop = client->loop };
	request.method = request.method ? request.method : "GET";
	request.url = text;
	request.on_done = on_done;
	request.arg = outcome;
	assert_int_equal(http_start(client->http, &request, &outcome->call), 0);
	memset(text, 0, sizeof(text)); /* it was copied */
	assert_int_equal(outcome->n_done, 0);
}

static inline struct outcome *get_from(struct client *client, const char *url, int port)
{
	static struct outcome outcome;

	start(client, &outcome, &(struct http_request){ .bearer = TOKEN }, url, port);
	while (!outcome.n_done)
		run_loop(client->loop);
	assert_int_equal(outcome.n_done, 1);
	return &outcome;
}

static inline struct outcome *get(struct client *client, const char *url)
{
	return get_from(client, url, server.port);
}

static inline int setup(void **state)
{
	(void)state;
	if (!is_private)
		return 0;
	netns_fresh();
	host_names_begin("options timeout:3 attempts:1\nsearch lan.test\nnameserver 127.0.0.1\n",
			 "127.0.0.1 localhost in-hosts.test\n");
	netns_ip("addr add fd00::1/64 dev t0 nodad"); /* where nobody answers */
	tls_certificates_make();
	closed_port = 0;
	close(tls_listen(AF_INET, &closed_port));
	silent[0] = tls_listen(AF_INET, &silent_port);
	silent[1] = tls_listen(AF_INET6, &silent_port);
	server = tls_server_start(scripts);
	dns = fake_dns_start("127.0.0.1", zone);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	if (!is_private)
		return 0;
	tls_server_stop(&server);
	fake_dns_stop(dns);
	close(silent[0]);
	close(silent[1]);
	tls_certificates_free();
	return 0;
}

/* clang-format off */
#define NEEDS_ROOT(test) { #test " (needs root, for a network namespace)", test, NULL, NULL, NULL }
/* clang-format on */

#endif
