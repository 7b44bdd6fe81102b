// SPDX-License-Identifier: Apache-2.0
#include "node/file_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define EVENTS                                                                                   \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF | \
	 IN_MOVE_SELF | IN_ONLYDIR)

/* "dir/name" or "name". */
static int split(struct file_watch *watch, const char *path)
{
	char *slash;

	if (snprintf(watch->path, sizeof(watch->path), "%s", path) >= (int)sizeof(watch->path))
		return -ENAMETOOLONG;
	memcpy(watch->dir, watch->path, sizeof(watch->dir));
	slash = strrchr(watch->dir, '/');
	if (!slash) {
		snprintf(watch->dir, sizeof(watch->dir), ".");
		watch->name = watch->path;
		return *watch->name ? 0 : -EISDIR;
	}
	watch->name = watch->path + (slash - watch->dir) + 1;
	slash[slash == watch->dir] = '\0'; /* "/" stays "/" */
	return *watch->name ? 0 : -EISDIR;
}

static void look(struct file_watch *watch, struct stat *ret)
{
	if (stat(watch->path, ret))
		*ret = (struct stat){};
}

int file_watch_open(struct file_watch *watch, const char *path)
{
	int err;

	*watch = (struct file_watch){ .fd = -1 };
	err = split(watch, path);
	if (err)
		return err;
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd < 0)
		return -errno;
	if (inotify_add_watch(watch->fd, watch->dir, EVENTS) < 0) {
		err = -errno;
		file_watch_close(watch);
		return err;
	}
	look(watch, &watch->seen);
	return 0;
}

void file_watch_close(struct file_watch *watch)
{
	if (watch->fd > 0)
		close(watch->fd);
	watch->fd = -1;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       !memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim));
}

/* Written and closed, or moved into place: then it is read even if it looks the same. */
static bool is_certain(const struct file_watch *watch, const struct inotify_event *event)
{
	return event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO) && event->len &&
	       !strcmp(event->name, watch->name);
}

int file_watch_changed(struct file_watch *watch)
{
	char buffer[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool changed = false, gone = false;
	struct stat now;
	ssize_t len;

	while ((len = read(watch->fd, buffer, sizeof(buffer))) > 0) {
		for (char *at = buffer; at < buffer + len;) {
			const struct inotify_event *event = (const void *)at;

			changed |= is_certain(watch, event) || event->mask & IN_Q_OVERFLOW;
			gone |= event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF);
			at += sizeof(*event) + event->len;
		}
	}
	look(watch, &now);
	/* Being created is not yet having contents: that comes with the close. */
	if (!is_same(&now, &watch->seen) && (now.st_size || !now.st_ino))
		changed = true;
	watch->seen = now;
	return gone ? -ENOENT : changed;
}
