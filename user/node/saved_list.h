/* SPDX-License-Identifier: Apache-2.0 */
/*
 * saved_list.h - the last good device list on disk, so that a relay that starts while the
 * api-server is away relays. It has the shape of a peer file, and is read like one.
 */
#ifndef NODE_SAVED_LIST_H
#define NODE_SAVED_LIST_H

#include <time.h>

#include "peers/device.h"

/**
 * saved_list_write() - replace @path, durably. Mode 0600.
 * @as_of: the time of the list, which becomes the file's; 0: now.
 *
 * Takes as long as the disk does: for a process of its own.
 *
 * Return: 0; negative errno, with the old list as it was.
 */
int saved_list_write(const char *path, const struct device_list *list, time_t as_of);

#endif
