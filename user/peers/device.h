/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device.h - the devices of a VPC, as every peer source delivers them.
 *
 * A list is two flat arrays: 100,000 devices are two allocations, not 100,000.
 */
#ifndef PEERS_DEVICE_H
#define PEERS_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"
#include "base/wg_key.h"

/* Bounds on what any source may deliver. */
#define DEVICES_MAX 131072
#define DEVICE_PREFIXES_MAX 524288 /* of all devices together */
#define DEVICE_NAME_MAX 64         /* bytes, NUL included */
#define DEVICE_ID_BYTES 16         /* UUID */

/* What a source says of a device being a relay. */
enum device_relay {
	DEVICE_RELAY_NOT_SAID,
	DEVICE_IS_NO_RELAY,
	DEVICE_IS_RELAY,
};

struct device {
	uint8_t id[DEVICE_ID_BYTES]; /* the control plane's; zeros: it has none */
	uint8_t public_key[WG_KEY_BYTES];
	char name[DEVICE_NAME_MAX]; /* host name without control characters; may be empty */
	bool relay_only;            /* symmetric_nat: reachable through the relay alone */
	uint32_t first_prefix;      /* index into device_list.prefixes */
	uint32_t n_prefixes;        /* tunnel addresses and advertised CIDRs */
	uint32_t n_addresses; /* the first so many are tunnel addresses, the others advertised */
	uint64_t revision; /* the control plane's: of two versions the higher is newer; 0: not said
			    */
	enum device_relay relay;
};

struct device_list {
	struct device *devices;
	size_t n_devices, room_devices;
	struct prefix *prefixes;
	size_t n_prefixes, room_prefixes;
	size_t n_skipped; /* devices and CIDRs that the source left out as invalid */
};

/** device_list_done() - free what @list owns and zero it; safe on a zeroed one. */
void device_list_done(struct device_list *list);

/** device_list_copy() - a list of its own. @ret: empty. Return: 0; -ENOMEM, with @ret empty. */
int device_list_copy(const struct device_list *list, struct device_list *ret);

/**
 * device_list_reserve() - room for so many devices and prefixes at once; a matter of speed alone.
 *
 * Return: 0; -ENOMEM.
 */
int device_list_reserve(struct device_list *list, size_t n_devices, size_t n_prefixes);

/**
 * device_sort() - by public key; of one key, the one of the higher revision, or else the one whose
 * prefixes come first.
 *
 * Takes little time when only a few at the end are out of order.
 */
void device_sort(struct device *devices, size_t n);

/**
 * device_list_add() - append a device without prefixes.
 * @device: copied, but not first_prefix and n_prefixes. There must be no fewer prefixes than its
 *          n_addresses in the end.
 *
 * Return: 0; -E2BIG beyond DEVICES_MAX; -ENOMEM.
 */
int device_list_add(struct device_list *list, const struct device *device);

/**
 * device_list_add_prefix() - give the device that was added last another prefix.
 *
 * Return: 0; -EINVAL when there is no device yet; -E2BIG beyond DEVICE_PREFIXES_MAX; -ENOMEM.
 */
int device_list_add_prefix(struct device_list *list, const struct prefix *prefix);

/**
 * device_label() - what a message calls a device: its name, or its key when it has none.
 *
 * Return: @text.
 */
const char *device_label(const struct device *device, char text[static DEVICE_NAME_MAX]);

#endif
