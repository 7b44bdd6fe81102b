// SPDX-License-Identifier: Apache-2.0
/*
 * names.c - who waits for the addresses of which host.
 */
#include "nexodus/names.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "base/cleanup.h"
#include "base/file_text.h"
#include "nexodus/names_private.h"
#include "nexodus/names_text.h"

static void request_free(struct names_request *request)
{
	names_end_question(request);
	LIST_REMOVE(request, of_names);
	if (request->names->remembered.question == request)
		request->names->remembered.question = NULL;
	if (request->timer)
		event_free(request->timer);
	free(request);
}

/* Return: whether whoever has asked has to wait for them. */
static bool keep_back(struct names_request *request, const struct sockaddr_storage *addresses,
		      size_t n)
{
	const struct names_watch *watch = &request->names->watch;

	if (!n)
		return false;
	if (watch->on_found && !request->is_reported)
		watch->on_found(watch->arg, request->host, addresses, n);
	request->is_reported = true;
	if (!request->names->is_held)
		return false;
	names_end_question(request);
	event_del(request->timer);
	request->waits = WAITS_TO_FINISH;
	return true;
}

bool names_is_remembered(const struct names_request *request)
{
	const char *host = request->names->remembered.host;

	return *host && !strcasecmp(host, request->host);
}

static void take_remembered(struct names_request *request)
{
	memcpy(request->records, request->names->remembered.records, sizeof(request->records));
	request->is_settled = true;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct names_request *request = arg;

	(void)fd;
	(void)what;
	if (!request->err)
		request->err = -EAGAIN; /* unless something has been found */
	names_finish(request);
}

/* Return: NULL without memory. */
static struct names_request *request_new(struct names *names, const char *host)
{
	struct names_request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->timer = evtimer_new(names->base, on_timer, request);
	if (!request->timer) {
		free(request);
		return NULL;
	}
	request->names = names;
	snprintf(request->host, sizeof(request->host), "%s", host);
	LIST_INSERT_HEAD(&names->requests, request, of_names);
	return request;
}

/* Is a name server back? Nobody waits for that. */
static void ask_beside(struct names *names, const char *host)
{
	struct remembered *remembered = &names->remembered;

	if (remembered->question)
		return;
	remembered->question = request_new(names, host);
	if (remembered->question)
		names_ask_from_the_beginning(remembered->question);
}

/* The name servers have said what they say of this name, or nothing. */
static void settle(struct names_request *request)
{
	struct remembered *remembered = &request->names->remembered;
	const struct names_watch *watch = &request->names->watch;
	bool is_used =
		request->err == -EAGAIN && !request->records[AAAA].n && !request->records[A].n;

	if (request->is_settled || !names_is_remembered(request))
		return;
	request->is_settled = true;
	if (is_used)
		take_remembered(request);
	if (is_used && !remembered->is_used && watch->on_remembered)
		watch->on_remembered(watch->arg);
	remembered->is_used = is_used;
	if (is_used)
		ask_beside(request->names, request->host);
}

void names_finish(struct names_request *request)
{
	struct sockaddr_storage all[NAMES_ADDRESSES_MAX];
	names_done *done = request->done;
	void *arg = request->arg;
	int err = request->err;
	size_t n = 0;

	settle(request);
	for (size_t kind = 0; kind < KINDS; kind++)
		for (size_t i = 0; i < request->records[kind].n; i++)
			all[n++] = request->records[kind].at[i];
	if (keep_back(request, all, n))
		return;
	request_free(request);
	if (done)
		done(arg, n ? 0 : err, all, n);
}

void names_finish_later(struct names_request *request, int err)
{
	names_end_question(request);
	request->err = err;
	event_active(request->timer, EV_TIMEOUT, 0);
}

/* What it says of name servers that do not answer is in the result. */
static void say_nothing(int is_warning, const char *text)
{
	(void)is_warning;
	(void)text;
}

struct names *names_new(struct event_base *base)
{
	struct names *names;

	if (evutil_secure_rng_init())
		return NULL;
	evdns_set_log_fn(say_nothing);
	names = calloc(1, sizeof(*names));
	if (!names)
		return NULL;
	names->base = base;
	LIST_INIT(&names->requests);
	return names;
}

void names_free(struct names *names)
{
	if (!names)
		return;
	for (struct names_request *request = LIST_FIRST(&names->requests), *next; request;
	     request = next) {
		next = LIST_NEXT(request, of_names);
		request_free(request);
	}
	free(names->hosts);
	free(names);
}

static bool are_same_servers(const struct name_servers *a, const struct name_servers *b)
{
	return a->n == b->n && memcmp(a->at, b->at, sizeof(a->at)) == 0;
}

int names_set_resolv_conf(struct names *names, int fd)
{
	const struct name_servers old = names->servers;
	auto_free char *text = NULL;
	bool is_same;
	int err;

	err = file_text_read(fd, NAMES_FILE_BYTES_MAX, &text);
	if (err)
		return err;
	resolv_conf_parse(text, &names->servers);
	is_same = are_same_servers(&old, &names->servers);
	/* Given again and again, it would let no question come to its end. */
	if (is_same && old.timeout_s == names->servers.timeout_s &&
	    old.attempts == names->servers.attempts)
		return 0;
	if (!is_same)
		names->order = (struct name_order){};
	if (names->watch.on_servers)
		names->watch.on_servers(names->watch.arg, names->servers.at, names->servers.n);
	for (struct names_request *request = LIST_FIRST(&names->requests); request;
	     request = LIST_NEXT(request, of_names)) {
		if (!request->question && request->waits != WAITS_TO_ASK)
			continue; /* it is about to be done */
		event_del(request->timer);
		names_ask_from_the_beginning(request);
	}
	return 0;
}

int names_set_hosts(struct names *names, int fd)
{
	char *text;
	int err;

	err = file_text_read(fd, NAMES_FILE_BYTES_MAX, &text);
	if (err)
		return err;
	free(names->hosts);
	names->hosts = text;
	return 0;
}

void names_set_watch(struct names *names, const struct names_watch *watch)
{
	names->watch = *watch;
}

void names_hold(struct names *names, bool is_held)
{
	names->is_held = is_held;
	for (struct names_request *request = LIST_FIRST(&names->requests); request && !is_held;
	     request = LIST_NEXT(request, of_names)) {
		enum waits waits = request->waits;

		request->waits = WAITS_NOT;
		if (waits == WAITS_TO_ASK)
			names_ask(request);
		else if (waits == WAITS_TO_FINISH)
			event_active(request->timer, EV_TIMEOUT, 0);
	}
}

/* Return: was the host found without asking anybody? */
static bool find_here(struct names_request *request)
{
	static const char loopback[] = "::1 localhost\n127.0.0.1 localhost\n";
	static const int families[KINDS] = { [AAAA] = AF_INET6, [A] = AF_INET };
	const char *texts[] = { request->names->hosts, loopback };
	struct sockaddr_storage at;
	bool found = false;

	if (!address_parse(request->host, &at)) {
		struct records *records = &request->records[at.ss_family == AF_INET ? A : AAAA];

		records->at[records->n++] = at;
		return true;
	}
	for (size_t i = 0; !found && i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (size_t kind = 0; texts[i] && kind < KINDS; kind++) {
			struct records *records = &request->records[kind];

			records->n = hosts_find(texts[i], request->host, families[kind],
						records->at, OF_FAMILY_MAX);
			found = found || records->n;
		}
	}
	return found;
}

void names_remember(struct names *names, const char *host, const struct sockaddr_storage *addresses,
		    size_t n, unsigned int after_ms)
{
	struct remembered *remembered = &names->remembered;

	memset(remembered->records, 0, sizeof(remembered->records));
	remembered->after_ms = after_ms;
	if (strcasecmp(remembered->host, host) != 0)
		remembered->is_used = false;
	if (!n || host_name_normalize(host, remembered->host))
		*remembered->host = '\0';
	for (size_t i = 0; i < n; i++) {
		struct records *to =
			&remembered->records[addresses[i].ss_family == AF_INET ? A : AAAA];

		if (to->n < OF_FAMILY_MAX)
			to->at[to->n++] = addresses[i];
	}
}

int names_resolve(struct names *names, const char *host, names_done *done, void *arg,
		  struct names_request **ret_request)
{
	char name[HOST_NAME_ROOM];
	struct names_request *request;
	int err;

	err = host_name_normalize(host, name);
	if (err)
		return err;
	request = request_new(names, name);
	if (!request)
		return -ENOMEM;
	request->done = done;
	request->arg = arg;
	if (find_here(request)) {
		request->is_settled = true;
		names_finish_later(request, 0);
	} else if (names->remembered.is_used && names_is_remembered(request)) {
		take_remembered(request);
		names_finish_later(request, 0);
		ask_beside(names, name);
	} else {
		names_ask_from_the_beginning(request);
	}
	*ret_request = request;
	return 0;
}

void names_cancel(struct names_request *request)
{
	if (request)
		request_free(request);
}
