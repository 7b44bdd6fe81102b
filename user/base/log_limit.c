// SPDX-License-Identifier: Apache-2.0
#include "base/log_limit.h"

#include <stdio.h>
#include <string.h>

/* More kinds than there may be: the one that was quiet for longest, and owes nothing. */
static struct log_limit_kind *find(struct log_limit *limit, const char *kind)
{
	struct log_limit_kind *oldest = NULL;

	for (size_t i = 0; i < LOG_LIMIT_KINDS; i++) {
		struct log_limit_kind *one = &limit->kinds[i];

		if (one->kind == kind)
			return one;
		if (!one->n_left_out && (!oldest || one->used_s < oldest->used_s || !one->kind))
			oldest = one;
		if (!one->kind)
			break;
	}
	if (oldest)
		*oldest = (struct log_limit_kind){ .kind = kind, .room = LOG_LIMIT_AT_ONCE };
	return oldest;
}

static void refill(struct log_limit_kind *kind, int64_t now_s)
{
	int64_t room = kind->room + (now_s - kind->used_s);

	kind->room = room < LOG_LIMIT_AT_ONCE ? (unsigned int)room : LOG_LIMIT_AT_ONCE;
	kind->used_s = now_s;
}

bool log_limit_take(struct log_limit *limit, const char *kind, int64_t now_s, const char *text,
		    bool *ret_first)
{
	struct log_limit_kind *one = find(limit, kind);

	*ret_first = false;
	if (!one) /* too many kinds at once: nothing could be told later */
		return true;
	refill(one, now_s);
	if (one->room) {
		one->room--;
		return true;
	}
	*ret_first = !one->n_left_out++;
	if (*ret_first)
		one->left_out_since_s = now_s;
	snprintf(one->last, sizeof(one->last), "%s", text);
	return false;
}

unsigned int log_limit_left_out(struct log_limit *limit, int64_t now_s, bool all,
				char ret_last[static LOG_LIMIT_TEXT_MAX])
{
	for (size_t i = 0; i < LOG_LIMIT_KINDS; i++) {
		struct log_limit_kind *one = &limit->kinds[i];
		unsigned int n = one->n_left_out;

		if (!n || (!all && now_s - one->used_s < LOG_LIMIT_CALM_S &&
			   now_s - one->left_out_since_s < LOG_LIMIT_TELL_S))
			continue;
		memcpy(ret_last, one->last, LOG_LIMIT_TEXT_MAX);
		one->n_left_out = 0;
		return n;
	}
	return 0;
}
