/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sync.h - keep the datapath, and a tunnel of our own, equal to the last good device list.
 *
 * list -> desired state -> plan -> apply: the same four steps whatever has changed, the list, the
 * host's addresses or the interface.
 */
#ifndef NODE_SYNC_H
#define NODE_SYNC_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/trouble.h"
#include "base/wg_key.h"
#include "datapath/datapath.h"
#include "datapath/tables.h"
#include "node/host_view.h"
#include "node/settings.h"
#include "peers/border.h"
#include "peers/desired.h"
#include "peers/device.h"
#include "peers/plan.h"
#include "tunnel/tunnel.h"

#define SYNC_TROUBLE_CONFLICT "conflict" /* and a prefix */
#define SYNC_CONFLICTS_SHOWN 64

/* A prefix that two devices claim. */
struct sync_conflict {
	struct prefix prefix;
	enum desired_why why;
	char winner[DEVICE_NAME_MAX]; /* empty: the relay */
	char loser[DEVICE_NAME_MAX];
};

struct sync {
	struct datapath_config config;
	struct troubles *troubles;
	struct datapath *dp;
	uint32_t ifindex; /* 0 while the interface is gone */
	uint8_t self_key[WG_KEY_BYTES];
	bool ipv6;
	bool attached;
	struct tunnel *tunnel;      /* NULL when the interface is somebody else's */
	char why[TUNNEL_ERROR_MAX]; /* after an error: more than its errno says; or empty */
	bool is_refused;            /* after sync_list() failed: to try again is of no use */
	/* An address of the tunnel that another interface wants, too, since the list was applied:
	 * what is to be done about it; or empty. */
	char conflict[TUNNEL_ERROR_MAX];

	struct device_list list; /* the last good one */
	bool has_list;
	struct tables have; /* what the maps hold */
	bool have_is_sure;  /* false after a failed step: read the maps again */

	struct prefix_list ranges, host_routes; /* as in struct tunnel_limits */
	struct host_view host;                  /* read again unless host_is_known */
	bool host_is_known;
	struct prefix servers[BORDER_SERVERS_MAX]; /* whom the helper talks to, the newest last */
	size_t n_servers;

	time_t applied_at; /* when a list was last applied; 0: never */
	size_t n_devices, n_addresses, n_cidrs, n_skipped, n_conflicts;
	struct sync_conflict conflicts[SYNC_CONFLICTS_SHOWN]; /* the first ones of n_conflicts */
};

/**
 * sync_open() - load or adopt the datapath, and attach it.
 * @slots: how many peers to make room for.
 *
 * A program that is attached already is replaced at once; one whose tables have to be made anew is
 * replaced when the first list has filled them.
 *
 * Return: 0; negative errno, with nothing changed. Logs what failed.
 */
int sync_open(struct sync *sync, uint32_t slots);

/**
 * sync_why() - what went wrong in sync_list() or sync_again(), for a message.
 * @err: what they returned.
 */
const char *sync_why(const struct sync *sync, int err);

/** sync_conflict_reason() - why the one device has it: "it had it before". */
const char *sync_conflict_reason(enum desired_why why);

/** sync_note_conflicts() - those of @desired are in @sync from now on. */
void sync_note_conflicts(struct sync *sync, const struct desired *desired);

/**
 * sync_holds() - desired_input.holds, @arg is a struct sync: do the maps give @prefix to this key?
 *
 * So it stays with whom it is over a restart, and where the interface was made anew.
 */
bool sync_holds(const void *arg, const struct prefix *prefix, const uint8_t *key);

/** sync_attach_remedy() - what to do about @err of an attach, in brackets; "" when unknown. */
const char *sync_attach_remedy(const struct sync *sync, int err);

/** sync_close() - free everything of the process; the datapath goes on. */
void sync_close(struct sync *sync);

/**
 * sync_list() - a new whole list: bring the datapath to it.
 * @list: taken over on success, left to the caller otherwise.
 *
 * Warns of addresses that two devices claim.
 *
 * While the interface is away the list is checked and kept.
 *
 * Return: 0; -ENOENT when our own device is not in it; -ENOSPC when the maps cannot take it;
 *         -EADDRINUSE when an address of ours lies in a subnet of another interface; another
 *         negative errno when datapath or tunnel could not be brought there. The last good list
 *         stays, also in the datapath, in every such case.
 */
int sync_list(struct sync *sync, struct device_list *list);

/**
 * sync_repair() - attach and pin again if somebody has taken programs, links or pins away.
 *
 * Return: 1 when something was repaired; 0 when all was in place, or nothing should be; negative
 *         errno, logged, when it could not be repaired.
 */
int sync_repair(struct sync *sync);

/**
 * sync_again() - apply the last good list again: addresses or the interface changed. As above, but
 * an address that is in another interface's subnet now takes nothing away: @sync->conflict.
 */
int sync_again(struct sync *sync);

/**
 * sync_server() - the helper is about to talk to this host: no device has a route of the host's own
 * for it. The last BORDER_SERVERS_MAX count.
 *
 * Return: 0; negative errno when the routes could not be brought in line with that.
 */
int sync_server(struct sync *sync, const struct prefix *server);

/**
 * sync_interface() - the interface is now @ifindex, or gone (0).
 *
 * Return: 0; negative errno when the program could not be attached there; sync_attach_remedy() has
 *         what to do about it.
 */
int sync_interface(struct sync *sync, uint32_t ifindex);

#endif
