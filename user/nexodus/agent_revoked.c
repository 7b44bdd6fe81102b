// SPDX-License-Identifier: Apache-2.0
/*
 * agent_revoked.c - the server does not know us any more: what is said, and what is done.
 */
#include <stdio.h>

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

void agent_say_gone(struct agent *agent)
{
	if (is_own_odd(agent)) {
		agent_say(agent, CONTROL_RETRYING, 0,
			  "the server's record of this relay's device makes no sense: forwarding "
			  "with the last list");
		return;
	}
	agent_say(agent, CONTROL_REVOKED, 0, "this relay's device is gone from the VPC%s",
		  meanwhile(agent));
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
