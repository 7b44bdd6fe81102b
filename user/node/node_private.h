/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_private.h - the node's state, and what its three files do for each other.
 *
 *   node.c            start, signals, end
 *   node_source.c     the peer file and the source process that parses it
 *   node_interface.c  the WireGuard interface: is it there, who are its peers
 */
#ifndef NODE_PRIVATE_H
#define NODE_PRIVATE_H

#include <event2/event.h>
#include <stdbool.h>
#include <time.h>

#include "node/file_watch.h"
#include "node/instance.h"
#include "node/settings.h"
#include "node/source_child.h"
#include "node/sync.h"
#include "peers/border.h"

#define NODE_SIGNALS 3

struct node {
	const struct run_settings *settings;
	struct instance instance;
	struct sync sync;
	const char *ipv6_reason;              /* why IPv6 is off; NULL when it is on */
	char list_error[BORDER_TEXT_MAX + 8]; /* why the newest list was not taken, or empty */

	struct event_base *base;
	struct event *on_signal[NODE_SIGNALS];

	/* node_source.c */
	struct file_watch watch;
	struct event *on_file;
	struct source_child child;
	struct event *on_source;
	struct event *restart;
	int restart_ms;
	time_t child_since;
	struct border_list incoming;
	uint32_t want_list;     /* number of the newest list that was asked for */
	bool unsent;            /* a list was asked for that no source has been told of */
	int n_said;             /* messages of the source about that list */
	struct event *deadline; /* for the list that was asked for */

	/* node_interface.c */
	int link_fd;
	struct event *on_link;
	struct event *again; /* soon: something about the host's addresses has changed */
	struct event *retry; /* the interface is back, but not whole yet */
	struct event *poll;  /* the interface is the list */
	struct event *look;  /* are programs and pins still in place? */
	int retry_ms;        /* until the next try to attach to an interface that is not whole; 0 */
	bool not_attached;   /* list_error says that the interface is back, but not attached */
	char renamed[16];    /* what the interface is called now, once that was said; or empty */
};

/** node_list() - a whole list has come: apply it, say so. Empties @list. */
void node_list(struct node *node, struct device_list *list);

/** node_list_failed() - a list could not be had or not be applied: said once, kept for `status`. */
void node_list_failed(struct node *node, const char *why);

/** node_list_name() - what messages call the place that lists come from. */
const char *node_list_name(const struct node *node);

/** node_write_status() - bring the status file up to date. */
void node_write_status(struct node *node);

/** node_after() - arm @timer to fire once, in @ms milliseconds. */
void node_after(struct event *timer, int ms);

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

/** node_interface_stop() - safe when it never started. */
void node_interface_stop(struct node *node);

#endif
