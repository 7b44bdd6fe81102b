/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wg_uapi_pack.h - edits of peers as "set" operations of the text protocol. Knows of no socket.
 */
#ifndef TUNNEL_WG_UAPI_PACK_H
#define TUNNEL_WG_UAPI_PACK_H

#include "tunnel/wg_plan.h"

#define WG_UAPI_KEY_TEXT (2 * WG_KEY_BYTES + 1) /* bytes of a key's text form, NUL included */

/** wg_uapi_format_key() - hexadecimal, as the protocol has keys. Return: @text. */
const char *wg_uapi_format_key(const uint8_t key[static WG_KEY_BYTES],
			       char text[static WG_UAPI_KEY_TEXT]);

/**
 * wg_uapi_pack() - write as many edits into one operation as there is room for, in their order.
 * @n:       at least 1.
 * @decoy:   a key that no peer has: AllowedIPs leave by moving to a peer of that key, which the
 *           same operation removes. (Not every implementation knows "allowed_ip=-".)
 * @text:    the operation, its end included.
 * @size:    of @text; at least 512.
 * @ret_len: bytes of the operation; no NUL follows.
 *
 * As wg_genl_pack() otherwise.
 *
 * Return: number of edits that are in the operation, at least 1.
 */
size_t wg_uapi_pack(const struct wg_edit *edits, size_t n, const uint8_t decoy[static WG_KEY_BYTES],
		    char *text, size_t size, size_t *ret_len);

#endif
