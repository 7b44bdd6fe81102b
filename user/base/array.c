// SPDX-License-Identifier: Apache-2.0
#include "base/array.h"

#include <errno.h>
#include <stdlib.h>

/* @at: whatever it points to, it is a pointer, and all of those look alike. */
static int resize(void *at, size_t room, size_t size)
{
	void **array = at, *grown = reallocarray(*array, room, size);

	if (!grown)
		return -ENOMEM;
	*array = grown;
	return 0;
}

int array_room(void *at, size_t n, size_t size)
{
	return n & (n - 1) ? 0 : resize(at, n ? n * 2 : 1, size);
}

int array_reserve(void *at, size_t *room, size_t n, size_t size)
{
	size_t want = *room * 2 > n ? *room * 2 : n;

	if (n <= *room)
		return 0;
	if (resize(at, want, size))
		return -ENOMEM;
	*room = want;
	return 0;
}
