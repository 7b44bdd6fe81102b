/* SPDX-License-Identifier: Apache-2.0 */
/* agent_step.h - one question of the registration, and what an answer that is no good leads to. */
#ifndef NEXODUS_AGENT_STEP_H
#define NEXODUS_AGENT_STEP_H

#include "nexodus/agent_private.h"

/* What it is called, and what a good answer to it holds. */
struct agent_step {
	const char *what, *expected;
	const char *members[4]; /* ended by NULL */
	long status;
};

/** agent_register_again() - all over, with a token that is good by then. */
void agent_register_again(struct agent *agent);

/** agent_step_ask() - @body: taken over; or NULL. What cannot be sent is tried again later. */
void agent_step_ask(struct agent *agent, const char *method, const char *path,
		    struct json_object *body,
		    void (*done)(void *arg, const struct http_answer *answer));

/** agent_step_is() - is it a whole answer with this status? */
bool agent_step_is(const struct http_answer *answer, long status);

/** agent_step_refuses() - the same, and the server's own word (answer_refuses()). */
bool agent_step_refuses(const struct http_answer *answer, long status);

/** agent_step_unexpected() - all is well, the server says, but it is not what was asked for. */
void agent_step_unexpected(struct agent *agent, const struct agent_step *step, const char *got);

/** agent_step_bad() - the same, for an answer that cannot be read. */
void agent_step_bad(struct agent *agent, const struct agent_step *step,
		    const struct http_answer *answer);

/** agent_step_not_good() - an answer with another status, or none. */
void agent_step_not_good(struct agent *agent, const struct agent_step *step,
			 const struct http_answer *answer);

#endif
