// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"
#include "base/uuid.h"
#include "nexodus/watch_private.h"

const char *const watch_kind_names[WATCH_KINDS] = {
	[WATCH_SECURITY_GROUP] = "security-group",
	[WATCH_DEVICE] = "device",
	[WATCH_METADATA] = "device-metadata",
};

struct watch *watch_new(const char *vpc_id, const struct watch_events *events)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->events = *events;
	watch->devices = device_cache_new();
	skipped_init(&watch->skipped, events->on_warning, events->arg);
	id_table_init(&watch->seen, sizeof(struct watch_seen));
	if (!watch->devices || uuid_parse(vpc_id, watch->vpc_id) != 0) {
		int err = watch->devices ? EINVAL : ENOMEM;

		watch_free(watch);
		errno = err;
		return NULL;
	}
	return watch;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	json_stream_done(&watch->stream);
	device_json_done(&watch->device);
	device_cache_free(watch->devices);
	skipped_clear(&watch->skipped);
	id_table_clear(&watch->seen);
	free(watch);
}

/*
 * Before the tail the server keeps deletions of what it has not sent on the same connection to
 * itself: what was learnt on the last one may be gone by now, and nobody would say so.
 */
static void forget(struct watch *watch)
{
	device_cache_clear(watch->devices);
	skipped_clear(&watch->skipped);
	id_table_clear(&watch->seen);
	memset(watch->kinds, 0, sizeof(watch->kinds));
	watch->highest = 0;
	watch->own_is_odd = false;
}

/* One of the watches. Return: bytes written or missing, as snprintf(). */
static int write_kind(const struct watch *watch, enum watch_kind kind, bool is_first, char *ret,
		      size_t size)
{
	char vpc_id[UUID_TEXT], resume[64] = "";

	uuid_format(watch->vpc_id, vpc_id);
	if (watch->is_whole)
		snprintf(resume, sizeof(resume), ",\"gt_revision\":%llu,\"at_tail\":true",
			 (unsigned long long)watch->kinds[kind].revision);
	return snprintf(ret, size, "%s{\"kind\":\"%s\"%s,\"options\":{\"vpc-id\":\"%s\"%s}}",
			is_first ? "[" : ",", watch_kind_names[kind], resume, vpc_id,
			kind == WATCH_METADATA ? ",\"key\":\"" WATCH_METADATA_KEY "\"" : "");
}

void watch_set_own(struct watch *watch, const uint8_t id[static DEVICE_ID_BYTES])
{
	memcpy(watch->own_id, id, DEVICE_ID_BYTES);
}

void watch_follow_on(struct watch *watch, const struct watch *before)
{
	memcpy(watch->looked, before->looked, sizeof(watch->looked));
	watch->has_looked = before->has_looked;
}

bool watch_has_moved(const struct watch *watch)
{
	return watch->is_whole && watch->highest != watch->looked[1];
}

bool watch_look_back(struct watch *watch)
{
	bool has_moved = watch_has_moved(watch);

	if (watch->looked[0] < watch->kinds[WATCH_DEVICE].revision)
		watch->kinds[WATCH_DEVICE].revision = watch->looked[0];
	watch->looked[0] = watch->looked[1];
	watch->looked[1] = watch->highest;
	return has_moved;
}

bool watch_own_is_odd(const struct watch *watch)
{
	return watch->own_is_odd;
}

void watch_without_groups(struct watch *watch)
{
	watch->has_no_groups = true;
}

bool watch_asks_for(const struct watch *watch, enum watch_kind kind)
{
	return kind != WATCH_SECURITY_GROUP || !watch->has_no_groups;
}

int watch_request(struct watch *watch, char *ret, size_t size)
{
	size_t len = 0;
	int err;

	json_stream_done(&watch->stream);
	err = json_stream_init(&watch->stream, JSON_DOCUMENTS, watch_event, watch);
	watch->is_asked = !err;
	if (err)
		return err;
	json_stream_set_refused(&watch->stream, watch_refused);
	if (!watch->is_whole)
		forget(watch);
	skipped_begin(&watch->skipped);
	watch->err = 0;
	watch->error[0] = '\0';
	for (enum watch_kind kind = 0; kind < WATCH_KINDS; kind++) {
		if (!watch_asks_for(watch, kind))
			continue;
		len += write_kind(watch, kind, !len, ret + len, size - len);
		if (len + sizeof("]") > size)
			return -ENOSPC;
	}
	memcpy(ret + len, "]", sizeof("]"));
	return 0;
}

static void explain(struct watch *watch, int err)
{
	char text[WATCH_ERROR_MAX];

	if (err == -E2BIG)
		snprintf(text, sizeof(text), "more than %d devices or %d addresses", DEVICES_MAX,
			 DEVICE_PREFIXES_MAX);
	else if (err == -EBADMSG)
		snprintf(text, sizeof(text), "%s", watch->stream.error);
	else
		snprintf(text, sizeof(text), "%s", strerror(-err));
	printable_copy(watch->error, sizeof(watch->error), text);
}

int watch_feed(struct watch *watch, const char *bytes, size_t len)
{
	if (!watch->is_asked)
		return -EINVAL;
	if (watch->err)
		return watch->err;
	watch->err = json_stream_feed(&watch->stream, bytes, len);
	if (watch->err && !watch->error[0])
		explain(watch, watch->err);
	return watch->err;
}

bool watch_is_whole(const struct watch *watch)
{
	return watch->is_whole;
}

const struct device_cache *watch_devices(const struct watch *watch)
{
	return watch->devices;
}

size_t watch_skipped(const struct watch *watch)
{
	return watch->skipped.n;
}

const char *watch_error(const struct watch *watch)
{
	return watch->error;
}
