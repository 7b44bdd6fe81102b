// SPDX-License-Identifier: Apache-2.0
/*
 * agent_early.c - somebody wants the whole list now (SIGHUP), and does not wait for the next try.
 *
 * Who wants it a thousand times a second gets it once a second, and not before the server wants to
 * be asked again.
 */

#include "nexodus/agent_private.h"

#define PAUSE_MS 1000
#define ANSWER_MS 5000 /* the one before is given so long until there is another */
#define CALM_MS 10000  /* who asks more often has the next pauses grow as ever */

static void ask_early(struct agent *agent)
{
	int64_t now = clock_ms();

	if (now - agent->early_at >= loop_ms(agent->loop, CALM_MS)) {
		agent->n_resumed = 0;
		agent_reset_pace(agent);
	}
	agent->early_at = now;
	agent->is_hold_said = false;
	if (agent->watch) {
		agent_watch_anew(agent);
	} else if (timer_is_armed(&agent->again)) {
		timer_stop(&agent->again);
		agent->then(agent);
	}
}

/* Return: ms until it may be; 0: now. */
static int64_t pause_ms(const struct agent *agent)
{
	int64_t now = clock_ms(), since = now - agent->early_at;
	bool is_asking = agent->stream && (agent->polls || !agent->is_open);

	if (now < agent->hold_until)
		return agent->hold_until - now;
	if (since < loop_ms(agent->loop, PAUSE_MS))
		return loop_ms(agent->loop, PAUSE_MS) - since;
	return is_asking && since < loop_ms(agent->loop, ANSWER_MS) ? loop_ms(agent->loop, PAUSE_MS)
								    : 0;
}

static void say_hold(struct agent *agent)
{
	int64_t ms = agent->hold_until - clock_ms();

	if (ms <= 0 || agent->is_hold_said)
		return;
	agent->is_hold_said = true;
	border_batch_text(&agent->batch, BORDER_WARNING,
			  "asks again in %lld s, because the server wants that",
			  (long long)(ms + 999) / 1000);
	agent_flush(agent);
}

static void ask_or_wait(struct agent *agent)
{
	int64_t ms = pause_ms(agent);

	if (!ms) {
		ask_early(agent);
		return;
	}
	say_hold(agent);
	timer_arm(&agent->early, ms);
}

static void on_early(void *arg)
{
	ask_or_wait(arg);
}

void agent_again(struct agent *agent)
{
	if (agent->is_started && !timer_is_armed(&agent->early))
		ask_or_wait(agent);
}

void agent_early_new(struct agent *agent)
{
	agent->early_at = -CALM_MS; /* never */
	timer_init(&agent->early, agent->loop, on_early, agent);
}

void agent_early_free(struct agent *agent)
{
	timer_stop(&agent->early);
}
