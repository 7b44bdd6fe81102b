// SPDX-License-Identifier: Apache-2.0
#include "nexodus/name_order.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Return: when its servers were silent, or NULL: never. */
static int64_t *find(struct name_order *order, const char *host)
{
	for (size_t i = 0; i < NAME_ORDER_HOSTS; i++)
		if (!strcasecmp(order->hosts[i].host, host))
			return order->hosts[i].silent_at;
	return NULL;
}

void name_order_choose(struct name_order *order, const char *host, size_t n, int64_t now_ms,
		       uint8_t ret_servers[static NAME_SERVERS_MAX])
{
	int64_t *silent_at = find(order, host);
	uint8_t last[NAME_SERVERS_MAX] = {};
	size_t n_first = 0, n_last = 0;

	for (size_t server = 0; server < n; server++) {
		if (!silent_at || !silent_at[server]) {
			ret_servers[n_first++] = server;
		} else if (now_ms - silent_at[server] < NAME_ORDER_AVOID_MS) {
			last[n_last++] = server;
		} else {
			silent_at[server] = now_ms;
			ret_servers[n_first++] = server;
		}
	}
	memcpy(ret_servers + n_first, last, n_last);
}

void name_order_silent(struct name_order *order, const char *host, size_t server, int64_t now_ms)
{
	int64_t *silent_at = find(order, host);

	if (!silent_at) {
		size_t i = order->next++ % NAME_ORDER_HOSTS;

		memset(&order->hosts[i], 0, sizeof(order->hosts[i]));
		snprintf(order->hosts[i].host, sizeof(order->hosts[i].host), "%s", host);
		silent_at = order->hosts[i].silent_at;
	}
	silent_at[server] = now_ms;
}

void name_order_heard(struct name_order *order, const char *host, size_t server)
{
	int64_t *silent_at = find(order, host);

	if (silent_at)
		silent_at[server] = 0;
}
