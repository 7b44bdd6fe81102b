/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_private.h - the node's state, and what its files do for each other.
 *
 *   node.c            start, what is done on a signal, end
 *   node_source.c     the peer file and the source process that parses it
 *   node_control.c    the same for a control plane that the source talks to
 *   node_gifts.c      what the source needs for that
 *   node_saved.c      the last list, on disk
 *   node_state.c      the folder that it is in
 *   node_interface.c  the WireGuard interface: is it there, who are its peers
 *   node_tunnel.c     the same for an interface of our own: make it, put it back
 */
#ifndef NODE_PRIVATE_H
#define NODE_PRIVATE_H

#include <stdbool.h>
#include <time.h>

#include "base/clock.h"
#include "base/fight.h"
#include "base/loop.h"
#include "base/pace.h"
#include "base/trouble.h"
#include "datapath/peer_watch.h"
#include "node/control_files.h"
#include "node/file_watch.h"
#include "node/helper_ping.h"
#include "node/host_forwarding.h"
#include "node/instance.h"
#include "node/kept_file.h"
#include "node/lost_report.h"
#include "node/settings.h"
#include "node/source_child.h"
#include "node/source_end.h"
#include "node/sync.h"
#include "peers/border_list.h"
#include "tunnel/state_dir.h"

struct node;

/* node_control.c */
struct node_control {
	struct account account;
	char list_path[PATH_MAX], state_path[PATH_MAX];
	int stun_fd;         /* -1: none */
	int ca_fd;           /* the last good ca-file, sealed; -1: none */
	const char *ca_said; /* why the ca-file was not used, the last time; NULL: it was */

	struct control_state state; /* to be kept */
	struct timer keep_again;
	bool is_revoked; /* and not let in since: somebody may have been told to remove it */
	struct kept_file state_file;

	enum border_control where;
	char text[BORDER_TEXT_MAX];
	char said[BORDER_TEXT_MAX]; /* the last text that was worth a message */
	uint32_t retry_s;
	time_t retry_at; /* the next try; 0: none is said */
	time_t since;    /* where is so */
	time_t heard_at; /* the server was last heard; 0: never */

	struct helper_ping ping;
	bool is_over; /* revoked, and to end because of that */

	bool from_disk;     /* the list that is applied is that one */
	uint32_t disk_list; /* its number */
	bool is_disk_read;  /* the source is at it: it has not begun with the server */
	time_t saved_at;    /* when the list on disk was written; 0: unknown */
	struct timer save;
	struct io on_child;
	pid_t saver; /* process that writes the list; 0 */
	bool save_pending, has_saved;
	struct kept_file list_file;
};

/* The last helper process has ended, and none after it has done its work as yet. */
struct helper_loss {
	char why[SOURCE_END_MAX]; /* empty: all is well */
	time_t at, next_at;       /* when it ended, and when another is started */
};

struct node {
	const struct run_settings *settings;
	struct instance instance;
	struct state_dir state_dir;
	char state_why[TUNNEL_ERROR_MAX]; /* what is wrong with the folder itself, or empty */
	struct sync sync;
	struct troubles troubles;
	const char *ipv6_reason; /* why IPv6 is off; NULL when it is on */

	struct timer status_again; /* then it is written again */
	bool is_replaced;          /* another node has the lock */
	int signal_fd;

	struct loop *loop;
	struct io on_signal;

	/* node_source.c */
	struct file_watch watch;
	struct io on_file;
	struct timer folder_again;
	struct source_child child;
	struct io on_source;
	struct timer restart;
	int refused_call; /* that it says it was ended for; SOURCE_END_NO_CALL */
	struct helper_loss lost;
	struct border_list incoming;
	struct timer deadline;   /* for the list that was asked for */
	struct timer list_again; /* a list that could not be applied is asked for again */
	struct pace list_pace;   /* of list_again */
	struct pace restart_pace;
	uint32_t want_list; /* number of the newest list that was asked for */
	int n_said;         /* messages of the source about that list */
	bool unsent;        /* a list was asked for that no source has been told of */
	bool list_is_new;   /* asked for because it may have changed: worth a message */

	struct node_control control;

	/* node_interface.c */
	bool not_attached; /* TROUBLE_LIST says that the interface is back, but not attached */
	struct pace retry_pace;
	int link_fd;
	struct io on_link;
	struct timer again;  /* soon: something about the host's addresses has changed */
	struct timer retry;  /* the interface is back, but not whole yet */
	struct timer poll;   /* the interface is the list */
	struct timer look;   /* are programs and pins still in place? */
	struct timer listen; /* hear the kernel's messages again, after they could not be read */
	int64_t deaf_until;  /* clock_s(): till then it is no news that they could not */

	struct host_forwarding forwarding;

	/* node_tunnel.c */
	int route_fd;
	uint32_t said_behind;
	struct tunnel tunnel;
	struct io on_route;
	struct timer poll_peers;
	struct peer_watch
		*peer_watch; /* says when to look at the peers; NULL: it has to be polled */
	struct io on_peer_news;
	int64_t peers_not_before; /* CLOCK_MONOTONIC, ms: they are not looked at sooner */
	struct timer count;       /* others' routes have changed: look at the routes */
	struct timer mend;        /* look what was changed, and put it back */
	unsigned int mend_parts;  /* where to look: bits of enum tunnel_part */
	struct pace mend_pace;
	int64_t unsure_at; /* an edit of ours failed then, and may have half an effect yet; ms */
	struct fight fight;
	size_t said_foreign_addresses, said_foreign_routes, said_refused, said_left;

	struct lost_report lost_report;
};

/* What may be wrong; sync.h has more. */
#define TROUBLE_LIST "list"                     /* why the newest one was not taken */
#define TROUBLE_TUNNEL "tunnel"                 /* why the interface is not right */
#define TROUBLE_ADDRESS "address"               /* sync.conflict */
#define TROUBLE_FOREIGN "foreign addresses"     /* on the interface */
#define TROUBLE_FOREIGN_ROUTES "foreign routes" /* the same */
#define TROUBLE_REFUSED "refused routes"        /* somebody else has them */
#define TROUBLE_LEFT_OWN "own addresses"        /* that the list has, and the interface does not */
#define TROUBLE_LEFT_ROUTES "left out"          /* of the host's own routing */
#define TROUBLE_RULE "routing rule"             /* of others, before ours */
#define TROUBLE_TABLE "routing table"           /* tunnel.others */
#define TROUBLE_RENAMED "interface name"
#define TROUBLE_CONTROL "control"        /* as the source has it */
#define TROUBLE_STATE "state"            /* the folder, and what is gone from it */
#define TROUBLE_KEEP "registration.json" /* which could not be written */
#define TROUBLE_SAVE "devices.json"      /* the same */
#define TROUBLE_STATUS "status file"
#define TROUBLE_LOCK "lock"

/** node_has_source() - lists come from the source process, not from the interface. */
bool node_has_source(const struct node *node);

/** node_list() - a whole list has come: apply it, say so. Empties @list. */
void node_list(struct node *node, struct device_list *list);

/** node_list_failed() - a list could not be had or not be applied: said if it is news, or if the
 * list itself is. */
void node_list_failed(struct node *node, const char *why);

/** node_list_again() - read the list again, in a while; later and later until one was applied. */
void node_list_again(struct node *node);

/** node_list_name() - what messages call the place that lists come from. */
const char *node_list_name(const struct node *node);

/** node_write_status() - bring the status file up to date. */
void node_write_status(struct node *node);

/** node_look_at_lock() - somebody may have removed it, and the folder below /run that it is in. */
void node_look_at_lock(struct node *node);

/** clock_s() - a clock that nobody sets, and that goes on while the host sleeps. */
int64_t node_now_s(void);

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

/** node_tunnel_listen() - hear what others change of routes, from now on or again. */
void node_tunnel_listen(struct node *node);

/** node_tunnel_changed() - something may have changed: look soon. @parts: enum tunnel_part. */
void node_tunnel_changed(struct node *node, unsigned int parts);

/** node_tunnel_unsure() - an edit of ours has failed: what differs soon after is nobody else's. */
void node_tunnel_unsure(struct node *node);

/** node_tunnel_report() - say what others have on the interface, if that is news. */
void node_tunnel_report(struct node *node);

/** node_tunnel_stop() - safe when it never started. The interface stays. */
void node_tunnel_stop(struct node *node);

/** node_source_start() - begin to follow the peer file. Return: 0 or negative errno. */
int node_source_start(struct node *node);

/** node_source_read() - have the peer file parsed: now, or when there is a source again. */
void node_source_read(struct node *node);

/** node_source_lost() - @why, as in "the helper process @why": end it, start another soon. */
void node_source_lost(struct node *node, const char *why);

/** node_source_is_well() - it does its work: what became of those before is no news any more. */
void node_source_is_well(struct node *node);

/** node_source_stop() - end the source process; safe when it never started. */
void node_source_stop(struct node *node);

/**
 * node_control_open() - with all privileges: what the source will need and could not have later.
 *
 * Return: 0; negative errno, logged.
 */
int node_control_open(struct node *node);

/** node_control_start() - timers and files. */
void node_control_start(struct node *node);

/** node_control_begin() - tell a new source everything. Return: 0; negative errno of the border. */
int node_control_begin(struct node *node);

/** node_control_again() - have the source get a whole list again. */
void node_control_again(struct node *node);

/**
 * node_control_record() - a record of the source.
 *
 * Return: 1 when it was for here; 0 when it is another's; -EPROTO.
 */
int node_control_record(struct node *node, const struct border_record *record);

/** node_control_applied() - a list was applied: save it in a while. */
void node_control_applied(struct node *node);

/** node_control_lost() - the helper has ended: what it said last is over. */
void node_control_lost(struct node *node);

/** node_control_heard() - the helper says that the server was heard at @when; 0: never. */
void node_control_heard(struct node *node, int64_t when);

/**
 * node_gifts_ca() - give the helper the ca-file, if there is one. What is wrong with it is said
 * once.
 *
 * Return: 0; negative errno of the border.
 */
int node_gifts_ca(struct node *node);

/** node_saved_start() - before the first list. */
void node_saved_start(struct node *node);

/** node_saved_again() - the list on disk may be gone or changed: then it is written again. */
void node_saved_again(struct node *node);

/** node_saved_stop() - what is not saved yet is. Safe when it never started. */
void node_saved_stop(struct node *node);

/** node_state_open() - have the state folder to ourselves. Return: 0; negative errno, logged. */
int node_state_open(struct node *node);

/** node_state_dir() - it is about to be written to: see that it is there, and ours. Return: 0;
 * negative errno. */
int node_state_dir(struct node *node);

/** node_state_look() - somebody may have removed it, or what is kept in it, or changed that: made
 * again. */
void node_state_look(struct node *node);

/**
 * node_state_written() - @file was put in place at @path.
 * @was_missing: and that was said; else it is said when somebody had changed it.
 */
void node_state_written(struct kept_file *file, const char *path, bool was_missing);

/** node_state_why() - what @err of writing to it means, for people. */
const char *node_state_why(const struct node *node, int err);

/**
 * node_state_tell() - something was written to it, or was not, or the key in it may be another one:
 * status has it, if it is news.
 */
void node_state_tell(struct node *node);

/** node_control_state_name() - a word for status and messages. */
const char *node_control_state_name(enum border_control state);

/** node_control_stop() - safe when it never started. */
void node_control_stop(struct node *node);

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
