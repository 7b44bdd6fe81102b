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
#include "tunnel/wg_plan_side.h"

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

static void merge_peers(const struct wg_side *have, const struct wg_side *want,
			struct wg_plan *plan)
{
	size_t h = 0, w = 0;

	while (h < have->n_peers || w < want->n_peers) {
		int order;

		if (h < have->n_peers && wg_side_is_second(have, h)) {
			h++;
			continue;
		}
		if (h == have->n_peers)
			order = 1;
		else if (w == want->n_peers)
			order = -1;
		else
			order = wg_side_compare_peers(&have->peers[h], &want->peers[w]);
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
static void give_up(const struct wg_holding *holding, const struct wg_side *want,
		    struct wg_plan *plan)
{
	if (want->n_peers && bsearch(holding->peer, want->peers, want->n_peers,
				     sizeof(*want->peers), wg_side_compare_peers))
		add_edit(plan->removals, &plan->n_removals, WG_ALLOWED_REMOVE, holding->peer)
			->allowed = *holding->prefix;
}

static void merge_holdings(const struct wg_side *have, const struct wg_side *want,
			   struct wg_plan *plan)
{
	size_t h = 0, w = 0;

	while (h < have->n_holdings || w < want->n_holdings) {
		const struct wg_holding *old = &have->holdings[h], *new = &want->holdings[w];
		int order;

		if (h == have->n_holdings)
			order = 1;
		else if (w == want->n_holdings)
			order = -1;
		else
			order = prefix_compare(old->prefix, new->prefix);
		if (order < 0)
			give_up(old, want, plan);
		else if (order > 0 || wg_side_compare_peers(old->peer, new->peer))
			add_edit(plan->additions, &plan->n_additions, WG_ALLOWED_ADD, new->peer)
				->allowed = *new->prefix;
		h += order <= 0;
		w += order >= 0;
	}
}

int wg_plan_make(const struct wg_device *have, const struct wg_device *want, struct wg_plan *ret)
{
	AUTO(wg_side_done) struct wg_side old = {}, new = {};
	struct wg_plan plan = {};
	int err;

	err = wg_sides_make(have, want, &old, &new);
	if (err)
		return err;
	/* Not zeroed: mostly nearly all of it stays unused. */
	plan.additions =
		reallocarray(NULL, new.n_peers + new.n_holdings + 1, sizeof(*plan.additions));
	plan.removals =
		reallocarray(NULL, old.n_peers + old.n_holdings + 1, sizeof(*plan.removals));
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
