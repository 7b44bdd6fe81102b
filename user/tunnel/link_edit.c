// SPDX-License-Identifier: Apache-2.0
#include "tunnel/link_edit.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/cleanup.h"
#include "tunnel/link.h"
#include "tunnel/nl.h"
#include "tunnel/nl_batch.h"

#define LENGTHS (128 + 1) /* prefix lengths that there are */

static struct ifinfomsg *link_message(struct nlmsghdr *msg, uint16_t type, uint32_t ifindex)
{
	struct ifinfomsg *head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));

	msg->nlmsg_type = type;
	head->ifi_family = AF_UNSPEC;
	head->ifi_index = (int)ifindex;
	return head;
}

int link_add_wireguard(const char *name)
{
	char request[NL_REQUEST_BYTES];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(request);
	struct nlattr *info;

	if (!link_name_valid(name) || strchr(name, '%'))
		return -EINVAL;
	link_message(msg, RTM_NEWLINK, 0);
	msg->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	mnl_attr_put_strz(msg, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(msg, IFLA_LINKINFO);
	mnl_attr_put_strz(msg, IFLA_INFO_KIND, "wireguard");
	mnl_attr_nest_end(msg, info);
	return nl_ask(NETLINK_ROUTE, msg, NULL, NULL);
}

/* What the kernel takes for "not given" or refuses as malformed is no interface either. */
static bool is_index(uint32_t ifindex)
{
	return ifindex && ifindex <= INT_MAX;
}

int link_remove(uint32_t ifindex)
{
	char request[NL_REQUEST_BYTES];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(request);

	if (!is_index(ifindex))
		return -ENODEV;
	link_message(msg, RTM_DELLINK, ifindex);
	return nl_ask(NETLINK_ROUTE, msg, NULL, NULL);
}

static int set_up(uint32_t ifindex, bool up)
{
	char request[NL_REQUEST_BYTES];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(request);
	struct ifinfomsg *head;

	if (!is_index(ifindex))
		return -ENODEV;
	head = link_message(msg, RTM_SETLINK, ifindex);
	head->ifi_flags = up ? IFF_UP : 0;
	head->ifi_change = IFF_UP;
	return nl_ask(NETLINK_ROUTE, msg, NULL, NULL);
}

int link_set_up(uint32_t ifindex)
{
	return set_up(ifindex, true);
}

static int rename_link(uint32_t ifindex, const char *name)
{
	char request[NL_REQUEST_BYTES];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(request);

	link_message(msg, RTM_SETLINK, ifindex);
	mnl_attr_put_strz(msg, IFLA_IFNAME, name);
	return nl_ask(NETLINK_ROUTE, msg, NULL, NULL);
}

int link_rename(const struct link *link, const char *name)
{
	int err, up_err;

	if (!is_index(link->ifindex))
		return -ENODEV;
	if (!link_name_valid(name) || strchr(name, '%'))
		return -EINVAL;
	err = rename_link(link->ifindex, name);
	if (err != -EBUSY || !link->up)
		return err;
	err = set_up(link->ifindex, false);
	if (err)
		return err;
	err = rename_link(link->ifindex, name);
	up_err = set_up(link->ifindex, true);
	return err ?: up_err;
}

int link_set_mtu(uint32_t ifindex, uint32_t mtu)
{
	char request[NL_REQUEST_BYTES];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(request);

	if (!is_index(ifindex))
		return -ENODEV;
	link_message(msg, RTM_SETLINK, ifindex);
	mnl_attr_put_u32(msg, IFLA_MTU, mtu);
	return nl_ask(NETLINK_ROUTE, msg, NULL, NULL);
}

static bool is_ipv4(const struct prefix *addr)
{
	return addr->family == PREFIX_IPV4;
}

/* Any host bits, but a family and a length that there are. */
static bool is_addr(const struct prefix *addr)
{
	struct prefix network = *addr;

	if (addr->family == PREFIX_IPV6 && addr->bits > 128)
		return false;
	prefix_mask(&network);
	return !prefix_check(&network);
}

static void addr_message(struct nlmsghdr *msg, uint16_t type, uint32_t ifindex,
			 const struct prefix *addr)
{
	size_t bytes = is_ipv4(addr) ? 4 : 16;
	struct ifaddrmsg *head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));

	msg->nlmsg_type = type;
	if (type == RTM_NEWADDR)
		msg->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	head->ifa_family = is_ipv4(addr) ? AF_INET : AF_INET6;
	head->ifa_prefixlen = addr->bits;
	head->ifa_index = ifindex;
	mnl_attr_put(msg, IFA_LOCAL, bytes, addr->addr);
	mnl_attr_put(msg, IFA_ADDRESS, bytes, addr->addr);
	if (type == RTM_NEWADDR && !is_ipv4(addr))
		mnl_attr_put_u32(msg, IFA_FLAGS, IFA_F_NODAD);
}

static int edit_addr(uint16_t type, uint32_t ifindex, const struct prefix *addr)
{
	char request[NL_REQUEST_BYTES];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(request);

	addr_message(msg, type, ifindex, addr);
	return nl_ask(NETLINK_ROUTE, msg, NULL, NULL);
}

int link_addr_remove(uint32_t ifindex, const struct prefix *addr)
{
	int err;

	if (!is_index(ifindex))
		return -ENODEV;
	if (!is_addr(addr))
		return -EINVAL;
	err = edit_addr(RTM_DELADDR, ifindex, addr);
	/* -ENXIO: the interface has no IPv6 at all. */
	return err == -EADDRNOTAVAIL || err == -ENXIO ? 0 : err;
}

/* With which prefix lengths does the interface have the address? */
static int find_lengths(uint32_t ifindex, const struct prefix *addr, bool ret_has[LENGTHS])
{
	auto_free struct link_addr *all = NULL;
	size_t n = 0;
	int err = link_addrs(&all, &n);

	if (err)
		return err;
	memset(ret_has, 0, LENGTHS * sizeof(*ret_has));
	for (size_t i = 0; i < n; i++)
		if (all[i].ifindex == ifindex && all[i].addr.family == addr->family &&
		    !memcmp(all[i].addr.addr, addr->addr, sizeof(addr->addr)))
			ret_has[all[i].addr.bits] = true;
	return 0;
}

struct replacement {
	uint32_t ifindex;
	struct prefix from, to;
	int removed, added; /* 0 or negative errno */
};

static bool fill_replacement(struct nlmsghdr *msg, size_t i, void *data)
{
	const struct replacement *replacement = data;

	if (i == 0)
		addr_message(msg, RTM_DELADDR, replacement->ifindex, &replacement->from);
	else
		addr_message(msg, RTM_NEWADDR, replacement->ifindex, &replacement->to);
	return true;
}

static void on_replaced(size_t i, int err, void *data)
{
	struct replacement *replacement = data;

	*(i == 0 ? &replacement->removed : &replacement->added) = err;
}

static int replace_ipv6(uint32_t ifindex, const struct prefix *from, const struct prefix *to)
{
	struct replacement replacement = { .ifindex = ifindex, .from = *from, .to = *to };
	int err;

	err = nl_batch(NETLINK_ROUTE, 2, fill_replacement, on_replaced, &replacement);
	if (err || !replacement.added)
		return err;
	if (!replacement.removed)
		(void)edit_addr(RTM_NEWADDR, ifindex, &replacement.from);
	return replacement.added;
}

static int drop_other_lengths(uint32_t ifindex, const struct prefix *addr)
{
	bool has[LENGTHS];
	int err = find_lengths(ifindex, addr, has);

	for (int bits = 0; !err && bits < LENGTHS; bits++) {
		struct prefix other = *addr;

		if (!has[bits] || bits == addr->bits)
			continue;
		other.bits = bits;
		err = is_ipv4(addr) ? link_addr_remove(ifindex, &other)
				    : replace_ipv6(ifindex, &other, addr);
	}
	return err;
}

int link_addr_add(uint32_t ifindex, const struct prefix *addr)
{
	int err;

	if (!is_index(ifindex))
		return -ENODEV;
	if (!is_addr(addr))
		return -EINVAL;
	err = edit_addr(RTM_NEWADDR, ifindex, addr);
	if (err == -EEXIST || (!err && is_ipv4(addr)))
		err = drop_other_lengths(ifindex, addr);
	return err;
}
