// SPDX-License-Identifier: Apache-2.0
/*
 * agent_register.c - from a registration key or a login to a registered device with a token of its
 * own.
 *
 *	RK: GET reg-keys/me    user: GET users/me         which VPC
 *	GET vpcs/ID                                       is it there
 *	(STUN)                                            where are we, at most three seconds
 *	GET vpcs/ID/devices?filter={"relay":true}         has it a relay already
 *	POST devices, on 409 PATCH devices/ID             our record
 *	PUT devices/ID/metadata/relay                     while we still may: a device token may not
 *
 * Every step can be taken again: the public key makes it the same record each time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_member.h"
#include "base/printable.h"
#include "base/uuid.h"
#include "nexodus/agent_step.h"

static const struct agent_step key_step = {
	"ask for the registration key", "a registration key", { "id", "vpc_id" }, 200
};
static const struct agent_step user_step = { "ask for the user", "a user", { "id" }, 200 };
static const struct agent_step vpc_step = { "ask for the VPC", "a VPC", { "id" }, 200 };
static const struct agent_step relays_step = {
	"ask whether the VPC has a relay already", "a list of devices", {}, 200
};
static const struct agent_step create_step = {
	"register the device", "a device", { "id", "vpc_id", "public_key" }, 201
};
static const struct agent_step update_step = {
	"update the device", "a device", { "id", "vpc_id", "public_key" }, 200
};
static const struct agent_step metadata_step = { "say that this device is a relay", "", {}, 200 };

/* A server that gives no device token, or one that we cannot read: then it is what we have. */
static void say_no_token(struct agent *agent)
{
	border_batch_text(&agent->batch, BORDER_WARNING, "%s: going on with the %s",
			  *agent->device.sealed_token ? "the device token cannot be opened"
						      : "the server gives no device token",
			  agent_bears_key(agent)
				  ? "registration key, which may only ask for the list now and then"
				  : "user's login");
}

static void registered(struct agent *agent)
{
	struct saved_state *saved = &agent->saved;
	char token[SERVICE_TOKEN_MAX];

	agent->was_registered = true;
	agent->is_token_refused = saved->is_other_key = false;
	snprintf(saved->device_id, sizeof(saved->device_id), "%s", agent->device_id);
	snprintf(saved->vpc_id, sizeof(saved->vpc_id), "%s", agent->vpc_id);
	if (!sealed_token_open(agent->device.sealed_token, agent->account.public_key, token,
			       sizeof(token))) {
		snprintf(saved->device_token, sizeof(saved->device_token), "%s", token);
		snprintf(agent->bearer, sizeof(agent->bearer), "%s", token);
		agent->bearer_until = 0;
		explicit_bzero(saved->refresh_token, sizeof(saved->refresh_token));
	} else {
		explicit_bzero(saved->device_token, sizeof(saved->device_token));
		say_no_token(agent);
	}
	explicit_bzero(token, sizeof(token));
	explicit_bzero(&agent->device, sizeof(agent->device));
	agent_keep(agent);
	pace_well(&agent->soon, clock_ms());
	agent_drop_watch(agent);
	agent_watch_anew(agent);
}

static void metadata_done(void *arg, const struct http_answer *answer)
{
	struct agent *agent = arg;

	agent->call = NULL;
	if (agent_step_is(answer, 200))
		registered(agent);
	else
		agent_step_not_good(agent, &metadata_step, answer);
}

static void put_metadata(struct agent *agent)
{
	struct json_object *body = json_object_new_object();
	char path[128];

	json_object_object_add(body, "type", json_object_new_string("wireguard"));
	snprintf(path, sizeof(path), "/api/devices/%s/metadata/relay", agent->device_id);
	agent_step_ask(agent, "PUT", path, body, metadata_done);
}

static void take_device(struct agent *agent, const struct agent_step *step,
			const struct http_answer *answer)
{
	if (answer_device(answer->body, answer->body_len, &agent->device)) {
		agent_step_bad(agent, step, answer);
		return;
	}
	if (memcmp(agent->device.public_key, agent->account.public_key, WG_KEY_BYTES) != 0) {
		agent_step_unexpected(agent, step, "one of another public key");
		return;
	}
	if (strcasecmp(agent->device.vpc_id, agent->vpc_id) != 0) {
		agent_step_unexpected(agent, step, "one of another VPC");
		return;
	}
	snprintf(agent->device_id, sizeof(agent->device_id), "%s", agent->device.id);
	put_metadata(agent);
}

static void update_done(void *arg, const struct http_answer *answer)
{
	struct agent *agent = arg;

	agent->call = NULL;
	if (agent_step_is(answer, 200))
		take_device(agent, &update_step, answer);
	else if (agent_step_refuses(answer, 403))
		agent_not_good(agent, agent_register_again,
			       "update the device, which somebody else has registered (delete it "
			       "there, or remove private.key here)",
			       answer);
	else
		agent_step_not_good(agent, &update_step, answer);
}

static void add_text(struct json_object *object, const char *name, const char *text)
{
	if (*text)
		json_object_object_add(object, name, json_object_new_string(text));
}

/* Members that creating and updating have in common. */
static struct json_object *new_device(struct agent *agent)
{
	struct json_object *endpoints = endpoint_finder_list(&agent->finder);
	struct json_object *body = json_object_new_object();

	add_text(body, "vpc_id", agent->vpc_id);
	add_text(body, "hostname", agent->account.hostname);
	json_object_object_add(body, "relay", json_object_new_boolean(true));
	json_object_object_add(body, "symmetric_nat", json_object_new_boolean(false));
	if (endpoints)
		json_object_object_add(body, "endpoints", json_object_get(endpoints));
	/* What is found out from now on is not what the server gets. */
	agent_endpoints_published(agent);
	return body;
}

static void update(struct agent *agent)
{
	struct json_object *body = new_device(agent);
	char path[128];

	add_text(body, "security_group_id", agent->security_group_id);
	snprintf(path, sizeof(path), "/api/devices/%s", agent->device_id);
	agent_step_ask(agent, "PATCH", path, body, update_done);
}

static void create_done(void *arg, const struct http_answer *answer)
{
	struct agent *agent = arg;

	agent->call = NULL;
	/* Only an update applies the security group. */
	if (agent_step_is(answer, 201) && !*agent->security_group_id) {
		take_device(agent, &create_step, answer);
	} else if (agent_step_is(answer, 201) || agent_step_is(answer, 409)) {
		if (answer_id(answer->body, answer->body_len, "id", agent->device_id))
			agent_step_bad(agent, &create_step, answer);
		else
			update(agent);
	} else {
		agent_step_not_good(agent, &create_step, answer);
	}
}

static void add_requested_ip(struct agent *agent, struct json_object *body)
{
	struct json_object *array, *item;

	if (!*agent->account.request_ip)
		return;
	array = json_object_new_array();
	item = json_object_new_object();
	add_text(item, "address", agent->account.request_ip);
	add_text(item, "cidr", agent->ipv4_cidr);
	json_object_array_add(array, item);
	json_object_object_add(body, "ipv4_tunnel_ips", array);
}

static void create(struct agent *agent)
{
	struct json_object *body = new_device(agent);
	char key[WG_KEY_TEXT];

	add_text(body, "public_key", wg_key_format(agent->account.public_key, key));
	add_text(body, "os", "linux");
	add_requested_ip(agent, body);
	agent_step_ask(agent, "POST", "/api/devices", body, create_done);
}

static int look_at_relay(void *arg, struct json_object *object, uint64_t line)
{
	struct agent *agent = arg;
	const char *key = json_text(object, "public_key"), *id = json_text(object, "id");
	char own[WG_KEY_TEXT], text[sizeof(agent->other_relay)];

	(void)line;
	if (!json_is_true(object, "relay") || !key || !*key ||
	    !strcmp(key, wg_key_format(agent->account.public_key, own)) || *agent->other_relay)
		return 0;
	snprintf(text, sizeof(text), "'%s' (device %s)", json_text(object, "hostname") ?: "",
		 id ?: "?");
	printable_copy(agent->other_relay, sizeof(agent->other_relay), text);
	return 0;
}

static int relays_data(void *arg, const char *bytes, size_t len)
{
	struct agent *agent = arg;
	size_t room = sizeof(agent->relays_begin) - 1 - agent->relays_begin_len;
	size_t n = len < room ? len : room;

	memcpy(agent->relays_begin + agent->relays_begin_len, bytes, n);
	agent->relays_begin_len += n;
	return json_stream_feed(&agent->relays, bytes, len);
}

static void bad_relays(struct agent *agent)
{
	char got[ANSWER_SHAPE_MAX], text[ANSWER_SHAPE_MAX + JSON_ERROR_MAX + 4];

	agent->relays_begin[agent->relays_begin_len] = '\0';
	agent_mask(agent, agent->relays_begin);
	answer_excerpt(agent->relays_begin, agent->relays_begin_len, got);
	snprintf(text, sizeof(text), "%s (%s)", got, agent->relays.error);
	agent_step_unexpected(agent, &relays_step, agent->relays_begin_len ? text : got);
}

static void relays_done(void *arg, const struct http_answer *answer)
{
	struct agent *agent = arg;
	char text[BORDER_TEXT_MAX];

	agent->call = NULL;
	/* What is no list has ended the call. */
	if (answer->status == 200 &&
	    (*agent->relays.error ||
	     (agent_step_is(answer, 200) && json_stream_finish(&agent->relays)))) {
		bad_relays(agent);
	} else if (!agent_step_is(answer, 200)) {
		agent_step_not_good(agent, &relays_step, answer);
	} else if (*agent->other_relay) {
		snprintf(text, sizeof(text),
			 "the VPC has a relay already, %s: delete that device first; nothing was "
			 "registered",
			 agent->other_relay);
		agent_retry(agent, agent_register_again, true, -1, text);
	} else {
		create(agent);
	}
	json_stream_done(&agent->relays);
}

/* Nodes take any of several relays: a second one would lock the first out (nexd does). */
static void look_for_relays(struct agent *agent)
{
	const struct http_request more = { .on_data = relays_data, .on_done = relays_done };
	char path[128];
	int err;

	json_stream_done(&agent->relays);
	*agent->other_relay = '\0';
	agent->relays_begin_len = 0;
	err = json_stream_init(&agent->relays, JSON_ARRAY, look_at_relay, agent);
	snprintf(path, sizeof(path), "/api/vpcs/%s/devices?filter=%%7B%%22relay%%22%%3Atrue%%7D",
		 agent->vpc_id);
	if (!err)
		err = agent_call(agent, "GET", path, NULL, &more, &agent->call);
	if (err)
		agent_retry(agent, agent_register_again, false, -1, strerror(-err));
}

void agent_endpoints_known(struct agent *agent)
{
	if (!agent->waits_for_endpoints)
		return;
	agent->waits_for_endpoints = false;
	look_for_relays(agent);
}

static void vpc_done(void *arg, const struct http_answer *answer)
{
	struct agent *agent = arg;
	char id[UUID_TEXT];

	agent->call = NULL;
	if (!agent_step_is(answer, 200)) {
		agent_step_not_good(agent, &vpc_step, answer);
		return;
	}
	if (answer_id(answer->body, answer->body_len, "id", id)) {
		agent_step_bad(agent, &vpc_step, answer);
		return;
	}
	if (strcasecmp(id, agent->vpc_id) != 0) {
		agent_step_unexpected(agent, &vpc_step, "another VPC");
		return;
	}
	(void)answer_text(answer->body, answer->body_len, "ipv4_cidr", agent->ipv4_cidr,
			  sizeof(agent->ipv4_cidr));
	/* First what takes long: of two relays that start together, one is to find the other. */
	agent->waits_for_endpoints = true;
	endpoint_finder_again(&agent->finder);
	if (endpoint_finder_is_done(&agent->finder))
		agent_endpoints_known(agent);
}

static void look_at_vpc(struct agent *agent)
{
	char path[128];

	snprintf(path, sizeof(path), "/api/vpcs/%s", agent->vpc_id);
	agent_step_ask(agent, "GET", path, NULL, vpc_done);
}

/* Another key than the kept registration was made with: of the same VPC, or of no use? */
static bool goes_on(struct agent *agent, const struct http_answer *answer, int id_err)
{
	struct saved_state *saved = &agent->saved;
	bool is_of_vpc =
		agent_step_is(answer, 200) && !id_err && !strcasecmp(agent->vpc_id, saved->vpc_id);

	if (!saved->is_other_key || !*saved->device_token || agent->is_token_refused)
		return false;
	if (agent_step_is(answer, 200) && !id_err && !is_of_vpc) {
		explicit_bzero(saved, sizeof(*saved)); /* that is over: another VPC */
		agent->was_registered = false;
	}
	if (!is_of_vpc && !agent_step_refuses(answer, 401))
		return false;
	saved->is_other_key = false;
	if (is_of_vpc)
		agent_keep(agent);
	agent_go_on(agent);
	return true;
}

static void key_done(void *arg, const struct http_answer *answer)
{
	struct agent *agent = arg;
	char key_id[UUID_TEXT];
	int id_err;

	agent->call = NULL;
	id_err = answer_id(answer->body, answer->body_len, "vpc_id", agent->vpc_id);
	if (goes_on(agent, answer, id_err))
		return;
	if (agent_step_refuses(answer, 401) && *agent->saved.device_token) {
		agent->is_token_refused = false; /* the next time it is asked for */
		*agent->bearer = '\0';
		agent_not_good(agent, agent_begin,
			       "neither the token that is kept nor the registration key is "
			       "accepted",
			       answer);
	} else if (agent_step_refuses(answer, 401))
		agent_not_good(agent, agent_register_again,
			       "the registration key is not accepted (deleted, or expired)",
			       answer);
	else if (!agent_step_is(answer, 200))
		agent_step_not_good(agent, &key_step, answer);
	else if (answer_id(answer->body, answer->body_len, "id", key_id) ||
		 (id_err && id_err != -ENODATA))
		agent_step_bad(agent, &key_step, answer);
	else if (id_err)
		agent_retry(agent, agent_register_again, true, -1,
			    "the registration key is not one for a VPC: make another");
	else {
		(void)answer_id(answer->body, answer->body_len, "security_group_id",
				agent->security_group_id);
		look_at_vpc(agent);
	}
}

static void user_done(void *arg, const struct http_answer *answer)
{
	struct agent *agent = arg;

	agent->call = NULL;
	if (!agent_step_is(answer, 200))
		agent_step_not_good(agent, &user_step, answer);
	else if (answer_id(answer->body, answer->body_len, "id", agent->vpc_id))
		agent_step_bad(agent, &user_step, answer);
	else
		look_at_vpc(agent); /* a user's first VPC has the user's id */
}

void agent_register(struct agent *agent)
{
	const struct account *account = &agent->account;

	if (!agent->is_trouble)
		agent_say(agent, CONTROL_REGISTERING, 0, "registering");
	*agent->device_id = *agent->ipv4_cidr = '\0';
	snprintf(agent->security_group_id, sizeof(agent->security_group_id), "%s",
		 account->security_group_id);
	snprintf(agent->vpc_id, sizeof(agent->vpc_id), "%s", account->vpc_id);
	if (!agent->bearer_until)
		agent_step_ask(agent, "GET", "/api/reg-keys/me", NULL, key_done);
	else if (*account->vpc_id)
		look_at_vpc(agent);
	else
		agent_step_ask(agent, "GET", "/api/users/me", NULL, user_done);
}
