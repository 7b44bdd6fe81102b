/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_private.h - the node's state, and what its files do for each other.
 *
 *   node.c            start, signals, end
 *   node_source.c     the peer file and the source process that parses it
 *   node_interface.c  the WireGuard interface: is it there, who are its peers
 *   node_tunnel.c     the same for an interface of our own: make it, put it back
 */
#ifndef NODE_PRIVATE_H
#define NODE_PRIVATE_H

#include <event2/event.h>
#include <stdbool.h>
#include <time.h>

#include "datapath/peer_watch.h"
#include "node/file_watch.h"
#include "node/instance.h"
#include "node/settings.h"
#include "node/source_child.h"
#include "node/sync.h"
#include "peers/border_list.h"

#define NODE_SIGNALS 3

struct node {
	const struct run_settings *settings;
	struct instance instance;
	struct sync sync;
	const char *ipv6_reason;           /* why IPv6 is off; NULL when it is on */
	char list_error[TUNNEL_ERROR_MAX]; /* why the newest list was not taken, or empty */

	int status_err;             /* of the last time it was written */
	struct event *status_again; /* then it is written again */

	struct event_base *base;
	struct event *on_signal[NODE_SIGNALS];

	/* node_source.c */
	struct file_watch watch;
	struct event *on_file;
	struct source_child child;
	struct event *on_source;
	struct event *restart;
	time_t child_since;
	struct border_list incoming;
	struct event *deadline;   /* for the list that was asked for */
	struct event *list_again; /* a list that could not be applied is asked for again */
	int list_again_ms;        /* after so long, when it fails once more; 0: it was applied */
	int restart_ms;
	uint32_t want_list; /* number of the newest list that was asked for */
	int n_said;         /* messages of the source about that list */
	bool unsent;        /* a list was asked for that no source has been told of */
	bool list_is_new;   /* asked for because it may have changed: worth a message */

	/* node_interface.c */
	bool not_attached; /* list_error says that the interface is back, but not attached */
	int link_fd;
	struct event *on_link;
	struct event *again;  /* soon: something about the host's addresses has changed */
	struct event *retry;  /* the interface is back, but not whole yet */
	struct event *poll;   /* the interface is the list */
	struct event *look;   /* are programs and pins still in place? */
	struct event *listen; /* hear the kernel's messages again, after they could not be read */
	time_t said_deaf;     /* when it was last said that they could not */
	char renamed[16];     /* what the interface is called now, once that was said; or empty */
	int retry_ms; /* until the next try to attach to an interface that is not whole; 0 */

	/* node_tunnel.c */
	int route_fd;
	struct tunnel tunnel;
	struct event *on_route;
	struct event *poll_peers;
	struct peer_watch
		*peer_watch; /* says when to look at the peers; NULL: it has to be polled */
	struct event *on_peer_news;
	int64_t peers_not_before; /* CLOCK_MONOTONIC, ms: they are not looked at sooner */
	struct event *mend;       /* look what was changed, and put it back */
	unsigned int mend_parts;  /* where to look: bits of enum tunnel_part */
	int mend_retry_ms;        /* after so long, when it fails once more; 0: it did not */
	int64_t mended_at;        /* CLOCK_MONOTONIC, ms; 0: never */
	int fights;               /* how often it was put back without a pause in between */
	int fight_wait_ms;        /* not sooner after mended_at than that: somebody insists */
	size_t said_foreign_addresses, said_foreign_routes, said_refused, said_spared;
	char tunnel_error[TUNNEL_ERROR_MAX]; /* why the interface is not right, or empty */
};

/** node_list() - a whole list has come: apply it, say so. Empties @list. */
void node_list(struct node *node, struct device_list *list);

/** node_list_failed() - a list could not be had or not be applied: said once, kept for `status`. */
void node_list_failed(struct node *node, const char *why);

/** node_list_again() - read the list again, in a while; later and later until one was applied. */
void node_list_again(struct node *node);

/** node_list_name() - what messages call the place that lists come from. */
const char *node_list_name(const struct node *node);

/** node_write_status() - bring the status file up to date. */
void node_write_status(struct node *node);

/** node_after() - arm @timer to fire once, in @ms milliseconds. */
void node_after(struct event *timer, int ms);

/** node_look_at_ipv6() - has the host IPv6? @first: say so when it has not. Else what has changed.
 */
void node_look_at_ipv6(struct node *node, bool first);

/**
 * node_tunnel_start() - have the interface, before the loop runs.
 * @ret_made: it was not there before.
 *
 * Return: 0; negative errno, logged.
 */
int node_tunnel_start(struct node *node, bool *ret_made);

/** node_tunnel_watch_peers() - be told of changes to peers, where that can be had. Before
 * privileges are dropped. */
void node_tunnel_watch_peers(struct node *node);

/** node_tunnel_follow() - begin to notice what others change. Return: 0 or negative errno. */
int node_tunnel_follow(struct node *node);

/** node_tunnel_changed() - something may have changed: look soon. @parts: enum tunnel_part. */
void node_tunnel_changed(struct node *node, unsigned int parts);

/** node_tunnel_report() - say what others have on the interface, if that is news. */
void node_tunnel_report(struct node *node);

/** node_tunnel_stop() - safe when it never started. The interface stays. */
void node_tunnel_stop(struct node *node);

/** node_source_start() - begin to follow the peer file. Return: 0 or negative errno. */
int node_source_start(struct node *node);

/** node_source_read() - have the peer file parsed: now, or when there is a source again. */
void node_source_read(struct node *node);

/** node_source_stop() - end the source process; safe when it never started. */
void node_source_stop(struct node *node);

/** node_interface_start() - begin to follow the interface. Return: 0 or negative errno. */
int node_interface_start(struct node *node);

/** node_interface_read() - take the peers of the interface as the list. */
void node_interface_read(struct node *node);

/**
 * node_interface_deaf() - the kernel's messages cannot be read: @err is said, once. After a while
 * both sockets are listened to again, and everything is looked at.
 */
void node_interface_deaf(struct node *node, int err);

/** node_interface_stop() - safe when it never started. */
void node_interface_stop(struct node *node);

#endif
