// SPDX-License-Identifier: Apache-2.0
#include "peers/border_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/printable.h"

/* Return: whether the name is terminated, free of control characters, and zero behind its end. */
static bool name_is_clean(const char name[static DEVICE_NAME_MAX])
{
	size_t len = strnlen(name, DEVICE_NAME_MAX);

	if (len == DEVICE_NAME_MAX)
		return false;
	for (size_t i = len; i < DEVICE_NAME_MAX; i++)
		if (name[i])
			return false;
	return printable_check(name);
}

/* Has the device that was added last as many prefixes as it has tunnel addresses, or more? */
static bool last_is_whole(const struct device_list *devices)
{
	const struct device *last;

	if (!devices->n_devices)
		return true;
	last = &devices->devices[devices->n_devices - 1];
	return last->n_addresses <= last->n_prefixes;
}

static int add_device(struct device_list *devices, const struct border_record *record)
{
	struct device device = { .relay_only = record->device.relay_only,
				 .n_addresses = record->device.n_addresses,
				 .revision = record->device.revision };

	if (record->device.relay_only > 1 || !name_is_clean(record->device.name) ||
	    wg_key_is_low_order(record->device.public_key) || !last_is_whole(devices))
		return -EPROTO;
	memcpy(device.id, record->device.id, sizeof(device.id));
	memcpy(device.public_key, record->device.public_key, sizeof(device.public_key));
	memcpy(device.name, record->device.name, sizeof(device.name));
	return device_list_add(devices, &device);
}

static int add_prefixes(struct device_list *devices, const struct border_record *record)
{
	if (!record->prefixes.n || record->prefixes.n > BORDER_PREFIXES)
		return -EPROTO;
	for (uint32_t i = 0; i < record->prefixes.n; i++) {
		int err = prefix_check(&record->prefixes.prefix[i]);

		if (!err)
			err = device_list_add_prefix(devices, &record->prefixes.prefix[i]);
		if (err)
			return err == -ENOMEM || err == -E2BIG ? err : -EPROTO;
	}
	return 0;
}

static int add_gone(struct border_list *list, const struct border_record *record)
{
	if (!list->is_change || list->n_gone == DEVICES_MAX)
		return -EPROTO;
	if (array_room(&list->gone, list->n_gone, DEVICE_ID_BYTES))
		return -ENOMEM;
	memcpy(list->gone[list->n_gone++], record->gone, DEVICE_ID_BYTES);
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, DEVICE_ID_BYTES);
}

static int copy_device(struct device_list *to, const struct device_list *from, size_t i)
{
	const struct device *device = &from->devices[i];
	int err = device_list_add(to, device);

	for (uint32_t p = 0; !err && p < device->n_prefixes; p++)
		err = device_list_add_prefix(to, &from->prefixes[device->first_prefix + p]);
	return err;
}

/* Ids of what has changed or is gone, sorted. Return: 0; -EPROTO when one is there twice. */
static int touched_ids(const struct border_list *list, uint8_t (*ids)[DEVICE_ID_BYTES], size_t n)
{
	for (size_t i = 0; i < list->devices.n_devices; i++)
		memcpy(ids[i], list->devices.devices[i].id, DEVICE_ID_BYTES);
	if (list->n_gone)
		memcpy(ids[list->devices.n_devices], list->gone, list->n_gone * DEVICE_ID_BYTES);
	if (n)
		qsort(ids, n, DEVICE_ID_BYTES, compare_ids);
	for (size_t i = 1; i < n; i++)
		if (!memcmp(ids[i - 1], ids[i], DEVICE_ID_BYTES))
			return -EPROTO;
	return 0;
}

/* The list before without what is touched, and what is new or changed behind it. */
static int merge(const struct border_list *list, struct device_list *ret)
{
	size_t n = list->devices.n_devices + list->n_gone;
	uint8_t(*ids)[DEVICE_ID_BYTES] = calloc(n ? n : 1, sizeof(*ids));
	int err = ids ? touched_ids(list, ids, n) : -ENOMEM;

	if (!err)
		err = device_list_reserve(ret, list->base.n_devices + list->devices.n_devices,
					  list->base.n_prefixes + list->devices.n_prefixes);
	for (size_t i = 0; !err && i < list->base.n_devices; i++)
		if (!n || !bsearch(list->base.devices[i].id, ids, n, sizeof(*ids), compare_ids))
			err = copy_device(ret, &list->base, i);
	for (size_t i = 0; !err && i < list->devices.n_devices; i++)
		err = copy_device(ret, &list->devices, i);
	free(ids);
	return err;
}

static int apply_change(struct border_list *list)
{
	struct device_list whole = {};
	int err = merge(list, &whole);

	if (err) {
		device_list_done(&whole);
		return err;
	}
	device_list_done(&list->devices);
	list->devices = whole;
	return 0;
}

/*
 * The caller takes the list; the next change is one of this. In order: then that change is all that
 * whoever sorts it has to deal with.
 */
static int remember(struct border_list *list)
{
	struct device_list copy = {};
	int err = device_list_copy(&list->devices, &copy);

	if (err)
		return err;
	device_sort(copy.devices, copy.n_devices);
	device_list_done(&list->base);
	list->base = copy;
	list->base_list = list->list;
	return 0;
}

static int end_list(struct border_list *list, const struct border_record *record)
{
	int err = 0;

	if (!last_is_whole(&list->devices))
		return -EPROTO;
	if (list->is_change)
		err = apply_change(list);
	if (!err && (record->end.n_devices != list->devices.n_devices ||
		     record->end.n_prefixes != list->devices.n_prefixes))
		err = -EPROTO;
	if (err)
		return err;
	list->devices.n_skipped = record->end.n_skipped;
	list->open = false;
	if (list->keep_base)
		err = remember(list);
	return err ?: 1;
}

static int begin_list(struct border_list *list, const struct border_record *record)
{
	bool is_change = record->kind == BORDER_CHANGE_BEGIN;

	/* A list is sent once: a source that repeats it would keep us busy for ever. */
	if (list->list == record->list)
		return -EPROTO;
	if (is_change && (!list->base_list || list->base_list != record->list - 1))
		return -EPROTO;
	device_list_done(&list->devices);
	list->n_gone = 0;
	list->list = record->list;
	list->open = true;
	list->is_change = is_change;
	return 0;
}

/*
 * Each list that this source may have been asked for has a budget of its own. Lists from before its
 * time share one, and so does whoever goes back: there are only as many budgets as requests.
 */
static int skip_older(struct border_list *list, const struct border_record *record)
{
	if (record->list > list->older && record->list >= list->first_want) {
		list->older = record->list;
		list->n_older = 0;
	}
	return ++list->n_older > BORDER_RECORDS_OF_LIST_MAX ? -EPROTO : 0;
}

int border_list_add(struct border_list *list, const struct border_record *record, uint32_t want)
{
	if (!list->first_want)
		list->first_want = want;
	if (record->list > want)
		return -EPROTO;
	if (record->list < want)
		return skip_older(list, record);
	if (record->kind == BORDER_LIST_BEGIN || record->kind == BORDER_CHANGE_BEGIN)
		return begin_list(list, record);
	if (!list->open || list->list != record->list)
		return -EPROTO;
	switch (record->kind) {
	case BORDER_DEVICE:
		return add_device(&list->devices, record);
	case BORDER_PREFIXES_OF_DEVICE:
		return add_prefixes(&list->devices, record);
	case BORDER_DEVICE_GONE:
		return add_gone(list, record);
	case BORDER_LIST_END:
		return end_list(list, record);
	default:
		return -EPROTO;
	}
}

void border_list_done(struct border_list *list)
{
	device_list_done(&list->devices);
	device_list_done(&list->base);
	free(list->gone);
	*list = (struct border_list){ .keep_base = list->keep_base };
}
