// SPDX-License-Identifier: Apache-2.0
/* wg_uapi.c - parser of the text protocol of userspace WireGuard. */
#include "tunnel/wg_uapi.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/uuid.h"
#include "tunnel/private_key.h"

#define ERRNO_MAX 4095 /* the kernel's MAX_ERRNO */

/* "0".."@max" in decimal digits alone. */
static int parse_number(const char *text, unsigned int max, unsigned int *ret_number)
{
	unsigned int number = 0;

	if (!*text || strlen(text) > 9)
		return -EPROTO;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EPROTO;
		number = number * 10 + (*text - '0');
	}
	if (number > max)
		return -EPROTO;
	*ret_number = number;
	return 0;
}

static int parse_key(const char *text, uint8_t ret_key[static WG_KEY_BYTES])
{
	uint8_t key[WG_KEY_BYTES];
	int high, low, err = 0;

	if (strlen(text) != 2 * WG_KEY_BYTES)
		return -EPROTO;
	for (int i = 0; i < WG_KEY_BYTES; i++) {
		high = hex_digit(text[2 * i]);
		low = hex_digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			err = -EPROTO;
		key[i] = (high & 0xf) << 4 | (low & 0xf);
	}
	if (!err)
		memcpy(ret_key, key, WG_KEY_BYTES);
	explicit_bzero(key, sizeof(key));
	return err;
}

static int on_private_key(struct wg_uapi *uapi, const char *value)
{
	static const uint8_t none[WG_KEY_BYTES];
	uint8_t key[WG_KEY_BYTES];
	int err;

	if (uapi->collect.device.n_peers)
		return -EPROTO;
	err = parse_key(value, key);
	if (!err && memcmp(key, none, sizeof(none)) != 0)
		err = private_key_public(key, uapi->collect.device.public_key);
	explicit_bzero(key, sizeof(key));
	return err;
}

static int on_listen_port(struct wg_uapi *uapi, const char *value)
{
	unsigned int port;

	if (uapi->collect.device.n_peers || parse_number(value, UINT16_MAX, &port))
		return -EPROTO;
	uapi->collect.device.listen_port = port;
	return 0;
}

static int on_public_key(struct wg_uapi *uapi, const char *value)
{
	uint8_t key[WG_KEY_BYTES];

	return parse_key(value, key) ?: wg_collect_peer(&uapi->collect, key);
}

static int on_keepalive(struct wg_uapi *uapi, const char *value)
{
	struct wg_device *device = &uapi->collect.device;
	unsigned int seconds;

	if (!device->n_peers || parse_number(value, UINT16_MAX, &seconds))
		return -EPROTO;
	device->peers[device->n_peers - 1].keepalive_s = seconds;
	return 0;
}

/* "192.0.2.1:7", "[2001:db8::1]:7", "[fe80::1%eth0]:7" */
static int on_endpoint(struct wg_uapi *uapi, const char *value)
{
	struct wg_device *device = &uapi->collect.device;
	bool is_ipv6 = *value == '[';
	const char *begin = value + is_ipv6;
	size_t len = strcspn(begin, is_ipv6 ? "%]" : ":");
	char addr[PREFIX_TEXT_MAX] = "";
	struct prefix endpoint;

	if (!device->n_peers || len >= sizeof(addr))
		return -EPROTO;
	memcpy(addr, begin, len);
	if (prefix_parse(addr, &endpoint) || !prefix_is_host(&endpoint))
		return -EPROTO;
	device->peers[device->n_peers - 1].endpoint = endpoint;
	return 0;
}

/* Implementations need not clear host bits, which prefix_parse() would refuse. */
static int on_allowed_ip(struct wg_uapi *uapi, const char *value)
{
	const char *slash = strchr(value, '/');
	char addr[PREFIX_TEXT_MAX] = "";
	struct prefix allowed;
	unsigned int bits;

	if (!slash || slash - value >= PREFIX_TEXT_MAX)
		return -EPROTO;
	memcpy(addr, value, slash - value);
	if (prefix_parse(addr, &allowed) || parse_number(slash + 1, allowed.bits, &bits))
		return -EPROTO;
	allowed.bits = bits;
	return wg_collect_allowed(&uapi->collect, &allowed);
}

/* wireguard-go writes its errors as negative numbers, others as positive ones. */
static int on_errno(struct wg_uapi *uapi, const char *value)
{
	unsigned int number;

	if (parse_number(value + (*value == '-'), ERRNO_MAX, &number))
		return -EPROTO;
	uapi->has_result = true;
	uapi->result = -(int)number;
	return 0;
}

/* clang-format off */
static const struct {
	const char *key;
	int (*take)(struct wg_uapi *uapi, const char *value);
} members[] = {
	{ "private_key",                   on_private_key },
	{ "listen_port",                   on_listen_port },
	{ "public_key",                    on_public_key },
	{ "persistent_keepalive_interval", on_keepalive },
	{ "endpoint",                      on_endpoint },
	{ "allowed_ip",                    on_allowed_ip },
	{ "errno",                         on_errno },
};
/* clang-format on */

/* A line without its end. Return: as wg_uapi_feed(). Members we have no use for are skipped. */
static int take_line(struct wg_uapi *uapi)
{
	char *value;

	if (!uapi->len) {
		if (!uapi->has_result)
			return -EPROTO;
		return uapi->result ?: 1;
	}
	uapi->line[uapi->len] = '\0';
	value = strchr(uapi->line, '=');
	if (!value || value == uapi->line || strlen(uapi->line) != uapi->len)
		return -EPROTO;
	*value++ = '\0';
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		if (!strcmp(members[i].key, uapi->line))
			return members[i].take(uapi, value);
	return 0;
}

int wg_uapi_feed(struct wg_uapi *uapi, const char *bytes, size_t n)
{
	int ret;

	for (; n; bytes++, n--) {
		if (*bytes != '\n') {
			if (uapi->len + 1 >= sizeof(uapi->line))
				return -EPROTO;
			uapi->line[uapi->len++] = *bytes;
			continue;
		}
		ret = take_line(uapi);
		explicit_bzero(uapi->line, uapi->len);
		uapi->len = 0;
		if (ret)
			return ret;
	}
	return 0;
}

void wg_uapi_done(struct wg_uapi *uapi)
{
	wg_collect_done(&uapi->collect);
	explicit_bzero(uapi, sizeof(*uapi));
}
