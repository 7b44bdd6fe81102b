/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_signals.h - the signals that end the node, or make it read again.
 *
 * They are blocked for as long as the process lives, and read from a descriptor: so the node takes
 * them in its loop, and none of them can end it half-way, before the loop or after it.
 */
#ifndef NODE_SIGNALS_H
#define NODE_SIGNALS_H

/** node_signals_block() - keep SIGTERM, SIGINT and SIGHUP for node_signals_open(). */
void node_signals_block(void);

/** node_signals_open() - Return: a descriptor that reads them, not blocking; negative errno. */
int node_signals_open(void);

/** node_signals_next() - Return: the number of the next one that came; 0 when there is none. */
int node_signals_next(int fd);

#endif
