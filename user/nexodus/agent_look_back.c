// SPDX-License-Identifier: Apache-2.0
/*
 * agent_look_back.c - what the stream leaves out, because it was committed late
 * (watch_look_back()): while anything changes, and until it has been quiet for a while, the stream
 * is opened again and repeats what has changed of late. When nothing changes nothing is asked for.
 */
#include <errno.h>

#include "nexodus/agent_private.h"

/*
 * A commit takes no longer: the server's proxy ends a call after 30 s. Looks are as far apart, and
 * up to a third more; what is committed behind the stream's back is here within a minute.
 */
#define LOOK_BACK_MS 30000
#define LOOK_BACK_MS_MIN 1000 /* in a hurry: opening a stream takes its time */

int64_t agent_spread(int64_t ms)
{
	return ms + (int64_t)(((uint64_t)agent_random() * (uint64_t)(ms / 3)) >> 32);
}

void agent_look_back_due(struct agent *agent)
{
	int64_t ms = agent_ms(agent, LOOK_BACK_MS);
	struct timeval after;

	if (evtimer_pending(agent->look_back, NULL))
		return;
	ms = agent_spread(ms > LOOK_BACK_MS_MIN ? ms : LOOK_BACK_MS_MIN);
	after = (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	evtimer_add(agent->look_back, &after);
}

/*
 * The next request repeats what has changed of late: now, or whenever there is one. The whole list
 * comes first, and a request that is not answered yet, and a pause that the server has asked for.
 */
static void on_look_back(evutil_socket_t fd, short what, void *arg)
{
	struct agent *agent = arg;

	(void)fd, (void)what;
	if (!agent->watch)
		return;
	if (!watch_is_whole(agent->watch) || (agent->stream && !agent->is_open) ||
	    agent_hold_ms(agent)) {
		agent_look_back_due(agent);
		return;
	}
	if (watch_look_back(agent->watch))
		agent_look_back_due(agent);
	if (!agent->stream || agent->polls)
		return;
	http_cancel(agent->stream);
	agent->stream = NULL;
	agent_open_stream(agent);
}

int agent_look_back_new(struct agent *agent)
{
	agent->look_back = evtimer_new(agent->base, on_look_back, agent);
	return agent->look_back ? 0 : -ENOMEM;
}

void agent_look_back_free(struct agent *agent)
{
	if (agent->look_back)
		event_free(agent->look_back);
}
