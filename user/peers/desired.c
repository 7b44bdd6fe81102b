// SPDX-License-Identifier: Apache-2.0
#include "peers/desired.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void desired_done(struct desired *desired)
{
	free(desired->devices);
	free(desired->entries);
	free(desired->conflicts);
	*desired = (struct desired){};
}

static int compare_devices(const void *a, const void *b)
{
	const struct device *x = a, *y = b;
	int order = memcmp(x->public_key, y->public_key, WG_KEY_BYTES);

	if (order)
		return order;
	/* The same key twice: the device that came first in the list stays. */
	return x->first_prefix < y->first_prefix ? -1 : x->first_prefix > y->first_prefix;
}

/* DESIRED_LOCAL first: the relay's own address wins. Then by public key, the order of devices. */
static int compare_entries(const void *a, const void *b)
{
	const struct desired_entry *x = a, *y = b;
	int order = prefix_compare(&x->prefix, &y->prefix);

	if (order || x->device == y->device)
		return order;
	if (x->device == DESIRED_LOCAL || y->device == DESIRED_LOCAL)
		return x->device == DESIRED_LOCAL ? -1 : 1;
	return x->device < y->device ? -1 : 1;
}

static bool has_key(const struct device *device, const uint8_t *key)
{
	return !memcmp(device->public_key, key, WG_KEY_BYTES);
}

static void add_entry(struct desired *d, const struct prefix *prefix, uint32_t device, bool ipv6)
{
	if (prefix->family == PREFIX_IPV6 && !ipv6)
		return;
	d->entries[d->n_entries++] = (struct desired_entry){ *prefix, device };
}

/* Sorted copy of the list's devices, ours included. */
static int sort_devices(const struct device_list *list, struct desired *d)
{
	d->devices = calloc(list->n_devices + 1, sizeof(*d->devices));
	if (!d->devices)
		return -ENOMEM;
	if (list->n_devices)
		memcpy(d->devices, list->devices, list->n_devices * sizeof(*d->devices));
	qsort(d->devices, list->n_devices, sizeof(*d->devices), compare_devices);
	return 0;
}

/* Take ours and repeated ones out; fill the entries. */
static int collect(const struct desired_input *input, struct desired *d)
{
	const struct device_list *list = input->list;
	uint8_t last_key[WG_KEY_BYTES] = {}; /* no device's: sources refuse a key of zeros */
	bool seen_self = false;

	for (size_t i = 0; i < list->n_devices; i++) {
		struct device device = d->devices[i];
		bool self = has_key(&device, input->self_key);

		if (has_key(&device, last_key)) {
			d->n_repeated++;
			continue;
		}
		memcpy(last_key, device.public_key, sizeof(last_key));
		for (uint32_t p = 0; p < device.n_prefixes; p++)
			add_entry(d, &list->prefixes[device.first_prefix + p],
				  self ? DESIRED_LOCAL : (uint32_t)d->n_devices, input->ipv6);
		if (self)
			seen_self = true;
		else
			d->devices[d->n_devices++] = device;
	}
	for (size_t i = 0; i < input->n_local; i++)
		add_entry(d, &input->local[i], DESIRED_LOCAL, input->ipv6);
	return seen_self ? 0 : -ENOENT;
}

/* Each prefix once; who else wanted it is a conflict. */
static int resolve(struct desired *d)
{
	size_t kept = 0;

	d->conflicts = calloc(d->n_entries + 1, sizeof(*d->conflicts));
	if (!d->conflicts)
		return -ENOMEM;
	for (size_t i = 0; i < d->n_entries; i++) {
		const struct desired_entry *entry = &d->entries[i];
		const struct desired_entry *last = kept ? &d->entries[kept - 1] : NULL;

		/* A device may name a prefix twice: that is no second conflict, nor a first. */
		if (!last || prefix_compare(&last->prefix, &entry->prefix))
			d->entries[kept++] = *entry;
		else if (last->device != entry->device && entry->device != entry[-1].device)
			d->conflicts[d->n_conflicts++] =
				(struct desired_conflict){ entry->prefix, last->device,
							   entry->device };
	}
	d->n_entries = kept;
	return 0;
}

int desired_build(const struct desired_input *input, struct desired *ret)
{
	struct desired d = {};
	int err;

	err = sort_devices(input->list, &d);
	if (!err) {
		d.entries =
			calloc(input->list->n_prefixes + input->n_local + 1, sizeof(*d.entries));
		err = d.entries ? collect(input, &d) : -ENOMEM;
	}
	if (!err) {
		qsort(d.entries, d.n_entries, sizeof(*d.entries), compare_entries);
		err = resolve(&d);
	}
	if (err) {
		desired_done(&d);
		return err;
	}
	*ret = d;
	return 0;
}
