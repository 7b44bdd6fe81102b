// SPDX-License-Identifier: Apache-2.0
/*
 * test_http.c - what becomes of a request.
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

/* clang-format off */
static const struct {
	const char *name, *url; /* %d is the server's port */
	int err;
	long status;
	const char *body;
	int retry_after_s;
	const char *why; /* a part of it */
} cases[] = {
	{ "200",                    "https://v4.test:%d/ok", 0, 200, "hello", -1, "" },
	{ "IPv6 server",            "https://v6.test:%d/ok", 0, 200, "hello", -1, "" },
	{ "server of both kinds",   "https://both.test:%d/ok", 0, 200, "hello", -1, "" },
	{ "IPv4 of it is dead",     "https://half.test:%d/ok", 0, 200, "hello", -1, "" },
	{ "IPv6 of it is dead",     "https://other-half.test:%d/ok", 0, 200, "hello", -1, "" },
	{ "first of it is dead",    "https://several.test:%d/ok", 0, 200, "hello", -1, "" },
	{ "IPv6 of it is a black hole", "https://hole.test:%d/ok", 0, 200, "hello", -1, "" },
	{ "IPv4 literal",           "https://127.0.0.1:%d/ok", 0, 200, "hello", -1, "" },
	{ "IPv6 literal",           "https://[::1]:%d/ok", 0, 200, "hello", -1, "" },
	{ "host of any case",       "https://V4.Test:%d/ok", 0, 200, "hello", -1, "" },
	{ "host with a dot",        "https://v4.test.:%d/ok", 0, 200, "hello", -1, "" },
	{ "name in hosts",          "https://in-hosts.test:%d/ok", 0, 200, "hello", -1, "" },
	{ "name of the search domain", "https://short:%d/ok", 0, 200, "hello", -1, "" },
	{ "answer that fits TCP alone", "https://large.test:%d/ok", 0, 200, "hello", -1, "" },
	{ "the same of IPv6",       "https://large6.test:%d/ok", 0, 200, "hello", -1, "" },
	{ "name server that lies",  "https://lie.test:%d/ok", -EHOSTUNREACH, 0, "", -1, "Could not resolve host" },
	{ "alias of itself",        "https://loop.test:%d/ok", -EHOSTUNREACH, 0, "", -1, "Could not resolve host" },
	{ "name server that fails", "https://servfail.test:%d/ok", -EHOSTUNREACH, 0, "", -1, "Could not resolve host" },
	{ "empty body",             "https://v4.test:%d/nothing", 0, 200, "", -1, "" },
	{ "no body",                "https://v4.test:%d/empty204", 0, 204, "", -1, "" },
	{ "401 without body",       "https://v6.test:%d/empty401", 0, 401, "", -1, "" },
	{ "404",                    "https://v4.test:%d/404", 0, 404, "no\n", -1, "" },
	{ "429, seconds",           "https://v4.test:%d/429s", 0, 429, "", 120, "" },
	{ "429, in the past",       "https://v4.test:%d/429past", 0, 429, "", -1, "" },
	{ "429, by another clock",  "https://v4.test:%d/429clock", 0, 429, "", -1, "" },
	{ "429, too many seconds",  "https://v4.test:%d/429huge", 0, 429, "", 3600, "" },
	{ "429, makes no sense",    "https://v4.test:%d/429bad", 0, 429, "", -1, "" },
	{ "429, empty",             "https://v4.test:%d/429empty", 0, 429, "", -1, "" },
	{ "503, at once",           "https://v4.test:%d/503", 0, 503, "", -1, "" },
	{ "redirect",               "https://v4.test:%d/redirect", 0, 302, "", -1, "" },
	{ "chunked",                "https://v4.test:%d/chunked", 0, 200, "hello", -1, "" },
	{ "byte by byte",           "https://v6.test:%d/slowly", 0, 200, "hello", -1, "" },
	{ "trailer",                "https://v4.test:%d/trailer", 0, 200, "hello", -1, "" },
	{ "to the end",             "https://v4.test:%d/to-the-end", 0, 200, "hello", -1, "" },
	{ "to a cut",               "https://v6.test:%d/to-a-cut", 0, 200, "hello", -1, "" },
	{ "100 Continue",           "https://v4.test:%d/continue", 0, 200, "hello", -1, "" },
	{ "no decompression",       "https://v4.test:%d/gzip", 0, 200, "hello", -1, "" },
	{ "too short",              "https://v4.test:%d/short", -ECONNRESET, 200, "hello", -1, "" },
	{ "cut",                    "https://v6.test:%d/short-cut", -ECONNRESET, 200, "hello", -1, "" },
	{ "cut inside of a chunk",  "https://v4.test:%d/chunk-cut", -ECONNRESET, 200, "hello", -1, "" },
	{ "last chunk is missing",  "https://v4.test:%d/chunk-end", -ECONNRESET, 200, "hello", -1, "" },
	{ "reset",                  "https://v4.test:%d/chunk-reset", -ECONNRESET, 200, "hello", -1, "" },
	{ "bad chunk",              "https://v4.test:%d/chunk-bad", -ECONNRESET, 200, "", -1, "" },
	{ "not HTTP",               "https://v4.test:%d/garbage", -ECONNRESET, 0, "", -1, "it does not speak HTTP" },
	{ "not HTTP, text",         "https://v4.test:%d/no-version", -ECONNRESET, 0, "", -1, "it does not speak HTTP" },
	{ "no answer",              "https://v4.test:%d/nothing-said", -ECONNRESET, 0, "", -1, "wait for the answer of v4.test:" },
	{ "cut instead of one",     "https://v4.test:%d/cut", -ECONNRESET, 0, "", -1, "" },
	{ "reset instead of one",   "https://v6.test:%d/reset", -ECONNRESET, 0, "", -1, "" },
	{ "silence",                "https://v4.test:%d/silence", -ETIMEDOUT, 0, "", -1, "wait for the answer of v4.test:%d: timed out" },
	{ "headers never end",      "https://v6.test:%d/slow-header", -ETIMEDOUT, 200, "", -1, "wait for the answer of v6.test:%d: timed out" },
	{ "after 100 Continue",     "https://v4.test:%d/slow-continue", -ETIMEDOUT, 100, "", -1, "wait for the answer of v4.test:%d: timed out" },
	{ "body never ends",        "https://v4.test:%d/slow-body", -ETIMEDOUT, 200, "he", -1, "read the answer of v4.test:%d: timed out" },
	{ "headers are too long",   "https://v4.test:%d/long-headers", -EMSGSIZE, 200, "", -1, "too long" },
	{ "body is too long",       "https://v4.test:%d/long-body", -EMSGSIZE, 200, NULL, -1, "read the answer of v4.test:%d: it is too long" },
	{ "404's body is too long", "https://v4.test:%d/long-404", -EMSGSIZE, 404, NULL, -1, "it is too long" },
	{ "expired",                "https://expired.test:%d/ok", -EKEYREJECTED, 0, "", -1, "check the certificate of expired.test:%d: certificate has expired" },
	{ "not yet valid",          "https://early.test:%d/ok", -EKEYREJECTED, 0, "", -1, "certificate is not yet valid" },
	{ "of another host",        "https://wrong.test:%d/ok", -EKEYREJECTED, 0, "", -1, "check the certificate of wrong.test:%d: it is for another host" },
	{ "self-signed",            "https://selfsigned.test:%d/ok", -EKEYREJECTED, 0, "", -1, "self-signed certificate" },
	{ "address not in it",      "https://127.0.0.2:%d/ok", -ECONNREFUSED, 0, "", -1, "connect to 127.0.0.2:%d: Connection refused" },
	{ "no such name",           "https://none.test:%d/ok", -EHOSTUNREACH, 0, "", -1, "connect to none.test:%d: Could not resolve host: none.test" },
	{ "no name server answers", "https://silent.test:%d/ok", -EHOSTUNREACH, 0, "", -1, "connect to silent.test:%d: Could not resolve host: silent.test" },
};
/* clang-format on */

static bool is_short(const char *name)
{
	return strstr(name, "silence") || strstr(name, "never") || strstr(name, "after 100");
}

/* An answer without a length ends with the connection. Whether a connection may end without TLS's
 * own end is OpenSSL's and libcurl's affair: older ones take it, newer ones do not. */
static bool is_expected(size_t i, int err)
{
	return err == cases[i].err || (err == -ECONNRESET && strstr(cases[i].url, "/to-a-cut"));
}

static void test_cases(void **state)
{
	struct http_limits limits = { 20000, 20000, 20000 };
	struct http_limits soon = { 20000, SHORT_MS, SHORT_MS };
	struct client client = begin();

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		const struct outcome *got;
		char why[HTTP_WHY_MAX];

		http_set_limits(client.http, is_short(cases[i].name) ? &soon : &limits);
		got = get(&client, cases[i].url);
		snprintf(why, sizeof(why), cases[i].why, server.port);
		if (!is_expected(i, got->answer.err) || got->answer.status != cases[i].status ||
		    (cases[i].body && strcmp(got->body, cases[i].body)) ||
		    got->answer.retry_after_s != cases[i].retry_after_s || !strstr(got->why, why) ||
		    got->answer.is_whole != (!cases[i].err && !strstr(cases[i].url, "/to-")))
			fail_msg("%s: err %d status %ld whole %d retry %d body '%.80s' why '%s'",
				 cases[i].name, got->answer.err, got->answer.status,
				 got->answer.is_whole, got->answer.retry_after_s, got->body,
				 got->why);
	}
	end(&client);
}

/* What cannot be connected to, over IPv4 and IPv6. */
static void test_not_connected(void **state)
{
	struct http_limits limits = { SHORT_MS, 5000, 5000 };
	static const char *const hosts[] = { "v4.test", "v6.test", "127.0.0.1", "[::1]" };
	struct client client = begin();
	char url[64], why[HTTP_WHY_MAX];

	(void)state;
	for (size_t i = 0; i < N(hosts); i++) {
		const struct outcome *got;

		snprintf(url, sizeof(url), "https://%s:%%d/ok", hosts[i]);
		got = get_from(&client, url, closed_port);
		snprintf(why, sizeof(why), "connect to %s:%d: Connection refused", hosts[i],
			 closed_port);
		assert_string_equal(got->why, why);
		assert_int_equal(got->answer.err, -ECONNREFUSED);

		http_set_limits(client.http, &limits); /* TLS never comes to its end */
		got = get_from(&client, url, silent_port);
		snprintf(why, sizeof(why), "connect to %s:%d: timed out", hosts[i], silent_port);
		assert_string_equal(got->why, why);
		assert_int_equal(got->answer.err, -ETIMEDOUT);
	}
	end(&client);
}

/* Who is connected to does not speak TLS, or closes. */
static void test_no_tls(void **state)
{
	static const char *const answers[] = { "HTTP/1.1 400 Bad Request\r\n\r\n", "" };
	struct client client = begin();

	(void)state;
	for (size_t i = 0; i < 2 * N(answers); i++) {
		uint16_t port = 0;
		auto_close int listener = tls_listen(i % 2 ? AF_INET : AF_INET6, &port);
		const struct outcome *got;
		char why[HTTP_WHY_MAX];
		pid_t pid = fork();

		if (!pid) {
			int fd = accept(listener, NULL, NULL);
			char hello[4096];

			(void)read(fd, hello, sizeof(hello));
			(void)write(fd, answers[i / 2], strlen(answers[i / 2]));
			_Exit(0);
		}
		got = get_from(&client, i % 2 ? "https://v4.test:%d/" : "https://v6.test:%d/",
			       port);
		snprintf(why, sizeof(why), "agree on TLS with v%d.test:%d: ", i % 2 ? 4 : 6, port);
		if (got->answer.err != -EPROTO || strncmp(got->why, why, strlen(why)))
			fail_msg("%d %s", got->answer.err, got->why);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	end(&client);
}

/* The time for a connection includes that for its name. */
static void test_names_are_late(void **state)
{
	struct http_limits limits = { SHORT_MS / 3, 5000, 5000 };
	struct client client = begin();
	const struct outcome *got;

	(void)state;
	http_set_limits(client.http, &limits);
	got = get(&client, "https://silent.test:%d/ok");
	assert_non_null(strstr(got->why, "the time for its name is over"));
	assert_int_equal(got->answer.err, -ETIMEDOUT);
	end(&client);
}

static void test_request(void **state)
{
	static const struct {
		struct http_request request;
		const char *want[6], *not [4];
	} requests[] = {
		{ { .method = "GET" },
		  { "GET /echo HTTP/1.1\r\n", "Host: v4.test:", "Accept: application/json\r\n",
		    "User-Agent: nex-relay/" },
		  { "Authorization", "Content-", "Expect", "Cookie" } },
		{ { .method = "GET", .bearer = TOKEN },
		  { "Authorization: Bearer " TOKEN "\r\n" },
		  { "Content-", "Expect" } },
		{ { .method = "POST", .body = "{\"a\":1}", .bearer = TOKEN },
		  { "POST /echo HTTP/1.1\r\n", "Content-Type: application/json\r\n",
		    "Content-Length: 7\r\n", "\r\n\r\n{\"a\":1}",
		    "Authorization: Bearer " TOKEN "\r\n" },
		  { "Expect" } },
		{ { .method = "PATCH", .body = "{}", .content_type = "text/plain" },
		  { "PATCH /echo", "Content-Type: text/plain\r\n", "\r\n\r\n{}" },
		  { "application/x-www-form" } },
		{ { .method = "PUT" },
		  { "PUT /echo", "Content-Length: 0\r\n" },
		  { "application/x-www-form", "Expect" } },
	};
	struct client client = begin();
	struct outcome outcome;

	(void)state;
	for (size_t i = 0; i < N(requests); i++) {
		start(&client, &outcome, &requests[i].request, "https://v4.test:%d/echo",
		      server.port);
		run_loop(client.loop);
		assert_int_equal(outcome.answer.err, 0);
		for (size_t n = 0; n < N(requests[i].want) && requests[i].want[n]; n++)
			if (!strstr(outcome.body, requests[i].want[n]))
				fail_msg("%zu: no '%s' in %s", i, requests[i].want[n],
					 outcome.body);
		for (size_t n = 0; n < N(requests[i].not ) && requests[i].not [n]; n++)
			if (strstr(outcome.body, requests[i].not [n]))
				fail_msg("%zu: '%s' in %s", i, requests[i].not [n], outcome.body);
	}
	end(&client);
}

static void test_refused_requests(void **state)
{
	static const struct http_request bad[] = {
		{ .method = "GET", .url = "http://v4.test/" },
		{ .method = "GET", .url = "ftp://v4.test/" },
		{ .method = "GET", .url = "v4.test" },
		{ .method = "GET", .url = "" },
		{ .method = "GET", .url = "https://" },
		{ .method = "GET", .url = "https://user@v4.test/" },
		{ .method = "GET", .url = "https://user:pass@v4.test/" },
		{ .method = "GET", .url = "https://[fe80::1%25lo]/" },
		{ .method = "GET", .url = "https://v4.test:99999/" },
		{ .method = "GET", .url = "https://v4 test/" },
		{ .method = "GET", .url = "https://v4.test/\r\nX: y" },
		{ .method = "GET", .url = "https://\xc3\xa4.test/" },
		{ .method = "DELETE", .url = "https://v4.test/" },
		{ .method = "GET\r\n", .url = "https://v4.test/" },
		{ .method = "GET", .url = "https://v4.test/", .bearer = "RK:a\r\nX: y" },
		{ .method = "PUT", .url = "https://v4.test/", .content_type = "a\nb" },
	};
	struct client client = begin();
	struct http_call *call;

	(void)state;
	for (size_t i = 0; i < N(bad); i++)
		if (http_start(client.http, &bad[i], &call) != -EINVAL)
			fail_msg("%s %s", bad[i].method, bad[i].url);
	end(&client);
}

/* An address that a name had before is not used again. */
static void test_name_moves(void **state)
{
	struct client client = begin();

	(void)state;
	host_names_write("/etc/hosts", "127.0.0.1 moves.test");
	assert_int_equal(get(&client, "https://moves.test:%d/ok")->answer.status, 200);
	host_names_write("/etc/hosts", "127.0.0.9 moves.test\n");
	assert_int_equal(get(&client, "https://moves.test:%d/ok")->answer.err, -ECONNREFUSED);
	host_names_write("/etc/hosts", "::1 moves.test\n");
	assert_int_equal(get(&client, "https://moves.test:%d/ok")->answer.status, 200);
	end(&client);
}

#define SYSTEM_STORE "/etc/ssl/certs/ca-certificates.crt"

static void write_store(bool has_ours)
{
	char text[65536] = "";
	int fd = tls_authorities_fd(2);

	if (has_ours)
		assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
	close(fd);
	host_names_write(HOST_NAMES_DIR "/store", text);
}

/* libcurl's own, as it is at each call. */
static void test_system_certificates(void **state)
{
	struct client client = {};

	(void)state;
	if (!is_private || access(SYSTEM_STORE, F_OK))
		skip();
	write_store(true);
	assert_int_equal(mount(HOST_NAMES_DIR "/store", SYSTEM_STORE, NULL, MS_BIND, NULL), 0);
	client.loop = loop_new();
	client.http = http_new(client.loop, NULL, NULL);
	assert_int_equal(get(&client, "https://v4.test:%d/ok")->answer.status, 200);
	write_store(false);
	assert_int_equal(get(&client, "https://v6.test:%d/ok")->answer.err, -EKEYREJECTED);
	write_store(true);
	assert_int_equal(get(&client, "https://v6.test:%d/ok")->answer.status, 200);
	end(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEEDS_ROOT(test_cases),      NEEDS_ROOT(test_not_connected),
		NEEDS_ROOT(test_no_tls),     NEEDS_ROOT(test_names_are_late),
		NEEDS_ROOT(test_request),    NEEDS_ROOT(test_refused_requests),
		NEEDS_ROOT(test_name_moves), NEEDS_ROOT(test_system_certificates),
	};

	is_private = netns_may();
	return cmocka_run_group_tests(tests, setup, teardown);
}
