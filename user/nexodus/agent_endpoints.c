// SPDX-License-Identifier: Apache-2.0
/*
 * agent_endpoints.c - where agents reach this relay: our own address on the way to the api-server,
 * and what STUN servers see of WireGuard's port. Looked at now and then, published on change.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json_member.h"
#include "nexodus/agent_private.h"
#include "nexodus/endpoint_list.h"

#define FIRST_STUN_MS 2500 /* a start is never held up longer than three seconds */
#define LATER_STUN_MS 5000
#define LOOK_MS 20000 /* as often as nexd */
#define OTHER_WAY_LOOKS 3
/* A server that fails all day must not hear of it at every look. */
#define PUBLISH_PAUSE_MAX_MS 900000

static const struct sockaddr_storage *local_of(const struct agent *agent, sa_family_t family)
{
	const struct sockaddr_storage *at =
		family == AF_INET ? &agent->local.ipv4 : &agent->local.ipv6;

	return family && at->ss_family == family ? at : NULL;
}

/* Where both families work it may be another one each time, which is no news. */
static void see_way(struct agent *agent)
{
	sa_family_t family = http_family(agent->http);

	agent->n_other_way = family == agent->way ? 0 : agent->n_other_way + 1;
	if (agent->n_other_way >= OTHER_WAY_LOOKS)
		agent->way = family;
}

void agent_endpoints_rebuild(struct agent *agent)
{
	/* Agents compare and reach each other by IPv4. */
	struct endpoint_facts facts = { .port = agent->account.listen_port,
					.local = local_of(agent, AF_INET)
							 ?: local_of(agent, AF_INET6) };
	struct json_object *endpoints;
	struct prefix given;

	if (!local_of(agent, agent->way))
		agent->way = http_family(agent->http);
	facts.way = local_of(agent, agent->way);
	if (*agent->account.local_endpoint && !prefix_parse(agent->account.local_endpoint, &given))
		facts.local_ip = &given;
	if (agent->has_mapped) {
		facts.mapped = &agent->mapped;
		facts.server = agent->mapped_by;
	}
	if (endpoint_list_new(&facts, &endpoints))
		return;
	json_object_put(agent->endpoints);
	agent->endpoints = endpoints;
}

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

/* Once, too. */
static void say_no_stun(struct agent *agent)
{
	if (agent->is_stun_said)
		return;
	agent->is_stun_said = true;
	border_batch_text(&agent->batch, BORDER_WARNING,
			  "no STUN server answers: publishing the local address only");
	agent_flush(agent);
}

static void say_symmetric(struct agent *agent)
{
	if (agent->is_symmetric_said)
		return;
	agent->is_symmetric_said = true;
	border_batch_text(
		&agent->batch, BORDER_WARNING,
		"two STUN servers see this host differently: it is behind a symmetric NAT, and "
		"most devices will not reach it; have UDP port %u forwarded to it",
		agent->account.listen_port);
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
	struct json_object *body;
	char path[128];

	if (agent->endpoints)
		agent_endpoints_rebuild(agent); /* the server was reached meanwhile */
	/* A token of the device's own, or a user's: before that nothing is registered. */
	if (!agent->watch || agent->publish || !agent->endpoints || !*agent->bearer ||
	    agent->own_is_gone || clock_ms() < agent->hold_until ||
	    clock_ms() < agent->publish_at || (!agent->published && !agent->has_record) ||
	    (!agent->has_settings && endpoint_list_is_same(agent->endpoints, agent->published)))
		return;
	body = json_object_new_object();
	json_object_object_add(body, "endpoints", json_object_get(agent->endpoints));
	if (agent->has_settings)
		add_settings(agent, body);
	snprintf(path, sizeof(path), "/api/devices/%s", agent->device_id);
	agent->publishing = json_object_get(agent->endpoints);
	if (agent_call(agent, "PATCH", path,
		       json_object_to_json_string_ext(body, JSON_C_TO_STRING_NOSLASHESCAPE), &more,
		       &agent->publish)) {
		json_object_put(agent->publishing);
		agent->publishing = NULL;
	}
	json_object_put(body);
}

static void known(struct agent *agent)
{
	if (!agent_endpoints_are_known(agent))
		return;
	see_way(agent);
	agent_endpoints_rebuild(agent);
	agent_endpoints_known(agent);
	agent_endpoints_publish(agent);
}

static void stun_done(void *arg, int err, const struct sockaddr_in *mapped, const char *server,
		      bool is_symmetric)
{
	struct agent *agent = arg;

	agent->is_mapped_known = true;
	/*
	 * Servers that do not answer for once are no news of where we are; nor are those that see
	 * different ports, of whom each time another one answers first.
	 */
	if (!err && !(is_symmetric && agent->has_mapped &&
		      agent->mapped.sin_addr.s_addr == mapped->sin_addr.s_addr)) {
		agent->mapped = *mapped;
		snprintf(agent->mapped_by, sizeof(agent->mapped_by), "%s", server);
		agent->has_mapped = true;
	}
	if (err && !agent->has_mapped)
		say_no_stun(agent);
	else if (!err && is_symmetric)
		say_symmetric(agent);
	known(agent);
}

static void local_done(void *arg, int err, const struct sockaddr_storage *addresses, size_t n)
{
	struct agent *agent = arg;
	struct local_addresses local;

	agent->local_request = NULL;
	agent->is_local_known = true;
	/* A name that only a proxy knows; or that is not known just now. */
	if (!err || (!agent->local.ipv4.ss_family && !agent->local.ipv6.ss_family)) {
		local_addresses(addresses, err ? 0 : n, &local);
		if (local.ipv4.ss_family || local.ipv6.ss_family)
			agent->local = local;
	}
	known(agent);
}

/* Without brackets and port. */
static void api_host(const struct agent *agent, char host[static SERVICE_URL_MAX])
{
	bool has_brackets = agent->account.api[strlen("https://")] == '[';

	snprintf(host, SERVICE_URL_MAX, "%s",
		 agent->account.api + strlen("https://") + has_brackets);
	host[strcspn(host, has_brackets ? "]" : ":/")] = '\0';
}

static void look_for_local(struct agent *agent)
{
	char host[SERVICE_URL_MAX];

	if (agent->local_request)
		return;
	api_host(agent, host);
	if (resolve_start(agent->loop, host, local_done, agent, &agent->local_request))
		agent->is_local_known = true;
}

static void look(struct agent *agent, uint32_t limit_ms)
{
	timer_arm_hurried(&agent->look, LOOK_MS);
	if (agent->stun && stun_probe_start(agent->stun, limit_ms, stun_done, agent))
		agent->is_mapped_known = true;
	look_for_local(agent);
}

/* The server has answered, so there is a way to it: it may not have been there at the start. */
void agent_endpoints_look_again(struct agent *agent)
{
	if (agent->endpoints || agent->local_request)
		return;
	agent->is_local_known = false;
	look_for_local(agent);
}

static void on_look(void *arg)
{
	struct agent *agent = arg;

	/* Whatever has been waited for has had its time. */
	agent->is_local_known = agent->is_mapped_known = true;
	known(agent);
	look(agent, LATER_STUN_MS);
}

static void on_first(void *arg)
{
	struct agent *agent = arg;

	agent->is_local_known = agent->is_mapped_known = true;
	known(agent);
}

int agent_endpoints_start(struct agent *agent)
{
	const char *servers[STUN_SERVERS_MAX];

	for (uint32_t i = 0; i < agent->account.n_stun_servers; i++)
		servers[i] = agent->account.stun_servers[i];
	if (agent->stun_fd >= 0 && agent->account.n_stun_servers) {
		agent->stun =
			stun_probe_new(agent->loop, agent->stun_fd, agent->account.listen_port,
				       servers, agent->account.n_stun_servers);
		if (!agent->stun)
			return -ENOMEM;
		agent->stun_fd = -1;
	}
	timer_init(&agent->look, agent->loop, on_look, agent);
	timer_init(&agent->first_look, agent->loop, on_first, agent);
	agent->publish_pause =
		(struct pace){ .min_ms = loop_ms(agent->loop, LOOK_MS),
			       .max_ms = loop_ms(agent->loop, PUBLISH_PAUSE_MAX_MS) };
	agent->is_mapped_known = !agent->stun;
	timer_arm(&agent->first_look, FIRST_STUN_MS + 500);
	look(agent, FIRST_STUN_MS);
	return 0;
}

bool agent_endpoints_are_known(const struct agent *agent)
{
	return agent->is_local_known && agent->is_mapped_known;
}

void agent_endpoints_published(struct agent *agent)
{
	json_object_put(agent->published);
	agent->published = json_object_get(agent->endpoints);
}

void agent_endpoints_retry(struct agent *agent)
{
	agent->publish_at = 0;
	agent->publish_pause.next_ms = 0;
}

void agent_endpoints_stop(struct agent *agent)
{
	http_cancel(agent->publish);
	resolve_cancel(agent->local_request);
	stun_probe_free(agent->stun);
	if (agent->stun_fd >= 0)
		close(agent->stun_fd);
	timer_stop(&agent->look);
	timer_stop(&agent->first_look);
	json_object_put(agent->endpoints);
	json_object_put(agent->published);
	json_object_put(agent->publishing);
}
