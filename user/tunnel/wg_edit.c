// SPDX-License-Identifier: Apache-2.0
/* wg_edit.c - choose the back end that knows an interface. */
#include "tunnel/wg_edit.h"

#include <errno.h>
#include <string.h>

#include "tunnel/link.h"
#include "tunnel/wg_genl_edit.h"
#include "tunnel/wg_uapi_edit.h"

/* The kind of the interface decides, as in wg_device_read(). */
static int find(const char *name, struct link *ret_link, bool *ret_kernel)
{
	int err = link_get(name, ret_link);

	if (err == -EINVAL)
		return -ENODEV;
	if (!err)
		*ret_kernel = !strcmp(ret_link->kind, "wireguard");
	return err;
}

int wg_edit_identity(const char *name, const uint8_t *private_key, uint16_t listen_port)
{
	struct link link;
	bool kernel;
	int err = find(name, &link, &kernel);

	if (err)
		return err;
	if (kernel)
		return wg_genl_edit_identity(link.ifindex, private_key, listen_port);
	return wg_uapi_edit_identity(link.name, private_key, listen_port);
}

int wg_edit_peers(const char *name, const struct wg_edit *edits, size_t n)
{
	struct link link;
	bool kernel;
	int err = find(name, &link, &kernel);

	if (err)
		return err;
	if (kernel)
		return wg_genl_edit_peers(link.ifindex, edits, n);
	return wg_uapi_edit_peers(link.name, edits, n);
}

int wg_edit_flush(const char *name)
{
	struct link link;
	bool kernel;
	int err = find(name, &link, &kernel);

	if (err)
		return err;
	return kernel ? wg_genl_edit_flush(link.ifindex) : wg_uapi_edit_flush(link.name);
}
