/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prefix_list.h - a short list of prefixes that an operator writes: "10.0.0.0/8, fd00::/8".
 */
#ifndef BASE_PREFIX_LIST_H
#define BASE_PREFIX_LIST_H

#include "base/prefix.h"

#define PREFIX_LIST_MAX 64

struct prefix_list {
	struct prefix at[PREFIX_LIST_MAX];
	size_t n;
};

/**
 * prefix_list_parse() - prefixes with commas or blanks between them.
 * @text:     NUL-terminated; not empty.
 * @ret_list: set on success only.
 *
 * Return: 0; -E2BIG for more than PREFIX_LIST_MAX; the errors of prefix_parse() for the first
 *         one that is wrong.
 */
int prefix_list_parse(const char *text, struct prefix_list *ret_list);

/** prefix_list_covers() - is every address of @prefix in one member of @list? */
bool prefix_list_covers(const struct prefix_list *list, const struct prefix *prefix);

#endif
