// SPDX-License-Identifier: Apache-2.0
/*
 * names_ask.c - questions to name servers.
 *
 * Each question is asked by an evdns client of its own, which knows one name server and lives for
 * that question only. So the servers are asked in an order of our own (evdns takes turns), each
 * question leaves from another port, and evdns never remembers a failure: it would look up a name
 * of its own at a server that has failed, after a pause that grows to an hour. Nor does evdns hear
 * that a server cannot be reached, as its socket is not connected: another one is, next to it.
 */
#include <errno.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "nexodus/names_private.h"
#include "nexodus/udp_reach.h"

#define NUMBER_TEXT 16

/* When one kind of records has come the other has so long: some servers never answer AAAA. */
static const struct timeval patience = { .tv_sec = 1 };

/*
 * evdns may have an answer in its queue when its client is freed, and delivers it all the same:
 * answers name the question by number, and those to a question that is over are nobody's.
 */
static LIST_HEAD(questions, names_request) questions = LIST_HEAD_INITIALIZER(questions);
static uintptr_t last_question;

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000 + 1;
}

/* The server that is asked now. */
static size_t server_of(const struct names_request *request)
{
	return request->order[request->step % request->names->servers.n];
}

static void end_reach(struct names_request *request)
{
	if (!request->reach)
		return;
	close(event_get_fd(request->reach));
	event_free(request->reach);
	request->reach = NULL;
}

void names_end_question(struct names_request *request)
{
	end_reach(request);
	if (!request->dns)
		return;
	evdns_base_free(request->dns, 0);
	request->dns = NULL;
	request->question = 0;
	LIST_REMOVE(request, of_questions);
}

static bool is_silent(const struct names_request *request)
{
	return request->records[AAAA].result == DNS_ERR_TIMEOUT &&
	       request->records[A].result == DNS_ERR_TIMEOUT;
}

/* All that was asked has been answered, or never will be. */
static void conclude(struct names_request *request)
{
	bool failed = false;

	if (is_silent(request))
		name_order_silent(&request->names->order, request->host, server_of(request),
				  now_ms());
	for (size_t kind = 0; kind < KINDS; kind++) {
		if (request->records[kind].n || request->records[kind].result == DNS_ERR_NOTEXIST) {
			request->err = -ENOENT;
			names_finish(request);
			return;
		}
		if (request->records[kind].result != DNS_ERR_NODATA)
			failed = true;
	}
	if (failed) {
		request->step++;
		names_ask(request);
		return;
	}
	request->err = -ENOENT;
	names_finish(request);
}

static struct sockaddr_storage to_address(enum kind kind, const void *addresses, size_t i)
{
	struct sockaddr_storage at = {};

	if (kind == A) {
		struct sockaddr_in v4 = { .sin_family = AF_INET };

		memcpy(&v4.sin_addr, (const struct in_addr *)addresses + i, sizeof(v4.sin_addr));
		memcpy(&at, &v4, sizeof(v4));
	} else {
		struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

		memcpy(&v6.sin6_addr, (const struct in6_addr *)addresses + i, sizeof(v6.sin6_addr));
		memcpy(&at, &v6, sizeof(v6));
	}
	return at;
}

static struct names_request *find_question(uintptr_t question)
{
	struct names_request *request = LIST_FIRST(&questions);

	while (request && request->question != question)
		request = LIST_NEXT(request, of_questions);
	return request;
}

static void on_answer(enum kind kind, int result, int count, const void *addresses, void *arg)
{
	struct names_request *request = find_question((uintptr_t)arg);
	struct records *records;

	if (!request)
		return;
	records = &request->records[kind];
	if (result != DNS_ERR_TIMEOUT)
		name_order_heard(&request->names->order, request->host, server_of(request));
	records->is_pending = false;
	records->result = result ? result : count > 0 ? DNS_ERR_NONE : DNS_ERR_NODATA;
	for (int i = 0; !result && i < count && records->n < OF_FAMILY_MAX; i++)
		records->at[records->n++] = to_address(kind, addresses, i);
	if (!request->records[A].is_pending && !request->records[AAAA].is_pending)
		conclude(request);
	else if (records->n)
		(void)event_add(request->timer, &patience); /* else the other's time-out ends it */
}

static void on_aaaa(int result, char type, int count, int ttl, void *addresses, void *arg)
{
	(void)type;
	(void)ttl;
	on_answer(AAAA, result, count, addresses, arg);
}

static void on_a(int result, char type, int count, int ttl, void *addresses, void *arg)
{
	(void)type;
	(void)ttl;
	on_answer(A, result, count, addresses, arg);
}

/* Return: a client that asks @server once; NULL when it cannot be asked. */
static struct evdns_base *client_new(struct names *names, const struct sockaddr_storage *server)
{
	struct evdns_base *dns = evdns_base_new(names->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	socklen_t len = server->ss_family == AF_INET ? sizeof(struct sockaddr_in)
						     : sizeof(struct sockaddr_in6);
	char timeout[NUMBER_TEXT];

	if (!dns)
		return NULL;
	snprintf(timeout, sizeof(timeout), "%d", names->servers.timeout_s);
	/* Letters of random case, which would make a forger's work harder, make some servers
	 * silent; who we connect to has to prove its name anyway. */
	if (evdns_base_set_option(dns, "timeout:", timeout) ||
	    evdns_base_set_option(dns, "attempts:", "1") ||
	    evdns_base_set_option(dns, "randomize-case:", "0") ||
	    evdns_base_nameserver_sockaddr_add(dns, (const struct sockaddr *)server, len, 0)) {
		evdns_base_free(dns, 0);
		return NULL;
	}
	return dns;
}

static int ask_both(struct names_request *request)
{
	void *arg = (void *)++last_question; /* NOLINT(performance-no-int-to-ptr): a number */
	unsigned int after_ms = request->names->remembered.after_ms;
	struct timeval after = { .tv_sec = after_ms / 1000, .tv_usec = after_ms % 1000 * 1000 };

	request->question = last_question;
	LIST_INSERT_HEAD(&questions, request, of_questions);
	for (size_t kind = 0; kind < KINDS; kind++)
		request->records[kind] = (struct records){ .is_pending = true };
	if (!evdns_base_resolve_ipv6(request->dns, request->host, DNS_QUERY_NO_SEARCH, on_aaaa,
				     arg) ||
	    !evdns_base_resolve_ipv4(request->dns, request->host, DNS_QUERY_NO_SEARCH, on_a, arg)) {
		names_end_question(request);
		return -ENOMEM;
	}
	if (request->done && names_is_remembered(request) && !evtimer_pending(request->timer, NULL))
		(void)event_add(request->timer, &after);
	return 0;
}

static void on_reach(evutil_socket_t fd, short what, void *arg)
{
	struct names_request *request = arg;
	int err = udp_reach_error(fd);

	(void)what;
	end_reach(request);
	if (!err || !request->records[AAAA].is_pending || !request->records[A].is_pending)
		return; /* it has just been heard of */
	request->step++;
	names_ask(request);
}

/* Return: 0; negative errno when the server cannot be reached. */
static int begin_reach(struct names_request *request, const struct sockaddr_storage *server)
{
	int fd = udp_reach_open(server);

	if (fd < 0)
		return fd;
	request->reach = event_new(request->names->base, fd, EV_READ, on_reach, request);
	if (!request->reach || event_add(request->reach, NULL)) {
		if (!request->reach)
			close(fd);
		end_reach(request);
	}
	return 0;
}

void names_ask(struct names_request *request)
{
	const struct name_servers *servers = &request->names->servers;

	names_end_question(request);
	if (request->names->is_held) {
		request->waits = WAITS_TO_ASK;
		return;
	}
	for (; request->step < servers->n * servers->attempts; request->step++) {
		const struct sockaddr_storage *server = &servers->at[server_of(request)];

		if (begin_reach(request, server))
			continue;
		request->dns = client_new(request->names, server);
		if (request->dns && !ask_both(request))
			return;
		end_reach(request);
	}
	names_finish_later(request, -EAGAIN);
}

void names_ask_from_the_beginning(struct names_request *request)
{
	struct names *names = request->names;

	request->step = 0;
	name_order_choose(&names->order, request->host, names->servers.n, now_ms(), request->order);
	names_ask(request);
}
