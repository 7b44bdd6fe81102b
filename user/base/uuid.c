// SPDX-License-Identifier: Apache-2.0
#include "base/uuid.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_hyphen_at(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

int uuid_parse(const char *text, uint8_t ret_id[static UUID_BYTES])
{
	uint8_t id[UUID_BYTES] = {};
	size_t n = 0;

	for (size_t i = 0; i < UUID_TEXT - 1; i++) {
		int digit = hex_digit(text[i]);

		if (is_hyphen_at(i) ? text[i] != '-' : digit < 0)
			return -EINVAL;
		if (is_hyphen_at(i))
			continue;
		id[n / 2] = (uint8_t)(id[n / 2] << 4 | digit);
		n++;
	}
	if (text[UUID_TEXT - 1])
		return -EINVAL;
	memcpy(ret_id, id, sizeof(id));
	return 0;
}

const char *uuid_format(const uint8_t id[static UUID_BYTES], char text[static UUID_TEXT])
{
	char *at = text;

	for (size_t i = 0; i < UUID_BYTES; i++) {
		if (is_hyphen_at(at - text))
			*at++ = '-';
		at += sprintf(at, "%02x", id[i]);
	}
	return text;
}
