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
	free(desired->self_addresses);
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

/*
 * Of one prefix DESIRED_LOCAL first, then by public key, the order of devices. What a device has as
 * a tunnel address comes before what it advertises.
 */
static int compare_entries(const void *a, const void *b)
{
	const struct desired_entry *x = a, *y = b;
	int order = prefix_compare(&x->prefix, &y->prefix);

	if (order)
		return order;
	if (x->device == y->device)
		return y->is_address - x->is_address;
	if (x->device == DESIRED_LOCAL || y->device == DESIRED_LOCAL)
		return x->device == DESIRED_LOCAL ? -1 : 1;
	return x->device < y->device ? -1 : 1;
}

static int compare_prefixes(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static bool has_key(const struct device *device, const uint8_t *key)
{
	return !memcmp(device->public_key, key, WG_KEY_BYTES);
}

static bool is_wanted(const struct desired_input *input, const struct prefix *prefix)
{
	return prefix->family == PREFIX_IPV4 || input->ipv6;
}

static void add_entry(const struct desired_input *input, struct desired *d,
		      const struct prefix *prefix, uint32_t device, bool is_address)
{
	if (is_wanted(input, prefix))
		d->entries[d->n_entries++] = (struct desired_entry){ *prefix, device, is_address };
}

static void add_entries(const struct desired_input *input, struct desired *d,
			const struct device *device, uint32_t index)
{
	for (uint32_t p = 0; p < device->n_prefixes; p++)
		add_entry(input, d, &input->list->prefixes[device->first_prefix + p], index,
			  p < device->n_addresses);
}

/* What belongs on the interface. */
static int take_self(const struct desired_input *input, struct desired *d,
		     const struct device *self)
{
	const struct prefix *own;
	size_t n = 0, kept = 0;
	struct prefix *addrs;

	d->self_ipv6_bits = self->ipv6_bits;
	if (!self->n_addresses)
		return 0;
	addrs = d->self_addresses = calloc(self->n_addresses, sizeof(*addrs));
	if (!addrs)
		return -ENOMEM;
	own = &input->list->prefixes[self->first_prefix];
	for (uint32_t p = 0; p < self->n_addresses; p++)
		if (prefix_is_host(&own[p]) && is_wanted(input, &own[p]))
			addrs[n++] = own[p];
	qsort(addrs, n, sizeof(*addrs), compare_prefixes);
	for (size_t i = 0; i < n; i++)
		if (!kept || prefix_compare(&addrs[kept - 1], &addrs[i]))
			addrs[kept++] = addrs[i];
	d->n_self_addresses = kept;
	return 0;
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
	uint8_t last_key[WG_KEY_BYTES] = {}; /* no device's: sources refuse low-order points */
	bool seen_self = false;
	int err;

	for (size_t i = 0; i < list->n_devices; i++) {
		struct device device = d->devices[i];

		if (has_key(&device, last_key)) {
			d->n_repeated++;
			continue;
		}
		memcpy(last_key, device.public_key, sizeof(last_key));
		if (!has_key(&device, input->self_key)) {
			add_entries(input, d, &device, d->n_devices);
			d->devices[d->n_devices++] = device;
			continue;
		}
		add_entries(input, d, &device, DESIRED_LOCAL);
		err = take_self(input, d, &device);
		if (err)
			return err;
		seen_self = true;
	}
	for (size_t i = 0; i < input->n_local; i++)
		add_entry(input, d, &input->local[i], DESIRED_LOCAL, true);
	return seen_self ? 0 : -ENOENT;
}

/* How many entries at @entry are of its prefix. */
static size_t claims_of_one(const struct desired_entry *entry, size_t n)
{
	size_t same = 1;

	while (same < n && !prefix_compare(&entry->prefix, &entry[same].prefix))
		same++;
	return same;
}

/* Who gets the prefix of @claims, all of one prefix and sorted; who else wanted it is a conflict.
 */
static struct desired_entry decide(struct desired *d, const struct desired_entry *claims, size_t n)
{
	struct desired_entry winner = claims[0];

	for (size_t i = 0; i < n && !winner.is_address; i++)
		if (claims[i].is_address)
			winner = claims[i];
	for (size_t i = 0; i < n; i++) {
		/* A device may name a prefix twice: that is no second conflict, nor a first. */
		if (claims[i].device == winner.device ||
		    (i && claims[i].device == claims[i - 1].device))
			continue;
		d->conflicts[d->n_conflicts++] = (struct desired_conflict){
			.prefix = winner.prefix,
			.winner = winner.device,
			.loser = claims[i].device,
			.by_address = winner.is_address && !claims[i].is_address,
		};
	}
	return winner;
}

/* Each prefix once. */
static int resolve(struct desired *d)
{
	size_t kept = 0;

	d->conflicts = calloc(d->n_entries + 1, sizeof(*d->conflicts));
	if (!d->conflicts)
		return -ENOMEM;
	for (size_t i = 0, n; i < d->n_entries; i += n) {
		n = claims_of_one(&d->entries[i], d->n_entries - i);
		d->entries[kept++] = decide(d, &d->entries[i], n);
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
