// SPDX-License-Identifier: Apache-2.0
#include "tunnel/wg_plan_side.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int wg_side_compare_peers(const void *a, const void *b)
{
	const struct wg_peer *x = a, *y = b;

	return memcmp(x->public_key, y->public_key, WG_KEY_BYTES);
}

static int compare_holdings(const void *a, const void *b)
{
	const struct wg_holding *x = a, *y = b;

	return prefix_compare(x->prefix, y->prefix) ?: wg_side_compare_peers(x->peer, y->peer);
}

void wg_side_done(struct wg_side *side)
{
	free(side->copy);
	free(side->is_settled);
	free(side->holdings);
}

static bool are_sorted(const struct wg_peer *peers, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (wg_side_compare_peers(&peers[i - 1], &peers[i]) >= 0)
			return false;
	return true;
}

static int side_peers(const struct wg_device *device, struct wg_side *side)
{
	size_t n = device->n_peers;

	side->n_peers = n;
	side->is_settled = calloc(n + 1, sizeof(*side->is_settled));
	side->peers = device->peers;
	if (!side->is_settled || are_sorted(device->peers, n))
		return side->is_settled ? 0 : -ENOMEM;
	side->copy = calloc(n, sizeof(*side->copy));
	if (!side->copy)
		return -ENOMEM;
	memcpy(side->copy, device->peers, n * sizeof(*side->copy));
	qsort(side->copy, n, sizeof(*side->copy), wg_side_compare_peers);
	side->peers = side->copy;
	return 0;
}

static bool have_same_allowed(const struct wg_peer *a, const struct wg_peer *b)
{
	return a->n_allowed == b->n_allowed &&
	       (!a->n_allowed ||
		!memcmp(a->allowed, b->allowed, a->n_allowed * sizeof(*a->allowed)));
}

/* A peer whose AllowedIPs are the same, but in another order, is compared one by one. */
static void settle(struct wg_side *have, struct wg_side *want)
{
	size_t h = 0, w = 0;

	while (h < have->n_peers && w < want->n_peers) {
		int order = wg_side_compare_peers(&have->peers[h], &want->peers[w]);

		if (!order && have_same_allowed(&have->peers[h], &want->peers[w]))
			have->is_settled[h] = want->is_settled[w] = true;
		h += order <= 0;
		w += order >= 0;
	}
}

static int side_holdings(struct wg_side *side)
{
	size_t n = 0;

	for (size_t i = 0; i < side->n_peers; i++)
		n += side->is_settled[i] ? 0 : side->peers[i].n_allowed;
	side->holdings = calloc(n + 1, sizeof(*side->holdings));
	if (!side->holdings)
		return -ENOMEM;
	for (size_t i = 0; i < side->n_peers; i++) {
		const struct wg_peer *peer = &side->peers[i];

		for (size_t j = 0; !side->is_settled[i] && j < peer->n_allowed; j++)
			side->holdings[side->n_holdings++] =
				(struct wg_holding){ &peer->allowed[j], peer };
	}
	qsort(side->holdings, side->n_holdings, sizeof(*side->holdings), compare_holdings);
	return 0;
}

static int compare_prefix(const void *prefix, const void *holding)
{
	return prefix_compare(prefix, ((const struct wg_holding *)holding)->prefix);
}

/* Does a settled peer have a prefix that is among the holdings too? */
static bool is_held_twice(const struct wg_side *side)
{
	for (size_t i = 0; side->n_holdings && i < side->n_peers; i++) {
		const struct wg_peer *peer = &side->peers[i];

		for (size_t j = 0; side->is_settled[i] && j < peer->n_allowed; j++)
			if (bsearch(&peer->allowed[j], side->holdings, side->n_holdings,
				    sizeof(*side->holdings), compare_prefix))
				return true;
	}
	return false;
}

bool wg_side_is_second(const struct wg_side *have, size_t i)
{
	return have->copy && i && !wg_side_compare_peers(&have->peers[i - 1], &have->peers[i]);
}

/* WireGuard has each prefix once, too. */
static void drop_repeated(struct wg_side *have)
{
	size_t holdings = 0;

	for (size_t i = 0; i < have->n_holdings; i++)
		if (!i ||
		    prefix_compare(have->holdings[holdings - 1].prefix, have->holdings[i].prefix))
			have->holdings[holdings++] = have->holdings[i];
	have->n_holdings = holdings;
}

/* What WireGuard could not hold as it is written would be planned again and again. */
static int check_want(const struct wg_side *want)
{
	for (size_t i = 1; i < want->n_peers; i++)
		if (!wg_side_compare_peers(&want->peers[i - 1], &want->peers[i]))
			return -EINVAL;
	for (size_t i = 0; i < want->n_holdings; i++) {
		const struct prefix *prefix = want->holdings[i].prefix;

		if (prefix_check(prefix) ||
		    (i && !prefix_compare(want->holdings[i - 1].prefix, prefix)))
			return -EINVAL;
	}
	return 0;
}

static void unsettle(struct wg_side *side)
{
	memset(side->is_settled, 0, side->n_peers * sizeof(*side->is_settled));
	free(side->holdings);
	side->holdings = NULL;
	side->n_holdings = 0;
}

int wg_sides_make(const struct wg_device *have, const struct wg_device *want,
		  struct wg_side *ret_have, struct wg_side *ret_want)
{
	int err = side_peers(have, ret_have) ?: side_peers(want, ret_want);

	if (err)
		return err;
	settle(ret_have, ret_want);
	err = side_holdings(ret_have) ?: side_holdings(ret_want);
	/* Who says that one prefix is at two peers is not believed without a look at all. */
	if (!err && (is_held_twice(ret_have) || is_held_twice(ret_want))) {
		unsettle(ret_have);
		unsettle(ret_want);
		err = side_holdings(ret_have) ?: side_holdings(ret_want);
	}
	if (err)
		return err;
	drop_repeated(ret_have);
	return check_want(ret_want);
}
