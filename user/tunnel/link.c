// SPDX-License-Identifier: Apache-2.0
/* link.c - one interface, and the addresses of all. */
#include "tunnel/link.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "tunnel/nl.h"

#define NAMESPACES_MAX 65536
#define ADDRS_MAX (1 << 20) /* more than that is no host but a mistake */

bool link_name_valid(const char *name)
{
	size_t len = strnlen(name, IFNAMSIZ);

	if (!len || len == IFNAMSIZ || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++)
		if (strchr("/: \t\n\v\f\r\xa0", *name))
			return false;
	return true;
}

static void take_text(const struct nlattr *attr, char *text, size_t size)
{
	size_t len = strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));

	if (len >= size)
		len = size - 1;
	memset(text, 0, size);
	memcpy(text, mnl_attr_get_payload(attr), len);
}

static void take_info(const struct nlattr *info, struct link *link)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, info) if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
		take_text(attr, link->kind, sizeof(link->kind));
}

static int take_link(const struct nlmsghdr *msg, void *data)
{
	const struct ifinfomsg *head = mnl_nlmsg_get_payload(msg);
	struct link link = {};
	struct nlattr *attr;

	if (msg->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(msg) < sizeof(*head))
		return -EPROTO;
	link.ifindex = head->ifi_index;
	link.arphrd = head->ifi_type;
	link.up = head->ifi_flags & IFF_UP;
	mnl_attr_for_each(attr, msg, sizeof(*head))
	{
		switch (mnl_attr_get_type(attr)) {
		case IFLA_IFNAME:
			take_text(attr, link.name, sizeof(link.name));
			break;
		case IFLA_MTU:
			if (mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
				link.mtu = mnl_attr_get_u32(attr);
			break;
		case IFLA_LINKINFO:
			take_info(attr, &link);
			break;
		}
	}
	*(struct link *)data = link;
	return 0;
}

/* By name, or by number when @name is NULL. @nsid: NULL for our own network namespace. */
static int ask_link(const char *name, uint32_t ifindex, const int32_t *nsid, struct link *ret_link)
{
	char request[NL_REQUEST_BYTES];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(request);
	struct ifinfomsg *head;
	struct link link = {};
	int err;

	msg->nlmsg_type = RTM_GETLINK;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->ifi_family = AF_UNSPEC;
	head->ifi_index = (int)ifindex;
	if (name)
		mnl_attr_put_strz(msg, IFLA_IFNAME, name);
	if (nsid)
		mnl_attr_put_u32(msg, IFLA_TARGET_NETNSID, (uint32_t)*nsid);
	err = nl_ask(NETLINK_ROUTE, msg, take_link, &link);
	if (err)
		return err;
	if (!link.ifindex)
		return -EPROTO;
	*ret_link = link;
	return 0;
}

int link_get(const char *name, struct link *ret_link)
{
	return link_name_valid(name) ? ask_link(name, 0, NULL, ret_link) : -EINVAL;
}

int link_get_index(uint32_t ifindex, struct link *ret_link)
{
	return ifindex ? ask_link(NULL, ifindex, NULL, ret_link) : -ENODEV;
}

struct namespaces {
	int32_t *id; /* room for a power of two */
	size_t n;
};

static int take_namespace(const struct nlmsghdr *msg, void *data)
{
	struct namespaces *all = data;
	const struct nlattr *attr;

	if (msg->nlmsg_type != RTM_NEWNSID)
		return -EPROTO;
	mnl_attr_for_each(attr, msg, sizeof(struct rtgenmsg))
	{
		if (mnl_attr_get_type(attr) != NETNSA_NSID || mnl_attr_validate(attr, MNL_TYPE_U32))
			continue;
		if (all->n >= NAMESPACES_MAX)
			return -E2BIG;
		if (array_room(&all->id, all->n, sizeof(*all->id)))
			return -ENOMEM;
		all->id[all->n++] = (int32_t)mnl_attr_get_u32(attr);
	}
	return 0;
}

static void forget_namespaces(void *data)
{
	((struct namespaces *)data)->n = 0;
}

bool link_is_elsewhere(uint32_t ifindex, const char *kind)
{
	char request[NL_REQUEST_BYTES];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(request);
	struct namespaces all = {};
	bool found = false;
	struct link link;

	msg->nlmsg_type = RTM_GETNSID;
	((struct rtgenmsg *)mnl_nlmsg_put_extra_header(msg, sizeof(struct rtgenmsg)))
		->rtgen_family = AF_UNSPEC;
	(void)nl_dump(NETLINK_ROUTE, msg, take_namespace, forget_namespaces, &all);
	for (size_t i = 0; i < all.n && !found; i++)
		found = !ask_link(NULL, ifindex, &all.id[i], &link) && !strcmp(link.kind, kind);
	free(all.id);
	return found;
}

struct addrs {
	struct link_addr *addr; /* room for a power of two */
	size_t n;
};

static int add_addr(struct addrs *addrs, const struct link_addr *addr)
{
	if (addrs->n >= ADDRS_MAX)
		return -E2BIG;
	if (array_room(&addrs->addr, addrs->n, sizeof(*addr)))
		return -ENOMEM;
	addrs->addr[addrs->n++] = *addr;
	return 0;
}

static int take_addr(const struct nlmsghdr *msg, void *data)
{
	const struct ifaddrmsg *head = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attr, *address = NULL, *local = NULL;
	struct link_addr addr = {};
	size_t len;

	if (msg->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(msg) < sizeof(*head))
		return -EPROTO;
	if (head->ifa_family != AF_INET && head->ifa_family != AF_INET6)
		return 0;
	mnl_attr_for_each(attr, msg, sizeof(*head))
	{
		if (mnl_attr_get_type(attr) == IFA_ADDRESS)
			address = attr;
		if (mnl_attr_get_type(attr) == IFA_LOCAL)
			local = attr;
	}
	/* On point-to-point links IFA_ADDRESS is the other end. */
	attr = local ?: address;
	len = head->ifa_family == AF_INET ? 4 : 16;
	if (!attr || mnl_attr_get_payload_len(attr) != len || head->ifa_prefixlen > len * 8)
		return -EPROTO;
	addr.ifindex = head->ifa_index;
	addr.addr.family = head->ifa_family == AF_INET ? PREFIX_IPV4 : PREFIX_IPV6;
	addr.addr.bits = head->ifa_prefixlen;
	memcpy(addr.addr.addr, mnl_attr_get_payload(attr), len);
	return add_addr(data, &addr);
}

static void forget_addrs(void *data)
{
	struct addrs *addrs = data;

	free(addrs->addr);
	*addrs = (struct addrs){};
}

int link_addrs(struct link_addr **ret_addrs, size_t *ret_n)
{
	char request[NL_REQUEST_BYTES];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(request);
	struct ifaddrmsg *head;
	struct addrs addrs = {};
	int err;

	msg->nlmsg_type = RTM_GETADDR;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->ifa_family = AF_UNSPEC;
	err = nl_dump(NETLINK_ROUTE, msg, take_addr, forget_addrs, &addrs);
	if (err) {
		forget_addrs(&addrs);
		return err;
	}
	*ret_addrs = addrs.addr;
	*ret_n = addrs.n;
	return 0;
}
