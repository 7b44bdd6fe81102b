// SPDX-License-Identifier: Apache-2.0
#include "node/kept_file.h"

#include <errno.h>

#define CALM_S 3600 /* after so long without it, a change is news again */

void kept_file_read(struct kept_file *file, const struct stat *st)
{
	file->is_known = true;
	file->st = *st;
	file->is = file->was = KEPT_WELL;
}

void kept_file_written(struct kept_file *file, const char *path)
{
	struct stat st = {};

	(void)lstat(path, &st); /* gone already: the next look finds that */
	kept_file_read(file, &st);
}

/* Who reads, links or labels the file leaves these as they are. */
static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mode == b->st_mode && a->st_uid == b->st_uid &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

enum kept_is kept_file_look(struct kept_file *file, const char *path)
{
	struct stat st;

	file->was = file->is;
	file->is = KEPT_WELL;
	if (!file->is_known)
		return KEPT_WELL;
	if (!lstat(path, &st))
		file->is = is_same(&st, &file->st) ? KEPT_WELL : KEPT_CHANGED;
	else if (errno == ENOENT)
		file->is = KEPT_GONE;
	return file->is;
}

bool kept_file_is_news(struct kept_file *file, int64_t now_s)
{
	bool is_news = !file->changed_at || now_s - file->changed_at >= CALM_S;

	file->changed_at = now_s;
	return is_news;
}
