// SPDX-License-Identifier: Apache-2.0
#include "base/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static int name_fresh(const char *path, char fresh[static PATH_MAX])
{
	return snprintf(fresh, PATH_MAX, "%s.new", path) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int atomic_file_open(struct atomic_file *file, const char *path, mode_t mode)
{
	int err = name_fresh(path, file->fresh);

	if (err)
		return err;
	snprintf(file->path, sizeof(file->path), "%s", path);
	if (unlink(file->fresh) && errno != ENOENT)
		return -errno;
	file->fd = open(file->fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (file->fd < 0)
		return -errno;
	if (!fchmod(file->fd, mode)) /* whatever the umask */
		return 0;
	err = -errno;
	atomic_file_abandon(file);
	return err;
}

void atomic_file_abandon(struct atomic_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
	(void)unlink(file->fresh);
}

/* A rename is only as durable as the folder that it happened in. */
static int sync_folder(const char *path)
{
	auto_close int fd = -1;
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) ? -errno : 0;
}

int atomic_file_commit(struct atomic_file *file, bool durable)
{
	int err = durable && fsync(file->fd) ? -errno : 0;

	if (close(file->fd) && !err)
		err = -errno;
	file->fd = -1;
	if (!err && rename(file->fresh, file->path))
		err = -errno;
	if (err)
		(void)unlink(file->fresh); /* keep the first error */
	else if (durable)
		err = sync_folder(file->path);
	return err;
}

int atomic_file_write(const char *path, mode_t mode, const void *bytes, size_t len, bool durable)
{
	struct atomic_file file;
	int err = atomic_file_open(&file, path, mode);
	ssize_t written;

	if (err)
		return err;
	written = write(file.fd, bytes, len);
	if (written < 0)
		err = -errno;
	else if ((size_t)written != len)
		err = -ENOSPC;
	if (!err)
		return atomic_file_commit(&file, durable);
	atomic_file_abandon(&file);
	return err;
}

int atomic_file_remove(const char *path)
{
	char fresh[PATH_MAX];

	if (!name_fresh(path, fresh))
		(void)unlink(fresh);
	return unlink(path) && errno != ENOENT ? -errno : 0;
}
