/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wg_notation.h - WireGuard's peers and edits of them as short texts, so that a row is a line.
 *
 * Peers are written "a25:10.0.0.1,200::1 b": key (32 times the letter), keepalive ("?": any),
 * AllowedIPs.
 *
 * Edits:
 * "+a25" set peer a (32 times the letter) with that keepalive; "+a:10.0.0.1" give it an AllowedIP;
 * "-a:200::1" take one from it; "-a" remove it.
 */
#ifndef TESTS_WG_NOTATION_H
#define TESTS_WG_NOTATION_H

#include <stdlib.h>

#include "notation.h"
#include "tunnel/wg_plan.h"

#define WG_NOTATION_EDITS_MAX 32

static inline struct wg_edit wg_notation_edit(const char *word)
{
	const char *colon = strchr(word, ':');
	struct wg_edit edit = { .kind = *word == '+' ? WG_PEER_SET : WG_PEER_REMOVE };

	memset(edit.public_key, word[1], sizeof(edit.public_key));
	if (colon) {
		edit.kind = *word == '+' ? WG_ALLOWED_ADD : WG_ALLOWED_REMOVE;
		edit.allowed = notation_prefix(colon + 1);
	} else {
		edit.keepalive_s = strtoul(word + 2, NULL, 10);
	}
	return edit;
}

/* Return: number of edits. */
static inline size_t wg_notation_edits(const char *text,
				       struct wg_edit ret_edits[static WG_NOTATION_EDITS_MAX])
{
	char copy[NOTATION_TEXT_MAX], *rest = copy;
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word; (word = strsep(&rest, " "));)
		ret_edits[n++] = wg_notation_edit(word);
	return n;
}

static inline struct wg_peer *wg_notation_add_peer(struct wg_device *device, const uint8_t *key)
{
	struct wg_peer *peer;

	device->peers = realloc(device->peers, (device->n_peers + 1) * sizeof(*peer));
	peer = &device->peers[device->n_peers++];
	*peer = (struct wg_peer){};
	memcpy(peer->public_key, key, WG_KEY_BYTES);
	return peer;
}

static inline void wg_notation_add_allowed(struct wg_peer *peer, const struct prefix *prefix)
{
	peer->allowed = realloc(peer->allowed, (peer->n_allowed + 1) * sizeof(*prefix));
	peer->allowed[peer->n_allowed++] = *prefix;
}

static inline struct wg_device wg_notation_device(const char *text)
{
	char copy[NOTATION_TEXT_MAX], *rest = copy;
	struct wg_device device = {};

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word; (word = strsep(&rest, " "));) {
		char *prefixes = word;
		uint8_t key[WG_KEY_BYTES];
		struct wg_peer *peer;

		if (!*word)
			continue;
		memset(key, *word, sizeof(key));
		peer = wg_notation_add_peer(&device, key);
		peer->keepalive_s = strtoul(word + 1, NULL, 10);
		peer->any_keepalive = word[1] == '?';
		(void)strsep(&prefixes, ":");
		for (char *one; (one = strsep(&prefixes, ","));) {
			struct prefix prefix = notation_prefix(one);

			wg_notation_add_allowed(peer, &prefix);
		}
	}
	return device;
}

#endif
