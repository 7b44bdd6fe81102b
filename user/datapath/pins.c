// SPDX-License-Identifier: Apache-2.0
#include "datapath/pins.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Written beside the real name first; no object of ours is called so. */
#define FRESH "fresh_"

bool pins_bpffs_mounted(void)
{
	struct statfs fs;

	return !statfs(PINS_BPFFS, &fs) && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

/*
 * A bpffs that was mounted without a mode is everybody's, as /tmp is. What another user has put in
 * our place is neither used nor followed; a folder of root's can only be replaced by root.
 */
static int check_one_dir(const char *dir)
{
	struct stat st;

	if (lstat(dir, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)))
		return -EUCLEAN;
	return 0;
}

static int check_dir(const char *dir)
{
	int err = check_one_dir(PINS_ROOT);

	return err ?: check_one_dir(dir);
}

static int make_one_dir(const char *dir)
{
	if (!mkdir(dir, 0700))
		return 0;
	return errno == EEXIST ? check_one_dir(dir) : -errno;
}

int pins_make_dir(const char *dir)
{
	int err = make_one_dir(PINS_ROOT);

	return err ?: make_one_dir(dir);
}

static int join(char path[static PINS_PATH_MAX], const char *dir, const char *prefix,
		const char *name)
{
	int len = snprintf(path, PINS_PATH_MAX, "%s/%s%s", dir, prefix, name);

	return len < PINS_PATH_MAX ? 0 : -ENAMETOOLONG;
}

int pins_open(const char *dir, const char *name)
{
	char path[PINS_PATH_MAX];
	int fd = check_dir(dir) ?: join(path, dir, "", name);

	if (fd)
		return fd;
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

int pins_put(const char *dir, const char *name, int fd)
{
	char path[PINS_PATH_MAX], fresh[PINS_PATH_MAX];
	int err;

	err = join(path, dir, "", name);
	if (!err)
		err = join(fresh, dir, FRESH, name);
	if (err)
		return err;
	if (unlink(fresh) && errno != ENOENT)
		return -errno;
	if (bpf_obj_pin(fd, fresh))
		return -errno;
	if (rename(fresh, path)) {
		err = -errno;
		(void)unlink(fresh); /* keep the first error */
	}
	return err;
}

int pins_drop(const char *dir, const char *name)
{
	char path[PINS_PATH_MAX];
	int err = join(path, dir, "", name);

	if (err)
		return err;
	return unlink(path) && errno != ENOENT ? -errno : 0;
}

int pins_mark(const char *dir, const char *mark)
{
	char path[PINS_PATH_MAX];
	int err = join(path, dir, "", mark);

	return err ?: make_one_dir(path);
}

bool pins_is_marked(const char *dir, const char *mark)
{
	char path[PINS_PATH_MAX];

	return !check_dir(dir) && !join(path, dir, "", mark) && !access(path, F_OK);
}

/* A pin or a mark. */
static int remove_one(const char *dir, const char *name)
{
	char path[PINS_PATH_MAX];
	int err = join(path, dir, "", name);

	if (err)
		return err;
	return remove(path) && errno != ENOENT ? -errno : 0;
}

static int remove_all(const char *dir)
{
	DIR *entries = opendir(dir);
	struct dirent *entry;
	int err = 0;

	if (!entries)
		return -errno;
	while (!err && (entry = readdir(entries)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			err = remove_one(dir, entry->d_name);
	closedir(entries);
	if (!err && rmdir(dir))
		err = -errno;
	return err;
}

int pins_remove_dir(const char *dir)
{
	int err = check_dir(dir) ?: remove_all(dir);

	/* Another interface's pins may still be there: then the root stays. */
	(void)rmdir(PINS_ROOT);
	return err == -ENOENT ? 0 : err;
}
