// SPDX-License-Identifier: Apache-2.0
/*
 * agent_look_back.c - what the stream leaves out, because it was committed late
 * (watch_look_back()): while anything changes, and until it has been quiet for a while, the stream
 * is opened again and repeats what has changed of late. When nothing changes nothing is asked for.
 */
#include "nexodus/agent_private.h"

/*
 * A commit takes no longer: the server's proxy ends a call after 30 s. Looks are as far apart, and
 * up to a third more; what is committed behind the stream's back is here within a minute.
 */
#define LOOK_BACK_MS 30000
#define LOOK_BACK_LEAST_MS 1000 /* in a hurry: opening a stream takes its time */

int64_t agent_spread(int64_t ms)
{
	return ms + (int64_t)(((uint64_t)agent_random() * (uint64_t)(ms / 3)) >> 32);
}

void agent_look_back_due(struct agent *agent)
{
	if (timer_is_armed(&agent->look_back))
		return;
	timer_arm(&agent->look_back,
		  agent_spread(loop_ms_least(agent->loop, LOOK_BACK_MS, LOOK_BACK_LEAST_MS)));
}

/*
 * The next request repeats what has changed of late: now, or whenever there is one. The whole list
 * comes first, and a request that is not answered yet, and a pause that the server has asked for.
 */
static void on_look_back(void *arg)
{
	struct agent *agent = arg;

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

void agent_look_back_new(struct agent *agent)
{
	timer_init(&agent->look_back, agent->loop, on_look_back, agent);
}

void agent_look_back_free(struct agent *agent)
{
	timer_stop(&agent->look_back);
}
