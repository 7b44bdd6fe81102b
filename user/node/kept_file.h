/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kept_file.h - is a file still the one that we have written, or read? That is told by what lstat()
 * says of it: what somebody has put there is never opened, and nothing is waited for.
 */
#ifndef NODE_KEPT_FILE_H
#define NODE_KEPT_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum kept_is { KEPT_WELL, KEPT_GONE, KEPT_CHANGED };

struct kept_file {
	bool is_known;        /* it was written or read, now or in an earlier run */
	struct stat st;       /* what it was then */
	enum kept_is is, was; /* what the last look has found, and the one before */
	int64_t changed_at;   /* when it was last written over a change, s; 0: never */
};

/** kept_file_read() - @st is the file that was opened to be read: that one is to stay. */
void kept_file_read(struct kept_file *file, const struct stat *st);

/** kept_file_written() - a new one was just put in place at @path. */
void kept_file_written(struct kept_file *file, const char *path);

/**
 * kept_file_look() - what is at @path now?
 *
 * Return: as file->is; KEPT_WELL also when it was never there, or cannot be looked at.
 */
enum kept_is kept_file_look(struct kept_file *file, const char *path);

/**
 * kept_file_is_news() - what somebody has made of it was just written over, at @now_s.
 *
 * Return: whether to say so: not to who does that again and again.
 */
bool kept_file_is_news(struct kept_file *file, int64_t now_s);

#endif
