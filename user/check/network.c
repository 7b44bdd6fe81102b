// SPDX-License-Identifier: Apache-2.0
/* network.c - sysctls, IPv6 and MTUs: what the slow path and the uplink need. */
#include <errno.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "check/list.h"
#include "tunnel/forwarding.h"
#include "tunnel/link.h"
#include "tunnel/route.h"
#include "tunnel/route_ask.h"
#include "tunnel/sysctl.h"

#define IPV6_MTU_MIN 1280     /* RFC 8200 section 5 */
#define WIREGUARD_OVERHEAD 80 /* bytes around a packet: IPv6 40, UDP 8, WireGuard 32 */
#define IPV6_SWITCH "net/ipv6/conf/all/forwarding"

static void check_switch(struct check_list *list, const char *name, const char *path)
{
	struct statvfs fs;
	int value, err = sysctl_read(path, &value);

	if (err)
		check_warn(list, name, "mount /proc with its sysctls", "%s: %s", path,
			   strerror(-err));
	else if (value)
		check_ok(list, name, "on");
	else if (!statvfs("/proc/sys/net", &fs) && fs.f_flag & ST_RDONLY)
		check_fail(list, name, "start the container with this sysctl set to 1",
			   "%s is 0 and /proc/sys is read-only", path);
	else
		check_ok(list, name, "off; `nex-relay run` switches it on, `down` off again");
}

/* IPv6 asks its switch alone. Return: whether there was something to say. */
static bool check_flag(struct check_list *list, const char *name)
{
	char path[64], remedy[128];
	int on, value;

	snprintf(path, sizeof(path), "net/ipv4/conf/%s/forwarding", list->ifname);
	if (sysctl_read("net/ipv4/ip_forward", &on) || !on || sysctl_read(path, &value) || value)
		return false;
	snprintf(remedy, sizeof(remedy),
		 "sysctl -w %s=1; `nex-relay run` does so, but not with --adopt", path);
	check_warn(list, name, remedy,
		   "on, but off for %s: packets that are too big, or have come too far, are not "
		   "answered",
		   list->ifname);
	return true;
}

/* Written where it can be, and done without where it cannot. */
static void check_icmp_errors(struct check_list *list)
{
	static const char path[] = "net/ipv4/icmp_errors_use_inbound_ifaddr";
	struct statvfs fs;
	int value;

	if (!sysctl_read(path, &value) && !value && !statvfs("/proc/sys/net", &fs) &&
	    fs.f_flag & ST_RDONLY)
		check_warn(list, "icmp errors", "start the container with this sysctl set to 1",
			   "%s is 0 and /proc/sys is read-only: what the kernel answers to senders "
			   "behind an exit device leaves by the uplink",
			   path);
}

void check_forwarding(struct check_list *list)
{
	const char *reason;

	if (!check_flag(list, "ipv4 forwarding"))
		check_switch(list, "ipv4 forwarding", "net/ipv4/ip_forward");
	if (ipv6_support(&reason))
		check_switch(list, "ipv6 forwarding", IPV6_SWITCH);
	check_icmp_errors(list);
}

static void check_uplink_ra(struct check_list *list, const char *uplink, int forwarding)
{
	char path[64], remedy[96];
	int value;

	snprintf(path, sizeof(path), "net/ipv6/conf/%s/accept_ra", uplink);
	if (sysctl_read(path, &value) || value != 1) {
		check_ok(list, "router advertisements", "%s keeps its default route", uplink);
		return;
	}
	if (!forwarding) {
		check_warn(list, "router advertisements",
			   "nothing: `nex-relay run` sets it to 2 and `down` back",
			   "%s has its IPv6 default route from one, and would lose it with "
			   "accept_ra = 1 once forwarding is on",
			   uplink);
		return;
	}
	snprintf(remedy, sizeof(remedy), "sysctl -w net/ipv6/conf/%s/accept_ra=2", uplink);
	check_warn(
		list, "router advertisements", remedy,
		"%s loses its IPv6 default route when it expires: forwarding is on and accept_ra "
		"is 1",
		uplink);
}

void check_advertisements(struct check_list *list)
{
	auto_free struct default_route *routes = NULL;
	char uplink[IFNAMSIZ];
	int forwarding, err;
	size_t n;

	if (sysctl_read(IPV6_SWITCH, &forwarding))
		return; /* no IPv6, as another line says */
	err = route_defaults(&routes, &n);
	if (err) {
		check_warn(list, "router advertisements", "look at ip -6 route",
			   "routes cannot be read: %s", strerror(-err));
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (routes[i].from_ra && if_indextoname(routes[i].ifindex, uplink))
			check_uplink_ra(list, uplink, forwarding);
}

void check_ipv6(struct check_list *list)
{
	const char *reason;

	if (ipv6_support(&reason))
		check_ok(list, "ipv6", "available");
	else
		check_warn(list, "ipv6", "nothing, if the relay shall do IPv4 alone", "%s", reason);
}

static void check_uplink_mtu(struct check_list *list, const struct link *link,
			     const struct link *uplink)
{
	char remedy[96];

	if (uplink->mtu >= link->mtu + WIREGUARD_OVERHEAD) {
		check_ok(list, "mtu", "%s %u fits into %s %u", link->name, link->mtu, uplink->name,
			 uplink->mtu);
		return;
	}
	snprintf(remedy, sizeof(remedy), "ip link set %s mtu %u", link->name,
		 uplink->mtu - WIREGUARD_OVERHEAD);
	check_warn(list, "mtu", remedy, "%s %u and %u bytes of WireGuard do not fit into %s %u",
		   link->name, link->mtu, WIREGUARD_OVERHEAD, uplink->name, uplink->mtu);
}

/* The narrowest interface with a default route that is not the tunnel itself. */
static bool find_uplink(const struct link *link, struct link *ret_uplink)
{
	auto_free struct default_route *routes = NULL;
	struct link uplink;
	char name[IFNAMSIZ];
	bool found = false;
	size_t n;

	if (route_defaults(&routes, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (routes[i].ifindex == link->ifindex ||
		    !if_indextoname(routes[i].ifindex, name) || link_get(name, &uplink))
			continue;
		if (!found || uplink.mtu < ret_uplink->mtu)
			*ret_uplink = uplink;
		found = true;
	}
	return found;
}

/* What BPF forwards does not ask the kernel for a route. */
static void check_route_mtus(struct check_list *list, const struct link *link)
{
	char remedy[128], text[PREFIX_TEXT_MAX];
	struct route_mtus routes;

	if (route_mtus(link->ifindex, link->mtu, &routes) || !routes.n)
		return;
	snprintf(remedy, sizeof(remedy), "ip link set %s mtu %u, or a lower MTU on that device",
		 link->name, routes.mtu);
	check_warn(list, "mtu", remedy,
		   "%zu routes out of %s have an MTU of their own, the first %s with %u: relayed "
		   "packets do not heed it",
		   routes.n, link->name, prefix_format(&routes.first, text), routes.mtu);
}

void check_mtu(struct check_list *list)
{
	struct link link, uplink;
	const char *reason;

	if (link_get(list->ifname, &link) || link.arphrd != ARPHRD_NONE)
		return; /* as another line says */
	if (link.mtu < IPV6_MTU_MIN && ipv6_support(&reason))
		check_warn(list, "mtu", "raise it to 1280 at least, or do without IPv6",
			   "%s has %u, too little for IPv6", link.name, link.mtu);
	else if (find_uplink(&link, &uplink) && uplink.mtu > WIREGUARD_OVERHEAD)
		check_uplink_mtu(list, &link, &uplink);
	else
		check_ok(list, "mtu", "%s has %u (no default route to compare with)", link.name,
			 link.mtu);
	check_route_mtus(list, &link);
}
