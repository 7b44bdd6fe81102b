// SPDX-License-Identifier: Apache-2.0
/* wg_device.c - choose the back end that knows an interface. */
#include "tunnel/wg_device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/link.h"
#include "tunnel/wg_genl.h"
#include "tunnel/wg_uapi.h"

/*
 * The kind of the interface decides, not who answers first: control sockets of userspace
 * implementations are shared by all network namespaces, so another namespace's wg0 may have one
 * while ours is a kernel interface.
 */
int wg_device_read(const char *name, struct wg_device *ret_device)
{
	struct wg_collect collect = {};
	struct link link;
	int err;

	err = link_get(name, &link);
	if (err == -EINVAL)
		return -ENODEV;
	if (err)
		return err;
	if (!strcmp(link.kind, "wireguard"))
		err = wg_genl_read(link.name, &collect);
	else
		err = wg_uapi_read(link.name, &collect);
	if (err) {
		wg_collect_done(&collect);
		return err;
	}
	*ret_device = collect.device;
	return 0;
}

void wg_device_done(struct wg_device *device)
{
	for (size_t i = 0; !device->pool && i < device->n_peers; i++)
		free(device->peers[i].allowed);
	free(device->peers);
	free(device->pool);
	*device = (struct wg_device){};
}
