/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - HTTPS requests of the event loop: libcurl's multi-socket interface on libevent.
 *
 * Names, certificates and proxies are the host's, as libcurl finds them (nsswitch.conf and what it
 * names, libcurl's own store, HTTPS_PROXY and NO_PROXY), anew for each call. No redirect is
 * followed, no cookie kept; nothing but https.
 */
#ifndef NEXODUS_HTTP_H
#define NEXODUS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <time.h>

#include "base/loop.h"

#define HTTP_BODY_MAX (256 * 1024) /* of an answer that is kept whole */
#define HTTP_HEADERS_MAX (32 * 1024)
#define HTTP_WHY_MAX 256
#define HTTP_CA_BYTES_MAX (4 * 1024 * 1024)

struct http;
struct http_call;

struct http_limits {
	unsigned int connect_ms; /* name, TCP and TLS */
	unsigned int headers_ms; /* from then to the end of the headers */
	unsigned int body_ms;    /* from then to the end; not for the 200 of a stream */
};

/* What on_data takes may be long, and the line slow: the body of a 200 has so many times body_ms,
 * and is given up earlier when (almost) nothing comes. */
#define HTTP_DATA_TIMES 20

struct http_answer {
	int err;     /* 0: there is a status, and the answer is whole. -ETIMEDOUT, -ECONNREFUSED,
			-EHOSTUNREACH (name or route), -EKEYREJECTED (certificate), -EPROTO (TLS),
			-EMSGSIZE (too long), -ECONNRESET (cut, or not HTTP), -ECANCELED (on_data said
			so), another negative errno */
	long status; /* of HTTP, e.g. 200, also with an error when it had come; else 0 */
	const char *body; /* terminated; empty for who takes the data; borrowed */
	size_t body_len;
	int retry_after_s; /* Retry-After, bounded to an hour; -1: none, or at once */
	bool is_whole;     /* it ended where it said that it would. Who has not said so ends with
			      the connection, which may have been cut: never whole */
	const char *why;   /* of err, for people: "connect to api.example.net:443: Connection
			      refused"; printable, never a secret; empty without err */
};

struct http_request {
	const char *method;       /* "GET", "POST", "PATCH", "PUT" */
	const char *url;          /* https only */
	const char *bearer;       /* token for Authorization, or NULL */
	const char *body;         /* or NULL; copied */
	const char *content_type; /* of body; NULL: application/json */
	bool is_stream; /* no limit on how long the body of a 200 takes: TCP keepalive and user
			   time-out see to it that a peer that is gone is noticed within a minute
			   or two */
	/* The headers of a 200 are here: the server has taken the request. Or NULL. */
	void (*on_open)(void *arg);
	/* The answer's bytes of a 200 as they come, instead of a body. Nonzero ends the call with
	   -ECANCELED. NULL: the body is kept. */
	int (*on_data)(void *arg, const char *bytes, size_t len);
	/* Once, from the loop, never before http_start() returns; the call is gone by then, and
	   others may be started or cancelled. Not after http_cancel(). */
	void (*on_done)(void *arg, const struct http_answer *answer);
	void *arg;
};

/**
 * http_new() - before the seccomp filter: libcurl and OpenSSL read what they want to read.
 * @on_connect: called before each connect(), with the address of the server or of a proxy; or NULL.
 *
 * Return: the client, or NULL.
 */
struct http *http_new(struct loop *loop, void (*on_connect)(void *arg, const struct sockaddr *at),
		      void *arg);

/** http_free() - ends all calls, without on_done. Not from within a callback. Safe on NULL. */
void http_free(struct http *http);

/**
 * http_set_ca() - trust the certificates (PEM) in @fd, read from its beginning, and no other. A
 * call that finds that they are damaged fails with -EKEYREJECTED.
 *
 * Return: 0; negative errno, with those of before.
 */
int http_set_ca(struct http *http, int fd);

/** http_set_insecure() - check no certificate. */
void http_set_insecure(struct http *http);

/** http_family() - of the connection that had the newest answer; 0 before the first one. */
sa_family_t http_family(const struct http *http);

/** http_heard_at() - time(): when a server last said anything to any call; 0: never. */
time_t http_heard_at(const struct http *http);

/** http_set_limits() - for calls that are started from now on; 30 s each when this is not called.
 */
void http_set_limits(struct http *http, const struct http_limits *limits);

/**
 * http_start() - begin, with a connection of the call's own: none is kept, so a change of
 * certificates, names or routes holds from the next call on. Everything in @request is copied.
 *
 * Return: 0; -EINVAL for a URL that is not https or has user information or a zone, or for a
 * control character in what becomes a header; another negative errno.
 */
int http_start(struct http *http, const struct http_request *request, struct http_call **ret_call);

/** http_cancel() - end it without on_done. Also from within any callback. Safe on NULL. */
void http_cancel(struct http_call *call);

#endif
