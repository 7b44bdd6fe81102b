/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instance.h - one relay on one interface: what it is called, where its things are, who runs it.
 *
 * /run and bpffs are shared by all network namespaces, interface names are not: an instance outside
 * of PID 1's namespace has the namespace's cookie in its name.
 */
#ifndef NODE_INSTANCE_H
#define NODE_INSTANCE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "datapath/pins.h"

#define INSTANCE_RUN_ROOT "/run/nex-relay"
#define INSTANCE_NAME_MAX 64
#define INSTANCE_PATH_MAX 192

/* Its pid cannot be told: it is in another PID namespace, or it is no lock of a process. */
#define INSTANCE_HOLDER_UNKNOWN ((pid_t)-1)

struct instance {
	char ifname[16];
	char name[INSTANCE_NAME_MAX];      /* "wg0", or "wg0@<cookie>" */
	char pin_dir[PINS_PATH_MAX];       /* below PINS_ROOT */
	char run_dir[INSTANCE_PATH_MAX];   /* below INSTANCE_RUN_ROOT */
	char lock_path[INSTANCE_PATH_MAX]; /* held while a node runs */
	char status_path[INSTANCE_PATH_MAX];
	char tunnel_path[INSTANCE_PATH_MAX];    /* record of the interface, if we made it */
	char sysctl_path[INSTANCE_PATH_MAX];    /* record of changed sysctls, one per namespace */
	char host_lock_path[INSTANCE_PATH_MAX]; /* one per namespace; no instance has a dot */
	char namespace_suffix[32];              /* "" or "@<cookie>" */
	int lock_fd;                            /* -1 when not held */
};

/**
 * instance_init() - work out names and paths; creates nothing.
 *
 * Return: 0; -EINVAL when @ifname cannot be an interface's name; another negative errno.
 */
int instance_init(struct instance *instance, const char *ifname);

/**
 * instance_lock() - become the one node of this instance; creates the run directory.
 * @ret_holder: set to the pid of the other one with -EBUSY, or to INSTANCE_HOLDER_UNKNOWN; else 0.
 *
 * Only we can open the lock file (mode 0600): who may read it could lock it, too, for ever.
 *
 * Return: 0; -EBUSY; -EPERM when the lock file is another user's, or no file; another negative
 *         errno, e.g. -ENOSPC, with nothing left behind.
 */
int instance_lock(struct instance *instance, pid_t *ret_holder);

/**
 * instance_lock_again() - somebody may have removed the lock file that is held: make it again.
 * @ret_holder: as instance_lock().
 *
 * Return: 0 when it is still there; 1 when it was made again, and the run directory with it; as
 *         instance_lock(), e.g. -EBUSY when another node was faster, with the old one still held.
 */
int instance_lock_again(struct instance *instance, pid_t *ret_holder);

/** How long after its removal a node that runs has made its lock again, at the latest. */
#define INSTANCE_LOCK_AGAIN_S 10

/** instance_lost_lock() - there are programs, but no lock: somebody has removed it. */
bool instance_lost_lock(const struct instance *instance);

/**
 * instance_holder() - who runs the node. Not for the one who holds the lock: it would lose it.
 *
 * Return: pid of the running node; 0 when there is none; -EBUSY when there is one that cannot be
 *         named; -EACCES for who may not know; another negative errno.
 */
pid_t instance_holder(const struct instance *instance);

/**
 * instance_unlock() - no longer run. Nothing happens when the lock is not held.
 * @forget: remove the lock and status files and the run directory as well, if they are still ours.
 */
void instance_unlock(struct instance *instance, bool forget);

/**
 * instance_is_last() - no other instance of this network namespace has pins or a node.
 *
 * It does not matter whether @instance itself has any, or holds its lock. The answer holds as long
 * as the lock of instance_host_lock() does, if all who come and go take that one.
 */
bool instance_is_last(const struct instance *instance);

/**
 * instance_host_lock() - be the only one that changes what all instances of this network namespace
 * share: the sysctls, and their record. Waits for another one, for ten seconds at most.
 *
 * To be taken after instance_lock(), if both are needed.
 *
 * Return: descriptor for instance_host_unlock(); -EBUSY after ten seconds; -EPERM as above; another
 *         negative errno, with nothing left behind.
 */
int instance_host_lock(const struct instance *instance);

/** What instance_host_lock_to_leave() gives where no file can be made. */
#define INSTANCE_NOT_LOCKED INT_MIN

/**
 * instance_host_lock_to_leave() - the same for who takes things back, which must also work where
 * /run is full or read-only.
 *
 * Return: as instance_host_lock(), but INSTANCE_NOT_LOCKED there: go on without the lock.
 */
int instance_host_lock_to_leave(const struct instance *instance);

/**
 * instance_host_unlock() - let the next one in.
 * @fd:     what instance_host_lock() or instance_host_lock_to_leave() gave; negative: not locked.
 * @forget: remove the lock file, and the run root when nothing else is in it. Always safe: who
 *          waits makes a new one.
 */
void instance_host_unlock(const struct instance *instance, int fd, bool forget);

#endif
