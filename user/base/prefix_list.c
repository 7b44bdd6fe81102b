// SPDX-License-Identifier: Apache-2.0
#include "base/prefix_list.h"

#include <errno.h>
#include <string.h>

#define SEPARATORS ", \t"

int prefix_list_parse(const char *text, struct prefix_list *ret_list)
{
	struct prefix_list list = {};

	for (;;) {
		char word[PREFIX_TEXT_MAX];
		size_t len;
		int err;

		text += strspn(text, SEPARATORS);
		len = strcspn(text, SEPARATORS);
		if (!len)
			break;
		if (len >= sizeof(word))
			return -EINVAL;
		if (list.n == PREFIX_LIST_MAX)
			return -E2BIG;
		memcpy(word, text, len);
		word[len] = '\0';
		err = prefix_parse(word, &list.at[list.n]);
		if (err)
			return err;
		list.n++;
		text += len;
	}
	if (!list.n)
		return -EINVAL;
	*ret_list = list;
	return 0;
}

bool prefix_list_covers(const struct prefix_list *list, const struct prefix *prefix)
{
	for (size_t i = 0; i < list->n; i++)
		if (prefix_covers(&list->at[i], prefix))
			return true;
	return false;
}
