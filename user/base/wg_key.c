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
	char again[WG_KEY_TEXT];

	if (strlen(text) != WG_KEY_TEXT - 1)
		return -EINVAL;
	if (EVP_DecodeBlock(bytes, (const unsigned char *)text, WG_KEY_TEXT - 1) != DECODED_BYTES)
		return -EINVAL;
	/* The decoder is lenient (blanks, bits after the end): only the canonical text is a key. */
	if (strcmp(wg_key_format(bytes, again), text) != 0)
		return -EINVAL;
	memcpy(ret_key, bytes, WG_KEY_BYTES);
	return 0;
}

const char *wg_key_format(const uint8_t key[static WG_KEY_BYTES], char text[static WG_KEY_TEXT])
{
	EVP_EncodeBlock((unsigned char *)text, key, WG_KEY_BYTES);
	return text;
}
