/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uuid.h - UUIDs (RFC 9562, section 4), and hexadecimal digits.
 */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include <stdint.h>

#define UUID_BYTES 16
#define UUID_TEXT 37 /* bytes of the text form, NUL included */

/** hex_digit() - value of a hexadecimal digit, either case; -1 for another character. */
int hex_digit(char c);

/** uuid_parse() - 36 characters with hyphens, either case. Return: 0; -EINVAL, @ret_id untouched.
 */
int uuid_parse(const char *text, uint8_t ret_id[static UUID_BYTES]);

/** uuid_format() - in lower case. Return: @text. */
const char *uuid_format(const uint8_t id[static UUID_BYTES], char text[static UUID_TEXT]);

#endif
