// SPDX-License-Identifier: Apache-2.0
#include "peers/device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more element of @size bytes in *@array. Return: 0, -E2BIG or -ENOMEM. */
static int make_room(void *array, size_t n, size_t *room, size_t size, size_t max)
{
	size_t want = *room ? *room * 2 : 64;
	void *grown;

	if (n >= max)
		return -E2BIG;
	if (n < *room)
		return 0;
	grown = reallocarray(*(void **)array, want, size);
	if (!grown)
		return -ENOMEM;
	*(void **)array = grown;
	*room = want;
	return 0;
}

void device_list_done(struct device_list *list)
{
	free(list->devices);
	free(list->prefixes);
	*list = (struct device_list){};
}

int device_list_add(struct device_list *list, const struct device *device)
{
	struct device *added;
	int err;

	err = make_room(&list->devices, list->n_devices, &list->room_devices, sizeof(*device),
			DEVICES_MAX);
	if (err)
		return err;
	added = &list->devices[list->n_devices++];
	*added = *device;
	added->first_prefix = list->n_prefixes;
	added->n_prefixes = 0;
	return 0;
}

int device_list_add_prefix(struct device_list *list, const struct prefix *prefix)
{
	int err;

	if (!list->n_devices)
		return -EINVAL;
	err = make_room(&list->prefixes, list->n_prefixes, &list->room_prefixes, sizeof(*prefix),
			DEVICE_PREFIXES_MAX);
	if (err)
		return err;
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
