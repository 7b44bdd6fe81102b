/* SPDX-License-Identifier: Apache-2.0 */
/*
 * atomic_file.h - replace a file as a whole: after a crash there is the old one or the new one.
 */
#ifndef ATOMIC_FILE_H
#define ATOMIC_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct atomic_file {
	char path[PATH_MAX], fresh[PATH_MAX]; /* fresh: PATH.new */
	int fd;                               /* of fresh: write to it */
};

/**
 * atomic_file_open() - begin a new version of @path, which must be in a folder of ours; what a run
 * that crashed has left of one is removed. Nothing is followed that is not a file of our making.
 *
 * Return: 0; -ENAMETOOLONG; negative errno, with nothing to be closed.
 */
int atomic_file_open(struct atomic_file *file, const char *path, mode_t mode);

/**
 * atomic_file_commit() - put it in place, and close it.
 * @durable: wait until it is on the disk.
 *
 * Return: 0; negative errno, with the old version as it was and nothing left of the new one.
 */
int atomic_file_commit(struct atomic_file *file, bool durable);

/** atomic_file_abandon() - close it, and leave nothing of the new version. */
void atomic_file_abandon(struct atomic_file *file);

/** atomic_file_write() - all of the above, for @len bytes. Return: as above; -ENOSPC. */
int atomic_file_write(const char *path, mode_t mode, const void *bytes, size_t len, bool durable);

/** atomic_file_remove() - the file, and what a crash has left. Return: 0 also when it is not there;
 * negative errno. */
int atomic_file_remove(const char *path);

#endif
