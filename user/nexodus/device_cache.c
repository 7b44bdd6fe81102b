// SPDX-License-Identifier: Apache-2.0
#include "nexodus/device_cache.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/uuid.h"
#include "nexodus/id_table.h"

#define POOL_LEAST 64

_Static_assert(ID_BYTES == DEVICE_ID_BYTES, "a device's id is a UUID");

struct entry {
	uint8_t id[DEVICE_ID_BYTES];
	struct device device; /* first_prefix: in the pool */
};

/* A public key (the first half of it), or a tunnel address: how many devices have it. */
struct claim {
	uint8_t what[ID_BYTES];
	uint32_t n;
};

/* The prefixes of a device are side by side; between those of two there may be gaps. */
struct device_cache {
	struct id_table entries;
	struct prefix *pool;
	size_t used; /* of the pool, gaps included */
	size_t live; /* without them */
	size_t room;
	struct id_table claims;
};

struct device_cache *device_cache_new(void)
{
	struct device_cache *cache = calloc(1, sizeof(*cache));

	if (cache)
		id_table_init(&cache->entries, sizeof(struct entry));
	if (cache)
		id_table_init(&cache->claims, sizeof(struct claim));
	return cache;
}

void device_cache_clear(struct device_cache *cache)
{
	id_table_clear(&cache->entries);
	id_table_clear(&cache->claims);
	free(cache->pool);
	cache->pool = NULL;
	cache->used = cache->live = cache->room = 0;
}

void device_cache_free(struct device_cache *cache)
{
	if (!cache)
		return;
	device_cache_clear(cache);
	free(cache);
}

static bool is_same(const struct device_cache *cache, const struct entry *entry,
		    const struct device *new, const struct prefix *prefixes, size_t n_prefixes)
{
	const struct device *old = &entry->device;

	return !memcmp(old->public_key, new->public_key, WG_KEY_BYTES) &&
	       !strcmp(old->name, new->name) && old->relay_only == new->relay_only &&
	       old->relay == new->relay && old->n_addresses == new->n_addresses &&
	       old->n_prefixes == n_prefixes &&
	       (!old->n_prefixes || !memcmp(cache->pool + old->first_prefix, prefixes,
					    old->n_prefixes * sizeof(*cache->pool)));
}

static void write_claim(uint8_t what[static ID_BYTES], const struct device *device,
			const struct prefix *prefixes, uint32_t at)
{
	if (!at) {
		memcpy(what, device->public_key, ID_BYTES);
	} else if (prefixes[at - 1].family == PREFIX_IPV6) {
		memcpy(what, prefixes[at - 1].addr, ID_BYTES);
	} else {
		memset(what, 0xff, ID_BYTES);
		memcpy(what, prefixes[at - 1].addr, 4);
	}
}

/* The first @n of the device's claims: its key, and then its addresses. */
static void remove_claims(struct device_cache *cache, const struct device *device,
			  const struct prefix *prefixes, uint32_t n)
{
	uint8_t what[ID_BYTES];
	struct claim *claim;

	while (n) {
		write_claim(what, device, prefixes, --n);
		claim = id_table_find(&cache->claims, what);
		if (claim && !--claim->n)
			id_table_remove(&cache->claims, claim);
	}
}

static int add_claims(struct device_cache *cache, const struct device *device,
		      const struct prefix *prefixes)
{
	uint8_t what[ID_BYTES];
	struct claim *claim;

	for (uint32_t i = 0; i <= device->n_addresses; i++) {
		write_claim(what, device, prefixes, i);
		claim = id_table_find(&cache->claims, what) ?: id_table_add(&cache->claims, what);
		if (!claim) {
			remove_claims(cache, device, prefixes, i);
			return -ENOMEM;
		}
		claim->n++;
	}
	return 0;
}

/* Does another device have its key, or one of its addresses? */
static bool is_contested(const struct device_cache *cache, const struct entry *entry)
{
	const struct prefix *prefixes = cache->pool + entry->device.first_prefix;
	uint8_t what[ID_BYTES];
	const struct claim *claim;

	for (uint32_t i = 0; i <= entry->device.n_addresses; i++) {
		write_claim(what, &entry->device, prefixes, i);
		claim = id_table_find(&cache->claims, what);
		if (claim && claim->n > 1)
			return true;
	}
	return false;
}

static bool is_rival(const struct device_cache *cache, const struct entry *a, const struct entry *b)
{
	uint8_t one[ID_BYTES], other[ID_BYTES];

	for (uint32_t i = 0; i <= a->device.n_addresses; i++) {
		write_claim(one, &a->device, cache->pool + a->device.first_prefix, i);
		for (uint32_t k = 0; k <= b->device.n_addresses; k++) {
			write_claim(other, &b->device, cache->pool + b->device.first_prefix, k);
			if (!memcmp(one, other, sizeof(one)))
				return true;
		}
	}
	return false;
}

void device_cache_rivals(const struct device_cache *cache, const uint8_t id[static DEVICE_ID_BYTES],
			 void (*each)(void *arg, const uint8_t id[static DEVICE_ID_BYTES]),
			 void *arg)
{
	const struct entry *entry = id_table_find(&cache->entries, id);

	if (!entry || !is_contested(cache, entry))
		return;
	for (size_t i = 0; i < cache->entries.n; i++) {
		const struct entry *other = id_table_at(&cache->entries, i);

		if (other != entry && is_rival(cache, entry, other))
			each(arg, other->id);
	}
}

/*
 * Room for @n prefixes behind those of the pool. When there is none they move to a new one, without
 * gaps and of twice the size: it takes as many additions to fill that as there are in it.
 */
static int make_room(struct device_cache *cache, size_t n)
{
	size_t room = 2 * (cache->live + n), used = 0;
	struct prefix *pool;

	if (cache->used + n <= cache->room)
		return 0;
	if (room < POOL_LEAST)
		room = POOL_LEAST;
	pool = reallocarray(NULL, room, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	for (size_t i = 0; i < cache->entries.n; i++) {
		struct device *device = &((struct entry *)id_table_at(&cache->entries, i))->device;

		if (device->n_prefixes)
			memcpy(pool + used, cache->pool + device->first_prefix,
			       device->n_prefixes * sizeof(*pool));
		device->first_prefix = used;
		used += device->n_prefixes;
	}
	free(cache->pool);
	cache->pool = pool;
	cache->room = room;
	cache->used = used;
	return 0;
}

/* There is room: in the place of the old prefixes when they are enough, else at the end. */
static void fill(struct device_cache *cache, struct entry *entry, const struct device_json *device)
{
	uint32_t first = entry->device.first_prefix, before = entry->device.n_prefixes;

	if (device->n_prefixes > before) {
		first = cache->used;
		cache->used += device->n_prefixes;
	}
	cache->live = cache->live - before + device->n_prefixes;
	entry->device = device->device;
	entry->device.first_prefix = first;
	entry->device.n_prefixes = device->n_prefixes;
	if (device->n_prefixes)
		memcpy(cache->pool + first, device->prefixes,
		       device->n_prefixes * sizeof(*cache->pool));
}

/* Nothing else has changed. It decides between two that have the same key or address. */
static int take_revision(struct device_cache *cache, struct entry *entry, uint64_t revision)
{
	if (entry->device.revision == revision)
		return 0;
	entry->device.revision = revision;
	return is_contested(cache, entry);
}

int device_cache_put(struct device_cache *cache, const uint8_t id[static DEVICE_ID_BYTES],
		     const struct device_json *device)
{
	struct entry *entry = id_table_find(&cache->entries, id);
	size_t before = entry ? entry->device.n_prefixes : 0;

	if (entry && is_same(cache, entry, &device->device, device->prefixes, device->n_prefixes))
		return take_revision(cache, entry, device->device.revision);
	if (!entry && cache->entries.n >= DEVICES_MAX)
		return -E2BIG;
	if (cache->live - before + device->n_prefixes > DEVICE_PREFIXES_MAX)
		return -E2BIG;
	if (device->n_prefixes > before && make_room(cache, device->n_prefixes) != 0)
		return -ENOMEM;
	if (add_claims(cache, &device->device, device->prefixes) != 0)
		return -ENOMEM;
	if (entry)
		remove_claims(cache, &entry->device, cache->pool + entry->device.first_prefix,
			      entry->device.n_addresses + 1);
	else
		entry = id_table_add(&cache->entries, id);
	if (!entry) {
		remove_claims(cache, &device->device, device->prefixes,
			      device->device.n_addresses + 1);
		return -ENOMEM;
	}
	fill(cache, entry, device);
	return 1;
}

int device_cache_remove(struct device_cache *cache, const uint8_t id[static DEVICE_ID_BYTES])
{
	struct entry *entry = id_table_find(&cache->entries, id);

	if (!entry)
		return 0;
	remove_claims(cache, &entry->device, cache->pool + entry->device.first_prefix,
		      entry->device.n_addresses + 1);
	cache->live -= entry->device.n_prefixes;
	id_table_remove(&cache->entries, entry);
	return 1;
}

const struct device *device_cache_find(const struct device_cache *cache,
				       const uint8_t id[static DEVICE_ID_BYTES])
{
	const struct entry *entry = id_table_find(&cache->entries, id);

	return entry ? &entry->device : NULL;
}

const struct prefix *device_cache_prefixes(const struct device_cache *cache,
					   const struct device *device)
{
	return cache->pool + device->first_prefix;
}

static int is_other(void *arg, const uint8_t id[static DEVICE_ID_BYTES],
		    const struct device *device, const struct prefix *prefixes)
{
	const struct device_cache *other = arg;
	const struct entry *entry = id_table_find(&other->entries, id);

	return !entry || !is_same(other, entry, device, prefixes, device->n_prefixes) ||
	       (entry->device.revision != device->revision && is_contested(other, entry));
}

bool device_cache_is_same(const struct device_cache *one, const struct device_cache *other)
{
	return one->entries.n == other->entries.n &&
	       !device_cache_each(one, is_other, (void *)other);
}

void device_cache_count(const struct device_cache *cache, size_t *ret_devices, size_t *ret_prefixes)
{
	*ret_devices = cache->entries.n;
	*ret_prefixes = cache->live;
}

int device_cache_each(const struct device_cache *cache,
		      int (*each)(void *arg, const uint8_t id[static DEVICE_ID_BYTES],
				  const struct device *device, const struct prefix *prefixes),
		      void *arg)
{
	int err = 0;

	for (size_t i = 0; !err && i < cache->entries.n; i++) {
		const struct entry *entry = id_table_at(&cache->entries, i);

		err = each(arg, entry->id, &entry->device,
			   cache->pool + entry->device.first_prefix);
	}
	return err;
}
