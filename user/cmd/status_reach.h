/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status_reach.h - for `nex-relay status`: what spokes do not get to, or what leaves in clear.
 * Asked from the kernel at that moment, with the node dead too.
 */
#ifndef CMD_STATUS_REACH_H
#define CMD_STATUS_REACH_H

#include <stdbool.h>

#include "check/leak.h"
#include "check/lost.h"

struct status_reach {
	bool is_ours;    /* the tunnel has a table of its own: @lost is known */
	bool knows_nats; /* the host's rules could be read */
	struct lost lost;
	struct leak leaks[LEAKS_MAX]; /* of an adopted interface */
	size_t n_leaks;
	const char *ifname;
};

/** status_reach_read() - what cannot be read is left out. */
void status_reach_read(const char *ifname, bool is_adopted, struct status_reach *ret);

/** status_reach_add_json() - members "lost" and "leaks". */
void status_reach_add_json(const struct status_reach *reach, struct json_object *object);

/** status_reach_print() - lines of text, if there is something to say. */
void status_reach_print(const struct status_reach *reach);

#endif
