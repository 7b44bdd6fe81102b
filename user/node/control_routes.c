// SPDX-License-Identifier: Apache-2.0
#include "node/control_routes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void control_routes_done(struct control_routes *routes)
{
	free(routes->at);
	*routes = (struct control_routes){};
}

/* One to a route: the addresses come in their order, and the first one stays. */
static int add(struct control_routes *routes, size_t *room, const struct prefix *route,
	       const struct prefix *address)
{
	struct control_route *grown;

	for (size_t i = 0; i < routes->n; i++)
		if (!prefix_compare(&routes->at[i].route, route))
			return 0;
	if (routes->n == *room) {
		*room = *room ? *room * 2 : 8;
		grown = reallocarray(routes->at, *room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		routes->at = grown;
	}
	routes->at[routes->n++] = (struct control_route){ .route = *route, .address = *address };
	return 0;
}

static int compare(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static bool is_alike(const struct prefix *a, const struct prefix *b)
{
	return a->family == b->family && a->bits == b->bits;
}

/* Sorted as they are, those of one family and length stand together. Return: how many from the
 * first one on. */
static size_t count_alike(const struct prefix *routes, size_t n)
{
	size_t low = 1, high = n; /* all below low are, none from high on is */

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (is_alike(&routes[0], &routes[middle]))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int find_alike(const struct prefix *routes, size_t n,
		      const struct border_addresses *addresses, struct control_routes *found,
		      size_t *room)
{
	int err = 0;

	for (size_t i = 0; !err && i < addresses->n; i++) {
		struct prefix key = addresses->at[i];
		const struct prefix *route;

		if (key.family != routes[0].family)
			continue;
		key.bits = routes[0].bits;
		prefix_mask(&key);
		route = bsearch(&key, routes, n, sizeof(*routes), compare);
		if (route)
			err = add(found, room, route, &addresses->at[i]);
	}
	return err;
}

int control_routes_find(const struct prefix *routes, size_t n,
			const struct border_addresses *addresses, struct control_routes *ret)
{
	struct control_routes found = {};
	size_t room = 0;
	int err = 0;

	for (size_t at = 0, alike; !err && at < n; at += alike) {
		alike = count_alike(&routes[at], n - at);
		err = find_alike(&routes[at], alike, addresses, &found, &room);
	}
	if (err) {
		control_routes_done(&found);
		return err;
	}
	if (found.n)
		qsort(found.at, found.n, sizeof(found.at[0]), compare);
	*ret = found;
	return 0;
}

static void name_device(struct control_route *route, const struct desired *desired)
{
	const struct desired_entry *entry = NULL;

	if (desired->n_entries)
		entry = bsearch(&route->route, desired->entries, desired->n_entries, sizeof(*entry),
				compare);
	if (entry && entry->device != DESIRED_LOCAL)
		device_label(&desired->devices[entry->device], route->device);
}

int control_routes_spare(struct tunnel_want *want, const struct desired *desired,
			 const struct border_addresses *addresses, struct control_routes *ret)
{
	struct control_routes found;
	size_t kept = 0, next = 0;
	int err = control_routes_find(want->routes, want->n_routes, addresses, &found);

	if (err)
		return err;
	for (size_t i = 0; i < want->n_routes; i++) {
		if (next < found.n && !prefix_compare(&want->routes[i], &found.at[next].route))
			name_device(&found.at[next++], desired);
		else
			want->routes[kept++] = want->routes[i];
	}
	want->n_routes = kept;
	*ret = found;
	return 0;
}

void control_routes_keep_said(struct control_routes *routes, const struct control_routes *before)
{
	for (size_t i = 0; i < routes->n; i++)
		for (size_t b = 0; b < before->n; b++)
			if (!prefix_compare(&routes->at[i].route, &before->at[b].route) &&
			    !strcmp(routes->at[i].device, before->at[b].device))
				routes->at[i].is_said = before->at[b].is_said;
}

static bool find_address(struct control_route *route, const struct border_addresses *addresses)
{
	for (size_t i = 0; i < addresses->n; i++)
		if (prefix_covers(&route->route, &addresses->at[i])) {
			route->address = addresses->at[i];
			return true;
		}
	return false;
}

int control_routes_still(struct control_routes *spared, const struct prefix *routes, size_t n,
			 const struct border_addresses *addresses)
{
	struct control_routes more;
	bool still;
	int err = control_routes_find(routes, n, addresses, &more);

	if (err)
		return err;
	still = !more.n;
	control_routes_done(&more);
	for (size_t i = 0; i < spared->n; i++)
		still = find_address(&spared->at[i], addresses) && still;
	return still;
}
