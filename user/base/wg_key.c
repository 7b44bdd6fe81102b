// SPDX-License-Identifier: Apache-2.0
#include "base/wg_key.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

/* EVP_DecodeBlock() writes whole groups of three and counts the padding as data. */
#define DECODED_BYTES 33

int wg_key_parse(const char *text, uint8_t ret_key[static WG_KEY_BYTES])
{
	unsigned char bytes[DECODED_BYTES];
	char again[WG_KEY_TEXT] = "";
	int err = -EINVAL;

	if (strlen(text) != WG_KEY_TEXT - 1)
		return -EINVAL;
	/* The decoder is lenient (blanks, bits after the end): only the canonical text is a key. */
	if (EVP_DecodeBlock(bytes, (const unsigned char *)text, WG_KEY_TEXT - 1) == DECODED_BYTES &&
	    !strcmp(wg_key_format(bytes, again), text)) {
		memcpy(ret_key, bytes, WG_KEY_BYTES);
		err = 0;
	}
	explicit_bzero(bytes, sizeof(bytes)); /* it may be a private one */
	explicit_bzero(again, sizeof(again));
	return err;
}

const char *wg_key_format(const uint8_t key[static WG_KEY_BYTES], char text[static WG_KEY_TEXT])
{
	EVP_EncodeBlock((unsigned char *)text, key, WG_KEY_BYTES);
	return text;
}

/*
 * The points of order 1, 2, 4 and 8 of curve25519 and of its twist, p = 2^255 - 19, as X25519 reads
 * them: little-endian, with every number below 2^255 taken modulo p.
 */
bool wg_key_is_low_order(const uint8_t key[static WG_KEY_BYTES])
{
	static const uint8_t points[][WG_KEY_BYTES] = {
		{ 0 },
		{ 1 },
		{ 0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
		  0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
		  0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00 },
		{ 0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
		  0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
		  0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57 },
		{ 0xec, [1 ... 30] = 0xff, 0x7f }, /* p - 1 */
		{ 0xed, [1 ... 30] = 0xff, 0x7f }, /* p */
		{ 0xee, [1 ... 30] = 0xff, 0x7f }, /* p + 1 */
	};
	uint8_t masked[WG_KEY_BYTES];

	/* The highest bit is not looked at (RFC 7748 section 5). */
	memcpy(masked, key, sizeof(masked));
	masked[WG_KEY_BYTES - 1] &= 0x7f;
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		if (!memcmp(masked, points[i], sizeof(masked)))
			return true;
	return false;
}
