// SPDX-License-Identifier: Apache-2.0
#include "node/helper_ping.h"

#include <errno.h>

#define PING_MS 60000   /* rarely: nothing else wakes an idle relay up */
#define ANSWER_MS 30000 /* the largest list takes two seconds */
#define FULL_MS 1000    /* the socket is full: a helper that runs empties it */
#define FULL_MAX 30

/* In a hurried test, where a busy machine must not be taken for a helper that hangs. */
#define PING_LEAST_MS 1000
#define ANSWER_LEAST_MS 15000
#define FULL_LEAST_MS 200

static void after(struct helper_ping *ping, int64_t ms, int64_t least_ms)
{
	timer_arm(&ping->timer, loop_ms_least(ping->timer.loop, ms, least_ms));
}

static void send_ping(struct helper_ping *ping)
{
	int err = ping->events.send(ping->events.arg, ping->number + 1);

	if (err == -EAGAIN && ping->n_tries++ < FULL_MAX) {
		after(ping, FULL_MS, FULL_LEAST_MS);
		return;
	}
	if (err) {
		ping->events.on_lost(ping->events.arg,
				     err == -EAGAIN ? "does not answer" : "does not listen");
		return;
	}
	ping->number++;
	ping->is_waiting = true;
	after(ping, ANSWER_MS, ANSWER_LEAST_MS);
}

static void on_timer(void *arg)
{
	struct helper_ping *ping = arg;

	if (ping->is_waiting)
		ping->events.on_lost(ping->events.arg, "does not answer");
	else
		send_ping(ping);
}

void helper_ping_init(struct helper_ping *ping, struct loop *loop,
		      const struct helper_ping_events *events)
{
	ping->events = *events;
	timer_init(&ping->timer, loop, on_timer, ping);
}

void helper_ping_begin(struct helper_ping *ping)
{
	ping->is_waiting = false;
	ping->n_tries = 0;
	after(ping, PING_MS, PING_LEAST_MS);
}

void helper_ping_heard(struct helper_ping *ping)
{
	if (ping->is_waiting)
		after(ping, ANSWER_MS, ANSWER_LEAST_MS);
}

bool helper_ping_answered(struct helper_ping *ping, uint32_t number)
{
	if (!ping->is_waiting || number != ping->number)
		return false;
	helper_ping_begin(ping);
	return true;
}

void helper_ping_stop(struct helper_ping *ping)
{
	timer_stop(&ping->timer);
}
