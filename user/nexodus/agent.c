// SPDX-License-Identifier: Apache-2.0
/* agent.c - what the agent is given, how it starts, what it says, and when it tries again. */
#include <errno.h>
#include <event2/http.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/printable.h"
#include "nexodus/agent_private.h"
#include "peers/file_view.h"
#include "peers/peer_file.h"

/* client-go's numbers: what may pass in a moment, and what keeps a server busy for nothing. */
static const struct pace soon = { .min_ms = 800, .max_ms = 30000, .calm_ms = 120000 };
static const struct pace late = { .min_ms = 60000, .max_ms = 3600000, .calm_ms = 120000 };

#define SECRET_MIN 4       /* bytes; what is shorter is in many a word */
#define CALL_MS 30000      /* for each step of a call */
#define CALL_LEAST_MS 3000 /* also in a hurry */

void agent_reset_pace(struct agent *agent)
{
	agent->soon = soon;
	agent->late = late;
	agent->late.min_ms = loop_ms(agent->loop, late.min_ms);
	agent->late.max_ms = loop_ms(agent->loop, late.max_ms);
}

/* Also where the text was cut in the middle of it. */
static void mask(char *text, const char *secret)
{
	size_t len = strlen(secret), text_len = strlen(text);

	if (len < SECRET_MIN)
		return;
	for (char *at = text; (at = strstr(at, secret)); at += len)
		memset(at, '*', len);
	for (size_t n = text_len < len ? text_len : len; n >= SECRET_MIN; n--)
		if (!memcmp(text + text_len - n, secret, n))
			memset(text + text_len - n, '*', n);
}

/* Whole, without its kind ("RK:"), and as it is in a URL. */
static void mask_forms(char *text, const char *secret)
{
	char *escaped = evhttp_uriencode(secret, -1, 0);

	mask(text, secret);
	if (strlen(secret) > 3 && secret[2] == ':')
		mask(text, secret + 3);
	if (escaped) {
		mask(text, escaped);
		explicit_bzero(escaped, strlen(escaped));
	}
	free(escaped);
}

void agent_mask(const struct agent *agent, char *text)
{
	const char *const secrets[] = { agent->account.reg_token, agent->account.password,
					agent->saved.device_token, agent->saved.refresh_token,
					agent->bearer };

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		mask_forms(text, secrets[i]);
}

void agent_say(struct agent *agent, enum border_control state, uint32_t retry_s, const char *format,
	       ...)
{
	struct border_record *record = border_batch_next(&agent->batch, BORDER_CONTROL);
	char text[sizeof(record->control.text)];
	va_list args;

	if (record) {
		va_start(args, format);
		vsnprintf(text, sizeof(text), format, args);
		va_end(args);
		agent_mask(agent, text);
		record->control.state = state;
		record->control.retry_s =
			retry_s < BORDER_RETRY_MAX_S ? retry_s : BORDER_RETRY_MAX_S;
		record->control.heard_at = http_heard_at(agent->http);
		printable_copy(record->control.text, sizeof(record->control.text), text);
	}
	agent_flush(agent);
}

void agent_flush(struct agent *agent)
{
	int err = border_batch_flush(&agent->batch);

	if (!err || agent->err)
		return;
	agent->err = err;
	loop_end(agent->loop, agent->err);
}

void agent_pong(struct agent *agent, uint32_t number)
{
	struct border_record *record = border_batch_next(&agent->batch, BORDER_PONG);

	if (record) {
		record->pong.number = number;
		record->pong.heard_at = http_heard_at(agent->http);
	}
	agent_flush(agent);
}

uint32_t agent_random(void)
{
	uint32_t number = 0;

	(void)!getrandom(&number, sizeof(number), GRND_NONBLOCK);
	return number;
}

static void on_again(void *arg)
{
	struct agent *agent = arg;

	agent->then(agent);
}

static void wait_ms(struct agent *agent, agent_then *then, uint32_t ms)
{
	agent->then = then;
	timer_arm(&agent->again, ms);
}

/* The node has it for the next source, should this one die. */
void agent_hold(struct agent *agent, int retry_after_s)
{
	int64_t until = clock_ms() + retry_after_s * 1000LL;
	struct border_record *record;

	if (retry_after_s <= 0 || until <= agent->hold_until)
		return;
	agent->hold_until = until;
	record = border_batch_next(&agent->batch, BORDER_HOLD);
	if (record)
		record->hold_s =
			retry_after_s < BORDER_HOLD_MAX_S ? retry_after_s : BORDER_HOLD_MAX_S;
	agent_flush(agent);
}

int64_t agent_hold_ms(const struct agent *agent)
{
	int64_t ms = agent->hold_until - clock_ms();

	return ms > 0 ? ms : 0;
}

bool agent_is_held(struct agent *agent, agent_then *then)
{
	int64_t ms = agent_hold_ms(agent);

	if (!ms)
		return false;
	ms += agent_random() % 1000;
	agent->is_trouble = true;
	agent_say(agent, CONTROL_RETRYING, (ms + 999) / 1000,
		  "the server has asked for a pause (Retry-After)");
	wait_ms(agent, then, ms);
	return true;
}

void agent_retry(struct agent *agent, agent_then *then, bool is_refused, int retry_after_s,
		 const char *text)
{
	enum border_control state = !is_refused             ? CONTROL_RETRYING
				    : agent->was_registered ? CONTROL_REVOKED
							    : CONTROL_REFUSED;
	struct pace *pace = is_refused ? &agent->late : &agent->soon;
	uint32_t ms = pace_failed(pace, clock_ms(), agent_random());

	if (retry_after_s > 0 && (uint32_t)retry_after_s * 1000 > ms)
		ms = (uint32_t)retry_after_s * 1000 + agent_random() % 1000;
	agent_hold(agent, retry_after_s);
	if (file_view_is_stale()) {
		agent->err = -ESTALE;
		loop_end(agent->loop, agent->err);
	}
	agent->is_trouble = true;
	agent_say(agent, state, (ms + 999) / 1000, "%s", text);
	wait_ms(agent, then, ms);
}

/*
 * Are we not wanted, or is it that there is no such thing? A 404 of something on the way, which has
 * lost its server, names no resource. Who registers may be told in other words that it is of no
 * use; who is registered has asked for nothing that could be wrong.
 */
static bool is_refusal(const struct agent *agent, const struct http_answer *answer)
{
	char text[ANSWER_TEXT_MAX];

	if (answer->status == 404)
		return !answer_text(answer->body, answer->body_len, "resource", text, sizeof(text));
	if (answer->status != 401 && answer->status != 403 && agent->watch)
		return false;
	return answer_refuses(answer->status, answer->body, answer->body_len);
}

void agent_not_good(struct agent *agent, agent_then *then, const char *what,
		    const struct http_answer *answer)
{
	char error[ANSWER_TEXT_MAX] = "", text[BORDER_TEXT_MAX];
	bool is_refused = false;

	if (answer->err) {
		snprintf(text, sizeof(text), "%s: %s", what, answer->why);
	} else {
		answer_error(answer->body, answer->body_len, error);
		is_refused = is_refusal(agent, answer);
		snprintf(text, sizeof(text), "%s: HTTP status %ld%s%s", what, answer->status,
			 *error ? ": " : "", error);
	}
	agent_retry(agent, then, is_refused, answer->retry_after_s, text);
}

int agent_call(struct agent *agent, const char *method, const char *path, const char *body,
	       const struct http_request *more, struct http_call **ret_call)
{
	struct http_request request = *more;
	char url[AGENT_URL_MAX];

	snprintf(url, sizeof(url), "%s%s", agent->account.api, path);
	request.method = method;
	request.url = url;
	request.bearer = agent->bearer;
	request.body = body;
	request.arg = agent;
	return http_start(agent->http, &request, ret_call);
}

static int take_account(struct agent *agent, int fd)
{
	uint32_t ms;

	if (pread(fd, &agent->account, sizeof(agent->account), 0) != sizeof(agent->account) ||
	    account_check(&agent->account))
		return -EPROTO;
	agent->has_account = true;
	loop_hurry(agent->loop, agent->account.hurry);
	agent_reset_pace(agent);
	ms = loop_ms_least(agent->loop, CALL_MS, CALL_LEAST_MS);
	http_set_limits(agent->http, &(struct http_limits){ ms, ms, ms });
	if (agent->account.insecure)
		http_set_insecure(agent->http);
	return 0;
}

static int take_stun_socket(struct agent *agent, int *fd)
{
	if (agent->stun_fd >= 0)
		return -EPROTO;
	agent->stun_fd = *fd;
	*fd = -1;
	return 0;
}

int agent_give(struct agent *agent, enum border_gift gift, int *fd)
{
	switch (gift) {
	case BORDER_ACCOUNT:
		return agent->is_started ? -EPROTO : take_account(agent, *fd);
	case BORDER_SAVED_STATE:
		agent_take_saved(agent, *fd);
		return 0;
	case BORDER_CA:
		return http_set_ca(agent->http, *fd);
	case BORDER_STUN_SOCKET:
		return take_stun_socket(agent, fd);
	default:
		return -EPROTO;
	}
}

int agent_file(struct agent *agent, int fd, uint32_t list)
{
	if (!agent->has_account || agent->is_started)
		return -EPROTO;
	agent->batch.list = list;
	agent_read_saved(agent);
	if (*agent->saved.vpc_id)
		return peer_file_send(fd, agent->batch.sock, list);
	border_batch_text(&agent->batch, BORDER_LIST_ERROR, "it was not kept by this registration");
	agent_flush(agent);
	return agent->err;
}

int agent_start(struct agent *agent, uint32_t list)
{
	int err;

	if (!agent->has_account || agent->is_started)
		return -EPROTO;
	agent->is_started = true;
	agent->batch.list = list;
	agent_read_saved(agent);
	err = agent_endpoints_start(agent);
	if (err)
		return err;
	/* First: from here on it is about the server. */
	agent_say(agent, CONTROL_CONNECTING, 0, "connecting to %s", agent->account.api);
	agent->hold_until = agent->account.hold_until;
	if (!agent_is_held(agent, agent_begin))
		agent_begin(agent);
	return 0;
}

void agent_go_on(struct agent *agent)
{
	if (*agent->saved.device_token) {
		snprintf(agent->bearer, sizeof(agent->bearer), "%s", agent->saved.device_token);
		agent->bearer_until = 0;
	}
	snprintf(agent->vpc_id, sizeof(agent->vpc_id), "%s", agent->saved.vpc_id);
	snprintf(agent->device_id, sizeof(agent->device_id), "%s", agent->saved.device_id);
	agent_watch(agent);
}

void agent_begin(struct agent *agent)
{
	if (*agent->saved.device_token && !agent->saved.is_other_key && !agent->is_token_refused) {
		agent_go_on(agent);
	} else if (agent->account.was_let_in && *agent->saved.device_id) {
		agent_with_bearer(agent, agent_go_on);
	} else if (agent->account.was_revoked) {
		agent->was_registered = true;
		agent_retry(agent, agent_begin, true, -1,
			    "this relay was let in, and is no longer: forwarding with the last "
			    "list; a restart registers it again");
	} else {
		agent_with_bearer(agent, agent_register);
	}
}

struct agent *agent_new(struct loop *loop, int sock)
{
	struct agent *agent = calloc(1, sizeof(*agent));

	if (!agent)
		return NULL;
	agent->loop = loop;
	agent->batch.sock = sock;
	agent->stun_fd = -1;
	agent_reset_pace(agent);
	timer_init(&agent->again, loop, on_again, agent);
	agent_stream_new(agent);
	agent_look_back_new(agent);
	agent_list_new(agent);
	agent_early_new(agent);
	agent->http = http_new(loop, agent_server, agent);
	if (agent->http)
		return agent;
	agent_free(agent);
	return NULL;
}

void agent_free(struct agent *agent)
{
	if (!agent)
		return;
	agent_endpoints_stop(agent);
	agent_stream_free(agent);
	agent_look_back_free(agent);
	agent_early_free(agent);
	login_free(agent->login);
	http_cancel(agent->call);
	json_stream_done(&agent->relays);
	timer_stop(&agent->flush);
	timer_stop(&agent->again);
	http_free(agent->http);
	explicit_bzero(agent, sizeof(*agent));
	free(agent);
}
