/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names_private.h - what names.c (who waits for which name) and names_ask.c (the questions to name
 * servers) share.
 */
#ifndef NEXODUS_NAMES_PRIVATE_H
#define NEXODUS_NAMES_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "nexodus/name_order.h"
#include "nexodus/names.h"
#include "nexodus/names_text.h"

struct evdns_base;
struct event;

#define OF_FAMILY_MAX (NAMES_ADDRESSES_MAX / 2)

enum kind { AAAA, A, KINDS };

struct records {
	struct sockaddr_storage at[OF_FAMILY_MAX];
	size_t n;
	int result; /* DNS_ERR_*; of no meaning while is_pending */
	bool is_pending;
};

struct remembered {
	char host[HOST_NAME_ROOM]; /* empty: none */
	struct records records[KINDS];
	unsigned int after_ms; /* that a name server has */
	bool is_used;
	struct names_request *question; /* whether a name server answers again; or NULL */
};

struct names {
	struct event_base *base;
	struct name_servers servers;
	struct name_order order;
	char *hosts; /* text, or NULL */
	struct names_watch watch;
	struct remembered remembered;
	bool is_held;
	LIST_HEAD(of_names, names_request) requests;
};

enum waits { WAITS_NOT, WAITS_TO_ASK, WAITS_TO_FINISH };

struct names_request {
	LIST_ENTRY(names_request) of_names;
	LIST_ENTRY(names_request) of_questions;
	struct names *names;
	char host[HOST_NAME_ROOM];
	names_done *done; /* NULL: nobody waits for it */
	void *arg;
	struct event *timer; /* to be done with what there is */
	int err;             /* when the timer fires with nothing found */
	struct evdns_base *dns;
	uintptr_t question; /* number of what is asked now; 0: nothing */
	uint8_t order[NAME_SERVERS_MAX];
	size_t step;         /* which of them, in which round */
	struct event *reach; /* to hear that it cannot be reached; NULL: no longer */
	enum waits waits;    /* while it is held */
	bool is_reported;    /* to the watch */
	bool is_settled;     /* what it has found is not from a name server, or was looked at */
	struct records records[KINDS];
};

/** names_is_remembered() - is it about the host of names_remember()? */
bool names_is_remembered(const struct names_request *request);

/** names_ask() - ask the server of this step, or, when it cannot be asked, the next one. */
void names_ask(struct names_request *request);

/** names_ask_from_the_beginning() - the same, with the servers in the order of now. */
void names_ask_from_the_beginning(struct names_request *request);

/** names_end_question() - no answer is waited for any more. Without a question: does nothing. */
void names_end_question(struct names_request *request);

/**
 * names_finish() - hand over what has been found, or @request->err. The request is freed, but for
 * when it is held.
 */
void names_finish(struct names_request *request);

/** names_finish_later() - the same from the event loop. @err: negative errno, if nothing was found.
 */
void names_finish_later(struct names_request *request, int err);

#endif
