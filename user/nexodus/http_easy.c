// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/version.h"
#include "nexodus/http_private.h"

#define STATUS_OK 200L
#define STATUS_NO_CONTENT 204L
#define KEEPALIVE_IDLE_S 30L
#define KEEPALIVE_INTERVAL_S 10L
#define USER_TIMEOUT_MS 60000U
#define SPEED_BYTES_MIN 100L /* of a body, in a second, over SPEED_S */
#define SPEED_S 15L
#define RETRY_AFTER_MAX_S 3600

static long status_of(const struct http_call *call)
{
	long status = 0;

	(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static int is_to_be_streamed(const struct http_call *call)
{
	return call->on_data && status_of(call) == STATUS_OK;
}

/* libcurl ends a transfer when fewer bytes have been taken than there were. */
static size_t refuse(struct http_call *call, int err)
{
	call->err = err;
	return 0;
}

static size_t keep(struct http_call *call, const char *bytes, size_t len)
{
	if (!call->answer)
		call->answer = malloc(HTTP_BODY_MAX + 1);
	if (!call->answer)
		return refuse(call, -ENOMEM);
	if (len > HTTP_BODY_MAX - call->answer_len)
		return refuse(call, -EMSGSIZE);
	memcpy(call->answer + call->answer_len, bytes, len);
	call->answer_len += len;
	return len;
}

static size_t on_body(char *bytes, size_t one, size_t n, void *arg)
{
	struct http_call *call = arg;
	size_t len = one * n;

	call->http->heard_at = time(NULL);
	if (call->is_cancelled)
		return refuse(call, -ECANCELED);
	if (!is_to_be_streamed(call))
		return keep(call, bytes, len);
	if (call->on_data(call->arg, bytes, len) || call->is_cancelled)
		return refuse(call, -ECANCELED);
	return len;
}

static bool has_header(struct http_call *call, const char *name)
{
	struct curl_header *header;

	return curl_easy_header(call->easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK;
}

/*
 * A server, or what is in front of it, that says ten years by mistake must not get them; one that
 * means a day is not hurt by a request an hour.
 */
static int retry_after_s(const struct http_call *call)
{
	curl_off_t s = 0;

	(void)curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &s);
	return s <= 0 ? -1 : s < RETRY_AFTER_MAX_S ? (int)s : RETRY_AFTER_MAX_S;
}

static void note_family(struct http_call *call)
{
	const char *address = NULL;

	if (!curl_easy_getinfo(call->easy, CURLINFO_PRIMARY_IP, &address) && address && *address)
		call->http->family = strchr(address, '.') ? AF_INET : AF_INET6;
}

static void end_of_headers(struct http_call *call)
{
	long status = status_of(call);

	if (status < STATUS_OK)
		return; /* of "100 Continue": more follow */
	/* libcurl takes the end of the connection for the end of the answer, whether TLS has said
	 * goodbye or not. */
	call->is_framed = status == STATUS_NO_CONTENT || has_header(call, "Content-Length") ||
			  has_header(call, "Transfer-Encoding");
	call->retry_after_s = retry_after_s(call);
	note_family(call);
	call->http->heard_at = time(NULL);
	http_call_phase(call, HTTP_BODY);
	if (!call->is_stream || !is_to_be_streamed(call)) {
		curl_easy_setopt(call->easy, CURLOPT_LOW_SPEED_LIMIT, SPEED_BYTES_MIN);
		curl_easy_setopt(call->easy, CURLOPT_LOW_SPEED_TIME, SPEED_S);
	}
	if (status == STATUS_OK && call->on_open)
		call->on_open(call->arg);
}

/* Each line by itself, also those of a trailer. */
static size_t on_header(char *bytes, size_t one, size_t n, void *arg)
{
	struct http_call *call = arg;
	size_t len = one * n;

	call->header_bytes += len;
	if (call->header_bytes > HTTP_HEADERS_MAX)
		return refuse(call, -EMSGSIZE);
	if (call->phase != HTTP_HEADERS)
		return len;
	if (len <= 2 && strchr("\r\n", bytes[0]))
		end_of_headers(call);
	return len;
}

/* TCP and TLS stand. */
static int on_connected(void *arg, char *to, char *from, int to_port, int from_port)
{
	(void)to;
	(void)from;
	(void)to_port;
	(void)from_port;
	http_call_phase(arg, HTTP_HEADERS);
	return CURL_PREREQFUNC_OK;
}

static uint16_t port_of(const struct sockaddr *at)
{
	const struct sockaddr_in6 *in6 = (const void *)at; /* in the same place for IPv4 */

	return ntohs(in6->sin6_port);
}

/* Where it goes is another port than the URL's: a proxy. */
static void note_way(struct http_call *call, const struct sockaddr *at)
{
	const struct sockaddr_in6 *in6 = (const void *)at;
	const struct sockaddr_in *in = (const void *)at;
	char text[INET6_ADDRSTRLEN] = "";
	bool is_v6 = at->sa_family == AF_INET6;

	*call->way = '\0';
	if (port_of(at) == strtoul(call->port, NULL, 10))
		return;
	inet_ntop(at->sa_family, is_v6 ? (const void *)&in6->sin6_addr : &in->sin_addr, text,
		  sizeof(text));
	snprintf(call->way, sizeof(call->way), is_v6 ? " by way of [%s]:%u" : " by way of %s:%u",
		 text, port_of(at));
}

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *at)
{
	struct http_call *call = arg;
	struct http *http = call->http;

	(void)purpose;
	if (at->family == AF_INET || at->family == AF_INET6) {
		note_way(call, &at->addr);
		if (http->on_connect)
			http->on_connect(http->connect_arg, &at->addr);
	}
	return socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
}

/*
 * What was sent and is not acknowledged for so long ends the connection, keepalives included. Where
 * that cannot be had they do, later.
 */
static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	unsigned int timeout_ms = USER_TIMEOUT_MS;

	(void)arg;
	(void)purpose;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
	return CURL_SOCKOPT_OK;
}

struct setting {
	CURLcode err; /* the first one */
	CURL *easy;
};

static void set_long(struct setting *set, CURLoption option, long value)
{
	CURLcode err = curl_easy_setopt(set->easy, option, value);

	set->err = set->err ? set->err : err;
}

/* For text and for what is ours. */
static void set_pointer(struct setting *set, CURLoption option, const void *value)
{
	CURLcode err = curl_easy_setopt(set->easy, option, value);

	set->err = set->err ? set->err : err;
}

static void set_blob(struct setting *set, CURLoption option, char *text)
{
	struct curl_blob blob = { text, strlen(text), CURL_BLOB_COPY };
	CURLcode err = curl_easy_setopt(set->easy, option, &blob);

	set->err = set->err ? set->err : err;
}

/* Nothing that neither the caller nor the host's administrator has asked for. */
static void set_bounds(struct setting *set)
{
	set_pointer(set, CURLOPT_PROTOCOLS_STR, "https");
	set_long(set, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1); /* a proxy's */
	set_long(set, CURLOPT_HEADEROPT, CURLHEADER_SEPARATE);
	set_long(set, CURLOPT_NETRC, CURL_NETRC_IGNORED);
	set_long(set, CURLOPT_FOLLOWLOCATION, 0);
	set_long(set, CURLOPT_DISALLOW_USERNAME_IN_URL, 1);
	set_long(set, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	set_long(set, CURLOPT_HTTP09_ALLOWED, 0);
	set_long(set, CURLOPT_NOSIGNAL, 1);
	set_long(set, CURLOPT_QUICK_EXIT, 1); /* no waiting for the thread that asks for a name */
	set_long(set, CURLOPT_DNS_CACHE_TIMEOUT, 0);
	set_long(set, CURLOPT_FRESH_CONNECT, 1);
	set_long(set, CURLOPT_FORBID_REUSE, 1);
	set_long(set, CURLOPT_TCP_KEEPALIVE, 1);
	set_long(set, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	set_long(set, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
}

static void set_tls(struct setting *set, const struct http *http)
{
	set_long(set, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	if (http->ca) {
		set_blob(set, CURLOPT_CAINFO_BLOB, http->ca);
		set_pointer(set, CURLOPT_CAPATH, NULL);
	}
	set_long(set, CURLOPT_CA_CACHE_TIMEOUT, 0);
	/* A resumed session would not be checked against new certificates. */
	set_long(set, CURLOPT_SSL_SESSIONID_CACHE, 0);
	set_long(set, CURLOPT_SSL_VERIFYPEER, !http->is_insecure);
	set_long(set, CURLOPT_SSL_VERIFYHOST, http->is_insecure ? 0 : 2);
}

static void set_request(struct setting *set, const struct http_call *call)
{
	set_pointer(set, CURLOPT_URL, call->url);
	set_pointer(set, CURLOPT_HTTPHEADER, call->headers);
	set_pointer(set, CURLOPT_USERAGENT, "nex-relay/" NEX_VERSION);
	if (call->body) {
		set_pointer(set, CURLOPT_POSTFIELDS, call->body);
		set_long(set, CURLOPT_POSTFIELDSIZE, (long)strlen(call->body));
	}
	set_pointer(set, CURLOPT_CUSTOMREQUEST, call->method);
	set_long(set, CURLOPT_CONNECTTIMEOUT_MS, (long)call->limits.connect_ms);
}

/* The type of each of these is checked by curl_easy_setopt() itself, a macro. */
static CURLcode set_callbacks(struct http_call *call)
{
	CURL *easy = call->easy;

	return curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) ?:
	       curl_easy_setopt(easy, CURLOPT_WRITEDATA, call) ?:
	       curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) ?:
	       curl_easy_setopt(easy, CURLOPT_HEADERDATA, call) ?:
	       curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected) ?:
	       curl_easy_setopt(easy, CURLOPT_PREREQDATA, call) ?:
	       curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket) ?:
	       curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket) ?:
	       curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call) ?:
	       curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->curl_says) ?:
	       curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
}

int http_easy_new(struct http_call *call)
{
	struct setting set = { .easy = curl_easy_init() };

	call->easy = set.easy;
	if (!call->easy)
		return -ENOMEM;
	set_bounds(&set);
	set_tls(&set, call->http);
	set_request(&set, call);
	if (!set.err)
		set.err = set_callbacks(call);
	return !set.err ? 0 : set.err == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EIO;
}
