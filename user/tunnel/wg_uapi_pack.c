// SPDX-License-Identifier: Apache-2.0
/* wg_uapi_pack.c - edits of peers as lines. */
#include "tunnel/wg_uapi_pack.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* An operation that is being written. */
struct packing {
	char *text;
	size_t len, size;
	const uint8_t *decoy;
	const struct wg_edit *one; /* an edit of the peer whose lines these are, or NULL */
};

const char *wg_uapi_format_key(const uint8_t key[static WG_KEY_BYTES],
			       char text[static WG_UAPI_KEY_TEXT])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < WG_KEY_BYTES; i++) {
		text[2 * i] = digits[key[i] >> 4];
		text[2 * i + 1] = digits[key[i] & 0xf];
	}
	text[2 * WG_KEY_BYTES] = '\0';
	return text;
}

__attribute__((format(printf, 2, 3))) static bool put(struct packing *packing, const char *format,
						      ...)
{
	size_t room = packing->size - packing->len;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(packing->text + packing->len, room, format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= room)
		return false;
	packing->len += len;
	return true;
}

static bool put_peer(struct packing *packing, const uint8_t *key)
{
	char text[WG_UAPI_KEY_TEXT];

	return put(packing, "public_key=%s\n", wg_uapi_format_key(key, text));
}

/* Without the second line the first one would make the peer. */
static bool put_known_peer(struct packing *packing, const uint8_t *key)
{
	return put_peer(packing, key) && put(packing, "update_only=true\n");
}

static bool put_allowed(struct packing *packing, const struct prefix *allowed)
{
	char text[PREFIX_TEXT_MAX];

	return put(packing, "allowed_ip=%s\n", prefix_format(allowed, text));
}

static bool joins(const struct packing *packing, const struct wg_edit *edit)
{
	return packing->one && packing->one->kind != WG_PEER_REMOVE &&
	       !memcmp(packing->one->public_key, edit->public_key, WG_KEY_BYTES);
}

static bool put_edit(struct packing *packing, const struct wg_edit *edit)
{
	const uint8_t *key = edit->public_key;

	switch (edit->kind) {
	case WG_PEER_SET:
		return put_peer(packing, key) &&
		       put(packing, "persistent_keepalive_interval=%u\n", edit->keepalive_s);
	case WG_PEER_REMOVE:
		return put_known_peer(packing, key) && put(packing, "remove=true\n");
	case WG_ALLOWED_ADD:
		return (joins(packing, edit) || put_known_peer(packing, key)) &&
		       put_allowed(packing, &edit->allowed);
	case WG_ALLOWED_REMOVE:
		return (packing->one || put_peer(packing, packing->decoy)) &&
		       put_allowed(packing, &edit->allowed);
	}
	return false;
}

size_t wg_uapi_pack(const struct wg_edit *edits, size_t n, const uint8_t decoy[static WG_KEY_BYTES],
		    char *text, size_t size, size_t *ret_len)
{
	struct packing packing = { .text = text, .size = size, .decoy = decoy };
	bool removes = edits->kind == WG_ALLOWED_REMOVE;
	char key[WG_UAPI_KEY_TEXT], end[WG_UAPI_KEY_TEXT + 32];
	size_t packed = 0;

	snprintf(end, sizeof(end), "public_key=%s\nremove=true\n", wg_uapi_format_key(decoy, key));
	packing.size -= removes ? strlen(end) : 0;
	(void)put(&packing, "set=1\n");
	while (packed < n && (edits[packed].kind == WG_ALLOWED_REMOVE) == removes) {
		size_t len = packing.len;

		if (!put_edit(&packing, &edits[packed])) {
			packing.len = len;
			break;
		}
		packing.one = &edits[packed++];
	}
	packing.size = size;
	(void)put(&packing, "%s", removes ? end : "");
	text[packing.len++] = '\n'; /* where put() had its NUL */
	*ret_len = packing.len;
	return packed;
}
