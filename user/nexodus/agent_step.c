// SPDX-License-Identifier: Apache-2.0
#include "nexodus/agent_step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void agent_register_again(struct agent *agent)
{
	/* A user's token may have expired meanwhile. */
	agent_with_bearer(agent, agent_register);
}

void agent_step_ask(struct agent *agent, const char *method, const char *path,
		    struct json_object *body,
		    void (*done)(void *arg, const struct http_answer *answer))
{
	const struct http_request more = { .on_done = done };
	const char *text =
		body ? json_object_to_json_string_ext(body, JSON_C_TO_STRING_NOSLASHESCAPE) : NULL;
	int err = agent_call(agent, method, path, text, &more, &agent->call);

	json_object_put(body);
	if (err)
		agent_retry(agent, agent_register_again, false, -1, strerror(-err));
}

bool agent_step_is(const struct http_answer *answer, long status)
{
	return !answer->err && answer->is_whole && answer->status == status;
}

bool agent_step_refuses(const struct http_answer *answer, long status)
{
	return agent_step_is(answer, status) &&
	       answer_refuses(answer->status, answer->body, answer->body_len);
}

/* All is well, the server says, but it is not what was asked for. */
void agent_step_unexpected(struct agent *agent, const struct agent_step *step, const char *got)
{
	char text[2 * BORDER_TEXT_MAX]; /* agent_say() cuts it */

	snprintf(text, sizeof(text), "%s: expected %s, got %s", step->what, step->expected, got);
	agent_retry(agent, agent_register_again, false, -1, text);
}

void agent_step_bad(struct agent *agent, const struct agent_step *step,
		    const struct http_answer *answer)
{
	char got[ANSWER_SHAPE_MAX] = "something else";
	char *body = strndup(answer->body, answer->body_len);

	/* Secrets are masked here, where they are whole; what is behind a NUL is not looked at. */
	if (body) {
		agent_mask(agent, body);
		answer_shape(body, strlen(body), step->members, got);
		explicit_bzero(body, strlen(body));
		free(body);
	}
	agent_step_unexpected(agent, step, got);
}

void agent_step_not_good(struct agent *agent, const struct agent_step *step,
			 const struct http_answer *answer)
{
	char text[BORDER_TEXT_MAX];

	if (answer->status == 401 && agent->bearer_until)
		*agent->bearer = '\0'; /* expired, or withdrawn: log in anew */
	if (answer->err || answer->status < 200 || answer->status > 299) {
		agent_not_good(agent, agent_register_again, step->what, answer);
		return;
	}
	if (answer->status == step->status)
		snprintf(text, sizeof(text),
			 "%s: the answer does not say where it ends, and may be cut off",
			 step->what);
	else
		snprintf(text, sizeof(text), "%s: expected HTTP status %ld, got %ld", step->what,
			 step->status, answer->status);
	agent_retry(agent, agent_register_again, false, answer->retry_after_s, text);
}
