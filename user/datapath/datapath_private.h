/* SPDX-License-Identifier: Apache-2.0 */
/*
 * datapath_private.h - what the files of datapath/ share and nobody else sees.
 */
#ifndef DATAPATH_PRIVATE_H
#define DATAPATH_PRIVATE_H

#include "datapath/datapath.h"
#include "nex_abi.h"
#include "nex_wg.skel.h"

struct datapath {
	struct datapath_config config;
	struct nex_wg *skel;
	int prog_fd;           /* owned by skel */
	int old_stats_fd;      /* pinned nex_slot_stats that is about to be replaced, or -1 */
	uint32_t old_stats_id; /* its kernel id */
	uint32_t stats_id;     /* kernel id of the nex_slot_stats in use */
	uint32_t slots;        /* its size */
	bool is_new;
	enum datapath_attach attached;
};

/** counters_sum() - add up one slot over all CPUs. Return: 0 or negative errno. */
int counters_sum(int stats_fd, uint32_t slot, struct nex_slot_stats *ret);

#endif
