// SPDX-License-Identifier: Apache-2.0
/* node_spared.c - whom the source talks to is reached outside of the tunnel. */
#include "base/log.h"
#include "node/node_private.h"

int node_spared_record(struct node *node, const struct border_record *record)
{
	struct border_addresses_coming *coming = &node->control.addresses;
	struct border_record answer = { .kind = BORDER_SPARED };
	int ret = border_addresses_add(coming, record);

	if (ret != 1)
		return ret;
	for (size_t i = 0; i < coming->set.n; i++) {
		int err = sync_server(&node->sync, &coming->set.at[i]);

		if (err)
			node_tunnel_changed(node, TUNNEL_ADDRESSES); /* tried again, and said */
	}
	answer.spared = record->addresses.number;
	ret = border_send(node->child.sock, &answer, 1, -1);
	return ret == -EAGAIN ? 0 : ret;
}
