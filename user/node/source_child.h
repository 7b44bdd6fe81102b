/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_child.h - the node's handle on its source process.
 */
#ifndef NODE_SOURCE_CHILD_H
#define NODE_SOURCE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

struct source_child {
	pid_t pid; /* 0 when none runs */
	int sock;  /* our end of the border, non-blocking; -1 when none runs */
};

/**
 * source_child_start() - fork, and run this program again as the source.
 * @network: it talks to a control plane; else it parses files only, and can do nothing else.
 *
 * A fresh exec: nothing of the node's memory, and no descriptor but the socket and stderr, is there
 * to be read by who takes the source over.
 *
 * Return: 0; negative errno.
 */
int source_child_start(struct source_child *child, bool network);

/**
 * source_child_ended() - it has closed its end of the border, and so should be about to end.
 *
 * Return: true, with the status of waitpid(), when it has ended by itself; false when it lives on:
 * it is left to source_child_stop().
 */
bool source_child_ended(struct source_child *child, int *ret_status);

/** source_child_stop() - close the border, which ends the source, and reap it. */
void source_child_stop(struct source_child *child);

#endif
