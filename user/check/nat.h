/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nat.h - the translations of this host that no longer work for spokes, as its rules are.
 *
 * NAT is undone before routing. So a published port on the tunnel address, and an answer to a
 * masqueraded container, meet the rule `iif TUNNEL` with the address inside of this host, which the
 * tunnel's own table does not have unless `kernel-forwarding` names it.
 */
#ifndef CHECK_NAT_H
#define CHECK_NAT_H

#include "base/prefix.h"
#include "check/ruleset.h"
#include "tunnel/local_network.h"
#include "tunnel/table_floor.h"

/* This host, as far as it matters. */
struct nat_host {
	const char *ifname; /* of the tunnel */
	const struct kernel_forwarding *forwarding;
	const struct local_networks *networks;
	const struct prefix *own; /* its addresses, as hosts; those of the tunnel first */
	size_t n_own, n_tunnel;
	const struct prefix *devices; /* what the tunnel's own table leads to devices */
	size_t n_devices;
};

enum nat_kind { NAT_DNAT, NAT_MASQUERADE };

/**
 * nat_tell - one thing that is lost.
 * @to:   the destination whose forwarding restores it; NULL: only all of them do.
 * @what: one line about it.
 */
typedef void (*nat_tell)(enum nat_kind kind, const struct prefix *to, const char *what, void *data);

/** nat_lost() - call @tell for each translation that spokes lose. */
void nat_lost(const struct ruleset *ruleset, const struct nat_host *host, nat_tell tell,
	      void *data);

#endif
