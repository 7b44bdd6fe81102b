// SPDX-License-Identifier: Apache-2.0
/* sync_control.c - the control plane's addresses have changed: the routes with them. */
#include "base/cleanup.h"
#include "node/sync.h"
#include "tunnel/tunnel_routes.h"

/* What is on the interface that no list of this run is about. */
static int take_routes_away(uint32_t ifindex, const struct border_addresses *control)
{
	AUTO(control_routes_done) struct control_routes found = {};
	AUTO(tunnel_routes_done) struct tunnel_routes there = {};
	int err = tunnel_routes_read(ifindex, &there);

	if (!err)
		err = control_routes_find(there.ours, there.n_ours, control, &found);
	for (size_t i = 0; !err && i < found.n; i++)
		err = tunnel_routes_remove(ifindex, &found.at[i].route, 1);
	return err ?: found.n > 0;
}

int sync_control(struct sync *sync, const struct border_addresses *control)
{
	struct tunnel *tunnel = sync->tunnel;
	int ret;

	sync->control = *control;
	sync->why[0] = '\0';
	if (!tunnel || !sync->ifindex)
		return 0;
	if (!sync->has_list)
		return take_routes_away(tunnel->ifindex, control);
	ret = tunnel->is_sure ? control_routes_still(&sync->control_routes, tunnel->routes,
						     tunnel->n_routes, control)
			      : 0;
	if (ret)
		return ret < 0 ? ret : 0;
	ret = sync_again(sync);
	return ret ?: 1;
}
