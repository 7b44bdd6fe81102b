/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - the unprivileged process: parses what comes from outside, decides nothing.
 */
#ifndef PEERS_SOURCE_H
#define PEERS_SOURCE_H

#include <stdbool.h>

/* Exit statuses that tell how it ended. */
#define SOURCE_EXIT_MEMORY 3  /* at the limit of its memory */
#define SOURCE_EXIT_SANDBOX 4 /* it could not be confined, and has done nothing */
#define SOURCE_EXIT_STALE 5   /* file_view_is_stale() */

/**
 * source_main() - the whole life of the source process.
 * @network: it talks to a control plane; else it parses files, and can do nothing else.
 *
 * Started by the node with its end of the border socket as descriptor BORDER_SOURCE_FD. Ends when
 * the node does. What goes wrong after it has entered its sandbox is told by the exit status only.
 *
 * Return: exit status.
 */
int source_main(bool network);

#endif
