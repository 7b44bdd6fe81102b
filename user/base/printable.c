// SPDX-License-Identifier: Apache-2.0
#include "base/printable.h"

#include <string.h>

/* How many bytes of a control character begin here: 0 for none. */
static size_t control_bytes(const char *text)
{
	unsigned char first = text[0], second = first ? text[1] : 0;

	if ((first && first < ' ') || first == 0x7f)
		return 1;
	return first == 0xc2 && second >= 0x80 && second <= 0x9f ? 2 : 0;
}

bool printable_check(const char *text)
{
	for (; *text; text++)
		if (control_bytes(text))
			return false;
	return true;
}

void printable_copy(char *to, size_t size, const char *from)
{
	size_t len = strnlen(from, size);

	if (len == size) {
		len--;
		/* Back to the first byte of the character that does not fit. */
		while (len && ((unsigned char)from[len] & 0xc0) == 0x80)
			len--;
	}
	memset(to, 0, size);
	memcpy(to, from, len);
	for (char *c = to; *c; c++)
		for (size_t n = control_bytes(c); n; n--)
			c[n - 1] = '?';
}
