// SPDX-License-Identifier: Apache-2.0
#include "nexodus/endpoint_list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ADDRESS_TEXT_MAX (PREFIX_TEXT_MAX + sizeof("[]:65535"))
#define SOURCE_TEXT_MAX 512

static struct prefix from_ipv4(const struct in_addr *addr)
{
	struct prefix host = { .family = PREFIX_IPV4, .bits = 32 };

	memcpy(host.addr, addr, sizeof(*addr));
	return host;
}

static int from_sockaddr(const struct sockaddr_storage *at, struct prefix *ret)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	switch (at->ss_family) {
	case AF_INET:
		memcpy(&in, at, sizeof(in));
		*ret = from_ipv4(&in.sin_addr);
		return 0;
	case AF_INET6:
		memcpy(&in6, at, sizeof(in6));
		*ret = (struct prefix){ .family = PREFIX_IPV6, .bits = 128 };
		memcpy(ret->addr, &in6.sin6_addr, sizeof(in6.sin6_addr));
		return 0;
	}
	return -EINVAL;
}

/* An address that somebody else could send to, as far as its form tells. */
static bool is_endpoint(const struct prefix *host)
{
	static const uint8_t nobody[16];
	size_t len = host->family == PREFIX_IPV4 ? 4 : 16;
	bool is_multicast =
		host->family == PREFIX_IPV4 ? host->addr[0] >= 224 : host->addr[0] == 0xff;

	return !prefix_check(host) && prefix_is_host(host) && !is_multicast &&
	       memcmp(host->addr, nobody, len);
}

/* Of RFC 1918, or of a provider's NAT (RFC 6598). */
static bool is_private(const struct prefix *host)
{
	static const struct prefix nets[] = {
		{ .family = PREFIX_IPV4, .bits = 8, .addr = { 10 } },
		{ .family = PREFIX_IPV4, .bits = 12, .addr = { 172, 16 } },
		{ .family = PREFIX_IPV4, .bits = 16, .addr = { 192, 168 } },
		{ .family = PREFIX_IPV4, .bits = 10, .addr = { 100, 64 } },
	};

	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
		if (prefix_covers(&nets[i], host))
			return true;
	return false;
}

/* Which address the first entry has. */
static int choose_local(const struct endpoint_facts *facts, struct prefix *ret)
{
	if (facts->local_ip)
		*ret = *facts->local_ip;
	else if (facts->local)
		return from_sockaddr(facts->local, ret);
	else if (facts->mapped)
		*ret = from_ipv4(&facts->mapped->sin_addr);
	else
		return -ENODATA;
	return 0;
}

static int add_text(struct json_object *entry, const char *name, const char *text)
{
	struct json_object *value = json_object_new_string(text);

	if (!value)
		return -ENOMEM;
	if (json_object_object_add(entry, name, value) < 0) {
		json_object_put(value);
		return -ENOMEM;
	}
	return 0;
}

static int add_entry(struct json_object *list, const char *source, const struct prefix *host,
		     uint16_t port)
{
	char text[PREFIX_TEXT_MAX], address[ADDRESS_TEXT_MAX];
	struct json_object *entry;
	int err;

	if (!port || !is_endpoint(host))
		return -EINVAL;
	snprintf(address, sizeof(address), host->family == PREFIX_IPV6 ? "[%s]:%u" : "%s:%u",
		 prefix_format_addr(host, text), port);
	entry = json_object_new_object();
	if (!entry)
		return -ENOMEM;
	err = add_text(entry, "source", source);
	if (!err)
		err = add_text(entry, "address", address);
	if (!err && json_object_array_add(list, entry) < 0)
		err = -ENOMEM;
	if (err)
		json_object_put(entry);
	return err;
}

int endpoint_list_new(const struct endpoint_facts *facts, struct json_object **ret)
{
	char source[SOURCE_TEXT_MAX] = "stun:";
	struct prefix local, mapped;
	uint16_t mapped_port = facts->port;
	struct json_object *list;
	int err = choose_local(facts, &local);

	if (err)
		return err;
	mapped = local;
	/* A public IPv4 address is good for more agents than an IPv6 one. */
	if (facts->way && !facts->local_ip && !facts->mapped && is_private(&local)) {
		err = from_sockaddr(facts->way, &mapped);
		if (err)
			return err;
	}
	if (facts->mapped) {
		mapped = from_ipv4(&facts->mapped->sin_addr);
		mapped_port = ntohs(facts->mapped->sin_port);
		snprintf(source, sizeof(source), "stun:%s", facts->server ? facts->server : "");
	}
	list = json_object_new_array();
	if (!list)
		return -ENOMEM;
	err = add_entry(list, "local", &local, facts->port);
	if (!err)
		err = add_entry(list, source, &mapped, mapped_port);
	if (err) {
		json_object_put(list);
		return err;
	}
	*ret = list;
	return 0;
}

/* Return: text of a member; "" when there is none. */
static const char *text_of(struct json_object *entry, const char *name)
{
	struct json_object *value;

	if (!json_object_is_type(entry, json_type_object) ||
	    !json_object_object_get_ex(entry, name, &value) ||
	    !json_object_is_type(value, json_type_string))
		return "";
	return json_object_get_string(value);
}

static bool is_local(struct json_object *entry)
{
	return !strcmp(text_of(entry, "source"), "local");
}

bool endpoint_list_is_same(struct json_object *a, struct json_object *b)
{
	size_t n;

	if (!json_object_is_type(a, json_type_array) || !json_object_is_type(b, json_type_array))
		return false;
	n = json_object_array_length(a);
	if (json_object_array_length(b) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct json_object *one = json_object_array_get_idx(a, i);
		struct json_object *other = json_object_array_get_idx(b, i);

		if (is_local(one) != is_local(other) ||
		    strcmp(text_of(one, "address"), text_of(other, "address")))
			return false;
	}
	return true;
}
