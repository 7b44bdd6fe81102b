/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_dir.h - the folder of a relay's identity: made, checked, and one relay's alone.
 *
 * Its lock is flock()'s on the folder itself: nothing is written for it, so it can be had where the
 * disk is full or read-only, and it ends with the process. Only who owns the folder may enter it,
 * and so nobody else can hold the lock.
 */
#ifndef TUNNEL_STATE_DIR_H
#define TUNNEL_STATE_DIR_H

#include <limits.h>

#include "tunnel/private_key.h"

struct state_dir {
	int fd; /* locked, close-on-exec; -1: none. A child that goes on after us closes it */
	char path[PATH_MAX];
};

/**
 * state_dir_make() - open the folder; with mode 0700 when it has to be made. Not locked.
 *
 * Return: 0; -EACCES when owner or mode are wrong; another negative errno.
 */
int state_dir_make(const char *path, int *ret_fd, struct private_key_error *ret_err);

/**
 * state_dir_open() - the same, and lock it until state_dir_close(). Waits for a second, at most:
 * who was killed may have left a child that is about to end.
 *
 * Return: as above; -EBUSY when it is another relay's.
 */
int state_dir_open(struct state_dir *dir, const char *path, struct private_key_error *ret_err);

/**
 * state_dir_again() - before something is written: is it still the folder that is locked? If not,
 * make it anew, or take what is there in its place, and lock that one.
 *
 * Return: 0; 1 when it was another folder; as state_dir_open(), with the folder as it was.
 */
int state_dir_again(struct state_dir *dir, struct private_key_error *ret_err);

/** state_dir_close() - give it up; safe when it is not open. */
void state_dir_close(struct state_dir *dir);

#endif
