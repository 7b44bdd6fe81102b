// SPDX-License-Identifier: Apache-2.0
/*
 * Each question is asked by an evdns client of its own, which knows one name server and lives for
 * that question only. So the servers are asked in the order of resolv.conf (evdns takes turns, and
 * who has a name server for names of its own puts it first), each question leaves from another
 * port, and evdns never remembers a failure: it would look up a name of its own at a server that
 * has failed, after a pause that grows to an hour.
 */
#include "nexodus/names.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/cleanup.h"
#include "base/file_text.h"
#include "nexodus/names_text.h"

#define OF_FAMILY_MAX (NAMES_ADDRESSES_MAX / 2)
#define NUMBER_TEXT 16

/* When one kind of records has come the other has so long: some servers never answer AAAA. */
static const struct timeval patience = { .tv_sec = 1 };

struct names {
	struct event_base *base;
	struct name_servers servers;
	char *hosts; /* text, or NULL */
	struct names_watch watch;
	bool is_held;
	LIST_HEAD(of_names, names_request) requests;
};

enum kind { AAAA, A, KINDS };

struct records {
	struct sockaddr_storage at[OF_FAMILY_MAX];
	size_t n;
	int result; /* DNS_ERR_*; of no meaning while is_pending */
	bool is_pending;
};

enum waits { WAITS_NOT, WAITS_TO_ASK, WAITS_TO_FINISH };

struct names_request {
	LIST_ENTRY(names_request) of_names;
	LIST_ENTRY(names_request) of_questions;
	struct names *names;
	char host[HOST_NAME_ROOM];
	names_done *done;
	void *arg;
	struct event *timer; /* to be done with what there is */
	int err;             /* when the timer fires with nothing found */
	struct evdns_base *dns;
	uintptr_t question; /* number of what is asked now; 0: nothing */
	size_t step;        /* which server, in which round */
	enum waits waits;   /* while it is held */
	bool is_reported;   /* to the watch */
	struct records records[KINDS];
};

/*
 * evdns may have an answer in its queue when its client is freed, and delivers it all the same:
 * answers name the question by number, and those to a question that is over are nobody's.
 */
static LIST_HEAD(questions, names_request) questions = LIST_HEAD_INITIALIZER(questions);
static uintptr_t last_question;

static void ask(struct names_request *request);

static void end_question(struct names_request *request)
{
	if (!request->dns)
		return;
	evdns_base_free(request->dns, 0);
	request->dns = NULL;
	request->question = 0;
	LIST_REMOVE(request, of_questions);
}

static void request_free(struct names_request *request)
{
	end_question(request);
	LIST_REMOVE(request, of_names);
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
	end_question(request);
	event_del(request->timer);
	request->waits = WAITS_TO_FINISH;
	return true;
}

static void finish(struct names_request *request)
{
	struct sockaddr_storage all[NAMES_ADDRESSES_MAX];
	names_done *done = request->done;
	void *arg = request->arg;
	int err = request->err;
	size_t n = 0;

	for (size_t kind = 0; kind < KINDS; kind++)
		for (size_t i = 0; i < request->records[kind].n; i++)
			all[n++] = request->records[kind].at[i];
	if (keep_back(request, all, n))
		return;
	request_free(request);
	done(arg, n ? 0 : err, all, n);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	finish(arg);
}

static void finish_later(struct names_request *request, int err)
{
	end_question(request);
	request->err = err;
	event_active(request->timer, EV_TIMEOUT, 0);
}

/* All that was asked has been answered, or never will be. */
static void conclude(struct names_request *request)
{
	bool failed = false;

	for (size_t kind = 0; kind < KINDS; kind++) {
		if (request->records[kind].n || request->records[kind].result == DNS_ERR_NOTEXIST) {
			request->err = -ENOENT;
			finish(request);
			return;
		}
		if (request->records[kind].result != DNS_ERR_NODATA)
			failed = true;
	}
	if (failed) {
		request->step++;
		ask(request);
		return;
	}
	request->err = -ENOENT;
	finish(request);
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

	request->question = last_question;
	LIST_INSERT_HEAD(&questions, request, of_questions);
	for (size_t kind = 0; kind < KINDS; kind++)
		request->records[kind] = (struct records){ .is_pending = true };
	if (!evdns_base_resolve_ipv6(request->dns, request->host, DNS_QUERY_NO_SEARCH, on_aaaa,
				     arg) ||
	    !evdns_base_resolve_ipv4(request->dns, request->host, DNS_QUERY_NO_SEARCH, on_a, arg)) {
		end_question(request);
		return -ENOMEM;
	}
	return 0;
}

/* Ask the server of this step, or, when it cannot be asked, the next one. */
static void ask(struct names_request *request)
{
	const struct name_servers *servers = &request->names->servers;

	end_question(request);
	if (request->names->is_held) {
		request->waits = WAITS_TO_ASK;
		return;
	}
	for (; request->step < servers->n * servers->attempts; request->step++) {
		request->dns = client_new(request->names, &servers->at[request->step % servers->n]);
		if (request->dns && !ask_both(request))
			return;
	}
	finish_later(request, -EAGAIN);
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

int names_set_resolv_conf(struct names *names, int fd)
{
	auto_free char *text = NULL;
	int err;

	err = file_text_read(fd, NAMES_FILE_BYTES_MAX, &text);
	if (err)
		return err;
	resolv_conf_parse(text, &names->servers);
	if (names->watch.on_servers)
		names->watch.on_servers(names->watch.arg, names->servers.at, names->servers.n);
	for (struct names_request *request = LIST_FIRST(&names->requests); request;
	     request = LIST_NEXT(request, of_names)) {
		if (!request->question && request->waits != WAITS_TO_ASK)
			continue; /* it is about to be done */
		event_del(request->timer);
		request->step = 0;
		ask(request);
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
			ask(request);
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

int names_resolve(struct names *names, const char *host, names_done *done, void *arg,
		  struct names_request **ret_request)
{
	char name[HOST_NAME_ROOM];
	struct names_request *request;
	int err;

	err = host_name_normalize(host, name);
	if (err)
		return err;
	request = calloc(1, sizeof(*request));
	if (!request)
		return -ENOMEM;
	request->timer = evtimer_new(names->base, on_timer, request);
	if (!request->timer) {
		free(request);
		return -ENOMEM;
	}
	request->names = names;
	request->done = done;
	request->arg = arg;
	memcpy(request->host, name, sizeof(name));
	LIST_INSERT_HEAD(&names->requests, request, of_names);
	if (find_here(request))
		finish_later(request, 0);
	else
		ask(request);
	*ret_request = request;
	return 0;
}

void names_cancel(struct names_request *request)
{
	if (request)
		request_free(request);
}
