// SPDX-License-Identifier: Apache-2.0
#include "nexodus/http.h"

#include <errno.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file_text.h"
#include "nexodus/http_private.h"

#define LIMIT_MS 30000U

/* A header may hold a token, a body what was asked of us under one. */
static void wipe_text(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void wipe_headers(struct curl_slist *headers)
{
	for (struct curl_slist *one = headers; one; one = one->next)
		explicit_bzero(one->data, strlen(one->data));
	curl_slist_free_all(headers);
}

void http_call_free(struct http_call *call)
{
	http_loop_remove(call);
	if (call->easy)
		curl_easy_cleanup(call->easy);
	timer_stop(&call->limit);
	LIST_REMOVE(call, entry);
	wipe_headers(call->headers);
	if (call->answer)
		explicit_bzero(call->answer, call->answer_len);
	free(call->answer);
	wipe_text(call->body);
	curl_free(call->url);
	free(call);
}

void http_call_end(struct http_call *call, int err, const char *why)
{
	struct http_answer answer = { .err = err,
				      .body = "",
				      .body_len = call->answer_len,
				      .retry_after_s = call->retry_after_s,
				      .is_whole = !err && call->is_framed,
				      .why = why };
	void (*on_done)(void *arg, const struct http_answer *answer) = call->on_done;
	char *body = call->answer;
	void *arg = call->arg;

	if (call->easy)
		(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &answer.status);
	if (body) {
		body[answer.body_len] = '\0';
		answer.body = body;
	}
	call->answer = NULL; /* the call ends first, so that on_done may do as it likes */
	http_call_free(call);
	on_done(arg, &answer);
	if (body)
		explicit_bzero(body, answer.body_len);
	free(body);
}

void http_call_phase(struct http_call *call, enum http_phase phase)
{
	int64_t ms = phase == HTTP_HEADERS ? call->limits.headers_ms : call->limits.body_ms;
	long status = 0;

	call->phase = phase;
	if (phase == HTTP_BODY && call->on_data)
		(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		ms *= HTTP_DATA_TIMES;
	if (status == 200 && call->is_stream)
		timer_stop(&call->limit);
	else
		timer_arm(&call->limit, ms);
}

/* libcurl has the limit of this phase. */
static void connect_now(struct http_call *call)
{
	call->phase = HTTP_CONNECT;
	if (http_loop_add(call))
		http_call_end(call, -ENOMEM, strerror(ENOMEM));
}

static void on_limit(void *arg)
{
	struct http_call *call = arg;
	char why[HTTP_WHY_MAX];
	int err;

	if (call->phase == HTTP_BEGIN) {
		connect_now(call);
		return;
	}
	err = http_why_late(call, why);
	http_call_end(call, err, why);
}

static int begin(struct http_call *call)
{
	timer_init(&call->limit, call->http->loop, on_limit, call);
	timer_arm(&call->limit, 0); /* libcurl may be on the stack, and takes no transfer then */
	return http_easy_new(call);
}

int http_start(struct http *http, const struct http_request *request, struct http_call **ret_call)
{
	struct http_call *call = calloc(1, sizeof(*call));
	int err;

	if (!call)
		return -ENOMEM;
	call->http = http;
	call->limits = http->limits;
	call->retry_after_s = -1;
	LIST_INSERT_HEAD(&http->calls, call, entry);
	err = http_request_take(call, request);
	if (!err)
		err = begin(call);
	if (err) {
		http_call_free(call);
		return err;
	}
	*ret_call = call;
	return 0;
}

void http_cancel(struct http_call *call)
{
	if (call && call->http->is_in_curl)
		call->is_cancelled = true;
	else if (call)
		http_call_free(call);
}

/* OpenSSL loads its algorithms when the first context is made, and seeds its random numbers when
 * they are first used; the first conversion of a time reads the time zone. */
static bool load_everything(void)
{
	unsigned char random;
	SSL_CTX *tls;
	bool ok;

	tzset();
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return false;
	tls = SSL_CTX_new(TLS_client_method());
	ok = tls && RAND_bytes(&random, 1) == 1;
	SSL_CTX_free(tls);
	if (!ok)
		curl_global_cleanup();
	return ok;
}

struct http *http_new(struct loop *loop, void (*on_connect)(void *arg, const struct sockaddr *at),
		      void *arg)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http || !load_everything()) {
		free(http);
		return NULL;
	}
	*http = (struct http){ .loop = loop,
			       .on_connect = on_connect,
			       .connect_arg = arg,
			       .limits = { LIMIT_MS, LIMIT_MS, LIMIT_MS } };
	LIST_INIT(&http->calls);
	if (http_loop_start(http)) {
		http_free(http);
		return NULL;
	}
	return http;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	for (struct http_call *call = LIST_FIRST(&http->calls), *next; call; call = next) {
		next = LIST_NEXT(call, entry);
		http_call_free(call);
	}
	http_loop_stop(http);
	free(http->ca);
	free(http);
	curl_global_cleanup();
}

int http_set_ca(struct http *http, int fd)
{
	char *text;
	int err = file_text_read(fd, HTTP_CA_BYTES_MAX, &text);

	if (err)
		return err;
	free(http->ca);
	http->ca = text;
	return 0;
}

void http_set_insecure(struct http *http)
{
	http->is_insecure = true;
}

sa_family_t http_family(const struct http *http)
{
	return http->family;
}

time_t http_heard_at(const struct http *http)
{
	return http->heard_at;
}

void http_set_limits(struct http *http, const struct http_limits *limits)
{
	http->limits = *limits;
}
