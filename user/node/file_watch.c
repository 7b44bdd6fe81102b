// SPDX-License-Identifier: Apache-2.0
#include "node/file_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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

/*
 * (Re)arm the watch on the folder that the path leads to in the end.
 *
 * Return: whether an old one was removed, which makes an event of its own.
 */
static bool watch_target(struct file_watch *watch)
{
	char target[PATH_MAX];
	char *name = realpath(watch->path, target) ? strrchr(target, '/') : NULL;
	bool removed;
	int wd = -1;

	if (name) {
		*name++ = '\0';
		snprintf(watch->target_name, sizeof(watch->target_name), "%s", name);
		wd = inotify_add_watch(watch->fd, *target ? target : "/", EVENTS);
	}
	removed = watch->target_wd >= 0 && watch->target_wd != wd &&
		  watch->target_wd != watch->dir_wd;
	if (removed)
		(void)inotify_rm_watch(watch->fd, watch->target_wd);
	watch->target_wd = wd;
	return removed;
}

int file_watch_open(struct file_watch *watch, const char *path)
{
	int err;

	*watch = (struct file_watch){ .fd = -1, .target_wd = -1 };
	err = split(watch, path);
	if (err)
		return err;
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd < 0)
		return -errno;
	watch->dir_wd = inotify_add_watch(watch->fd, watch->dir, EVENTS);
	if (watch->dir_wd < 0) {
		err = -errno;
		file_watch_close(watch);
		return err;
	}
	(void)watch_target(watch);
	look(watch, &watch->seen);
	return 0;
}

void file_watch_close(struct file_watch *watch)
{
	if (watch->fd > 0)
		close(watch->fd);
	watch->fd = -1;
}

/* Another file than before, or none where one was. */
static bool is_other(const struct stat *a, const struct stat *b)
{
	return a->st_dev != b->st_dev || a->st_ino != b->st_ino;
}

/* For a file that was moved here: is it what was read already? */
static bool has_changed(const struct stat *a, const struct stat *b)
{
	return is_other(a, b) || a->st_size != b->st_size ||
	       memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim));
}

/*
 * A file that was just created gets its contents yet, and is read when it is closed. A link, hard
 * or symbolic, to a file that was there before is not: nobody has it open to write.
 */
static bool is_unfinished(const struct file_watch *watch, const struct stat *now)
{
	struct stat named;

	return watch->created && now->st_nlink == 1 && !lstat(watch->path, &named) &&
	       S_ISREG(named.st_mode);
}

/* Return: the bits of @event that tell of our file or folder, or of lost events. */
static uint32_t note_event(struct file_watch *watch, const struct inotify_event *event)
{
	uint32_t seen = event->mask & IN_Q_OVERFLOW;

	if (event->wd == watch->dir_wd)
		seen |= event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF);
	if (!event->len)
		return seen;
	if (event->wd == watch->dir_wd && !strcmp(event->name, watch->name)) {
		watch->created = event->mask & IN_CREATE;
		seen |= event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO);
	}
	if (event->wd == watch->target_wd && !strcmp(event->name, watch->target_name))
		seen |= event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO);
	return seen;
}

static uint32_t read_events(struct file_watch *watch)
{
	char buffer[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
	uint32_t seen = 0;
	ssize_t len;

	while ((len = read(watch->fd, buffer, sizeof(buffer))) > 0) {
		for (char *at = buffer; at < buffer + len;) {
			const struct inotify_event *event = (const void *)at;

			seen |= note_event(watch, event);
			at += sizeof(*event) + event->len;
		}
	}
	return seen;
}

int file_watch_changed(struct file_watch *watch)
{
	uint32_t seen = 0;
	struct stat now;
	bool changed;

	do
		seen |= read_events(watch);
	while (watch_target(watch));
	look(watch, &now);
	/* Written and closed: to be read even if it looks the same. */
	changed = seen & (IN_CLOSE_WRITE | IN_Q_OVERFLOW);
	if (seen & IN_MOVED_TO)
		changed |= has_changed(&now, &watch->seen);
	if (!is_unfinished(watch, &now)) {
		changed |= is_other(&now, &watch->seen);
		watch->seen = now;
	}
	return seen & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF) ? -ENOENT : changed;
}
