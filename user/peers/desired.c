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
	d->devices = reallocarray(NULL, list->n_devices + 1, sizeof(*d->devices));
	if (!d->devices)
		return -ENOMEM;
	if (list->n_devices)
		memcpy(d->devices, list->devices, list->n_devices * sizeof(*d->devices));
	device_sort(d->devices, list->n_devices);
	return 0;
}

/* What is ours: our own device, and the host's addresses. */
static int collect_own(const struct desired_input *input, struct desired *d)
{
	const struct device *self = NULL;
	int err;

	for (size_t i = 0; !self && i < input->list->n_devices; i++)
		if (has_key(&d->devices[i], input->self_key))
			self = &d->devices[i];
	if (!self)
		return -ENOENT;
	add_entries(input, d, self, DESIRED_LOCAL);
	err = take_self(input, d, self);
	for (size_t i = 0; !err && i < input->n_local; i++)
		add_entry(input, d, &input->local[i], DESIRED_LOCAL, true);
	return err;
}

/* The others', by public key; take ours and repeated ones out. */
static void collect(const struct desired_input *input, struct desired *d)
{
	uint8_t last_key[WG_KEY_BYTES] = {}; /* no device's: sources refuse low-order points */

	for (size_t i = 0; i < input->list->n_devices; i++) {
		const struct device *device = &d->devices[i];

		if (has_key(device, last_key)) {
			d->n_repeated++;
			continue;
		}
		memcpy(last_key, device->public_key, sizeof(last_key));
		if (has_key(device, input->self_key))
			continue;
		add_entries(input, d, device, d->n_devices);
		if (d->n_devices != i)
			d->devices[d->n_devices] = *device;
		d->n_devices++;
	}
}

/* How many entries at @entry are of its prefix. */
static size_t claims_of_one(const struct desired_entry *entry, size_t n)
{
	size_t same = 1;

	while (same < n && !prefix_compare(&entry->prefix, &entry[same].prefix))
		same++;
	return same;
}

static bool holds(const struct desired_input *input, const struct desired *d,
		  const struct desired_entry *claim)
{
	return input->holds &&
	       input->holds(input->holds_arg, &claim->prefix, d->devices[claim->device].public_key);
}

/* What decides between two claims to one prefix. */
static enum desired_why why(const struct desired_input *input, const struct desired *d,
			    const struct desired_entry *a, const struct desired_entry *b)
{
	if (a->is_address != b->is_address)
		return DESIRED_BY_ADDRESS;
	if (a->device == DESIRED_LOCAL || b->device == DESIRED_LOCAL)
		return DESIRED_BY_KEY;
	if (!a->is_address)
		return holds(input, d, a) || holds(input, d, b) ? DESIRED_BY_HOLDING
								: DESIRED_BY_KEY;
	return d->devices[a->device].revision != d->devices[b->device].revision
		       ? DESIRED_BY_REVISION
		       : DESIRED_BY_KEY;
}

/* Does @later go before @claim, which is ours or of a key that sorts first? */
static bool is_better(const struct desired_input *input, const struct desired *d,
		      const struct desired_entry *later, const struct desired_entry *claim)
{
	switch (why(input, d, later, claim)) {
	case DESIRED_BY_ADDRESS:
		return later->is_address;
	case DESIRED_BY_REVISION:
		return d->devices[later->device].revision > d->devices[claim->device].revision;
	case DESIRED_BY_HOLDING:
		return holds(input, d, later);
	default:
		return false;
	}
}

/*
 * Who gets the prefix of @claims, all of one prefix: ours first, then by public key; who else
 * wanted it is a conflict.
 */
static struct desired_entry decide(const struct desired_input *input, struct desired *d,
				   const struct desired_entry *claims, size_t n)
{
	struct desired_entry winner = claims[0];

	for (size_t i = 1; i < n; i++)
		if (is_better(input, d, &claims[i], &winner))
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
			.why = why(input, d, &winner, &claims[i]),
		};
	}
	return winner;
}

/* Each prefix once. */
static int resolve(const struct desired_input *input, struct desired *d)
{
	size_t kept = 0;

	d->conflicts = reallocarray(NULL, d->n_entries + 1, sizeof(*d->conflicts));
	if (!d->conflicts)
		return -ENOMEM;
	for (size_t i = 0, n; i < d->n_entries; i += n) {
		n = claims_of_one(&d->entries[i], d->n_entries - i);
		d->entries[kept++] = decide(input, d, &d->entries[i], n);
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
		d.entries = reallocarray(NULL, input->list->n_prefixes + input->n_local + 1,
					 sizeof(*d.entries));
		err = d.entries ? collect_own(input, &d) : -ENOMEM;
	}
	if (!err) {
		collect(input, &d);
		err = prefix_sort(d.entries, d.n_entries, sizeof(*d.entries)) ?: resolve(input, &d);
	}
	if (err) {
		desired_done(&d);
		return err;
	}
	*ret = d;
	return 0;
}
