// SPDX-License-Identifier: Apache-2.0
/*
 * tunnel_tables.c - the tunnel's routes, in its own table and in the main one, and the rules that
 * lead to its own.
 *
 * The table is filled before the first rule leads there, and emptied after the last one is gone.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tunnel/forwarding.h"
#include "tunnel/tunnel_private.h"
#include "tunnel/tunnel_routes.h"
#include "tunnel/tunnel_rules.h"

static uint32_t number_of(const struct tunnel *tunnel, enum tunnel_tables table)
{
	return table == TUNNEL_OWN ? tunnel_table(tunnel->config.ifname) : RT_TABLE_MAIN;
}

static bool has_ipv6(void)
{
	const char *why;

	return ipv6_support(&why);
}

static void set_done(struct prefix_set *set)
{
	free(set->at);
	*set = (struct prefix_set){};
}

void tunnel_forget_routes(struct tunnel *tunnel)
{
	for (int t = 0; t < TUNNEL_TABLE_COUNT; t++) {
		set_done(&tunnel->routes[t].have);
		set_done(&tunnel->routes[t].wanted);
		tunnel->routes[t].n_refused = 0;
	}
	set_done(&tunnel->endpoints);
	tunnel->n_foreign_routes = 0;
	tunnel->others = (struct table_others){};
	tunnel->has_rules = false;
}

static int look_at_others(struct tunnel *tunnel)
{
	uint32_t table = number_of(tunnel, TUNNEL_OWN);
	int err = table_others_look(table, tunnel->ifindex, &tunnel->others);

	return err ? tunnel_fail(tunnel, err, NULL, "read the routes of table %u", table) : 0;
}

int tunnel_read_routes(struct tunnel *tunnel)
{
	for (int t = 0; t < TUNNEL_TABLE_COUNT; t++) {
		AUTO(tunnel_routes_done) struct tunnel_routes there = {};
		int err = tunnel_routes_read(number_of(tunnel, t), tunnel->ifindex, &there);

		if (err)
			return tunnel_fail(tunnel, err, NULL, "read the routes of %s",
					   tunnel->config.ifname);
		set_done(&tunnel->routes[t].have);
		tunnel->routes[t].have = (struct prefix_set){ there.ours, there.n_ours };
		there.ours = NULL;
		if (t == TUNNEL_HOST)
			tunnel->n_foreign_routes = there.n_foreign;
	}
	return look_at_others(tunnel);
}

/* What is in sorted @a and, @is_in, also in sorted @b, or not. Return: number of them in @out,
 * which has room for all of @a. */
static size_t select_from(const struct prefix_set *a, const struct prefix_set *b, bool is_in,
			  struct prefix *out)
{
	size_t n = 0, j = 0;

	for (size_t i = 0; i < a->n; i++) {
		while (j < b->n && prefix_compare(&b->at[j], &a->at[i]) < 0)
			j++;
		if ((j < b->n && !prefix_compare(&b->at[j], &a->at[i])) == is_in)
			out[n++] = a->at[i];
	}
	return n;
}

/* Return: is anything of @a that is not in @b in @in? -ENOMEM. */
static int has_more_in(const struct prefix_set *a, const struct prefix_set *b,
		       const struct prefix_set *in)
{
	auto_free struct prefix *more = reallocarray(NULL, a->n + 1, sizeof(*more));
	auto_free struct prefix *both = reallocarray(NULL, a->n + 1, sizeof(*both));
	struct prefix_set set = { .at = more };

	if (!more || !both)
		return -ENOMEM;
	set.n = select_from(a, b, false, more);
	return select_from(&set, in, true, both) > 0;
}

/* Return: 0; -ENOMEM. */
static int endpoints_of(const struct wg_device *device, struct prefix_set *ret)
{
	struct prefix_set set = { .at = reallocarray(NULL, device->n_peers + 1, sizeof(*set.at)) };
	size_t kept = 0;

	if (!set.at)
		return -ENOMEM;
	for (size_t i = 0; i < device->n_peers; i++)
		if (device->peers[i].endpoint.family)
			set.at[set.n++] = device->peers[i].endpoint;
	if (prefix_sort(set.at, set.n, sizeof(*set.at))) {
		set_done(&set);
		return -ENOMEM;
	}
	for (size_t i = 0; i < set.n; i++)
		if (!kept || prefix_compare(&set.at[kept - 1], &set.at[i]) != 0)
			set.at[kept++] = set.at[i];
	set.n = kept;
	*ret = set;
	return 0;
}

int tunnel_note_endpoints(struct tunnel *tunnel, const struct wg_device *device)
{
	const struct prefix_set *own = &tunnel->routes[TUNNEL_OWN].wanted;
	struct prefix_set now = {};
	int err = endpoints_of(device, &now), gone = 0, came = 0;

	if (!err) {
		gone = has_more_in(&tunnel->endpoints, &now, own);
		came = has_more_in(&now, &tunnel->endpoints, own);
		err = gone < 0 ? gone : came < 0 ? came : 0;
	}
	if (err) {
		set_done(&now);
		return tunnel_fail(tunnel, err, NULL, "note the endpoints of %s",
				   tunnel->config.ifname);
	}
	set_done(&tunnel->endpoints);
	tunnel->endpoints = now;
	tunnel->has_other_endpoints = tunnel->has_other_endpoints || gone || came;
	return 0;
}

/*
 * On an interface that we took over, what leads to the list's devices was its owner's, and is ours
 * now. Others' routes stay.
 */
static int take_over(struct tunnel *tunnel, const struct tunnel_want *want)
{
	AUTO(tunnel_routes_done) struct tunnel_routes there = {};
	auto_free struct prefix *theirs = NULL;
	struct prefix_set foreign;
	size_t n = 0;
	int err;

	if (!tunnel->record.taken_over)
		return 0;
	err = tunnel_routes_read(RT_TABLE_MAIN, tunnel->ifindex, &there);
	foreign = (struct prefix_set){ there.foreign, there.n_foreign };
	theirs = reallocarray(NULL, foreign.n + 1, sizeof(*theirs));
	if (!err && !theirs)
		err = -ENOMEM;
	if (!err) {
		n = select_from(&foreign, &want->routes[TUNNEL_OWN], true, theirs);
		err = tunnel_routes_take(tunnel->ifindex, theirs, n);
	}
	if (err)
		return tunnel_fail(tunnel, err, NULL, "take over the routes of %s",
				   tunnel->config.ifname);
	tunnel->n_foreign_routes = foreign.n - n;
	tunnel->record.taken_over = false;
	err = tunnel_save_record(tunnel);
	if (err)
		tunnel->record.taken_over = true;
	return err;
}

static int add_to(struct tunnel *tunnel, enum tunnel_tables table, const struct tunnel_want *want)
{
	struct tunnel_routes_of *routes = &tunnel->routes[table];
	const struct prefix_set *to = &want->routes[table];
	struct prefix *add = calloc(to->n + 1, sizeof(*add));
	bool *refused = calloc(to->n + 1, sizeof(*refused));
	int err = -ENOMEM;
	size_t n = 0;

	if (add && refused) {
		n = select_from(to, &routes->have, false, add);
		err = tunnel_routes_add(number_of(tunnel, table), tunnel->ifindex, add, n, refused);
	}
	if (err) {
		(void)tunnel_fail(tunnel, err, NULL, "add routes to %s", tunnel->config.ifname);
		n = 0;
	}
	routes->n_refused = 0;
	for (size_t i = 0; i < n; i++)
		if (refused[i] && !routes->n_refused++)
			routes->refused = add[i];
	free(add);
	free(refused);
	return err;
}

static int fail_rules(struct tunnel *tunnel, int err)
{
	return tunnel_fail(tunnel, err,
			   err == -EADDRINUSE ? " (another relay of this host has the same routing "
						"table: use another --interface)"
					      : NULL,
			   "set the routing rules of %s", tunnel->config.ifname);
}

static struct tunnel_rules rules_of(const struct tunnel *tunnel, bool ipv6)
{
	return (struct tunnel_rules){
		.ifname = tunnel->config.ifname,
		.table = number_of(tunnel, TUNNEL_OWN),
		.ipv6 = ipv6,
		.from = tunnel->from,
		.n_from = tunnel->n_from,
	};
}

/* Return: whether @address is a new one among those that rules are made for. */
static bool add_from(struct tunnel *tunnel, const struct prefix *address)
{
	struct prefix host = *address;

	host.bits = host.family == PREFIX_IPV4 ? 32 : 128;
	for (size_t i = 0; i < tunnel->n_from; i++)
		if (!prefix_compare(&tunnel->from[i], &host))
			return false;
	if (tunnel->n_from == sizeof(tunnel->from) / sizeof(tunnel->from[0]))
		return false; /* never: the record has less room */
	tunnel->from[tunnel->n_from++] = host;
	return true;
}

/* Floor and rules. They are the same for most lists. */
static int set_rules(struct tunnel *tunnel)
{
	bool ipv6 = has_ipv6();
	struct tunnel_rules rules = rules_of(tunnel, ipv6);
	int err;

	if (tunnel->has_rules && tunnel->has_rules_ipv6 == ipv6)
		return 0;
	err = table_floor_set(rules.table, &tunnel->config.forwarding, ipv6);
	if (err)
		return tunnel_fail(tunnel, err, NULL, "add routes to table %u of %s", rules.table,
				   tunnel->config.ifname);
	err = tunnel_rules_set(&rules, &tunnel->behind_rule);
	if (err)
		return fail_rules(tunnel, err);
	tunnel->has_rules = true;
	tunnel->has_rules_ipv6 = ipv6;
	return 0;
}

int tunnel_prepare_rules(struct tunnel *tunnel)
{
	return tunnel->have.n_peers ? 0 : set_rules(tunnel);
}

/* Changes that failed half way, one after the other, leave no more than the record has. */
static void forget_from(struct tunnel *tunnel)
{
	size_t kept = 0;

	for (size_t i = 0; i < tunnel->n_from; i++)
		if (tunnel_record_has(&tunnel->record, &tunnel->from[i]))
			tunnel->from[kept++] = tunnel->from[i];
	if (kept != tunnel->n_from)
		tunnel->has_rules = false;
	tunnel->n_from = kept;
}

int tunnel_add_routes(struct tunnel *tunnel, const struct tunnel_want *want)
{
	const struct tunnel_record *record = &tunnel->record;
	int err = add_to(tunnel, TUNNEL_OWN, want);

	if (err == -EACCES) /* somebody has switched IPv6 off on it: the next try finds it on */
		(void)tunnel_enable_ipv6(tunnel);
	forget_from(tunnel);

	/* An address that is on its way out still gets its answers into the tunnel. */
	for (size_t i = 0; i < record->n_addresses; i++)
		if (add_from(tunnel, &record->addresses[i]))
			tunnel->has_rules = false;
	if (!err)
		err = set_rules(tunnel);
	if (!err)
		err = take_over(tunnel, want);
	return err ?: add_to(tunnel, TUNNEL_HOST, want);
}

static int remove_from(struct tunnel *tunnel, enum tunnel_tables table,
		       const struct tunnel_want *want)
{
	const struct prefix_set *have = &tunnel->routes[table].have;
	struct prefix *gone = calloc(have->n + 1, sizeof(*gone));
	int err = -ENOMEM;

	if (gone)
		err = tunnel_routes_remove(number_of(tunnel, table), tunnel->ifindex, gone,
					   select_from(have, &want->routes[table], false, gone));
	free(gone);
	return err ? tunnel_fail(tunnel, err, NULL, "remove routes from %s", tunnel->config.ifname)
		   : 0;
}

/* What devices advertise, the host has had a route to, and gets none to any more. */
static void note_lost(struct tunnel *tunnel, const struct tunnel_want *want)
{
	const struct prefix_set *have = &tunnel->routes[TUNNEL_HOST].have;
	struct prefix_list *list = &tunnel->lost;
	struct prefix *lost = calloc(have->n + 1, sizeof(*lost));
	size_t n = lost ? select_from(have, &want->advertised, true, lost) : 0;

	for (size_t i = 0; i < n && list->n < PREFIX_LIST_MAX; i++)
		list->at[list->n++] = lost[i];
	tunnel->n_lost += n;
	free(lost);
}

int tunnel_remove_routes(struct tunnel *tunnel, const struct tunnel_want *want)
{
	size_t kept = 0;
	int err;

	note_lost(tunnel, want);
	err = remove_from(tunnel, TUNNEL_HOST, want) ?: remove_from(tunnel, TUNNEL_OWN, want);
	if (err)
		return err;
	for (size_t i = 0; i < tunnel->n_from; i++)
		for (size_t a = 0; a < want->n_addresses; a++)
			if (!prefix_compare(&tunnel->from[i], &want->addresses[a]))
				tunnel->from[kept++] = tunnel->from[i];
	if (kept != tunnel->n_from)
		tunnel->has_rules = false;
	tunnel->n_from = kept;
	return set_rules(tunnel);
}

static int copy_set(const struct prefix_set *from, struct prefix_set *to)
{
	struct prefix *at = reallocarray(to->at, from->n + 1, sizeof(*at));

	if (!at)
		return -ENOMEM;
	if (from->n)
		memcpy(at, from->at, from->n * sizeof(*at));
	to->at = at;
	to->n = from->n;
	return 0;
}

int tunnel_believe_routes(struct tunnel *tunnel, struct tunnel_want *want)
{
	bool is_sure = true;

	tunnel->left_own = want->left_own;
	tunnel->left_routes = want->left_routes;
	for (int t = 0; t < TUNNEL_TABLE_COUNT; t++) {
		struct tunnel_routes_of *routes = &tunnel->routes[t];

		set_done(&routes->wanted);
		routes->wanted = want->routes[t];
		want->routes[t] = (struct prefix_set){};
		is_sure = is_sure && !routes->n_refused;
		if (copy_set(&routes->wanted, &routes->have))
			return -ENOMEM;
	}
	/* What was refused is not there; it is tried again when it may have become free. */
	return is_sure ? 0 : tunnel_read_routes(tunnel);
}

static bool is_same(const struct prefix_set *a, const struct prefix_set *b)
{
	return a->n == b->n && (!a->n || !memcmp(a->at, b->at, a->n * sizeof(*a->at)));
}

int tunnel_mend_routes(struct tunnel *tunnel, unsigned int *changed)
{
	struct prefix_set before[TUNNEL_TABLE_COUNT];
	size_t n_wrong = 0;
	int err;

	for (int t = 0; t < TUNNEL_TABLE_COUNT; t++) {
		before[t] = tunnel->routes[t].have;
		tunnel->routes[t].have = (struct prefix_set){};
	}
	err = tunnel_read_routes(tunnel);
	for (int t = 0; t < TUNNEL_TABLE_COUNT; t++) {
		if (!err && !is_same(&before[t], &tunnel->routes[t].have))
			*changed |= TUNNEL_ROUTES;
		set_done(&before[t]);
	}
	if (!err && tunnel->has_rules) {
		err = table_floor_look(number_of(tunnel, TUNNEL_OWN), &tunnel->config.forwarding,
				       tunnel->has_rules_ipv6, &n_wrong);
		if (err)
			(void)tunnel_fail(tunnel, err, NULL, "read the routes of %s",
					  tunnel->config.ifname);
	}
	if (n_wrong) {
		tunnel->has_rules = false;
		*changed |= TUNNEL_ROUTES;
	}
	if (err)
		tunnel->is_sure = false;
	return err;
}

int tunnel_mend_rules(struct tunnel *tunnel, unsigned int *changed)
{
	AUTO(tunnel_rules_plan_done) struct tunnel_rules_plan plan = {};
	struct tunnel_rules rules = rules_of(tunnel, tunnel->has_rules_ipv6);
	int err;

	if (!tunnel->has_rules)
		return 0;
	err = tunnel_rules_look(&rules, &plan);
	if (err)
		return fail_rules(tunnel, err);
	tunnel->behind_rule = plan.behind;
	if (!plan.add.n && !plan.remove.n)
		return 0;
	tunnel->has_rules = false;
	*changed |= TUNNEL_RULES;
	return 0;
}
