// SPDX-License-Identifier: Apache-2.0
/*
 * libcurl tells which sockets and which time it waits for, and is told when they are ready.
 */
#include <errno.h>
#include <stdlib.h>

#include "nexodus/http_private.h"

/* Those that were cancelled while libcurl was on the stack. */
static void free_cancelled(struct http *http)
{
	struct http_call *call = LIST_FIRST(&http->calls);

	while (call) {
		struct http_call *next = LIST_NEXT(call, entry);

		if (call->is_cancelled)
			http_call_free(call);
		call = next;
	}
}

static void end_transfer(CURL *easy, CURLcode code)
{
	char why[HTTP_WHY_MAX] = "";
	char *private = NULL;
	struct http_call *call;
	int err;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
	call = (struct http_call *)private;
	err = http_why_curl(call, code, why);
	http_call_end(call, err, why);
}

static void run_curl(struct http *http, curl_socket_t fd, int ready)
{
	CURLMsg *message;
	int n;

	http->is_in_curl = true;
	(void)curl_multi_socket_action(http->multi, fd, ready, &n); /* each transfer has its own */
	http->is_in_curl = false;
	free_cancelled(http);
	/* A message is gone with its transfer: what on_done cancels is not heard of again. */
	while ((message = curl_multi_info_read(http->multi, &n)))
		if (message->msg == CURLMSG_DONE)
			end_transfer(message->easy_handle, message->data.result);
}

struct socket {
	struct io io;
	struct http *http;
	int fd;
};

/* Without bits of CURL_CSELECT_ libcurl looks itself what the socket is ready for. */
static void on_socket(void *arg)
{
	const struct socket *socket = arg;

	run_curl(socket->http, socket->fd, 0);
}

static void on_timer(void *arg)
{
	run_curl(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void forget_socket(struct socket *socket)
{
	if (socket)
		io_stop(&socket->io);
	free(socket);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
	struct socket *socket = of_socket;
	struct http *http = arg;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		forget_socket(socket);
		return 0;
	}
	if (!socket) {
		socket = calloc(1, sizeof(*socket));
		if (!socket)
			return -1;
		*socket = (struct socket){ .http = http, .fd = fd };
		curl_multi_assign(http->multi, fd, socket);
	}
	io_start(&socket->io, http->loop, fd,
		 (what & CURL_POLL_IN ? IO_READ : 0) | (what & CURL_POLL_OUT ? IO_WRITE : 0),
		 on_socket, socket);
	return 0;
}

static int want_time(CURLM *multi, long timeout_ms, void *arg)
{
	struct http *http = arg;

	(void)multi;
	if (timeout_ms < 0)
		timer_stop(&http->timer);
	else
		timer_arm(&http->timer, timeout_ms);
	return 0;
}

int http_loop_start(struct http *http)
{
	timer_init(&http->timer, http->loop, on_timer, http);
	http->multi = curl_multi_init();
	if (!http->multi)
		return -ENOMEM;
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, want_time);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	return 0;
}

void http_loop_stop(struct http *http)
{
	if (http->multi)
		curl_multi_cleanup(http->multi);
	timer_stop(&http->timer);
}

int http_loop_add(struct http_call *call)
{
	if (curl_multi_add_handle(call->http->multi, call->easy))
		return -ENOMEM;
	call->is_running = true;
	return 0;
}

void http_loop_remove(struct http_call *call)
{
	if (call->is_running)
		curl_multi_remove_handle(call->http->multi, call->easy);
	call->is_running = false;
}
