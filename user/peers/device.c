// SPDX-License-Identifier: Apache-2.0
#include "peers/device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

void device_list_done(struct device_list *list)
{
	free(list->devices);
	free(list->prefixes);
	*list = (struct device_list){};
}

int device_list_copy(const struct device_list *list, struct device_list *ret)
{
	struct device_list copy = *list;

	copy.devices = reallocarray(NULL, list->n_devices + 1, sizeof(*copy.devices));
	copy.prefixes = reallocarray(NULL, list->n_prefixes + 1, sizeof(*copy.prefixes));
	copy.room_devices = list->n_devices + 1;
	copy.room_prefixes = list->n_prefixes + 1;
	if (!copy.devices || !copy.prefixes) {
		device_list_done(&copy);
		return -ENOMEM;
	}
	if (list->n_devices)
		memcpy(copy.devices, list->devices, list->n_devices * sizeof(*copy.devices));
	if (list->n_prefixes)
		memcpy(copy.prefixes, list->prefixes, list->n_prefixes * sizeof(*copy.prefixes));
	*ret = copy;
	return 0;
}

int device_list_reserve(struct device_list *list, size_t n_devices, size_t n_prefixes)
{
	return array_reserve(&list->devices, &list->room_devices, n_devices, sizeof(*list->devices))
		       ?: array_reserve(&list->prefixes, &list->room_prefixes, n_prefixes,
					sizeof(*list->prefixes));
}

static int compare_devices(const void *a, const void *b)
{
	const struct device *x = a, *y = b;
	int order = memcmp(x->public_key, y->public_key, WG_KEY_BYTES);

	if (order)
		return order;
	if (x->revision != y->revision)
		return x->revision > y->revision ? -1 : 1;
	return x->first_prefix < y->first_prefix ? -1 : x->first_prefix > y->first_prefix;
}

void device_sort(struct device *devices, size_t n)
{
	size_t sorted = n ? 1 : 0, n_tail, at = n;
	struct device *tail;

	while (sorted < n && compare_devices(&devices[sorted - 1], &devices[sorted]) <= 0)
		sorted++;
	n_tail = n - sorted;
	if (!n_tail)
		return;
	tail = n_tail < sorted ? calloc(n_tail, sizeof(*tail)) : NULL;
	if (!tail) { /* there is another way */
		qsort(devices, n, sizeof(*devices), compare_devices);
		return;
	}
	memcpy(tail, devices + sorted, n_tail * sizeof(*tail));
	qsort(tail, n_tail, sizeof(*tail), compare_devices);
	while (n_tail)
		devices[--at] =
			sorted && compare_devices(&devices[sorted - 1], &tail[n_tail - 1]) > 0
				? devices[--sorted]
				: tail[--n_tail];
	free(tail);
}

int device_list_add(struct device_list *list, const struct device *device)
{
	struct device *added;

	if (list->n_devices >= DEVICES_MAX)
		return -E2BIG;
	if (array_reserve(&list->devices, &list->room_devices, list->n_devices + 1,
			  sizeof(*device)))
		return -ENOMEM;
	added = &list->devices[list->n_devices++];
	*added = *device;
	added->first_prefix = list->n_prefixes;
	added->n_prefixes = 0;
	return 0;
}

int device_list_add_prefix(struct device_list *list, const struct prefix *prefix)
{
	if (!list->n_devices)
		return -EINVAL;
	if (list->n_prefixes >= DEVICE_PREFIXES_MAX)
		return -E2BIG;
	if (array_reserve(&list->prefixes, &list->room_prefixes, list->n_prefixes + 1,
			  sizeof(*prefix)))
		return -ENOMEM;
	list->prefixes[list->n_prefixes++] = *prefix;
	list->devices[list->n_devices - 1].n_prefixes++;
	return 0;
}

const char *device_label(const struct device *device, char text[static DEVICE_NAME_MAX])
{
	char key[WG_KEY_TEXT];

	if (device->name[0])
		snprintf(text, DEVICE_NAME_MAX, "%s", device->name);
	else
		snprintf(text, DEVICE_NAME_MAX, "%s", wg_key_format(device->public_key, key));
	return text;
}
