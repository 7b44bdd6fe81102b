/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device_cache.h - the devices of our VPC as the watch stream has told them, by id.
 *
 * A `delete` names a device by id alone (its public key is empty by then), so the id is the key.
 * Two ids may have the same public key: a device that is registered again, whose old registration
 * goes before or after the new one comes.
 *
 * A device and its prefixes are in flat arrays: 100,000 devices are three allocations of 25 MB in
 * all, and a change costs as much among many devices as among few.
 */
#ifndef NEXODUS_DEVICE_CACHE_H
#define NEXODUS_DEVICE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"
#include "peers/device.h"
#include "peers/device_json.h"

struct device_cache; /* opaque */

/** device_cache_new() - Return: an empty cache, or NULL without memory. */
struct device_cache *device_cache_new(void);

/** device_cache_free() - safe on NULL. */
void device_cache_free(struct device_cache *cache);

/**
 * device_cache_put() - the device @id is now @device.
 * @device: copied, its prefixes too.
 *
 * Return: 1 when that changed anything that matters to a relay (key, name, relay_only, relay,
 * prefixes, n_addresses; the revision, when another device has its key or one of its
 * tunnel addresses); 0 when not; -E2BIG beyond DEVICES_MAX or DEVICE_PREFIXES_MAX
 * in all, -ENOMEM: with the old one as it was.
 */
int device_cache_put(struct device_cache *cache, const uint8_t id[static DEVICE_ID_BYTES],
		     const struct device_json *device);

/** device_cache_remove() - Return: 1 when it was there; 0. */
int device_cache_remove(struct device_cache *cache, const uint8_t id[static DEVICE_ID_BYTES]);

/** device_cache_clear() - remove all. */
void device_cache_clear(struct device_cache *cache);

/** device_cache_find() - Return: the device, until the cache is changed; NULL. No prefixes. */
const struct device *device_cache_find(const struct device_cache *cache,
				       const uint8_t id[static DEVICE_ID_BYTES]);

/**
 * device_cache_get() - what @id is now.
 * @ret:          copied; its first_prefix means nothing.
 * @ret_prefixes: ret->n_prefixes of them, borrowed until the cache changes.
 *
 * Return: whether it is there.
 */
bool device_cache_get(const struct device_cache *cache, const uint8_t id[static DEVICE_ID_BYTES],
		      struct device *ret, const struct prefix **ret_prefixes);

/** device_cache_prefixes() - of a device that was found: device->n_prefixes of them. */
const struct prefix *device_cache_prefixes(const struct device_cache *cache,
					   const struct device *device);

/**
 * device_cache_rivals() - the devices that have the key of @id, or one of its tunnel addresses,
 * too.
 * @each: must not change the cache.
 *
 * Takes time in proportion to all devices where there is one, else to nothing.
 */
void device_cache_rivals(const struct device_cache *cache, const uint8_t id[static DEVICE_ID_BYTES],
			 void (*each)(void *arg, const uint8_t id[static DEVICE_ID_BYTES]),
			 void *arg);

/** device_cache_is_same() - the same devices, as far as they matter to a relay. */
bool device_cache_is_same(const struct device_cache *one, const struct device_cache *other);

/** device_cache_count() - devices, and prefixes of all of them. */
void device_cache_count(const struct device_cache *cache, size_t *ret_devices,
			size_t *ret_prefixes);

/**
 * device_cache_each() - all devices, in no order.
 * @each: gets the device with first_prefix meaningless, and its n_prefixes prefixes. Nonzero stops.
 *        It must not change the cache.
 *
 * Return: what @each returned last; 0.
 */
int device_cache_each(const struct device_cache *cache,
		      int (*each)(void *arg, const uint8_t id[static DEVICE_ID_BYTES],
				  const struct device *device, const struct prefix *prefixes),
		      void *arg);

#endif
