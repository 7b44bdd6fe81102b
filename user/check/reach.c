// SPDX-License-Identifier: Apache-2.0
/*
 * reach.c - what spokes get to beside each other: by an interface of our own only what
 * `kernel-forwarding` names, by somebody else's whatever its owner's routes say.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check/leak.h"
#include "check/list.h"
#include "check/lost.h"
#include "tunnel/tunnel_routes.h"

#define CHECK "kernel-forwarding"
#define REMEDY_MAX (LOST_LINE_MAX + 64)

static void write_remedy(const struct lost *lost, bool networks, bool nats,
			 char remedy[static REMEDY_MAX])
{
	char line[LOST_LINE_MAX];

	snprintf(remedy, REMEDY_MAX, "%s in nex-relay.conf, if it shall",
		 lost_line(lost, networks, nats, line));
}

static void tell_networks(struct check_list *list, const struct lost *lost)
{
	char remedy[REMEDY_MAX], text[LOST_LINE_MAX];

	if (lost->forwarding.all) {
		check_ok(list, CHECK, "spokes get to whatever this host routes and lets pass");
		return;
	}
	if (!lost->n_networks) {
		check_ok(list, CHECK, "no network of this host is closed to spokes");
		return;
	}
	write_remedy(lost, true, true, remedy);
	check_add(list, CHECK_OK, CHECK, remedy, "spokes are not let into this host's networks: %s",
		  lost_describe(lost, text));
}

static void tell_nats(struct check_list *list, const struct lost *lost)
{
	char remedy[REMEDY_MAX];

	write_remedy(lost, false, true, remedy);
	for (size_t i = 0; i < lost->n_nats; i++)
		check_warn(list, CHECK, remedy, "does not work for spokes: %s", lost->nats[i].what);
	if (lost->n_more_nats)
		check_warn(list, CHECK, remedy, "does not work for spokes: %zu more",
			   lost->n_more_nats);
}

static void check_leaks(struct check_list *list)
{
	struct leak leaks[LEAKS_MAX];
	char remedy[LEAK_REMEDY_MAX], text[PREFIX_TEXT_MAX];
	size_t n;
	int err = leaks_find(list->ifname, leaks, &n);

	if (err) {
		if (err != -ENODEV)
			check_warn(list, "leak", "look at ip route and ip rule",
				   "routes cannot be read: %s", strerror(-err));
		return;
	}
	for (size_t i = 0; i < n; i++)
		check_warn(list, "leak", leak_remedy(&leaks[i], list->ifname, remedy),
			   "%s is adopted, with its owner's routes: what spokes send to an address "
			   "that no device has, such as %s, leaves by %s in clear",
			   list->ifname, prefix_format_addr(&leaks[i].example, text), leaks[i].by);
	if (!n)
		check_ok(list, "leak", "nothing for addresses beside those of %s leaves in clear",
			 list->ifname);
}

void check_reach(struct check_list *list, const struct ruleset *ruleset)
{
	struct kernel_forwarding forwarding;
	struct lost lost;
	/* What the kernel has is what counts, if a relay has made it. */
	int err = table_floor_read(tunnel_table(list->ifname), &forwarding);

	if (err && list->adopt) {
		check_leaks(list);
		return;
	}
	err = lost_networks(list->ifname, err ? &list->forwarding : &forwarding, &lost);
	if (!err && ruleset)
		err = lost_nats(list->ifname, ruleset, &lost);
	if (err) {
		check_warn(list, CHECK, "try again", "addresses and routes cannot be read: %s",
			   strerror(-err));
		return;
	}
	tell_networks(list, &lost);
	tell_nats(list, &lost);
}
