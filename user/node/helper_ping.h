/* SPDX-License-Identifier: Apache-2.0 */
/*
 * helper_ping.h - does the helper process still run? One that follows a service has nothing to say
 * for hours, and one that hangs says just as much: the relay pings it now and then.
 */
#ifndef NODE_HELPER_PING_H
#define NODE_HELPER_PING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"

struct helper_ping_events {
	/* Send ping @number. Return: 0; -EAGAIN while the helper's socket is full; negative errno.
	 */
	int (*send)(void *arg, uint32_t number);
	/* The helper does not answer, or does not listen: @why, as in "the helper process @why". */
	void (*on_lost)(void *arg, const char *why);
	void *arg;
};

struct helper_ping {
	struct helper_ping_events events;
	struct timer timer; /* of the next ping, or of the answer's time */
	uint32_t number;    /* of the last ping */
	unsigned int n_tries;
	bool is_waiting; /* for the answer */
};

/** helper_ping_init() - nothing is sent before helper_ping_begin(). */
void helper_ping_init(struct helper_ping *ping, struct loop *loop,
		      const struct helper_ping_events *events);

/** helper_ping_begin() - a new helper was told everything: ping it in a while. */
void helper_ping_begin(struct helper_ping *ping);

/** helper_ping_heard() - the helper has said something: its answer may be behind that. */
void helper_ping_heard(struct helper_ping *ping);

/** helper_ping_answered() - Return: whether this is the answer that was waited for. */
bool helper_ping_answered(struct helper_ping *ping, uint32_t number);

/** helper_ping_stop() - there is no helper. */
void helper_ping_stop(struct helper_ping *ping);

#endif
