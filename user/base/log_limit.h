/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_limit.h - how many messages of one kind are written, and how many were not.
 *
 * Each kind has a bucket: so many at once, and one a second over time. What does not fit is
 * counted, and told as one line when it is over, or once a minute while it goes on.
 *
 * Pure: no clock, no output.
 */
#ifndef BASE_LOG_LIMIT_H
#define BASE_LOG_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LIMIT_KINDS 64
#define LOG_LIMIT_AT_ONCE 60
#define LOG_LIMIT_CALM_S 10 /* after so long without another one it is over */
#define LOG_LIMIT_TELL_S 60 /* told so often while it goes on */
#define LOG_LIMIT_TEXT_MAX 160

struct log_limit_kind {
	const char *kind;        /* NULL: free */
	int64_t used_s;          /* when the last one came */
	unsigned int room;       /* of the bucket, as of used_s */
	unsigned int n_left_out; /* since they were told last */
	int64_t left_out_since_s;
	char last[LOG_LIMIT_TEXT_MAX]; /* that was left out */
};

struct log_limit {
	struct log_limit_kind kinds[LOG_LIMIT_KINDS];
};

/**
 * log_limit_take() - a message comes up.
 * @kind: what is compared is the pointer: the format of the message.
 *
 * Return: whether it is to be written; if not, *ret_first is set when it is the first that is not.
 */
bool log_limit_take(struct log_limit *limit, const char *kind, int64_t now_s, const char *text,
		    bool *ret_first);

/**
 * log_limit_left_out() - what there is to tell of messages that were left out.
 * @all: what is not over as well: the process ends.
 *
 * Return: how many, of one kind; 0 when there is nothing to tell. To be called until then.
 */
unsigned int log_limit_left_out(struct log_limit *limit, int64_t now_s, bool all,
				char ret_last[static LOG_LIMIT_TEXT_MAX]);

#endif
