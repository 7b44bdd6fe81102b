// SPDX-License-Identifier: Apache-2.0
/*
 * node_spared.c - whom the source talks to is reached outside of the tunnel, whatever devices
 * advertise. The source waits until it is told that this is so.
 */
#include <errno.h>

#include "base/log.h"
#include "node/node_private.h"

#define SAID_AT_ONCE 20 /* routes; `status` has them */
#define AGAIN_MS 50     /* the source is busy, and its socket full of what it is told */

void node_spared_report(struct node *node)
{
	const struct control_routes *routes = &node->sync.control_routes;
	char route[PREFIX_TEXT_MAX], address[PREFIX_TEXT_MAX];
	size_t n = 0;

	for (size_t i = 0; i < routes->n; i++) {
		struct control_route *one = &routes->at[i];

		if (!one->is_said && n++ < SAID_AT_ONCE)
			log_warn("device '%s' advertises %s, and %s of the control plane is in it: "
				 "leaving out that route (it is relayed all the same)",
				 one->device, prefix_format(&one->route, route),
				 prefix_format_addr(&one->address, address));
		one->is_said = true;
	}
	if (n > SAID_AT_ONCE)
		log_warn("%zu more such routes are left out (see `nex-relay status`)",
			 n - SAID_AT_ONCE);
}

/* The newest answer is enough: the source waits for no other. */
static int answer(struct node *node)
{
	struct node_control *control = &node->control;
	struct border_record record = { .kind = BORDER_SPARED, .spared = control->spared_due };
	int err = border_send(node->child.sock, &record, 1, -1);

	control->is_spared_due = err == -EAGAIN;
	if (!control->is_spared_due)
		return err;
	node_after(control->spared_again, AGAIN_MS);
	return 0;
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct node *node = arg;

	(void)fd, (void)what;
	/* What else can go wrong is that the source has ended, which is heard of. */
	if (node->control.is_spared_due && node->child.sock >= 0)
		(void)answer(node);
}

int node_spared_start(struct node *node)
{
	node->control.spared_again = evtimer_new(node->base, on_again, node);
	return node->control.spared_again ? 0 : -ENOMEM;
}

void node_spared_stop(struct node *node)
{
	if (node->control.spared_again)
		event_free(node->control.spared_again);
}

int node_spared_record(struct node *node, const struct border_record *record)
{
	struct border_addresses_coming *coming = &node->control.addresses;
	int ret = border_addresses_add(coming, record);

	if (ret != 1)
		return ret;
	ret = sync_control(&node->sync, &coming->set);
	if (ret < 0) {
		log_debug("keep the control plane out of the tunnel: %s",
			  sync_why(&node->sync, ret));
		node_tunnel_changed(node, TUNNEL_ADDRESSES); /* tried again, and said */
	}
	if (ret == 1) {
		node_spared_report(node);
		node_write_status(node);
	}
	node->control.spared_due = record->addresses.number;
	return answer(node);
}
