// SPDX-License-Identifier: Apache-2.0
#include "peers/device_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/printable.h"
#include "base/json_member.h"

#define SHOWN_VALUE_MAX 64
/* allowed_ips and ipv*_tunnel_ips say the same thing twice: enough to look back for that. */
#define REPEATED_MAX 8
#define TOO_MANY "it has more addresses and CIDRs than a device may have"

void device_json_done(struct device_json *device)
{
	free(device->prefixes);
	*device = (struct device_json){};
}

static const char *prefix_error(int err)
{
	switch (err) {
	case -ERANGE:
		return "has a prefix length that is too large";
	case -EAFNOSUPPORT:
		return "is of the wrong address family";
	default:
		return "is no IP address or CIDR";
	}
}

/* @family: 0 for either. */
static int prefix_of(struct json_object *value, uint8_t family, struct prefix *ret_prefix)
{
	const char *text = json_text_of(value);
	int err = text ? prefix_parse(text, ret_prefix) : -EINVAL;

	if (!err && family && ret_prefix->family != family)
		return -EAFNOSUPPORT;
	return err;
}

static int add_prefix(struct device_json *ret, const struct prefix *prefix)
{
	for (size_t i = 0; i < ret->n_prefixes && i < REPEATED_MAX; i++)
		if (!prefix_compare(&ret->prefixes[i], prefix))
			return 0;
	if (ret->n_prefixes >= DEVICE_JSON_PREFIXES_MAX)
		return -E2BIG;
	if (array_reserve(&ret->prefixes, &ret->room_prefixes, ret->n_prefixes + 1,
			  sizeof(*prefix)))
		return -ENOMEM;
	ret->prefixes[ret->n_prefixes++] = *prefix;
	return 0;
}

/* One tunnel address: a host. */
static int add_address(struct device_json *ret, struct json_object *value, uint8_t family)
{
	struct prefix prefix;
	int err = prefix_of(value, family, &prefix);

	if (err || !prefix_is_host(&prefix))
		return -EINVAL;
	return add_prefix(ret, &prefix);
}

/* null, or an empty text: as if it were not there. */
static bool is_nothing(struct json_object *value)
{
	const char *text = json_text_of(value);

	return !value || (text && !*text);
}

/* allowed_ips: addresses with or without /32 and /128; by design no CIDRs, but nexd takes them. */
static int read_allowed_ips(struct device_json *ret, struct json_object *array)
{
	struct prefix prefix;
	int err = 0;

	if (is_nothing(array))
		return 0;
	if (!json_object_is_type(array, json_type_array))
		return -EINVAL;
	for (size_t i = 0; !err && i < json_object_array_length(array); i++) {
		if (is_nothing(json_object_array_get_idx(array, i)))
			continue;
		err = prefix_of(json_object_array_get_idx(array, i), 0, &prefix);
		if (!err)
			err = add_prefix(ret, &prefix);
	}
	return err;
}

/* ipv4_tunnel_ips and ipv6_tunnel_ips: objects with an address member. */
static int read_tunnel_ips(struct device_json *ret, struct json_object *array, uint8_t family)
{
	struct json_object *item, *address;
	int err = 0;

	if (is_nothing(array))
		return 0;
	if (!json_object_is_type(array, json_type_array))
		return -EINVAL;
	for (size_t i = 0; !err && i < json_object_array_length(array); i++) {
		item = json_object_array_get_idx(array, i);
		if (is_nothing(item))
			continue;
		if (!json_object_is_type(item, json_type_object))
			return -EINVAL;
		address = json_member(item, "address");
		if (!is_nothing(address))
			err = add_address(ret, address, family);
	}
	return err;
}

/* tunnel_ip and tunnel_ip_v6 of April 2023: a string, empty when there is none. */
static int read_tunnel_ip(struct device_json *ret, struct json_object *value, uint8_t family)
{
	return is_nothing(value) ? 0 : add_address(ret, value, family);
}

static int read_addresses(struct device_json *ret, struct json_object *object)
{
	int err;

	err = read_allowed_ips(ret, json_member(object, "allowed_ips"));
	if (!err)
		err = read_tunnel_ips(ret, json_member(object, "ipv4_tunnel_ips"), PREFIX_IPV4);
	if (!err)
		err = read_tunnel_ips(ret, json_member(object, "ipv6_tunnel_ips"), PREFIX_IPV6);
	if (!err)
		err = read_tunnel_ip(ret, json_member(object, "tunnel_ip"), PREFIX_IPV4);
	if (!err)
		err = read_tunnel_ip(ret, json_member(object, "tunnel_ip_v6"), PREFIX_IPV6);
	return err;
}

static void warn_cidr(struct device_json *ret, device_json_warn *warn, void *arg,
		      struct json_object *value, int err)
{
	const char *shown = json_text_of(value) ?: json_object_to_json_string(value);
	char text[SHOWN_VALUE_MAX + 96];

	snprintf(text, sizeof(text), "advertised CIDR '%.*s' %s", SHOWN_VALUE_MAX, shown,
		 prefix_error(err));
	warn(arg, &ret->device, text);
}

static bool is_empty_array(struct json_object *value)
{
	return json_object_is_type(value, json_type_array) && !json_object_array_length(value);
}

static int read_cidrs(struct device_json *ret, struct json_object *array, device_json_warn *warn,
		      void *arg)
{
	struct prefix prefix;
	const char *text;
	int err;

	if (!array)
		return 0;
	if (!json_object_is_type(array, json_type_array)) {
		warn_cidr(ret, warn, arg, array, -EINVAL);
		return 0;
	}
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *item = json_object_array_get_idx(array, i);

		/* The server keeps host bits as they were sent; they say nothing of the network. */
		text = json_text_of(item);
		err = text ? prefix_parse_masked(text, &prefix) : -EINVAL;
		if (err) {
			warn_cidr(ret, warn, arg, item, err);
			continue;
		}
		err = add_prefix(ret, &prefix);
		if (err)
			return err;
	}
	return 0;
}

/* Host names go to terminals and logs: what is not printable becomes '?'. */
static void read_name(struct device *device, struct json_object *value)
{
	printable_copy(device->name, sizeof(device->name), json_text_of(value) ?: "");
}

static int read_key(struct device *device, struct json_object *value, const char **ret_why)
{
	const char *text = json_text_of(value);

	*ret_why = "it has no public key";
	if (!text || !*text)
		return -EINVAL;
	*ret_why = "its public key is not base64 of 32 bytes";
	if (wg_key_parse(text, device->public_key))
		return -EINVAL;
	*ret_why = "its public key is one that no handshake can succeed with (a low-order point)";
	return wg_key_is_low_order(device->public_key) ? -EINVAL : 0;
}

/* 2^64 - 1 is what json-c makes of anything beyond: nothing higher would ever come. */
uint64_t device_json_revision(struct json_object *object)
{
	struct json_object *member = json_member(object, "revision");
	uint64_t revision = 0;

	if (json_object_is_type(member, json_type_int))
		revision = json_object_get_uint64(member);
	return revision == UINT64_MAX ? 0 : revision;
}

int device_json_read(struct json_object *object, struct device_json *ret, device_json_warn *warn,
		     void *warn_arg, const char **ret_why)
{
	struct json_object *flag = json_member(object, "symmetric_nat"), *cidrs;
	int err;

	ret->device = (struct device){};
	ret->n_prefixes = 0;
	ret->device.revision = device_json_revision(object);
	read_name(&ret->device, json_member(object, "hostname"));
	err = read_key(&ret->device, json_member(object, "public_key"), ret_why);
	if (err)
		return err;
	*ret_why = "symmetric_nat is neither true nor false";
	if (flag && !json_object_is_type(flag, json_type_boolean))
		return -EINVAL;
	ret->device.relay_only = json_object_get_boolean(flag);
	flag = json_member(object, "relay");
	if (json_object_is_type(flag, json_type_boolean))
		ret->device.relay =
			json_object_get_boolean(flag) ? DEVICE_IS_RELAY : DEVICE_IS_NO_RELAY;

	err = read_addresses(ret, object);
	if (err == -ENOMEM)
		return err;
	if (err == -E2BIG) {
		*ret_why = TOO_MANY;
		return -EINVAL;
	}
	*ret_why = "one of its tunnel addresses is no address, or of the wrong family";
	if (err)
		return -EINVAL;
	*ret_why = "it has no tunnel address";
	if (!ret->n_prefixes)
		return -EINVAL;
	ret->device.n_addresses = ret->n_prefixes;

	cidrs = json_member(object, "advertise_cidrs");
	if (!cidrs || is_empty_array(cidrs))
		cidrs = json_member(object, "child_prefix");
	err = read_cidrs(ret, cidrs, warn, warn_arg);
	*ret_why = TOO_MANY;
	return err == -E2BIG ? -EINVAL : err;
}
