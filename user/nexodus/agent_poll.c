// SPDX-License-Identifier: Apache-2.0
/* agent_poll.c - the list itself, now and then, where there is no stream, or none for us. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json_member.h"
#include "base/uuid.h"
#include "nexodus/agent_private.h"

/* Then the stream is asked for again: something may have been in its way. */
#define POLLED_MS 300000

static int poll_device(void *arg, struct json_object *object, uint64_t line)
{
	struct agent *agent = arg;
	const char *id = json_text(object, "id"), *why;
	struct complaint complaint = {};
	uint8_t bytes[DEVICE_ID_BYTES];
	int err;

	(void)line;
	if (!id || uuid_parse(id, bytes))
		return 0;
	err = device_json_read(object, &agent->poll_device, complaint_add, &complaint, &why);
	if (!memcmp(bytes, agent->own_id, sizeof(bytes))) {
		agent->own_is_odd = err == -EINVAL;
		if (!err)
			agent_endpoints_record(agent, object);
	}
	if (err == -EINVAL) {
		complaint = (struct complaint){};
		complaint_add(&complaint, NULL, why);
	} else if (!err) {
		err = device_cache_put(agent->polling, bytes, &agent->poll_device);
	}
	if (err < 0 && err != -EINVAL)
		return err;
	(void)skipped_take(&agent->poll_skipped, bytes, agent->poll_device.device.name,
			   &complaint); /* whether it has changed is asked in the end */
	return 0;
}

static int poll_data(void *arg, const char *bytes, size_t len)
{
	return json_stream_feed(&((struct agent *)arg)->poll_reader, bytes, len);
}

static void poll_again(struct agent *agent)
{
	agent->then = agent_poll;
	timer_arm_hurried(&agent->again, AGENT_POLL_S * 1000);
}

/* Most of the time it is what it was. */
static void polled_whole(struct agent *agent)
{
	bool is_same = agent->polled && device_cache_is_same(agent->polled, agent->polling);

	skipped_end(&agent->poll_skipped);
	is_same = is_same && agent->n_polled_skipped == agent->poll_skipped.n;
	agent->n_polled_skipped = agent->poll_skipped.n;
	device_cache_free(agent->polled);
	agent->polled = agent->polling;
	agent->polling = NULL;
	if (!is_same || agent->is_trouble)
		agent_whole(agent);
	agent_is_well(agent);
}

static void poll_done(void *arg, const struct http_answer *answer)
{
	char text[JSON_ERROR_MAX + sizeof("the device list: ")];
	struct agent *agent = arg;
	bool is_bad, is_whole = !answer->err && answer->status == 200 && answer->is_whole &&
				!json_stream_finish(&agent->poll_reader);

	agent->stream = NULL;
	snprintf(text, sizeof(text), "the device list: %s", agent->poll_reader.error);
	is_bad = *agent->poll_reader.error;
	json_stream_done(&agent->poll_reader);
	device_json_done(&agent->poll_device);
	if (is_whole) {
		polled_whole(agent);
		poll_again(agent);
		return;
	}
	device_cache_free(agent->polling);
	agent->polling = NULL;
	if (!answer->err && agent_is_missing(answer)) {
		/* Neither: that is no old server, but something in the way of both. */
		agent->polls = false;
		agent_not_good(agent, agent_open_stream, "the event stream, and the device list",
			       answer);
		return;
	}
	if (answer->status == 200 && is_bad)
		agent_retry(agent, agent_poll, false, -1, text);
	else if (!agent_is_let_in(agent, answer))
		agent_not_let_in(agent, answer);
	else
		agent_not_good(agent, agent_poll, "the device list", answer);
}

static void poll_with_token(struct agent *agent)
{
	const struct http_request more = { .on_data = poll_data, .on_done = poll_done };
	char path[128];
	int err;

	agent->own_is_odd = false;
	skipped_begin(&agent->poll_skipped);
	agent->polling = device_cache_new();
	err = agent->polling ? json_stream_init(&agent->poll_reader, JSON_ARRAY, poll_device, agent)
			     : -ENOMEM;
	snprintf(path, sizeof(path), "/api/vpcs/%s/devices", agent->vpc_id);
	if (!err)
		err = agent_call(agent, "GET", path, NULL, &more, &agent->stream);
	if (err)
		agent_retry(agent, agent_poll, false, -1, strerror(-err));
}

/* There is no stream: an old server, or none for us. Now and then it is asked for again. */
void agent_poll(struct agent *agent)
{
	if (agent_is_held(agent, agent_poll))
		return;
	if (!agent->polls) {
		device_cache_free(agent->polled);
		agent->polled = NULL;
		watch_free(agent->before);
		agent->before = NULL;
		timer_arm_hurried(&agent->resync, POLLED_MS);
	}
	agent->polls = true;
	device_cache_free(agent->polling);
	agent->polling = NULL;
	agent_with_bearer(agent, poll_with_token);
}

void agent_poll_free(struct agent *agent)
{
	device_cache_free(agent->polled);
	device_cache_free(agent->polling);
	skipped_clear(&agent->poll_skipped);
	json_stream_done(&agent->poll_reader);
	device_json_done(&agent->poll_device);
}
