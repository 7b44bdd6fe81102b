/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_watch.h - notice that a file has new contents: rewritten, or replaced by rename.
 *
 * The folder is watched, not the file: that survives replacement, and a symlink that is turned to
 * another target in the same folder (as Kubernetes does with volumes) is seen too. Where the path
 * is a symlink, the folder of the file that it leads to in the end is watched as well.
 */
#ifndef NODE_FILE_WATCH_H
#define NODE_FILE_WATCH_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

struct file_watch {
	int fd; /* inotify, non-blocking: poll it for reading */
	char path[PATH_MAX];
	char dir[PATH_MAX];
	const char *name; /* in path: the last component */
	int dir_wd;
	/* Where the path leads when it is a symbolic link to another folder; -1: nowhere else. */
	int target_wd;
	char target_name[NAME_MAX + 1];
	struct stat seen; /* what the path led to last time; zero when nowhere */
	bool created;     /* the file of that name is new, and still being written */
};

/**
 * file_watch_open() - begin to watch @path, whose folder must exist.
 *
 * Return: 0; negative errno. Closed with file_watch_close().
 */
int file_watch_open(struct file_watch *watch, const char *path);

/** file_watch_close() - safe on a zeroed or failed one. */
void file_watch_close(struct file_watch *watch);

/**
 * file_watch_changed() - take all pending events.
 *
 * Return: 1 when the file is to be read again; 0 when not; -ENOENT when the folder is gone: it must
 *         be opened again.
 */
int file_watch_changed(struct file_watch *watch);

#endif
