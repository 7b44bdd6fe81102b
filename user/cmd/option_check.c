// SPDX-License-Identifier: Apache-2.0
/*
 * option_check.c - what can be the value of an option (option_table.h).
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/prefix_list.h"
#include "base/printable.h"
#include "base/uuid.h"
#include "cmd/option_table.h"
#include "cmd/stun_servers.h"
#include "nexodus/account.h"
#include "tunnel/link.h"
#include "tunnel/tunnel.h"

/* Options that are numbers, and their bounds; max 0: it is none. */
static const struct {
	unsigned long min, max;
} numbers[OPTION_COUNT] = {
	[OPTION_LISTEN_PORT] = { 1, UINT16_MAX },
	[OPTION_MTU] = { TUNNEL_MTU_MIN, TUNNEL_MTU_MAX },
};

/* Bytes of a text, NUL included. 0: those of a path. */
static const size_t sizes[OPTION_COUNT] = {
	[OPTION_SERVICE_URL] = SERVICE_URL_MAX,
	[OPTION_REG_KEY] = OPTION_SECRET_MAX,
	[OPTION_USERNAME] = ACCOUNT_NAME_MAX,
	[OPTION_PASSWORD] = ACCOUNT_PASSWORD_MAX,
	[OPTION_STUN_SERVER] = STUN_SERVERS_MAX * STUN_SERVER_MAX,
};
_Static_assert(ACCOUNT_PASSWORD_MAX <= OPTION_SECRET_MAX, "room for a password");

bool option_is_choice(const char *choices, const char *value)
{
	size_t len = strlen(value);

	if (strchr(value, '|'))
		return false;
	for (const char *at = choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
		if (len && !strncmp(at, value, len) && (at[len] == '|' || !at[len]))
			return true;
	return false;
}

/* Decimal digits alone. */
static bool is_number(const char *value, unsigned long min, unsigned long max)
{
	size_t digits = strspn(value, "0123456789");
	unsigned long number;

	if (value[digits] || !digits || digits > 9)
		return false;
	number = strtoul(value, NULL, 10);
	return number >= min && number <= max;
}

/* An address that can be one host's. @family: 0 is any. */
static bool is_address(const char *value, int family)
{
	static const uint8_t zero[16], broadcast[4] = { 255, 255, 255, 255 };
	struct prefix prefix;

	if (strchr(value, '/') || prefix_parse(value, &prefix))
		return false;
	if (family && prefix.family != family)
		return false;
	if (!memcmp(prefix.addr, zero, sizeof(zero)))
		return false;
	if (prefix.family == PREFIX_IPV4)
		return (prefix.addr[0] & 0xf0) != 0xe0 &&
		       memcmp(prefix.addr, broadcast, sizeof(broadcast)) != 0;
	return prefix.addr[0] != 0xff; /* multicast */
}

/* Neither loopback nor link-local (RFC 6890). @value: is_address(). */
static bool is_for_others(const char *value)
{
	static const char *const not [] = { "127.0.0.0/8", "169.254.0.0/16", "::1/128",
					    "fe80::/10" };
	struct prefix host, net;

	(void)prefix_parse(value, &host);
	for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++)
		if (!prefix_parse(not [i], &net) && prefix_covers(&net, &host))
			return false;
	return true;
}

/* The texts of the control plane. Return: what is wrong with it, or NULL. */
static const char *check_account(enum option_id id, const char *value)
{
	char servers[STUN_SERVERS_MAX][STUN_SERVER_MAX];
	const char *why = NULL;
	uint8_t uuid[UUID_BYTES];
	size_t n;

	switch (id) {
	case OPTION_VPC_ID:
	case OPTION_SECURITY_GROUP_ID:
		return !uuid_parse(value, uuid)
			       ? NULL
			       : "must be a UUID, as 01234567-89ab-cdef-0123-456789abcdef";
	case OPTION_REQUEST_IP:
		return is_address(value, PREFIX_IPV4) ? NULL : "must be the IPv4 address of a host";
	case OPTION_LOCAL_ENDPOINT_IP:
		if (!is_address(value, 0))
			return "must be the IPv4 or IPv6 address of a host";
		return is_for_others(value) ? NULL
					    : "must be an address that other hosts can reach";
	case OPTION_STUN_SERVER:
		return stun_servers_parse(value, servers, &n, &why) ? why : NULL;
	default:
		return NULL;
	}
}

static int wrong(char ret_why[static OPTION_WHY_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int wrong(char ret_why[static OPTION_WHY_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret_why, OPTION_WHY_MAX, format, args);
	va_end(args);
	return -EINVAL;
}

/* Return: what is wrong with a list of prefixes, or NULL. */
static const char *check_prefixes(enum option_id id, const char *value)
{
	struct prefix_list list;
	int err;

	if (id == OPTION_KERNEL_FORWARDING && option_is_choice("yes|no", value))
		return NULL;
	err = prefix_list_parse(value, &list);
	if (err == -E2BIG)
		return "names more than 64 networks";
	if (err == -EADDRNOTAVAIL)
		return "has bits set beyond a prefix length: write 10.0.0.0/8, not 10.0.0.1/8";
	if (err)
		return "must be networks with commas between them, as 10.0.0.0/8,fd00::/8";
	for (size_t i = 0; i < list.n; i++)
		if (!list.at[i].bits)
			return "must name networks: 0.0.0.0/0 and ::/0 are everything";
	return NULL;
}

int option_check(enum option_id id, const char *value, char ret_why[static OPTION_WHY_MAX])
{
	const char *choices = option_row(id)->choices, *why;
	size_t size = sizes[id] ?: PATH_MAX;

	if (!*value)
		return wrong(ret_why, "is empty");
	if (choices && !option_is_choice(choices, value))
		return wrong(ret_why, "must be one of %s, not '%s'", choices, value);
	if (numbers[id].max && !is_number(value, numbers[id].min, numbers[id].max))
		return wrong(ret_why, "must be a number from %lu to %lu, not '%s'", numbers[id].min,
			     numbers[id].max, value);
	if (id == OPTION_INTERFACE && !link_name_valid(value))
		return wrong(ret_why, "must be an interface's name, not '%s'", value);
	if (strlen(value) >= size)
		return wrong(ret_why, "is longer than %zu bytes", size - 1);
	if ((OPTIONS_ACCOUNT & OPTION_BIT(id)) && !printable_check(value))
		return wrong(ret_why, "has control characters, or what is not UTF-8, in it");
	why = id == OPTION_TUNNEL_RANGES || id == OPTION_HOST_ROUTES ||
			      id == OPTION_KERNEL_FORWARDING
		      ? check_prefixes(id, value)
		      : check_account(id, value);
	return why ? wrong(ret_why, "%s", why) : 0;
}
