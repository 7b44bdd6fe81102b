// SPDX-License-Identifier: Apache-2.0
#include "node/saved_list.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/cleanup.h"

static struct json_object *text(const char *value)
{
	return json_object_new_string(value);
}

static struct json_object *prefixes(const struct prefix *prefix, uint32_t n)
{
	struct json_object *array = json_object_new_array();
	char shown[PREFIX_TEXT_MAX];

	for (uint32_t i = 0; i < n; i++)
		json_object_array_add(array, text(prefix_format(&prefix[i], shown)));
	return array;
}

static int print_device(FILE *to, const struct device *device, const struct prefix *prefix)
{
	struct json_object *object = json_object_new_object();
	uint32_t n = device->n_addresses;
	char key[WG_KEY_TEXT];
	int failed;

	json_object_object_add(object, "public_key", text(wg_key_format(device->public_key, key)));
	json_object_object_add(object, "hostname", text(device->name));
	json_object_object_add(object, "symmetric_nat",
			       json_object_new_boolean(device->relay_only));
	json_object_object_add(object, "allowed_ips", prefixes(prefix, n));
	json_object_object_add(object, "advertise_cidrs",
			       prefixes(prefix + n, device->n_prefixes - n));
	if (device->revision)
		json_object_object_add(object, "revision",
				       json_object_new_uint64(device->revision));
	failed = fputs(json_object_to_json_string_ext(object, JSON_C_TO_STRING_NOSLASHESCAPE), to) <
		 0;
	json_object_put(object);
	return failed ? -EIO : 0;
}

static int print_list(FILE *to, const struct device_list *list)
{
	int err = fputs("[\n", to) < 0 ? -EIO : 0;

	for (size_t i = 0; !err && i < list->n_devices; i++) {
		const struct device *device = &list->devices[i];

		if (i && fputs(",\n", to) < 0)
			return -EIO;
		err = print_device(to, device, &list->prefixes[device->first_prefix]);
	}
	if (!err && fputs("\n]\n", to) < 0)
		err = -EIO;
	return err;
}

int saved_list_write(const char *path, const struct device_list *list, time_t as_of)
{
	const struct timespec times[] = { { .tv_sec = as_of }, { .tv_sec = as_of } };
	struct atomic_file file;
	FILE *to;
	int err = atomic_file_open(&file, path, 0600);

	if (err)
		return err;
	to = fdopen(dup(file.fd), "w");
	errno = 0;
	err = to ? print_list(to, list) : -ENOMEM;
	if (to && fclose(to) && !err)
		err = -EIO;
	if (err == -EIO && errno)
		err = -errno;
	if (!err && as_of && futimens(file.fd, times))
		err = -errno;
	if (!err)
		return atomic_file_commit(&file, true);
	atomic_file_abandon(&file);
	return err;
}
