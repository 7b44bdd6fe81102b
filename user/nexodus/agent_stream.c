// SPDX-License-Identifier: Apache-2.0
/*
 * agent_stream.c - follow the VPC: one watch stream, resumed whenever it is cut, which is normal
 * (the api-server and its proxy do it every few seconds).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/uuid.h"
#include "nexodus/agent_private.h"

#define LIVED_MS 5000 /* a stream that stood so long was one, even a silent one */
#define RESUMES_MAX 8 /* at once, in so long: more is a loop, and the owner's limit is shared */
#define RESUMES_PER_MS 10000
#define QUIET_MS 120000 /* there is no heartbeat: open it again, to see whether it is there */
#define STANDS_MS 1000  /* a stream that is none ends sooner */
#define RESYNC_MS 3600000
#define ANEW_AGAIN_MS 300000 /* it was cut, or slow */
#define MISSING_MAX 3        /* times that there is no such call, though there was before */
#define GAP_MAX_MS 3600000   /* a longer one may hide what was deleted, and forgotten, meanwhile */
#define WHOLE_MS 300000      /* a list that is not whole after so long is worth a word */

const struct device_cache *agent_devices(const struct agent *agent)
{
	if (agent->polls)
		return agent->polled;
	return agent->watch && watch_is_whole(agent->watch) ? watch_devices(agent->watch) : NULL;
}

size_t agent_skipped(const struct agent *agent)
{
	return agent->polls ? agent->poll_skipped.n : watch_skipped(agent->watch);
}

/* All is well. */
static void say_following(struct agent *agent, const char *again)
{
	if (agent->polls)
		agent_say(agent, CONTROL_WATCHING, 0,
			  "following the VPC's devices%s, asking every %d s: there is no event "
			  "stream for us",
			  again, AGENT_POLL_S);
	else
		agent_say(agent, CONTROL_WATCHING, 0, "following the VPC's devices%s", again);
}

/* The list is whole and followed: say so, when that is news. */
void agent_is_well(struct agent *agent)
{
	pace_well(&agent->soon, clock_ms());
	pace_well(&agent->late, clock_ms());
	if (!agent->is_trouble)
		return;
	agent->is_trouble = false;
	agent_endpoints_retry(agent);
	if (agent->own_is_gone)
		agent_say_gone(agent);
	else
		say_following(agent, " again");
}

/* Was this relay's own device taken away? Nothing is believed from then on. */
static bool has_own(struct agent *agent)
{
	const struct device_cache *devices = agent_devices(agent);

	bool is_there = !devices || device_cache_find(devices, agent->own_id);

	if (!is_there && (!agent->own_is_gone || agent->is_trouble))
		agent_say_gone(agent);
	agent->own_is_gone = !is_there;
	return is_there;
}

void agent_whole(struct agent *agent)
{
	bool is_there = has_own(agent);

	agent->was_whole = true;
	agent->is_trouble = false;
	agent_endpoints_retry(agent);
	if (!is_there)
		return;
	agent_list_whole(agent);
	agent_own_whole(agent);
	agent_endpoints_publish(agent);
	say_following(agent, "");
}

static void on_whole(void *arg)
{
	struct agent *agent = arg;

	watch_free(agent->before);
	agent->before = NULL;
	agent->n_cut_anew = 0;
	agent_look_back_due(agent);
	agent_whole(agent);
}

static void on_change(void *arg, const uint8_t id[static DEVICE_ID_BYTES])
{
	struct agent *agent = arg;
	bool was_gone = agent->own_is_gone;

	if (!has_own(agent))
		return;
	if (was_gone) {
		agent_whole(agent);
		return;
	}
	agent_list_changed(agent, id);
	agent_own_changed(agent, id);
}

void agent_warning(void *arg, const char *text)
{
	struct agent *agent = arg;
	char masked[BORDER_TEXT_MAX];

	snprintf(masked, sizeof(masked), "%s", text);
	agent_mask(agent, masked);
	border_batch_text(&agent->batch, BORDER_WARNING, "%s", masked);
	agent_flush(agent);
}

static void on_own(void *arg, struct json_object *record)
{
	agent_endpoints_record(arg, record);
}

static int new_watch(struct agent *agent)
{
	const struct watch_events events = { on_whole, on_change, on_own, agent_warning, agent };

	agent->watch = watch_new(agent->vpc_id, &events);
	agent->began_at = clock_ms();
	if (!agent->watch)
		return -ENOMEM;
	watch_set_own(agent->watch, agent->own_id);
	if (agent->before)
		watch_follow_on(agent->watch, agent->before);
	if (agent->has_no_groups)
		watch_without_groups(agent->watch);
	return 0;
}

void agent_drop_watch(struct agent *agent)
{
	watch_free(agent->watch);
	watch_free(agent->before);
	agent->watch = agent->before = NULL;
}

/*
 * The whole list was asked for, and cut before its end. A server that cuts it each time, or a line
 * that is too slow for it, would have us follow nothing any more: on with what was followed.
 */
static void go_back(struct agent *agent)
{
	watch_free(agent->watch);
	agent->watch = agent->before;
	agent->before = NULL;
	timer_arm_hurried(&agent->resync, ANEW_AGAIN_MS);
	if ((agent->n_dirty || agent->all_dirty) && !agent->own_is_gone)
		agent_list_whole(agent);
	if (++agent->n_cut_anew != 2)
		return; /* once is nothing, and twice is said once */
	border_batch_text(&agent->batch, BORDER_WARNING,
			  "the whole list of devices does not come to its end: following the "
			  "changes, and asking for it now and then");
	agent_flush(agent);
}

static int stream_data(void *arg, const char *bytes, size_t len)
{
	struct agent *agent = arg;

	agent->heard_at = clock_ms();
	agent->fed += len;
	agent->feed_err = watch_feed(agent->watch, bytes, len);
	if (watch_has_moved(agent->watch))
		agent_look_back_due(agent);
	if (!agent->feed_err && watch_is_whole(agent->watch))
		agent_is_well(agent);
	return agent->feed_err;
}

/* Often cut, resumed at once; but not in a loop without a pause. */
static bool may_resume_at_once(struct agent *agent)
{
	int64_t now = clock_ms();

	if (!agent->fed && now - agent->opened_at < loop_ms(agent->loop, LIVED_MS))
		return false;
	if (now - agent->resumed_since > loop_ms(agent->loop, RESUMES_PER_MS)) {
		agent->resumed_since = now;
		agent->n_resumed = 0;
	}
	return agent->n_resumed++ < RESUMES_MAX;
}

/* Cut again and again before the end, slow, or without an end: what is followed is out of date. */
static bool is_late(const struct agent *agent)
{
	return !watch_is_whole(agent->watch) &&
	       clock_ms() - agent->began_at > loop_ms(agent->loop, WHOLE_MS);
}

static void late(struct agent *agent)
{
	agent_retry(agent, agent_open_stream, false, -1,
		    "the event stream: the VPC's devices are still not complete");
}

static void feed_failed(struct agent *agent)
{
	char text[BORDER_TEXT_MAX];

	snprintf(text, sizeof(text), "the event stream: %s",
		 agent->feed_err == -EBADMSG || agent->feed_err == -EPROTO
			 ? watch_error(agent->watch)
			 : strerror(-agent->feed_err));
	agent_retry(agent, agent_open_stream, false, -1, text);
}

bool agent_is_let_in(const struct agent *agent, const struct http_answer *answer)
{
	if (answer->err || (answer->status != 401 && answer->status != 403))
		return true;
	/* A user's token: whoever it is that does not like it any more, another is soon had. */
	if (answer->status == 401 && agent->bearer_until)
		return false;
	return !answer_refuses(answer->status, answer->body, answer->body_len);
}

bool agent_is_missing(const struct http_answer *answer)
{
	char resource[32];

	if (answer->status != 404)
		return answer->status == 405 || answer->status == 501;
	return answer_text(answer->body, answer->body_len, "resource", resource,
			   sizeof(resource)) != 0;
}

/* The watch for groups alone may be switched off at the server; they are nothing to a relay. */
static bool are_groups_off(const struct agent *agent, const struct http_answer *answer)
{
	static const char groups[] = "security-groups";
	char reason[ANSWER_TEXT_MAX];

	return answer->status == 405 && !agent->has_no_groups &&
	       !answer_text(answer->body, answer->body_len, "reason", reason, sizeof(reason)) &&
	       !strncmp(reason, groups, strlen(groups));
}

/* What had it before has it again soon, most likely: a proxy that starts says so as well. */
static bool is_stream_missing(struct agent *agent, const struct http_answer *answer)
{
	if (answer->err || !agent_is_missing(answer))
		return false;
	return !agent->had_stream || ++agent->n_missing >= MISSING_MAX;
}

static void stream_refused(struct agent *agent, const struct http_answer *answer)
{
	agent_not_good(agent, agent_open_stream, "the event stream", answer);
	/* It may be where we want to go on that it does not like. */
	if (answer->status == 400 || answer->status == 410) {
		watch_free(agent->watch);
		agent->watch = NULL;
	}
}

static void go_without_groups(struct agent *agent)
{
	agent->has_no_groups = true;
	watch_without_groups(agent->watch);
	if (agent->before)
		watch_without_groups(agent->before);
	agent_open_stream(agent);
}

static void stream_done(void *arg, const struct http_answer *answer)
{
	struct agent *agent = arg;

	agent->stream = NULL;
	timer_stop(&agent->quiet);
	timer_stop(&agent->stands);
	if (agent->feed_err)
		feed_failed(agent);
	else if (agent->is_open && is_late(agent))
		late(agent);
	else if (agent->is_open && may_resume_at_once(agent))
		agent_open_stream(agent);
	else if (agent->is_open)
		agent_retry(agent, agent_open_stream, false, -1,
			    "the event stream was cut at once");
	else if (!agent_is_let_in(agent, answer))
		agent_not_let_in(agent, answer);
	else if (!answer->err && are_groups_off(agent, answer))
		go_without_groups(agent);
	else if (is_stream_missing(agent, answer))
		agent_poll(agent);
	else
		stream_refused(agent, answer);
}

/*
 * The server has taken the request. It may have nothing to say; a page of something on the way
 * begins like this, too, and is soon seen to be none of its.
 */
static void stream_open(void *arg)
{
	struct agent *agent = arg;

	agent->is_open = agent->had_stream = true;
	agent->n_missing = 0;
	agent->heard_at = clock_ms();
	timer_arm_hurried(&agent->stands, STANDS_MS);
}

static void on_stands(void *arg)
{
	struct agent *agent = arg;

	if (agent->stream && agent->is_open && watch_is_whole(agent->watch))
		agent_is_well(agent);
}

static void open_with_token(struct agent *agent)
{
	const struct http_request more = {
		.is_stream = true,
		.on_open = stream_open,
		.on_data = stream_data,
		.on_done = stream_done,
	};
	char body[2048];
	int err = watch_request(agent->watch, body, sizeof(body));

	agent->fed = 0;
	agent->is_open = false;
	agent->feed_err = 0;
	agent->opened_at = clock_ms();
	if (!err)
		err = agent_call(agent, "POST", "/api/events", body, &more, &agent->stream);
	if (err)
		agent_retry(agent, agent_open_stream, false, -1, strerror(-err));
	else
		timer_arm_hurried(&agent->quiet, QUIET_MS);
}

/* The next connection: on with what is known, unless too much may have happened since. */
void agent_open_stream(struct agent *agent)
{
	bool is_held = agent_is_held(agent, agent_open_stream);
	bool gap =
		agent->heard_at && clock_ms() - agent->heard_at > loop_ms(agent->loop, GAP_MAX_MS);

	if (is_held)
		return;
	if (agent->before && agent->watch)
		go_back(agent);
	if (gap)
		agent_drop_watch(agent);
	if (!agent->watch && new_watch(agent)) {
		agent_retry(agent, agent_open_stream, false, -1, strerror(ENOMEM));
		return;
	}
	if (agent_bears_key(agent))
		agent_poll(agent); /* it may read, but follow nothing */
	else
		agent_with_bearer(agent, open_with_token);
}

static void on_quiet(void *arg)
{
	struct agent *agent = arg;

	if (agent->before && agent->watch) {
		http_cancel(agent->stream);
		agent->stream = NULL;
		agent_open_stream(agent);
		return;
	}
	/* While no other can be opened, the one that is there may still have something to say. */
	if ((agent->is_open && agent_hold_ms(agent)) ||
	    (!is_late(agent) && clock_ms() - agent->heard_at < loop_ms(agent->loop, QUIET_MS))) {
		timer_arm_hurried(&agent->quiet, QUIET_MS);
		return;
	}
	http_cancel(agent->stream);
	agent->stream = NULL;
	if (is_late(agent))
		late(agent);
	else
		agent_open_stream(agent);
}

static void stop_following(struct agent *agent)
{
	http_cancel(agent->stream);
	agent->stream = NULL;
	timer_stop(&agent->quiet);
	timer_stop(&agent->stands);
	timer_stop(&agent->again);
	agent->polls = false;
}

void agent_watch(struct agent *agent)
{
	(void)uuid_parse(agent->device_id, agent->own_id);
	if (!agent->was_whole)
		agent_say(agent, CONTROL_SYNCING, 0, "asking for the VPC's devices");
	timer_arm_hurried(&agent->resync, agent_spread(RESYNC_MS));
	stop_following(agent);
	agent_open_stream(agent);
}

void agent_watch_anew(struct agent *agent)
{
	/* What was followed before the polling is older than what was polled. */
	if (!agent->polls && !agent->before && agent->watch && watch_is_whole(agent->watch))
		agent->before = agent->watch;
	else
		watch_free(agent->watch);
	agent->watch = NULL;
	agent_watch(agent);
}

static void on_resync(void *arg)
{
	struct agent *agent = arg;

	if (agent->polls && agent->stream)
		timer_arm_hurried(&agent->resync, AGENT_POLL_S * 1000); /* the list comes first */
	else if ((agent->stream || agent->polls) && !agent_hold_ms(agent))
		agent_watch_anew(agent);
	else
		timer_arm_hurried(&agent->resync,
				  agent_spread(RESYNC_MS)); /* in trouble, held, or registering:
							       that comes first */
}

void agent_stream_new(struct agent *agent)
{
	timer_init(&agent->quiet, agent->loop, on_quiet, agent);
	timer_init(&agent->resync, agent->loop, on_resync, agent);
	timer_init(&agent->stands, agent->loop, on_stands, agent);
	skipped_init(&agent->poll_skipped, agent_warning, agent);
	agent_revoked_new(agent);
}

void agent_stream_free(struct agent *agent)
{
	http_cancel(agent->stream);
	timer_stop(&agent->quiet);
	timer_stop(&agent->resync);
	timer_stop(&agent->stands);
	agent_drop_watch(agent);
	agent_poll_free(agent);
	agent_revoked_free(agent);
}
