/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instance.h - one relay on one interface: what it is called, where its things are, who runs it.
 *
 * /run and bpffs are shared by all network namespaces, interface names are not: an instance outside
 * of PID 1's namespace has the namespace's cookie in its name.
 */
#ifndef NODE_INSTANCE_H
#define NODE_INSTANCE_H

#include <stdbool.h>
#include <sys/types.h>

#include "datapath/pins.h"

#define INSTANCE_RUN_ROOT "/run/nex-relay"
#define INSTANCE_NAME_MAX 64
#define INSTANCE_PATH_MAX 192

struct instance {
	char ifname[16];
	char name[INSTANCE_NAME_MAX];      /* "wg0", or "wg0@<cookie>" */
	char pin_dir[PINS_PATH_MAX];       /* below PINS_ROOT */
	char run_dir[INSTANCE_PATH_MAX];   /* below INSTANCE_RUN_ROOT */
	char lock_path[INSTANCE_PATH_MAX]; /* held while a node runs */
	char status_path[INSTANCE_PATH_MAX];
	char sysctl_path[INSTANCE_PATH_MAX]; /* record of changed sysctls, one per namespace */
	char namespace_suffix[32];           /* "" or "@<cookie>" */
	int lock_fd;                         /* -1 when not held */
};

/**
 * instance_init() - work out names and paths; creates nothing.
 *
 * Return: 0; -EINVAL when @ifname cannot be an interface's name; another negative errno.
 */
int instance_init(struct instance *instance, const char *ifname);

/**
 * instance_lock() - become the one node of this instance; creates the run directory.
 * @ret_holder: set to the pid of the other one with -EBUSY.
 *
 * Return: 0; -EBUSY; another negative errno, e.g. -ENOSPC, with nothing left behind.
 */
int instance_lock(struct instance *instance, pid_t *ret_holder);

/** instance_holder() - pid of the running node, 0 when there is none; negative errno. */
pid_t instance_holder(const struct instance *instance);

/**
 * instance_unlock() - no longer run.
 * @forget: remove the lock and status files and the run directory as well.
 */
void instance_unlock(struct instance *instance, bool forget);

/** instance_is_last() - no other instance of this network namespace has pins or a node. */
bool instance_is_last(const struct instance *instance);

#endif
