// SPDX-License-Identifier: Apache-2.0
/*
 * wg_genl.c - kernel WireGuard through generic netlink.
 *
 * The first message of a dump has the device, the others only its name and more peers. A peer
 * whose AllowedIPs do not fit goes on in the next message with its key and the rest of them, so
 * adjacent peers of the same key are one.
 */
#include "tunnel/wg_genl.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "tunnel/nl.h"

static int take_family(const struct nlmsghdr *msg, void *data)
{
	const struct nlattr *attr;

	if (msg->nlmsg_type != GENL_ID_CTRL)
		return -EPROTO;
	mnl_attr_for_each(
		attr, msg,
		sizeof(struct genlmsghdr)) if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID &&
					       mnl_attr_validate(attr, MNL_TYPE_U16) == 0) *
		(uint16_t *)data = mnl_attr_get_u16(attr);
	return 0;
}

struct nlmsghdr *wg_genl_request(char *bytes, uint16_t type, uint8_t command, uint8_t version)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(bytes);
	struct genlmsghdr *genl;

	msg->nlmsg_type = type;
	genl = mnl_nlmsg_put_extra_header(msg, sizeof(*genl));
	genl->cmd = command;
	genl->version = version;
	return msg;
}

int wg_genl_family(uint16_t *ret_family)
{
	char bytes[NL_REQUEST_BYTES];
	struct nlmsghdr *request = wg_genl_request(bytes, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	uint16_t family = 0;
	int err;

	mnl_attr_put_strz(request, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
	err = nl_ask(NETLINK_GENERIC, request, take_family, &family);
	if (err)
		return err;
	if (!family)
		return -EPROTO;
	*ret_family = family;
	return 0;
}

/* One AllowedIP: a nest without any of its three parts is an error, as for `wg`. */
static int take_allowed(const struct nlattr *nest, struct wg_collect *collect)
{
	const struct nlattr *attr, *addr = NULL, *bits = NULL;
	struct prefix allowed = {};
	uint16_t family = AF_UNSPEC;
	size_t len;

	mnl_attr_for_each_nested(attr, nest)
	{
		switch (mnl_attr_get_type(attr)) {
		case WGALLOWEDIP_A_FAMILY:
			if (mnl_attr_validate(attr, MNL_TYPE_U16) == 0)
				family = mnl_attr_get_u16(attr);
			break;
		case WGALLOWEDIP_A_IPADDR:
			addr = attr;
			break;
		case WGALLOWEDIP_A_CIDR_MASK:
			if (mnl_attr_validate(attr, MNL_TYPE_U8) == 0)
				bits = attr;
			break;
		}
	}
	if ((family != AF_INET && family != AF_INET6) || !addr || !bits)
		return -EPROTO;
	len = family == AF_INET ? 4 : 16;
	if (mnl_attr_get_payload_len(addr) != len)
		return -EPROTO;
	allowed.family = family == AF_INET ? PREFIX_IPV4 : PREFIX_IPV6;
	allowed.bits = mnl_attr_get_u8(bits);
	memcpy(allowed.addr, mnl_attr_get_payload(addr), len);
	return wg_collect_allowed(collect, &allowed);
}

static int begin_peer(const uint8_t *key, struct wg_collect *collect)
{
	const struct wg_device *device = &collect->device;

	if (device->n_peers &&
	    !memcmp(device->peers[device->n_peers - 1].public_key, key, WG_KEY_BYTES))
		return 0;
	return wg_collect_peer(collect, key);
}

static int take_allowed_list(const struct nlattr *list, struct wg_collect *collect)
{
	const struct nlattr *attr;
	int err;

	mnl_attr_for_each_nested(attr, list)
	{
		err = take_allowed(attr, collect);
		if (err)
			return err;
	}
	return 0;
}

/* A sockaddr. One of a family that is unknown here is none. */
static struct prefix endpoint_of(const struct nlattr *attr)
{
	const struct sockaddr_in6 *at6 = mnl_attr_get_payload(attr);
	const struct sockaddr_in *at4 = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);
	struct prefix endpoint = {};

	if (len >= sizeof(*at4) && at4->sin_family == AF_INET) {
		endpoint = (struct prefix){ .family = PREFIX_IPV4, .bits = 32 };
		memcpy(endpoint.addr, &at4->sin_addr, 4);
	} else if (len >= sizeof(*at6) && at6->sin6_family == AF_INET6) {
		endpoint = (struct prefix){ .family = PREFIX_IPV6, .bits = 128 };
		memcpy(endpoint.addr, &at6->sin6_addr, 16);
	}
	return endpoint;
}

static int take_peer(const struct nlattr *nest, struct wg_collect *collect)
{
	const struct nlattr *attr, *key = NULL, *keepalive = NULL, *list = NULL;
	struct prefix endpoint = {};
	struct wg_peer *peer;
	int err;

	mnl_attr_for_each_nested(attr, nest)
	{
		if (mnl_attr_get_type(attr) == WGPEER_A_PUBLIC_KEY)
			key = attr;
		if (mnl_attr_get_type(attr) == WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL)
			keepalive = attr;
		if (mnl_attr_get_type(attr) == WGPEER_A_ALLOWEDIPS)
			list = attr;
		if (mnl_attr_get_type(attr) == WGPEER_A_ENDPOINT)
			endpoint = endpoint_of(attr);
	}
	if (!key || mnl_attr_get_payload_len(key) != WG_KEY_BYTES ||
	    (keepalive && mnl_attr_validate(keepalive, MNL_TYPE_U16)))
		return -EPROTO;
	err = begin_peer(mnl_attr_get_payload(key), collect);
	if (err)
		return err;
	peer = &collect->device.peers[collect->device.n_peers - 1];
	if (endpoint.family)
		peer->endpoint = endpoint;
	if (keepalive)
		peer->keepalive_s = mnl_attr_get_u16(keepalive);
	return list ? take_allowed_list(list, collect) : 0;
}

static int take_peers(const struct nlattr *list, struct wg_collect *collect)
{
	const struct nlattr *attr;
	int err;

	mnl_attr_for_each_nested(attr, list)
	{
		err = take_peer(attr, collect);
		if (err)
			return err;
	}
	return 0;
}

int wg_genl_take(const struct nlmsghdr *msg, void *data)
{
	struct wg_collect *collect = data;
	const struct nlattr *attr;
	int err = 0;

	if (mnl_nlmsg_get_payload_len(msg) < sizeof(struct genlmsghdr))
		return -EPROTO;
	mnl_attr_for_each(attr, msg, sizeof(struct genlmsghdr))
	{
		switch (mnl_attr_get_type(attr)) {
		case WGDEVICE_A_PUBLIC_KEY:
			if (mnl_attr_get_payload_len(attr) != WG_KEY_BYTES)
				return -EPROTO;
			memcpy(collect->device.public_key, mnl_attr_get_payload(attr),
			       WG_KEY_BYTES);
			break;
		case WGDEVICE_A_LISTEN_PORT:
			if (mnl_attr_validate(attr, MNL_TYPE_U16))
				return -EPROTO;
			collect->device.listen_port = mnl_attr_get_u16(attr);
			break;
		case WGDEVICE_A_PEERS:
			err = take_peers(attr, collect);
			if (err)
				return err;
			break;
		}
	}
	return 0;
}

static void restart(void *collect)
{
	wg_collect_done(collect);
}

int wg_genl_read(const char *name, struct wg_collect *collect)
{
	char bytes[NL_REQUEST_BYTES];
	struct nlmsghdr *request;
	uint16_t family;
	int err;

	err = wg_genl_family(&family);
	if (err)
		return err;
	request = wg_genl_request(bytes, family, WG_CMD_GET_DEVICE, WG_GENL_VERSION);
	mnl_attr_put_strz(request, WGDEVICE_A_IFNAME, name);
	err = nl_dump(NETLINK_GENERIC, request, wg_genl_take, restart, collect);
	if (!err)
		collect->device.kernel = true;
	return err;
}
