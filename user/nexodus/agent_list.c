// SPDX-License-Identifier: Apache-2.0
/*
 * agent_list.c - devices to the node: all of them once, then only what has changed, several changes
 * at once when they come fast.
 */
#include <errno.h>
#include <string.h>

#include "nexodus/agent_private.h"

/* The node's work for a change grows with the list: time to it between changes. */
#define PAUSE_MIN_MS 10
#define DEVICES_PER_PAUSE_MS 1000

static int send_device(void *arg, const uint8_t id[static DEVICE_ID_BYTES],
		       const struct device *device, const struct prefix *prefixes)
{
	struct device with_id = *device;

	memcpy(with_id.id, id, DEVICE_ID_BYTES);
	return border_batch_device(arg, &with_id, prefixes);
}

static void begin(struct agent *agent, enum border_kind kind)
{
	agent->batch.list++;
	agent->batch.n_devices = agent->batch.n_prefixes = 0;
	(void)border_batch_next(&agent->batch, kind);
}

static void end(struct agent *agent)
{
	struct border_record *record = border_batch_next(&agent->batch, BORDER_LIST_END);
	size_t n_devices, n_prefixes;

	device_cache_count(agent_devices(agent), &n_devices, &n_prefixes);
	if (record) {
		record->end.n_devices = n_devices;
		record->end.n_prefixes = n_prefixes;
		record->end.n_skipped = agent_skipped(agent);
	}
	agent_flush(agent);
	agent->n_dirty = 0;
	agent->all_dirty = false;
	agent->flushed_at = clock_ms();
}

void agent_list_whole(struct agent *agent)
{
	begin(agent, BORDER_LIST_BEGIN);
	(void)device_cache_each(agent_devices(agent), send_device, &agent->batch);
	end(agent);
	timer_stop(&agent->flush);
}

static void send_changes(struct agent *agent)
{
	const struct device_cache *devices = agent_devices(agent);
	struct border_record *record;

	begin(agent, BORDER_CHANGE_BEGIN);
	for (size_t i = 0; i < agent->n_dirty; i++) {
		const struct device *device = device_cache_find(devices, agent->dirty[i]);

		if (device) {
			(void)send_device(&agent->batch, agent->dirty[i], device,
					  device_cache_prefixes(devices, device));
			continue;
		}
		record = border_batch_next(&agent->batch, BORDER_DEVICE_GONE);
		if (record)
			memcpy(record->gone, agent->dirty[i], DEVICE_ID_BYTES);
	}
	end(agent);
}

static void on_flush(void *arg)
{
	struct agent *agent = arg;

	if (!agent_devices(agent) || agent->own_is_gone)
		return;
	if (agent->all_dirty)
		agent_list_whole(agent);
	else if (agent->n_dirty)
		send_changes(agent);
}

static bool is_dirty(const struct agent *agent, const uint8_t *id)
{
	for (size_t i = 0; i < agent->n_dirty; i++)
		if (!memcmp(agent->dirty[i], id, DEVICE_ID_BYTES))
			return true;
	return false;
}

static void mark(void *arg, const uint8_t id[static DEVICE_ID_BYTES])
{
	struct agent *agent = arg;

	if (agent->all_dirty || is_dirty(agent, id))
		return;
	if (agent->n_dirty == AGENT_DIRTY_MAX)
		agent->all_dirty = true;
	else
		memcpy(agent->dirty[agent->n_dirty++], id, DEVICE_ID_BYTES);
}

void agent_list_changed(struct agent *agent, const uint8_t id[static DEVICE_ID_BYTES])
{
	size_t n_devices, n_prefixes;
	int64_t wait;

	mark(agent, id);
	/* The relay compares revisions, and was not told of a rival's while it had none. */
	device_cache_rivals(agent_devices(agent), id, mark, agent);
	if (timer_is_armed(&agent->flush))
		return;
	device_cache_count(agent_devices(agent), &n_devices, &n_prefixes);
	wait = PAUSE_MIN_MS + n_devices / DEVICES_PER_PAUSE_MS;
	wait -= clock_ms() - agent->flushed_at;
	timer_arm(&agent->flush, wait > 0 ? wait : 0);
}

void agent_list_new(struct agent *agent)
{
	timer_init(&agent->flush, agent->loop, on_flush, agent);
}
