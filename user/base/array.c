// SPDX-License-Identifier: Apache-2.0
#include "base/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int resize(void *at, size_t room, size_t size)
{
	void *array, *grown;

	memcpy(&array, at, sizeof(array)); /* of whatever type the pointer is */
	grown = reallocarray(array, room, size);
	if (!grown)
		return -ENOMEM;
	memcpy(at, &grown, sizeof(grown));
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
