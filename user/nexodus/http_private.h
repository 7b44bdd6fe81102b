/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_private.h - what the files of the HTTPS client share: http.c (calls), http_request.c (what
 * is asked), http_loop.c (libcurl in the event loop), http_easy.c (what a transfer may do),
 * http_why.c (what went wrong).
 */
#ifndef NEXODUS_HTTP_PRIVATE_H
#define NEXODUS_HTTP_PRIVATE_H

#include <curl/curl.h>
#include <sys/queue.h>
#include <time.h>

#include "nexodus/http.h"

#define HTTP_URL_MAX 2048
#define HTTP_PORT_TEXT 6
#define HTTP_HOST_MAX 256
#define HTTP_WAY_MAX 80

struct http {
	struct loop *loop;
	void (*on_connect)(void *arg, const struct sockaddr *at);
	void *connect_arg;
	CURLM *multi;
	struct timer timer; /* libcurl's */
	char *ca;           /* certificates; NULL: the system's */
	bool is_insecure;
	bool is_in_curl;    /* libcurl is on the stack: it must not be asked to end a transfer */
	sa_family_t family; /* of the newest answer */
	time_t heard_at;
	struct http_limits limits;
	LIST_HEAD(http_calls, http_call) calls;
};

enum http_phase { HTTP_BEGIN, HTTP_CONNECT, HTTP_HEADERS, HTTP_BODY };

struct http_call {
	LIST_ENTRY(http_call) entry;
	struct http *http;
	struct http_limits limits;
	char host[HTTP_HOST_MAX]; /* a name or an address, IPv6 in brackets */
	char port[HTTP_PORT_TEXT];
	char way[HTTP_WAY_MAX]; /* " by way of 192.0.2.1:3128", a proxy; or empty */
	char *url;
	const char *method; /* static */
	char *body;         /* NULL: none */
	struct curl_slist *headers;
	bool is_stream;
	void (*on_open)(void *arg);
	int (*on_data)(void *arg, const char *bytes, size_t len);
	void (*on_done)(void *arg, const struct http_answer *answer);
	void *arg;

	enum http_phase phase;
	struct timer limit; /* of the phase; libcurl has that of HTTP_CONNECT */
	CURL *easy;
	bool is_running;   /* libcurl has it */
	bool is_cancelled; /* while libcurl was on the stack */

	int err; /* why we have ended the transfer ourselves */
	size_t header_bytes;
	int retry_after_s;
	bool is_framed; /* the answer says where it ends */
	char *answer;   /* room for HTTP_BODY_MAX and a NUL, or NULL */
	size_t answer_len;
	char curl_says[CURL_ERROR_SIZE];
};

/* http.c */

/** http_call_end() - the transfer is over: on_done, and the call is gone. Not while is_in_curl. */
void http_call_end(struct http_call *call, int err, const char *why);

/** http_call_free() - without on_done. Not while is_in_curl. */
void http_call_free(struct http_call *call);

/** http_call_phase() - @phase begins now, and with it its time. */
void http_call_phase(struct http_call *call, enum http_phase phase);

/* http_loop.c */

/** http_loop_start() - the multi handle, in the event loop. Return: 0; -ENOMEM. */
int http_loop_start(struct http *http);

/** http_loop_stop() - after the last transfer. Safe when http_loop_start() has failed. */
void http_loop_stop(struct http *http);

/** http_loop_add() - let libcurl have the transfer. Return: 0; -ENOMEM. */
int http_loop_add(struct http_call *call);

/** http_loop_remove() - take it back; safe when libcurl does not have it. */
void http_loop_remove(struct http_call *call);

/* http_request.c */

/** http_request_take() - copy and check @request. Return: as http_start(). */
int http_request_take(struct http_call *call, const struct http_request *request);

/* http_easy.c */

/** http_easy_new() - all that libcurl is told about a transfer, in call->easy. Return: 0; -ENOMEM;
 * -EIO when libcurl does not know an option. */
int http_easy_new(struct http_call *call);

/* http_why.c */

/**
 * http_why_curl() - what libcurl's @code and our own call->err come to.
 * @why: filled when it is an error.
 *
 * Return: 0; negative errno.
 */
int http_why_curl(const struct http_call *call, CURLcode code, char why[static HTTP_WHY_MAX]);

/** http_why_late() - of a phase that took too long. Return: -ETIMEDOUT. */
int http_why_late(const struct http_call *call, char why[static HTTP_WHY_MAX]);

#endif
