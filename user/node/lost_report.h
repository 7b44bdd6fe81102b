/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lost_report.h - log what spokes lose because the tunnel's own table routes their packets, and the
 * line of the configuration that restores it (check/lost.h).
 *
 * The networks of this host are logged whenever there is a new one. Its NAT rules are looked at
 * once, in a process of its own: rules may be many, and libnftables stays out of this one.
 */
#ifndef NODE_LOST_REPORT_H
#define NODE_LOST_REPORT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/loop.h"
#include "base/prefix_list.h"
#include "tunnel/table_floor.h"

struct lost_report_config {
	const char *ifname;
	const struct kernel_forwarding *forwarding;
	bool is_taken_over; /* the interface was nexd's: look for what it leaves in nftables, too */
};

struct lost_report {
	struct lost_report_config config;
	struct prefix_list said; /* networks that were logged */
	struct io children;
	pid_t looker;    /* the process that looks at the rules; 0 */
	bool has_looked; /* at the rules, or is at it */
};

/**
 * lost_report_look() - log what is news.
 * @lock_fd: closed in the other process, where its lock would outlive this one; -1: none.
 */
void lost_report_look(struct lost_report *report, struct loop *loop, int lock_fd);

/** lost_report_stop() - safe when it never looked. */
void lost_report_stop(struct lost_report *report);

#endif
