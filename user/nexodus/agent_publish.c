// SPDX-License-Identifier: Apache-2.0
/*
 * agent_publish.c - tell the api-server where devices reach this relay, when that has changed.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json_member.h"
#include "nexodus/agent_private.h"
#include "nexodus/endpoint_list.h"

/* A server that fails all day must not hear of it at every look. */
#define PUBLISH_PAUSE_MAX_MS 900000

/* What passes by itself is told where the list is asked for. */
static bool is_for_good(const struct http_answer *answer)
{
	return !answer->err && answer->status >= 400 && answer->status < 500 &&
	       answer->status != 429;
}

static void say_not_published(struct agent *agent, const struct http_answer *answer,
			      const char *what)
{
	char error[ANSWER_TEXT_MAX];

	answer_error(answer->body, answer->body_len, error);
	agent_mask(agent, error);
	border_batch_text(&agent->batch, BORDER_WARNING,
			  "the server does not take this relay's %s: HTTP status %ld%s%s", what,
			  answer->status, *error ? ": " : "", error);
	agent_flush(agent);
}

static void publish_done(void *arg, const struct http_answer *answer)
{
	struct agent *agent = arg;

	agent->publish = NULL;
	agent_hold(agent, answer->retry_after_s);
	if (agent->has_settings && is_for_good(answer) && answer->status != 401) {
		/* A group that is gone must not keep agents from where we are. */
		say_not_published(agent, answer, "host name or security group");
		agent->has_settings = false;
		json_object_put(agent->publishing);
		agent->publishing = NULL;
		agent_endpoints_publish(agent);
		return;
	}
	/* Else at a later look: it is no trouble of the list's. */
	if (answer->err || answer->status != 200) {
		if (is_for_good(answer) && !agent->is_publish_said) {
			agent->is_publish_said = true;
			say_not_published(agent, answer, "endpoints");
		}
		agent->publish_at =
			clock_ms() + pace_failed(&agent->publish_pause, clock_ms(), agent_random());
		json_object_put(agent->publishing);
		agent->publishing = NULL;
		return;
	}
	agent_endpoints_retry(agent);
	agent->is_publish_said = agent->has_settings = false;
	json_object_put(agent->published);
	agent->published = agent->publishing;
	agent->publishing = NULL;
}

/* Of a device that was registered in an earlier run, they may be others now. */
static void add_settings(const struct agent *agent, struct json_object *body)
{
	const struct account *account = &agent->account;

	if (*account->hostname)
		json_object_object_add(body, "hostname", json_object_new_string(account->hostname));
	if (*account->security_group_id)
		json_object_object_add(body, "security_group_id",
				       json_object_new_string(account->security_group_id));
}

static bool is_other(const char *ours, struct json_object *record, const char *name)
{
	return *ours && strcasecmp(ours, json_text(record, name) ?: "") != 0;
}

void agent_endpoints_record(struct agent *agent, struct json_object *record)
{
	const struct account *account = &agent->account;

	/* From then on it is known what was published, later than the record may tell. */
	if (agent->has_record)
		return;
	agent->has_record = true;
	if (agent->published)
		return;
	agent->published = json_object_get(json_member(record, "endpoints"));
	agent->has_settings = is_other(account->hostname, record, "hostname") ||
			      is_other(account->security_group_id, record, "security_group_id");
}

void agent_endpoints_publish(struct agent *agent)
{
	const struct http_request more = { .on_done = publish_done };
	struct json_object *endpoints = endpoint_finder_list(&agent->finder), *body;
	char path[128];

	/* A token of the device's own, or a user's: before that nothing is registered. */
	if (!agent->watch || agent->publish || !endpoints || !*agent->bearer ||
	    agent->own_is_gone || clock_ms() < agent->hold_until ||
	    clock_ms() < agent->publish_at || (!agent->published && !agent->has_record) ||
	    (!agent->has_settings && endpoint_list_is_same(endpoints, agent->published)))
		return;
	body = json_object_new_object();
	json_object_object_add(body, "endpoints", json_object_get(endpoints));
	if (agent->has_settings)
		add_settings(agent, body);
	snprintf(path, sizeof(path), "/api/devices/%s", agent->device_id);
	agent->publishing = json_object_get(endpoints);
	if (agent_call(agent, "PATCH", path,
		       json_object_to_json_string_ext(body, JSON_C_TO_STRING_NOSLASHESCAPE), &more,
		       &agent->publish)) {
		json_object_put(agent->publishing);
		agent->publishing = NULL;
	}
	json_object_put(body);
}

void agent_endpoints_published(struct agent *agent)
{
	json_object_put(agent->published);
	agent->published = json_object_get(endpoint_finder_list(&agent->finder));
}

void agent_endpoints_retry(struct agent *agent)
{
	agent->publish_at = 0;
	agent->publish_pause.next_ms = 0;
}

static void on_known(void *arg)
{
	agent_endpoints_known(arg);
	agent_endpoints_publish(arg);
}

static sa_family_t server_family(void *arg)
{
	const struct agent *agent = arg;

	return http_family(agent->http);
}

int agent_endpoints_start(struct agent *agent)
{
	const struct endpoint_finder_events events = { on_known, server_family, agent_warning,
						       agent };
	int stun_fd = agent->stun_fd;

	agent->publish_pause =
		(struct pace){ .min_ms = loop_ms(agent->loop, ENDPOINT_FINDER_LOOK_MS),
			       .max_ms = loop_ms(agent->loop, PUBLISH_PAUSE_MAX_MS) };
	agent->stun_fd = -1;
	return endpoint_finder_start(&agent->finder, agent->loop, &agent->account, stun_fd,
				     &events);
}

void agent_endpoints_stop(struct agent *agent)
{
	http_cancel(agent->publish);
	endpoint_finder_stop(&agent->finder);
	if (agent->stun_fd >= 0)
		close(agent->stun_fd);
	json_object_put(agent->published);
	json_object_put(agent->publishing);
}
