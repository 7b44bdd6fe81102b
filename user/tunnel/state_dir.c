// SPDX-License-Identifier: Apache-2.0
#include "tunnel/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tunnel/secret_file.h"

#define LOCK_TIMEOUT_MS 1000
#define LOCK_PAUSE_MS 10

int state_dir_make(const char *path, int *ret_fd, struct private_key_error *ret_err)
{
	auto_close int parent = -1;
	bool is_new = !mkdir(path, 0700);
	int err, fd = -1;

	if (!is_new && errno != EEXIST) {
		err = -errno;
		(void)secret_error_path(ret_err, path, "");
		return secret_error(ret_err, err, "cannot make the folder: %s", strerror(-err));
	}
	err = secret_dir_open(path, true, &fd, ret_err);
	if (err)
		return err;
	if (is_new) {
		parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (parent < 0 || fsync(parent)) {
			err = -errno;
			close(fd);
			return secret_error(ret_err, err, "cannot write the folder to disk: %s",
					    strerror(-err));
		}
	}
	*ret_fd = fd;
	return 0;
}

static int lock(int fd, int timeout_ms, struct private_key_error *ret_err)
{
	static const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };
	int err;

	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB); waited += LOCK_PAUSE_MS) {
		err = -errno;
		if (err != -EWOULDBLOCK && err != -EINTR)
			return secret_error(ret_err, err, "cannot lock the folder: %s",
					    strerror(-err));
		if (waited >= timeout_ms)
			return secret_error(ret_err, -EBUSY,
					    "is the folder of another relay that runs (see `lsof "
					    "%s`): give each one its own with --state-dir, or stop "
					    "the other one",
					    ret_err->path);
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int make_and_lock(const char *path, int timeout_ms, int *ret_fd,
			 struct private_key_error *ret_err)
{
	int fd = -1, err;

	err = state_dir_make(path, &fd, ret_err);
	if (err)
		return err;
	err = lock(fd, timeout_ms, ret_err);
	if (err)
		close(fd);
	else
		*ret_fd = fd;
	return err;
}

int state_dir_open(struct state_dir *dir, const char *path, struct private_key_error *ret_err)
{
	int fd = -1, err;

	err = make_and_lock(path, LOCK_TIMEOUT_MS, &fd, ret_err);
	if (err)
		return err;
	dir->fd = fd;
	snprintf(dir->path, sizeof(dir->path), "%s", path);
	return 0;
}

static bool is_current(const struct state_dir *dir)
{
	struct stat held, named;

	return !fstat(dir->fd, &held) && !stat(dir->path, &named) && held.st_ino == named.st_ino &&
	       held.st_dev == named.st_dev;
}

int state_dir_again(struct state_dir *dir, struct private_key_error *ret_err)
{
	int fd = -1, err;

	if (is_current(dir))
		return 0;
	err = make_and_lock(dir->path, 0, &fd, ret_err);
	if (err)
		return err;
	close(dir->fd);
	dir->fd = fd;
	return 1;
}

void state_dir_close(struct state_dir *dir)
{
	if (dir->fd >= 0)
		close(dir->fd);
	dir->fd = -1;
}
