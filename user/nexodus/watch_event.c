// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"
#include "base/uuid.h"
#include "nexodus/watch_private.h"
#include "base/json_member.h"

/* Of devices that are gone again, too, before all are known. */
#define SEEN_MAX (65536 + DEVICES_MAX)

__attribute__((format(printf, 2, 3))) static int bad_event(struct watch *watch, const char *format,
							   ...)
{
	char text[WATCH_ERROR_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printable_copy(watch->error, sizeof(watch->error), text);
	return -EBADMSG;
}

static bool is_own(const struct watch *watch, const uint8_t *id)
{
	return !memcmp(watch->own_id, id, DEVICE_ID_BYTES);
}

/* It is deleted, or in another VPC by now. */
static int leave(struct watch *watch, const uint8_t *id)
{
	int changed = skipped_gone(&watch->skipped, id);

	if (is_own(watch, id))
		watch->own_is_odd = false;
	return device_cache_remove(watch->devices, id) || changed;
}

/* Of the year 2023 there are devices that name no VPC: they are in the one that was asked for. */
static int check_vpc(const struct watch *watch, struct json_object *value, bool *ret_is_ours)
{
	struct json_object *member = json_member(value, "vpc_id");
	const char *text = json_text_of(member);
	uint8_t vpc_id[DEVICE_ID_BYTES];

	*ret_is_ours = true;
	if (!member || (text && !*text))
		return 0;
	if (!text || uuid_parse(text, vpc_id) != 0)
		return -EINVAL;
	*ret_is_ours = !memcmp(vpc_id, watch->vpc_id, sizeof(vpc_id));
	return 0;
}

/*
 * What it was before may be somebody else's by now, its addresses as well.
 * Return: as change_device().
 */
static int odd_device(struct watch *watch, const uint8_t *id, const char *name, const char *why)
{
	struct complaint complaint = {};
	int changed;

	complaint_add(&complaint, NULL, why);
	changed = skipped_take(&watch->skipped, id, name, &complaint);
	if (!is_own(watch, id))
		return device_cache_remove(watch->devices, id) || changed;
	watch->own_is_odd = true;
	return changed;
}

/* Return: 1 when the devices are others now, or what is skipped; 0 when not; negative errno. */
static int change_device(struct watch *watch, const uint8_t *id, struct json_object *value)
{
	struct complaint complaint = {};
	const char *why;
	int err, vpc_err;
	bool is_ours;

	vpc_err = check_vpc(watch, value, &is_ours);
	if (!is_ours)
		return leave(watch, id);
	err = device_json_read(value, &watch->device, complaint_add, &complaint, &why);
	if (err && err != -EINVAL)
		return err;
	if (vpc_err) {
		why = "its vpc_id is no UUID";
		err = vpc_err;
	}
	if (err)
		return odd_device(watch, id, watch->device.device.name, why);
	if (is_own(watch, id)) {
		watch->own_is_odd = false;
		if (watch->events.on_own)
			watch->events.on_own(watch->events.arg, value);
	}
	err = device_cache_put(watch->devices, id, &watch->device);
	if (err < 0)
		return err;
	return skipped_take(&watch->skipped, id, watch->device.device.name, &complaint) || err;
}

/* @ret_id: of the device that has changed. */
static int device_event(struct watch *watch, struct json_object *value, bool is_delete,
			uint8_t ret_id[static DEVICE_ID_BYTES])
{
	const char *text = json_text(value, "id");
	const char *name = json_text(value, "hostname");
	struct complaint complaint = {};
	char shown[DEVICE_NAME_MAX];

	if (text && !uuid_parse(text, ret_id))
		return is_delete ? leave(watch, ret_id) : change_device(watch, ret_id, value);
	printable_copy(shown, sizeof(shown), name && *name ? name : "?");
	complaint_add(&complaint, NULL, "its id is no UUID");
	skipped_tell(&watch->skipped, shown, &complaint);
	return 0;
}

static void tail_event(struct watch *watch, enum watch_kind kind)
{
	watch->kinds[kind].at_tail = true;
	if (watch->is_whole)
		return;
	for (enum watch_kind k = 0; k < WATCH_KINDS; k++)
		if (watch_asks_for(watch, k) && !watch->kinds[k].at_tail)
			return;
	watch->is_whole = true;
	if (!watch->has_looked)
		watch->looked[1] = watch->highest;
	watch->has_looked = true;
	if (watch->events.on_whole)
		watch->events.on_whole(watch->events.arg);
}

/* Of this device, if it can be told which one it is. */
static uint64_t newest_seen(const struct watch *watch, struct json_object *value)
{
	const char *text = json_text(value, "id");
	const struct watch_seen *seen;
	uint8_t id[DEVICE_ID_BYTES];

	if (!text || uuid_parse(text, id) != 0)
		return watch->highest;
	seen = id_table_find(&watch->seen, id);
	return seen ? seen->revision : 0;
}

/*
 * Is a newer one known? Revisions of two devices say nothing of that: the lower one may have been
 * committed later. What the server repeats, because it was asked to, is no news.
 */
static bool is_outdated(const struct watch *watch, enum watch_kind kind, struct json_object *value,
			uint64_t revision)
{
	bool is_repeated;
	uint64_t newest;

	if (!revision)
		return false;
	if (kind != WATCH_DEVICE)
		return revision < watch->kinds[kind].revision;
	newest = newest_seen(watch, value);
	is_repeated = watch->kinds[kind].revision < watch->highest;
	return revision < newest || (is_repeated && revision == newest);
}

/* What is gone is forgotten, but for what comes from now on. */
static void forget_gone(struct watch *watch)
{
	for (size_t i = watch->seen.n; i-- > 0;) {
		struct watch_seen *seen = id_table_at(&watch->seen, i);

		if (!device_cache_find(watch->devices, seen->id))
			id_table_remove(&watch->seen, seen);
	}
}

static int take_seen(struct watch *watch, const uint8_t *id, uint64_t revision)
{
	struct watch_seen *seen = id_table_find(&watch->seen, id);

	if (!seen && watch->seen.n >= SEEN_MAX && watch->is_whole)
		forget_gone(watch);
	if (!seen && watch->seen.n >= SEEN_MAX)
		return -E2BIG;
	if (!seen)
		seen = id_table_add(&watch->seen, id);
	if (!seen)
		return -ENOMEM;
	seen->revision = revision;
	return 0;
}

/* The server has come so far. */
static void advance(struct watch *watch, enum watch_kind kind, uint64_t revision)
{
	if (revision > watch->kinds[kind].revision)
		watch->kinds[kind].revision = revision;
	if (kind == WATCH_DEVICE && revision > watch->highest)
		watch->highest = revision;
}

static int object_event(struct watch *watch, enum watch_kind kind, struct json_object *value,
			bool is_delete)
{
	uint64_t revision = device_json_revision(value);
	uint8_t id[DEVICE_ID_BYTES] = {};
	int changed = 0, err = 0;

	if (is_outdated(watch, kind, value, revision)) {
		advance(watch, kind, revision);
		return 0;
	}
	if (kind == WATCH_DEVICE)
		changed = device_event(watch, value, is_delete, id);
	if (changed < 0)
		return changed; /* to be asked for again: it counts as not seen */
	if (kind == WATCH_DEVICE && revision)
		err = take_seen(watch, id, revision);
	if (err)
		return err;
	advance(watch, kind, revision);
	if (changed && watch->is_whole && watch->events.on_change)
		watch->events.on_change(watch->events.arg, id);
	return 0;
}

/* Metadata is that of all tenants, groups are those of the organization: nothing of theirs may end
 * what tells us of our devices. */
int watch_refused(void *arg, const struct json_label *label, const char *why)
{
	const char *of_device = watch_kind_names[WATCH_DEVICE];
	char text[WATCH_ERROR_MAX];
	struct watch *watch = arg;
	uint8_t id[DEVICE_ID_BYTES];
	int changed;

	if (!*label->kind)
		return -EBADMSG;
	if (strcmp(label->kind, of_device) != 0)
		return 0;
	if (uuid_parse(label->id, id) != 0)
		return -EBADMSG;
	snprintf(text, sizeof(text), "its record %s", why);
	changed = odd_device(watch, id, json_label_text(label), text);
	if (changed > 0 && watch->is_whole && watch->events.on_change)
		watch->events.on_change(watch->events.arg, id);
	return changed < 0 ? changed : 0;
}

static int error_event(struct watch *watch, struct json_object *value)
{
	const char *text = json_text(value, "error");

	printable_copy(watch->error, sizeof(watch->error),
		       text && *text ? text : "no reason given");
	return -EPROTO;
}

int watch_event(void *arg, struct json_object *event, uint64_t line)
{
	struct watch *watch = arg;
	struct json_object *value = json_member(event, "value");
	const char *type = json_text(event, "type");
	const char *name = json_text(event, "kind");
	bool is_tail, is_delete;

	if (!type)
		return bad_event(watch, "line %llu: an event without a type",
				 (unsigned long long)line);
	if (!strcmp(type, "error"))
		return error_event(watch, value);
	is_tail = !strcmp(type, "tail");
	is_delete = !strcmp(type, "delete");
	if (!is_tail && !is_delete && strcmp(type, "change") != 0)
		return 0;
	if (!name)
		return bad_event(watch, "line %llu: an event without a kind",
				 (unsigned long long)line);
	for (enum watch_kind kind = 0; kind < WATCH_KINDS; kind++) {
		if (strcmp(name, watch_kind_names[kind]) != 0)
			continue;
		if (!is_tail)
			return object_event(watch, kind, value, is_delete);
		tail_event(watch, kind);
	}
	return 0;
}
