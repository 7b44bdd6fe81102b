// SPDX-License-Identifier: Apache-2.0
#include "tunnel/local_network.h"

#include <errno.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/prefix_class.h"

void local_networks_done(struct local_networks *networks)
{
	free(networks->at);
	*networks = (struct local_networks){};
}

/* An interface, and whether its networks count. Addresses of one follow each other. */
struct judged {
	struct link link;
	bool counts;
};

static void judge(uint32_t ifindex, const char *tunnel, struct judged *judged)
{
	if (judged->link.ifindex == ifindex)
		return;
	*judged = (struct judged){};
	if (link_get_index(ifindex, &judged->link))
		judged->link.ifindex = ifindex; /* gone meanwhile */
	else
		judged->counts = judged->link.up && judged->link.arphrd != ARPHRD_LOOPBACK &&
				 strcmp(judged->link.name, tunnel) != 0;
}

static void take(const struct link_addr *addr, const char *tunnel, struct judged *judged,
		 struct local_networks *networks)
{
	struct local_network *network = &networks->at[networks->n];

	network->net = addr->addr;
	prefix_mask(&network->net);
	if (prefix_is_host(&network->net) || prefix_is_special(&network->net))
		return;
	judge(addr->ifindex, tunnel, judged);
	if (!judged->counts)
		return;
	memcpy(network->ifname, judged->link.name, sizeof(network->ifname));
	networks->n++;
}

static void drop_doubles(struct local_networks *networks)
{
	size_t n = 0;

	for (size_t i = 0; i < networks->n; i++)
		if (!n || prefix_compare(&networks->at[n - 1].net, &networks->at[i].net) != 0)
			networks->at[n++] = networks->at[i];
	networks->n = n;
}

int local_networks_read(const char *tunnel, struct local_networks *ret)
{
	AUTO(local_networks_done) struct local_networks networks = {};
	auto_free struct link_addr *addrs = NULL;
	struct judged judged = {};
	size_t n;
	int err = link_addrs(&addrs, &n);

	if (err)
		return err;
	networks.at = calloc(n + 1, sizeof(*networks.at));
	if (!networks.at)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		take(&addrs[i], tunnel, &judged, &networks);
	err = prefix_sort(networks.at, networks.n, sizeof(*networks.at));
	if (err)
		return err;
	drop_doubles(&networks);
	*ret = networks;
	networks.at = NULL;
	return 0;
}

const struct local_network *local_network_of(const struct local_networks *networks,
					     const struct prefix *prefix)
{
	for (size_t i = 0; i < networks->n; i++)
		if (prefix_covers(&networks->at[i].net, prefix))
			return &networks->at[i];
	return NULL;
}
