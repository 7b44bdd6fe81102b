/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status_file.h - what only the node knows, for `nex-relay status`, which outlives it.
 */
#ifndef NODE_STATUS_FILE_H
#define NODE_STATUS_FILE_H

#include "base/trouble.h"
#include "node/settings.h"
#include "node/sync.h"

struct json_object;
struct node_control;
struct helper_loss;

struct node_status {
	const struct run_settings *settings;
	const struct sync *sync;
	const char *ipv6_reason; /* NULL when IPv6 is on */
	const struct troubles *troubles;
	const struct node_control *control; /* NULL when no control plane is used, or not yet */
	const struct helper_loss *lost;     /* the last helper process; NULL: none yet */
};

/**
 * status_file_write() - replace @path atomically.
 * @commit: false to find out whether it could be written, and leave it as it is.
 *
 * Return: 0; negative errno, with the old file untouched.
 */
int status_file_write(const char *path, const struct node_status *status, bool commit);

/**
 * status_file_read() - what a node has written to @path.
 *
 * Return: an object, freed with json_object_put(); NULL when there is none.
 */
struct json_object *status_file_read(const char *path);

#endif
