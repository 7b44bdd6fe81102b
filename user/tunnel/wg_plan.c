// SPDX-License-Identifier: Apache-2.0
/*
 * wg_plan.c - compare peers and AllowedIPs by sorted merge.
 *
 * Peers are merged by key and prefixes by prefix, whoever has them: so a prefix that changes its
 * owner is met once, as an addition. The edits are sorted by peer afterwards.
 */
#include "tunnel/wg_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* An AllowedIP and the peer that has it. */
struct holding {
	const struct prefix *prefix;
	const struct wg_peer *peer;
};

/* One side of the comparison, sorted. */
struct side {
	struct wg_peer *peers; /* whose AllowedIPs are the caller's */
	size_t n_peers;
	struct holding *holdings;
	size_t n_holdings;
};

static int compare_peers(const void *a, const void *b)
{
	const struct wg_peer *x = a, *y = b;

	return memcmp(x->public_key, y->public_key, WG_KEY_BYTES);
}

static int compare_holdings(const void *a, const void *b)
{
	const struct holding *x = a, *y = b;

	return prefix_compare(x->prefix, y->prefix) ?: compare_peers(x->peer, y->peer);
}

/* By peer; in a peer's edits the peer itself comes before its AllowedIPs. */
static int compare_additions(const void *a, const void *b)
{
	const struct wg_edit *x = a, *y = b;

	return memcmp(x->public_key, y->public_key, WG_KEY_BYTES)
		       ?: (int)x->kind - (int)y->kind ?: prefix_compare(&x->allowed, &y->allowed);
}

/* Single AllowedIPs before peers: one decoy can take many of them at once (wg_edit.h). */
static int compare_removals(const void *a, const void *b)
{
	const struct wg_edit *x = a, *y = b;

	return (int)x->kind - (int)y->kind ?: compare_additions(a, b);
}

static void side_done(struct side *side)
{
	free(side->peers);
	free(side->holdings);
}

static int side_make(const struct wg_device *device, struct side *ret)
{
	struct side side = { .n_peers = device->n_peers };
	size_t n = 0;

	for (size_t i = 0; i < device->n_peers; i++)
		n += device->peers[i].n_allowed;
	side.peers = calloc(device->n_peers + 1, sizeof(*side.peers));
	side.holdings = calloc(n + 1, sizeof(*side.holdings));
	if (!side.peers || !side.holdings) {
		side_done(&side);
		return -ENOMEM;
	}
	for (size_t i = 0; i < device->n_peers; i++) {
		const struct wg_peer *peer = &device->peers[i];

		side.peers[i] = *peer;
		for (size_t j = 0; j < peer->n_allowed; j++)
			side.holdings[side.n_holdings++] =
				(struct holding){ &peer->allowed[j], peer };
	}
	qsort(side.peers, side.n_peers, sizeof(*side.peers), compare_peers);
	qsort(side.holdings, side.n_holdings, sizeof(*side.holdings), compare_holdings);
	*ret = side;
	return 0;
}

/* WireGuard has each key and each prefix once; who says otherwise is taken at its first word. */
static void drop_repeated(struct side *have)
{
	size_t peers = 0, holdings = 0;

	for (size_t i = 0; i < have->n_peers; i++)
		if (!i || compare_peers(&have->peers[peers - 1], &have->peers[i]))
			have->peers[peers++] = have->peers[i];
	for (size_t i = 0; i < have->n_holdings; i++)
		if (!i ||
		    prefix_compare(have->holdings[holdings - 1].prefix, have->holdings[i].prefix))
			have->holdings[holdings++] = have->holdings[i];
	have->n_peers = peers;
	have->n_holdings = holdings;
}

/* What WireGuard could not hold as it is written would be planned again and again. */
static int check_want(const struct side *want)
{
	for (size_t i = 1; i < want->n_peers; i++)
		if (!compare_peers(&want->peers[i - 1], &want->peers[i]))
			return -EINVAL;
	for (size_t i = 0; i < want->n_holdings; i++) {
		const struct prefix *prefix = want->holdings[i].prefix;

		if (prefix_check(prefix) ||
		    (i && !prefix_compare(want->holdings[i - 1].prefix, prefix)))
			return -EINVAL;
	}
	return 0;
}

static struct wg_edit *add_edit(struct wg_edit *edits, size_t *n, enum wg_edit_kind kind,
				const struct wg_peer *peer)
{
	struct wg_edit *edit = &edits[(*n)++];

	*edit = (struct wg_edit){ .kind = kind };
	memcpy(edit->public_key, peer->public_key, WG_KEY_BYTES);
	return edit;
}

static bool keepalive_differs(const struct wg_peer *have, const struct wg_peer *want)
{
	return !want->any_keepalive && have->keepalive_s != want->keepalive_s;
}

static void merge_peers(const struct side *have, const struct side *want, struct wg_plan *plan)
{
	size_t h = 0, w = 0;

	while (h < have->n_peers || w < want->n_peers) {
		int order;

		if (h == have->n_peers)
			order = 1;
		else if (w == want->n_peers)
			order = -1;
		else
			order = compare_peers(&have->peers[h], &want->peers[w]);
		if (order < 0)
			add_edit(plan->removals, &plan->n_removals, WG_PEER_REMOVE,
				 &have->peers[h]);
		else if (order > 0 || keepalive_differs(&have->peers[h], &want->peers[w]))
			add_edit(plan->additions, &plan->n_additions, WG_PEER_SET, &want->peers[w])
				->keepalive_s = want->peers[w].keepalive_s;
		h += order <= 0;
		w += order >= 0;
	}
}

/* Nobody wants it; if its peer goes too, it goes with it. */
static void give_up(const struct holding *holding, const struct side *want, struct wg_plan *plan)
{
	if (bsearch(holding->peer, want->peers, want->n_peers, sizeof(*want->peers), compare_peers))
		add_edit(plan->removals, &plan->n_removals, WG_ALLOWED_REMOVE, holding->peer)
			->allowed = *holding->prefix;
}

static void merge_holdings(const struct side *have, const struct side *want, struct wg_plan *plan)
{
	size_t h = 0, w = 0;

	while (h < have->n_holdings || w < want->n_holdings) {
		const struct holding *old = &have->holdings[h], *new = &want->holdings[w];
		int order;

		if (h == have->n_holdings)
			order = 1;
		else if (w == want->n_holdings)
			order = -1;
		else
			order = prefix_compare(old->prefix, new->prefix);
		if (order < 0)
			give_up(old, want, plan);
		else if (order > 0 || compare_peers(old->peer, new->peer))
			add_edit(plan->additions, &plan->n_additions, WG_ALLOWED_ADD, new->peer)
				->allowed = *new->prefix;
		h += order <= 0;
		w += order >= 0;
	}
}

int wg_plan_make(const struct wg_device *have, const struct wg_device *want, struct wg_plan *ret)
{
	AUTO(side_done) struct side old = {}, new = {};
	struct wg_plan plan = {};
	int err;

	err = side_make(have, &old) ?: side_make(want, &new) ?: check_want(&new);
	if (err)
		return err;
	drop_repeated(&old);
	plan.additions = calloc(new.n_peers + new.n_holdings + 1, sizeof(*plan.additions));
	plan.removals = calloc(old.n_peers + old.n_holdings + 1, sizeof(*plan.removals));
	if (!plan.additions || !plan.removals) {
		wg_plan_done(&plan);
		return -ENOMEM;
	}
	merge_peers(&old, &new, &plan);
	merge_holdings(&old, &new, &plan);
	qsort(plan.additions, plan.n_additions, sizeof(*plan.additions), compare_additions);
	qsort(plan.removals, plan.n_removals, sizeof(*plan.removals), compare_removals);
	*ret = plan;
	return 0;
}

void wg_plan_done(struct wg_plan *plan)
{
	free(plan->additions);
	free(plan->removals);
	*plan = (struct wg_plan){};
}
