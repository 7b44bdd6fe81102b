// SPDX-License-Identifier: Apache-2.0
/*
 * agent_revoked.c - the server does not know us any more: what is said, and what is done.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/uuid.h"
#include "nexodus/agent_private.h"

/* It is there, and that is all that can be said of it. */
static bool is_own_odd(const struct agent *agent)
{
	return agent->polls ? agent->own_is_odd : watch_own_is_odd(agent->watch);
}

/* When the server no longer knows us. With register_once the node ends, and says so itself. */
static const char *meanwhile(const struct agent *agent)
{
	return agent->account.register_once ? "" : ": forwarding with the last list";
}

static void say_gone(struct agent *agent)
{
	agent_say(agent, CONTROL_REVOKED, 0, "this relay's device is gone from the VPC%s",
		  meanwhile(agent));
}

/* A missing device is a 404 without a body, or one that names it (nexodus-api 1.2). */
static bool is_gone(const struct agent *agent, const struct http_answer *answer)
{
	char vpc_id[UUID_TEXT];

	if (answer->err)
		return false;
	if (answer->status == 404)
		return !answer->body_len || !agent_is_missing(answer);
	if (answer->status == 200)
		return !answer_id(answer->body, answer->body_len, "vpc_id", vpc_id) &&
		       strcasecmp(vpc_id, agent->vpc_id) != 0;
	return answer_refuses(answer->status, answer->body, answer->body_len);
}

static void ask_again(struct agent *agent, int retry_after_s)
{
	int64_t ms = pace_failed(&agent->own_pause, clock_ms(), agent_random());

	agent_hold(agent, retry_after_s);
	if (ms < agent_hold_ms(agent))
		ms = agent_hold_ms(agent);
	timer_arm(&agent->own_again, ms);
}

/* The list comes again and again, but maybe only in an hour: what is no answer is asked again. */
static void own_done(void *arg, const struct http_answer *answer)
{
	struct agent *agent = arg;

	agent->own_call = NULL;
	if (!agent->own_is_gone)
		return;
	if (is_gone(agent, answer))
		say_gone(agent);
	else if (answer->err || answer->status != 200)
		ask_again(agent, answer->retry_after_s);
}

/* A list may be wrong, or empty for once: nothing is taken back for that alone. */
static void on_own_again(void *arg)
{
	const struct http_request more = { .on_done = own_done };
	struct agent *agent = arg;
	char path[128];

	if (!agent->own_is_gone || agent->own_call)
		return;
	snprintf(path, sizeof(path), "/api/devices/%s", agent->device_id);
	if (agent_hold_ms(agent) || agent_call(agent, "GET", path, NULL, &more, &agent->own_call))
		ask_again(agent, 0);
}

static void ask_for_own(struct agent *agent)
{
	agent_say(agent, CONTROL_RETRYING, 0,
		  "this relay's device is not in the list: asking the server for it");
	agent->own_pause = (struct pace){ .min_ms = agent->soon.min_ms,
					  .max_ms = agent->soon.max_ms,
					  .calm_ms = agent->soon.calm_ms };
	timer_arm(&agent->own_again, 0);
}

void agent_say_gone(struct agent *agent)
{
	if (is_own_odd(agent))
		agent_say(agent, CONTROL_RETRYING, 0,
			  "the server's record of this relay's device makes no sense: forwarding "
			  "with the last list");
	else if (agent->account.register_once)
		ask_for_own(agent);
	else
		say_gone(agent);
}

void agent_revoked_new(struct agent *agent)
{
	timer_init(&agent->own_again, agent->loop, on_own_again, agent);
}

void agent_revoked_free(struct agent *agent)
{
	http_cancel(agent->own_call);
	timer_stop(&agent->own_again);
}

/*
 * Not let in any more. Who has credentials and has just started may register anew; a source that
 * is there because the one before has died has not.
 */
void agent_not_let_in(struct agent *agent, const struct http_answer *answer)
{
	if (agent->bearer_until) {
		*agent->bearer = '\0'; /* a user's token: renewed */
		agent_retry(agent, agent_open_stream, false, answer->retry_after_s,
			    "the event stream: the login has expired");
	} else if (!agent->was_whole && !agent->account.was_let_in &&
		   !agent->account.register_once && agent_has_credentials(agent)) {
		agent_refuse_token(agent);
		agent_retry(agent, agent_begin, false, -1,
			    "the device token is not accepted any more: registering again");
	} else {
		char text[BORDER_TEXT_MAX];

		snprintf(text, sizeof(text), "%s%s%s",
			 agent_bears_key(agent)
				 ? "the registration key is not accepted any more (deleted, or "
				   "expired)"
				 : "this relay's token is not accepted (its device was deleted, "
				   "or its owner or VPC)",
			 meanwhile(agent),
			 agent_has_credentials(agent)
				 ? ""
				 : " (to register anew, remove registration.json and restart)");
		agent_retry(agent, agent_open_stream, true, answer->retry_after_s, text);
	}
}
