/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counters.h - read a relay's pinned maps without its daemon, for the show commands.
 *
 * Read-only, and no more than a snapshot: the relay goes on counting meanwhile.
 */
#ifndef DATAPATH_COUNTERS_H
#define DATAPATH_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"
#include "nex_abi.h"

struct peer_counters {
	uint32_t slot;
	struct nex_slot who;
	struct nex_slot_stats total; /* since the peer is known, over program and table changes */
	struct prefix *prefixes;     /* its addresses, then its CIDRs */
	size_t n_prefixes;
};

/**
 * counters_peers() - all peers, sorted by name, then key.
 * @ret_peers: set on success only; freed with counters_peers_done().
 *
 * Return: 0; -ENOENT when no relay was set up here; -EPERM; another negative errno.
 */
int counters_peers(const char *pin_dir, struct peer_counters **ret_peers, size_t *ret_n);

/** counters_peers_done() - free what counters_peers() returned. */
void counters_peers_done(struct peer_counters *peers, size_t n);

/**
 * counters_verdicts() - all verdict counters, summed over the CPUs.
 *
 * Return: as counters_peers().
 */
int counters_verdicts(const char *pin_dir, struct nex_verdict_stats ret[static NEX_V_COUNT]);

#endif
