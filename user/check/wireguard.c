// SPDX-License-Identifier: Apache-2.0
/* wireguard.c - WireGuard itself, and the relay's interface. */
#include <errno.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "check/list.h"
#include "tunnel/link.h"
#include "tunnel/wg_device.h"
#include "tunnel/wg_genl.h"
#include "tunnel/wg_userspace.h"

#define USERSPACE "wireguard-go"

void check_wireguard(struct check_list *list)
{
	bool tun = !access("/dev/net/tun", F_OK), userspace;
	char path[PATH_MAX];
	uint16_t family;

	userspace = wg_userspace_find(path);

	if (!wg_genl_family(&family))
		check_ok(list, "wireguard", "in the kernel");
	else if (userspace && tun)
		check_ok(list, "wireguard", "%s (the kernel has none)", path);
	else if (userspace)
		check_fail(list, "wireguard", "modprobe wireguard, or modprobe tun",
			   "none in the kernel, and " USERSPACE " has no /dev/net/tun");
	else
		check_fail(list, "wireguard", "modprobe wireguard, or install " USERSPACE,
			   "neither in the kernel nor as " USERSPACE);
}

/* The interface is there and has no Ethernet header. */
static void check_device(struct check_list *list, const struct link *link)
{
	AUTO(wg_device_done) struct wg_device device = {};
	char remedy[64];
	int err = wg_device_read(link->name, &device);

	if (err == -ENODEV || err == -EOPNOTSUPP) {
		check_fail(list, "interface", "choose another one with --interface",
			   "%s (%s) is no WireGuard interface", link->name,
			   *link->kind ? link->kind : "hardware");
	} else if (err) {
		check_warn(list, "interface",
			   err == -EPERM ? "run as root to see" : "look at wg show",
			   "%s cannot be read: %s", link->name, strerror(-err));
	} else if (!link->up) {
		snprintf(remedy, sizeof(remedy), "ip link set %s up", link->name);
		check_warn(list, "interface", remedy, "%s is down", link->name);
	} else {
		check_ok(list, "interface", "%s: %s, %zu peers, up", link->name,
			 device.kernel ? "kernel WireGuard" : "userspace WireGuard",
			 device.n_peers);
	}
}

void check_interface(struct check_list *list)
{
	struct link link;
	int err = link_get(list->ifname, &link);

	if (err == -EINVAL)
		check_fail(list, "interface", "choose another one with --interface",
			   "'%s' cannot be the name of one", list->ifname);
	else if (err == -ENODEV)
		check_ok(list, "interface", "there is no %s yet: `run` makes it, but with --adopt",
			 list->ifname);
	else if (err)
		check_fail(list, "interface", "look at ip link", "%s: %s", list->ifname,
			   strerror(-err));
	else if (link.arphrd != ARPHRD_NONE)
		check_fail(list, "interface", "choose another one with --interface",
			   "%s (%s) has a link layer, WireGuard has none", link.name,
			   *link.kind ? link.kind : "hardware");
	else
		check_device(list, &link);
}
