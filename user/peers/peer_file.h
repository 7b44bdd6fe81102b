/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_file.h - the source's work on a peer file: JSON in, border records out.
 */
#ifndef PEERS_PEER_FILE_H
#define PEERS_PEER_FILE_H

#include <stdint.h>

/* The node does not hand over anything larger, and the source reads no further. */
#define PEER_FILE_BYTES_MAX (128UL << 20)

/**
 * peer_file_send() - parse the list in @fd and send it as list number @list.
 * @fd:   regular file, open for reading; stays open.
 * @sock: border socket.
 *
 * What is wrong with the file goes over the border as LIST_ERROR, what is wrong with a device as
 * WARNING (a bounded number of them).
 *
 * Return: 0, also for a file that is no good; negative errno when the node cannot be told.
 */
int peer_file_send(int fd, int sock, uint32_t list);

#endif
