// SPDX-License-Identifier: Apache-2.0
#include "node/interface_list.h"

#include <string.h>

#include "base/cleanup.h"

static int add_prefixes(struct device_list *list, const struct wg_peer *peer, bool hosts)
{
	int err = 0;

	for (size_t i = 0; !err && i < peer->n_allowed; i++)
		if (prefix_is_host(&peer->allowed[i]) == hosts)
			err = device_list_add_prefix(list, &peer->allowed[i]);
	return err;
}

/* WireGuard does not say what is a tunnel address: taken for one is what is a host. */
static int add_peer(struct device_list *list, const struct wg_peer *peer)
{
	struct device device = {};
	int err;

	memcpy(device.public_key, peer->public_key, sizeof(device.public_key));
	for (size_t i = 0; i < peer->n_allowed; i++)
		device.n_addresses += prefix_is_host(&peer->allowed[i]);
	err = device_list_add(list, &device);
	if (!err)
		err = add_prefixes(list, peer, true);
	return err ?: add_prefixes(list, peer, false);
}

int interface_list_make(const struct wg_device *device, struct device_list *ret)
{
	struct wg_peer self = {};
	int err;

	memcpy(self.public_key, device->public_key, sizeof(self.public_key));
	err = add_peer(ret, &self);
	for (size_t i = 0; !err && i < device->n_peers; i++)
		err = add_peer(ret, &device->peers[i]);
	if (err)
		device_list_done(ret);
	return err;
}

int interface_list_read(const char *ifname, struct device_list *ret)
{
	AUTO(wg_device_done) struct wg_device device = {};
	int err = wg_device_read(ifname, &device);

	return err ?: interface_list_make(&device, ret);
}

bool interface_list_is_same(const struct device_list *a, const struct device_list *b)
{
	if (a->n_devices != b->n_devices || a->n_prefixes != b->n_prefixes)
		return false;
	for (size_t i = 0; i < a->n_devices; i++)
		if (a->devices[i].n_prefixes != b->devices[i].n_prefixes ||
		    a->devices[i].n_addresses != b->devices[i].n_addresses ||
		    memcmp(a->devices[i].public_key, b->devices[i].public_key, WG_KEY_BYTES))
			return false;
	for (size_t i = 0; i < a->n_prefixes; i++)
		if (prefix_compare(&a->prefixes[i], &b->prefixes[i]))
			return false;
	return true;
}
