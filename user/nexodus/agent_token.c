// SPDX-License-Identifier: Apache-2.0
/*
 * agent_token.c - the bearer token: a registration key, an access token of a login, or the device
 * token that a registration ends in; and what is kept of it for the next run.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nexodus/agent_private.h"

#define RENEW_BEFORE_MS 30000 /* an access token that ends so soon is not begun with */

void agent_take_saved(struct agent *agent, int fd)
{
	ssize_t len = pread(fd, agent->saved_text, sizeof(agent->saved_text), 0);

	agent->saved_len = len > 0 ? len : 0;
}

/* After all gifts: what was kept is this account's, or nothing. */
void agent_read_saved(struct agent *agent)
{
	if (agent->saved_len && saved_state_read(agent->saved_text, agent->saved_len,
						 &agent->account, &agent->saved) == -EBADMSG)
		border_batch_text(
			&agent->batch, BORDER_WARNING,
			"what was kept of the registration is damaged: registering again");
	explicit_bzero(agent->saved_text, sizeof(agent->saved_text));
	agent->saved_len = 0;
	if (*agent->saved.device_id)
		agent->was_registered = true;
}

void agent_keep(struct agent *agent)
{
	char text[BORDER_STATE_BYTES_MAX];
	int len = saved_state_print(&agent->saved, &agent->account, text, sizeof(text));
	struct border_record *record;

	for (int at = 0; at < len; at += record->state.n) {
		record = border_batch_next(&agent->batch, BORDER_STATE);
		if (!record)
			break;
		record->state.total = len;
		record->state.offset = at;
		record->state.n = len - at < BORDER_STATE_PIECE ? len - at : BORDER_STATE_PIECE;
		memcpy(record->state.bytes, text + at, record->state.n);
	}
	agent_flush(agent);
	explicit_bzero(text, sizeof(text));
	explicit_bzero(agent->batch.records, sizeof(agent->batch.records));
}

void agent_keep_again(struct agent *agent)
{
	if (*agent->saved.device_id || *agent->saved.refresh_token)
		agent_keep(agent);
}

bool agent_bears_key(const struct agent *agent)
{
	return *agent->account.reg_token && !strcmp(agent->bearer, agent->account.reg_token);
}

bool agent_has_credentials(const struct agent *agent)
{
	return *agent->account.reg_token || *agent->account.username || *agent->saved.refresh_token;
}

void agent_refuse_token(struct agent *agent)
{
	explicit_bzero(agent->bearer, sizeof(agent->bearer));
	agent->is_token_refused = true;
	agent->bearer_until = 0;
	*agent->device_id = '\0';
	agent_drop_watch(agent);
}

static void on_code(void *arg, const char *url, const char *code)
{
	agent_say(arg, CONTROL_LOGIN, 0, "to let this relay in, open %s and enter the code %s", url,
		  code);
}

static void on_token(void *arg, const struct answer_token *token)
{
	struct agent *agent = arg;

	snprintf(agent->bearer, sizeof(agent->bearer), "%s", token->access);
	agent->bearer_until = clock_ms() + token->expires_in_s * 1000;
	if (*token->refresh) {
		snprintf(agent->saved.refresh_token, sizeof(agent->saved.refresh_token), "%s",
			 token->refresh);
		agent_keep(agent);
	}
	agent->with_bearer(agent);
}

static void log_in(struct agent *agent)
{
	const char *refresh = agent->saved.refresh_token;

	/* A renewal is nothing that anybody waits for, and a trouble stays one until it is over. */
	if (!agent->was_whole && !agent->is_trouble)
		agent_say(agent, CONTROL_CONNECTING, 0, "logging in");
	login_start(agent->login, *refresh ? refresh : NULL);
}

static void on_failed(void *arg, bool is_refused, int retry_after_s, const char *text)
{
	agent_retry(arg, log_in, is_refused, retry_after_s, text);
}

static void on_skew(void *arg, long seconds)
{
	struct agent *agent = arg;

	border_batch_text(&agent->batch, BORDER_WARNING,
			  "this host's clock is %ld s %s the server's",
			  seconds < 0 ? -seconds : seconds, seconds < 0 ? "behind" : "ahead of");
	agent_flush(agent);
}

static bool is_good(const struct agent *agent)
{
	return *agent->bearer &&
	       (!agent->bearer_until || agent->bearer_until - clock_ms() > RENEW_BEFORE_MS);
}

void agent_with_bearer(struct agent *agent, agent_then *then)
{
	const struct login_events events = { on_code, on_token, on_failed, on_skew, agent };

	if (!*agent->bearer && *agent->account.reg_token)
		snprintf(agent->bearer, sizeof(agent->bearer), "%s", agent->account.reg_token);
	if (is_good(agent)) {
		then(agent);
		return;
	}
	agent->with_bearer = then;
	if (!agent->login)
		agent->login = login_new(agent->loop, agent->http, &agent->account, &events);
	if (agent->login)
		log_in(agent);
	else
		agent_retry(agent, agent_begin, false, -1, "log in: out of memory");
}
