/* SPDX-License-Identifier: Apache-2.0 */
/*
 * desired.h - from "these devices exist" to "these entries belong in the tables".
 *
 * Pure computation: no kernel, no logging.
 */
#ifndef PEERS_DESIRED_H
#define PEERS_DESIRED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peers/device.h"

#define DESIRED_LOCAL UINT32_MAX /* desired_entry.device: the relay's own address */

/* Which device an address or prefix belongs to. */
struct desired_entry {
	struct prefix prefix; /* first: prefix_sort() */
	uint32_t device;      /* index into desired.devices, or DESIRED_LOCAL */
	bool is_address; /* a tunnel address of the device's or address of the host, not advertised
			  */
};

/* Why one device has what another one claims, too. */
enum desired_why {
	DESIRED_BY_ADDRESS,  /* it is its tunnel address, and the other one only advertises it */
	DESIRED_BY_REVISION, /* of two tunnel addresses */
	DESIRED_BY_HOLDING,  /* of two that advertise it: it has it already */
	DESIRED_BY_KEY,      /* or it is the relay's own */
};

/* An address that two claim: who has it, and who wanted it too. */
struct desired_conflict {
	struct prefix prefix;
	uint32_t winner; /* as desired_entry.device */
	uint32_t loser;
	enum desired_why why;
};

struct desired {
	struct device *devices; /* without our own, sorted by public key, each key once */
	size_t n_devices;
	struct desired_entry *entries; /* sorted by prefix, each prefix once */
	size_t n_entries;
	struct desired_conflict *conflicts;
	size_t n_conflicts;
	size_t n_repeated; /* devices left out because their key was there already */
	struct prefix
		*self_addresses; /* our own device's tunnel addresses: hosts, sorted, each once */
	size_t n_self_addresses;
};

struct desired_input {
	const struct device_list *list;
	const uint8_t *self_key;    /* WG_KEY_BYTES: ours is the device with this key */
	const struct prefix *local; /* the host's own addresses: never forwarded */
	size_t n_local;
	bool ipv6; /* false: single stack, IPv6 entries and addresses are left out */
	/* Has the device with this key @prefix now? NULL: nobody has anything yet. */
	bool (*holds)(const void *arg, const struct prefix *prefix, const uint8_t *key);
	const void *holds_arg;
};

/**
 * desired_build() - work out the entries.
 * @ret: set on success only; freed with desired_done().
 *
 * The relay's own addresses are never anybody else's. A prefix that two devices claim goes to the
 * one that has it as its tunnel address, not to one that advertises it: those are given out by the
 * control plane, and what is advertised is any user's word. Of two tunnel addresses the device of
 * the higher revision has it: it was given to that one last. What two advertise stays with the one
 * that holds it, whatever their revisions, which each change of anything raises; what our own
 * device advertises goes before that. Otherwise it goes to the one whose public key sorts first.
 * The order of the list is nothing.
 *
 * Of two devices with one public key the one of the higher revision counts.
 *
 * Return: 0; -ENOENT when our own device is not in the list (such a list is not to be believed);
 *         -ENOMEM.
 */
int desired_build(const struct desired_input *input, struct desired *ret);

/** desired_done() - free what @desired owns and zero it; safe on a zeroed one. */
void desired_done(struct desired *desired);

#endif
