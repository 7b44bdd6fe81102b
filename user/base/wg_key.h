/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wg_key.h - WireGuard keys: as text (standard base64 of 32 bytes, as `wg` prints them), and which
 * can be nobody's.
 */
#ifndef WG_KEY_H
#define WG_KEY_H

#include <stdbool.h>
#include <stdint.h>

#define WG_KEY_BYTES 32
#define WG_KEY_TEXT 45 /* bytes of the text form, NUL included */

/**
 * wg_key_parse() - read a key.
 * @text:    NUL-terminated; exactly the canonical 44 characters.
 * @ret_key: set on success only.
 *
 * Return: 0; -EINVAL when it is no key.
 */
int wg_key_parse(const char *text, uint8_t ret_key[static WG_KEY_BYTES]);

/** wg_key_format() - write a key. Return: @text. */
const char *wg_key_format(const uint8_t key[static WG_KEY_BYTES], char text[static WG_KEY_TEXT]);

/**
 * wg_key_is_low_order() - is @key one of the points whose shared secret with everybody is zero?
 *
 * As a public key it is no device's: WireGuard takes it, and no handshake ever succeeds (RFC 7748
 * section 6.1). The key of zeros is one of them.
 */
bool wg_key_is_low_order(const uint8_t key[static WG_KEY_BYTES]);

#endif
