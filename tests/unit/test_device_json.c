// SPDX-License-Identifier: Apache-2.0
/*
 * test_device_json.c - one device of the api-server: every member, missing, empty, wrong.
 *
 * What was read is shown as "name!: addresses ; CIDRs", "!" for relay-only. JSON is as in
 * notation_json().
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "notation.h"
#include "peers/device_json.h"
#include "peers/json_stream.h"

#define FIXTURE "tests/unit/fixtures/devices.json"
#define KEY "'public_key':'YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE='"
#define ALLOWED "'allowed_ips':['100.64.0.2/32','200::2/128']"
#define V4(address) "'ipv4_tunnel_ips':[{'address':'" address "','cidr':'100.64.0.0/10'}]"
#define V6C(address, cidr) "'ipv6_tunnel_ips':[{'address':'" address "','cidr':" cidr "}]"
#define V6(address) V6C(address, "'200::/64'")

#define NO_KEY "it has no public key"
#define LOW_ORDER "its public key is one that no handshake can succeed with (a low-order point)"
#define BAD_KEY "its public key is not base64 of 32 bytes"
#define BAD_ADDRESS "one of its tunnel addresses is no address, or of the wrong family"
#define NO_ADDRESS "it has no tunnel address"
#define TOO_MANY "it has more addresses and CIDRs than a device may have"
#define TOO_LONG "has a prefix length that is too large"
#define X16 "xxxxxxxxxxxxxxxx"

/* clang-format off */
static const struct {
	const char *name, *json; /* without the braces */
	const char *device;      /* NULL: skipped */
	const char *why;         /* it is skipped, or what was warned of */
} cases[] = {
	{ "current device", KEY ",'hostname':'a'," ALLOWED "," V4("100.64.0.2") "," V6("200::2")
	  ",'advertise_cidrs':['10.0.0.0/8','fd00::/8'],'symmetric_nat':true",
	  "a!: 100.64.0.2/32 200::2/128 ; 10.0.0.0/8 fd00::/8", NULL },
	{ "device of April 2023", KEY ",'hostname':'a','tunnel_ip':'100.100.0.7','tunnel_ip_v6':"
	  "'200::7','child_prefix':['10.0.0.0/8','fd00::/8'],'symmetric_nat':false",
	  "a: 100.100.0.7/32 200::7/128 ; 10.0.0.0/8 fd00::/8", NULL },
	{ "relay: addresses without length", KEY ",'allowed_ips':['100.64.0.1','200::1'],"
	  V4("100.64.0.1") "," V6("200::1"), ": 100.64.0.1/32 200::1/128", NULL },
	{ "only allowed_ips",          KEY "," ALLOWED,           ": 100.64.0.2/32 200::2/128", NULL },
	{ "only ipv4_tunnel_ips",      KEY "," V4("100.64.0.2"),  ": 100.64.0.2/32", NULL },
	{ "only ipv6_tunnel_ips",      KEY "," V6("200::2"),      ": 200::2/128", NULL },
	{ "only tunnel_ip",            KEY ",'tunnel_ip':'100.64.0.2'", ": 100.64.0.2/32", NULL },
	{ "only tunnel_ip_v6",         KEY ",'tunnel_ip_v6':'200::2'", ": 200::2/128", NULL },
	{ "members disagree",          KEY "," ALLOWED "," V4("100.64.0.3") "," V6("200::3"),
	  ": 100.64.0.2/32 200::2/128 100.64.0.3/32 200::3/128", NULL },
	{ "lengths of a host",         KEY "," V4("100.64.0.2/32") "," V6("200::2/128"),
	  ": 100.64.0.2/32 200::2/128", NULL },
	{ "CIDR in allowed_ips",       KEY ",'allowed_ips':['10.0.0.0/8','200::/64']",
	  ": 10.0.0.0/8 200::/64", NULL },
	{ "CIDR that is an address",   KEY "," V4("100.64.0.2") ",'advertise_cidrs':['10.0.0.1','100.64.0.2']",
	  ": 100.64.0.2/32 ; 10.0.0.1/32", NULL },
	{ "exit node",                 KEY "," V4("100.64.0.2") ",'advertise_cidrs':['0.0.0.0/0','::/0']",
	  ": 100.64.0.2/32 ; 0.0.0.0/0 ::/0", NULL },
	{ "CIDRs with host bits",      KEY "," V4("100.64.0.2") ",'advertise_cidrs':['192.168.50.1/24','fd00:50::1/64','128.0.0.0/0']",
	  ": 100.64.0.2/32 ; 192.168.50.0/24 fd00:50::/64 0.0.0.0/0", NULL },
	{ "CIDR with and without host bits", KEY "," V6("200::2") ",'advertise_cidrs':['fd00:50::1/64','fd00:50::/64']",
	  ": 200::2/128 ; fd00:50::/64", NULL },
	{ "child_prefix with host bits", KEY "," V4("100.64.0.2") ",'child_prefix':['10.1.2.3/8']",
	  ": 100.64.0.2/32 ; 10.0.0.0/8", NULL },
	{ "unknown members",           KEY "," ALLOWED ",'public_keys':1,'x':{'allowed_ips':[1]},'relay':'x'",
	  ": 100.64.0.2/32 200::2/128", NULL },
	{ "new child_prefix is empty", KEY "," V4("100.64.0.2") ",'advertise_cidrs':[],'child_prefix':['10.0.0.0/8']",
	  ": 100.64.0.2/32 ; 10.0.0.0/8", NULL },

	{ "VPC's prefix is missing",   KEY ",'ipv6_tunnel_ips':[{'address':'200::2'}]", ": 200::2/128", NULL },
	{ "VPC's prefix is null",      KEY "," V6C("200::2", "null"),         ": 200::2/128", NULL },
	{ "VPC's prefix is a number",  KEY "," V6C("200::2", "64"),           ": 200::2/128", NULL },
	{ "VPC's prefix is an array",  KEY "," V6C("200::2", "['200::/64']"), ": 200::2/128", NULL },
	{ "VPC's prefix is everything", KEY "," V6C("200::2", "'::/0'"),      ": 200::2/128", NULL },
	{ "VPC's prefix is elsewhere", KEY "," V6C("200::2", "'201::/64'"),   ": 200::2/128", NULL },
	{ "VPC's prefix in April 2023", KEY ",'tunnel_ip':'100.100.0.7','tunnel_ip_v6':'200::7','organization_prefix':'100.100.0.0/16','organization_prefix_v6':'0200::/60'",
	  ": 100.100.0.7/32 200::7/128", NULL },

	{ "empty object",              "",                                   NULL, NO_KEY },
	{ "key is a number",           "'public_key':1," ALLOWED,            NULL, NO_KEY },
	{ "key is an array",           "'public_key':['a']," ALLOWED,        NULL, NO_KEY },
	{ "key of 43 characters",      "'public_key':'YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE'," ALLOWED, NULL, BAD_KEY },
	{ "key of 45 characters",      "'public_key':'YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=='," ALLOWED, NULL, BAD_KEY },
	{ "key with a blank behind",   "'public_key':'YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE= '," ALLOWED, NULL, BAD_KEY },
	{ "key without padding",       "'public_key':'YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWEa'," ALLOWED, NULL, BAD_KEY },
	{ "key is not canonical",      "'public_key':'YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWF='," ALLOWED, NULL, BAD_KEY },
	{ "key in the URL alphabet",   "'public_key':'__________________________________________8='," ALLOWED, NULL, BAD_KEY },
	{ "key with a NUL",            "'public_key':'YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=\\u0000'," ALLOWED, NULL, NO_KEY },
	{ "key of zeros",              "'public_key':'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='," ALLOWED,
	  NULL, LOW_ORDER },
	{ "key that is a point of order 8", "'public_key':'4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA='," ALLOWED,
	  NULL, LOW_ORDER },
	{ "flag is a string",          KEY "," ALLOWED ",'symmetric_nat':'true'", NULL, "symmetric_nat is neither true nor false" },
	{ "flag is a number",          KEY "," ALLOWED ",'symmetric_nat':1", NULL, "symmetric_nat is neither true nor false" },

	{ "allowed_ips is a string",   KEY ",'allowed_ips':'100.64.0.2'",    NULL, BAD_ADDRESS },
	{ "allowed_ips is an object",  KEY ",'allowed_ips':{}",              NULL, BAD_ADDRESS },
	{ "allowed_ips is a number",   KEY ",'allowed_ips':1",               NULL, BAD_ADDRESS },
	{ "allowed_ips is false",      KEY ",'allowed_ips':false",           NULL, BAD_ADDRESS },
	{ "allowed IP is null",        KEY ",'allowed_ips':[null]",          NULL, NO_ADDRESS },
	{ "nothing beside addresses",  KEY ",'allowed_ips':[null,'200::2',''],'ipv4_tunnel_ips':[null,{'address':null},{}],"
	  "'ipv6_tunnel_ips':''", ": 200::2/128", NULL },
	{ "empty address beside one",  KEY "," ALLOWED "," V6(""),           ": 100.64.0.2/32 200::2/128", NULL },
	{ "allowed IP is a number",    KEY ",'allowed_ips':[1]",             NULL, BAD_ADDRESS },
	{ "allowed IP is empty",       KEY ",'allowed_ips':['']",            NULL, NO_ADDRESS },
	{ "allowed IP is an object",   KEY ",'allowed_ips':[{'address':'100.64.0.2'}]", NULL, BAD_ADDRESS },
	{ "second allowed IP is bad",  KEY ",'allowed_ips':['100.64.0.2/32','200::/']", NULL, BAD_ADDRESS },
	{ "allowed IP with host bits", KEY ",'allowed_ips':['100.64.0.2/24']", NULL, BAD_ADDRESS },
	{ "allowed IPv6 with host bits", KEY ",'allowed_ips':['200::2/64']", NULL, BAD_ADDRESS },
	{ "allowed IP with a NUL",     KEY ",'allowed_ips':['100.64.0.2\\u0000/8']", NULL, BAD_ADDRESS },
	{ "IPv4 with a port",          KEY "," V4("100.64.0.2:80"),          NULL, BAD_ADDRESS },
	{ "IPv6 with a port",          KEY "," V6("[200::2]:80"),            NULL, BAD_ADDRESS },
	{ "IPv4 where IPv6 belongs",   KEY "," V6("100.64.0.2"),             NULL, BAD_ADDRESS },
	{ "IPv6 where IPv4 belongs",   KEY "," V4("200::2"),                 NULL, BAD_ADDRESS },
	{ "IPv4 network for a host",   KEY "," V4("100.64.0.0/24"),          NULL, BAD_ADDRESS },
	{ "IPv6 network for a host",   KEY "," V6("200::/64"),               NULL, BAD_ADDRESS },
	{ "IPv4 with a network's length", KEY "," V4("100.64.0.2/24"),       NULL, BAD_ADDRESS },
	{ "IPv6 with a network's length", KEY "," V6("200::2/64"),           NULL, BAD_ADDRESS },
	{ "text of a failed look-up",  KEY "," V4("invalid AddrPort"),       NULL, BAD_ADDRESS },
	{ "IPv4 address is empty",     KEY "," V4(""),                       NULL, NO_ADDRESS },
	{ "IPv6 address is empty",     KEY "," V6(""),                       NULL, NO_ADDRESS },
	{ "bad address beside good ones", KEY "," ALLOWED "," V4("x"),       NULL, BAD_ADDRESS },
	{ "ipv4_tunnel_ips is an object", KEY ",'ipv4_tunnel_ips':{'address':'100.64.0.2'}", NULL, BAD_ADDRESS },
	{ "ipv6_tunnel_ips is an object", KEY ",'ipv6_tunnel_ips':{'address':'200::2'}", NULL, BAD_ADDRESS },
	{ "ipv4_tunnel_ips of strings", KEY ",'ipv4_tunnel_ips':['100.64.0.2']", NULL, BAD_ADDRESS },
	{ "ipv6_tunnel_ips of strings", KEY ",'ipv6_tunnel_ips':['200::2']", NULL, BAD_ADDRESS },
	{ "IPv4 address is missing",   KEY ",'ipv4_tunnel_ips':[{'cidr':'100.64.0.0/10'}]", NULL, NO_ADDRESS },
	{ "IPv6 address is null",      KEY ",'ipv6_tunnel_ips':[{'address':null}]", NULL, NO_ADDRESS },
	{ "IPv4 address is a number",  KEY ",'ipv4_tunnel_ips':[{'address':1}]", NULL, BAD_ADDRESS },
	{ "tunnel_ip is IPv6",         KEY ",'tunnel_ip':'200::2'",          NULL, BAD_ADDRESS },
	{ "tunnel_ip_v6 is IPv4",      KEY ",'tunnel_ip_v6':'100.64.0.2'",   NULL, BAD_ADDRESS },
	{ "tunnel_ip is an array",     KEY ",'tunnel_ip':['100.64.0.2']",    NULL, BAD_ADDRESS },
	{ "tunnel_ip is a network",    KEY ",'tunnel_ip':'100.64.0.0/24'",   NULL, BAD_ADDRESS },
	{ "no address",                KEY,                                  NULL, NO_ADDRESS },
	{ "no address, but a CIDR",    KEY ",'advertise_cidrs':['10.0.0.0/8']", NULL, NO_ADDRESS },

	{ "one bad CIDR of three", KEY "," V4("100.64.0.2") ",'advertise_cidrs':['10.0.0.0/8','10.0.0.1/33','fd00::/8']",
	  ": 100.64.0.2/32 ; 10.0.0.0/8 fd00::/8", "advertised CIDR '10.0.0.1/33' " TOO_LONG },
	{ "bad IPv6 CIDR", KEY "," V6("200::2") ",'advertise_cidrs':['fd00::1/129']",
	  ": 200::2/128", "advertised CIDR 'fd00::1/129' " TOO_LONG },
	{ "two bad CIDRs", KEY "," V4("100.64.0.2") ",'advertise_cidrs':['10.0.0.0/33','fd00::/129']", ": 100.64.0.2/32",
	  "advertised CIDR '10.0.0.0/33' has a prefix length that is too large; "
	  "advertised CIDR 'fd00::/129' has a prefix length that is too large" },
	{ "CIDR is no address", KEY "," V4("100.64.0.2") ",'advertise_cidrs':['']",
	  ": 100.64.0.2/32", "advertised CIDR '' is no IP address or CIDR" },
	{ "CIDR is null", KEY "," V4("100.64.0.2") ",'advertise_cidrs':[null]",
	  ": 100.64.0.2/32", "advertised CIDR 'null' is no IP address or CIDR" },
	{ "CIDR is an object", KEY "," V4("100.64.0.2") ",'advertise_cidrs':[7]",
	  ": 100.64.0.2/32", "advertised CIDR '7' is no IP address or CIDR" },
	{ "CIDR is very long", KEY "," V4("100.64.0.2") ",'advertise_cidrs':['" X16 X16 X16 X16 "y']",
	  ": 100.64.0.2/32", "advertised CIDR '" X16 X16 X16 X16 "' is no IP address or CIDR" },
	{ "advertise_cidrs is a string", KEY "," V4("100.64.0.2") ",'advertise_cidrs':'10.0.0.0/8'",
	  ": 100.64.0.2/32", "advertised CIDR '10.0.0.0/8' is no IP address or CIDR" },
	{ "child_prefix is a number", KEY "," V4("100.64.0.2") ",'child_prefix':7",
	  ": 100.64.0.2/32", "advertised CIDR '7' is no IP address or CIDR" },

	{ "name is a number",      KEY "," V4("10.0.0.1") ",'hostname':1", ": 10.0.0.1/32", NULL },
	{ "name with a NUL",       KEY "," V4("10.0.0.1") ",'hostname':'a\\u0000b'", ": 10.0.0.1/32", NULL },
	{ "name in UTF-8",         KEY "," V4("10.0.0.1") ",'hostname':'caf\303\251'", "caf\303\251: 10.0.0.1/32", NULL },
	{ "name that colours",     KEY "," V4("10.0.0.1") ",'hostname':'\\u001b[31ma\\u001b[0m'", "?[31ma?[0m: 10.0.0.1/32", NULL },
	{ "name of two lines",     KEY "," V4("10.0.0.1") ",'hostname':'a\\r\\nb\\tc'", "a??b?c: 10.0.0.1/32", NULL },
	{ "name with DEL",         KEY "," V4("10.0.0.1") ",'hostname':'a\\u007fb'", "a?b: 10.0.0.1/32", NULL },
	{ "name of 63 bytes",      KEY "," V4("10.0.0.1") ",'hostname':'" X16 X16 X16 "yyyyyyyyyyyyyyy'",
	  X16 X16 X16 "yyyyyyyyyyyyyyy: 10.0.0.1/32", NULL },
	{ "name of 64 bytes",      KEY "," V4("10.0.0.1") ",'hostname':'" X16 X16 X16 "yyyyyyyyyyyyyyyz'",
	  X16 X16 X16 "yyyyyyyyyyyyyyy: 10.0.0.1/32", NULL },
	{ "long name is cut between characters", KEY "," V4("10.0.0.1") ",'hostname':'" X16 X16 X16 "yyyyyyyyyyyyyy\303\251'",
	  X16 X16 X16 "yyyyyyyyyyyyyy: 10.0.0.1/32", NULL },
	{ "name with CSI in two bytes", KEY "," V4("10.0.0.1") ",'hostname':'a\\u009b31mb'", "a??31mb: 10.0.0.1/32", NULL },
};

/* Null, missing and empty are the same, whatever the rest of the device. */
static const struct {
	const char *member, *empty, *rest, *device, *why;
} nothings[] = {
	{ "public_key",      "''", ALLOWED,                             NULL, NO_KEY },
	{ "hostname",        "''", KEY "," V4("10.0.0.1"),              ": 10.0.0.1/32", NULL },
	{ "symmetric_nat",   "false", KEY "," V4("10.0.0.1"),           ": 10.0.0.1/32", NULL },
	{ "allowed_ips",     "[]", KEY "," V4("10.0.0.1"),              ": 10.0.0.1/32", NULL },
	{ "allowed_ips",     "[]", KEY,                                 NULL, NO_ADDRESS },
	{ "ipv4_tunnel_ips", "[]", KEY "," V6("200::2"),                ": 200::2/128", NULL },
	{ "ipv4_tunnel_ips", "[]", KEY,                                 NULL, NO_ADDRESS },
	{ "ipv6_tunnel_ips", "[]", KEY "," V4("10.0.0.1"),              ": 10.0.0.1/32", NULL },
	{ "ipv6_tunnel_ips", "[]", KEY,                                 NULL, NO_ADDRESS },
	{ "tunnel_ip",       "''", KEY ",'tunnel_ip_v6':'200::2'",      ": 200::2/128", NULL },
	{ "tunnel_ip",       "''", KEY,                                 NULL, NO_ADDRESS },
	{ "tunnel_ip_v6",    "''", KEY ",'tunnel_ip':'10.0.0.1'",       ": 10.0.0.1/32", NULL },
	{ "tunnel_ip_v6",    "''", KEY,                                 NULL, NO_ADDRESS },
	{ "advertise_cidrs", "[]", KEY "," V4("10.0.0.1"),              ": 10.0.0.1/32", NULL },
	{ "child_prefix",    "[]", KEY "," V4("10.0.0.1"),              ": 10.0.0.1/32", NULL },
	{ "advertise_cidrs", "[]", KEY "," V4("10.0.0.1") ",'child_prefix':['10.0.0.0/8']",
	  ": 10.0.0.1/32 ; 10.0.0.0/8", NULL },
};

/* The devices of the fixture, in its order. */
static const char *const fixture[] = {
	"api-made: 100.64.0.5/32 200::5/128",
	"build-07: 100.64.0.2/32 200::2/128",
	"edge-lte-3!: 100.64.0.3/32 200::3/128 ; 172.24.100.0/24 fd00:24:100::/64",
	"lab-nostun: 100.64.0.4/32 200::4/128",
	"relay-fra1: 100.64.0.1/32 200::1/128",
	"old-1!: 100.100.0.7/32 200::7/128",
};
/* clang-format on */

static char warnings[NOTATION_TEXT_MAX];

static void on_warning(void *arg, const struct device *device, const char *text)
{
	size_t len = strlen(warnings);

	assert_ptr_equal(arg, warnings);
	assert_non_null(device);
	snprintf(warnings + len, sizeof(warnings) - len, "%s%s", len ? "; " : "", text);
}

static int read_object(struct json_object *object, struct device_json *device, const char **ret_why)
{
	assert_non_null(object);
	warnings[0] = '\0';
	*ret_why = "";
	return device_json_read(object, device, on_warning, warnings, ret_why);
}

static int read_text(const char *text, struct device_json *device, const char **ret_why)
{
	char json[NOTATION_TEXT_MAX];
	struct json_object *object;
	int err;

	notation_json(text, json, sizeof(json));
	object = json_tokener_parse(json);
	if (!object)
		fail_msg("this row is not JSON: %s", json);
	err = read_object(object, device, ret_why);
	json_object_put(object);
	return err;
}

static const char *show(const struct device_json *device, char text[static NOTATION_TEXT_MAX])
{
	char prefix[PREFIX_TEXT_MAX];
	size_t n = snprintf(text, NOTATION_TEXT_MAX, "%s%s", device->device.name,
			    device->device.relay_only ? "!" : "");

	n += snprintf(text + n, NOTATION_TEXT_MAX - n, ":");
	for (size_t i = 0; i < device->n_prefixes; i++)
		n += snprintf(text + n, NOTATION_TEXT_MAX - n, "%s %s",
			      i == device->device.n_addresses ? " ;" : "",
			      prefix_format(&device->prefixes[i], prefix));
	return text;
}

/* Only a whole number is one. */
static void test_revision(void **state)
{
	static const struct {
		const char *json;
		uint64_t revision;
	} rows[] = {
		{ "", 0 },
		{ ",'revision':7", 7 },
		{ ",'revision':null", 0 },
		{ ",'revision':'7'", 0 },
		{ ",'revision':7.5", 0 },
		{ ",'revision':-7", 0 },
		{ ",'revision':[7]", 0 },
		{ ",'revision':9223372036854775808", 9223372036854775808U },
		{ ",'revision':18446744073709551614", 18446744073709551614U },
		{ ",'revision':18446744073709551616", 0 },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct device_json device = {};
		char json[NOTATION_TEXT_MAX];
		const char *why;

		snprintf(json, sizeof(json), "{%s,%s%s}", KEY, ALLOWED, rows[i].json);
		assert_int_equal(read_text(json, &device, &why), 0);
		if (device.device.revision != rows[i].revision)
			fail_msg("%s: %llu", rows[i].json,
				 (unsigned long long)device.device.revision);
		device_json_done(&device);
	}
}

static void check_device(const char *name, const char *json, const char *want, const char *want_why)
{
	struct device_json device = {};
	char text[NOTATION_TEXT_MAX];
	const char *why;
	int err = read_text(json, &device, &why);

	if (err != (want ? 0 : -EINVAL))
		fail_msg("%s: %d, %s", name, err, why);
	if (want && strcmp(show(&device, text), want) != 0)
		fail_msg("%s: read as %s", name, text);
	if (want && device.device.public_key[31] != 'a')
		fail_msg("%s: another key", name);
	if (strcmp(want ? warnings : why, want_why ?: "") != 0)
		fail_msg("%s: %s", name, want ? warnings : why);
	device_json_done(&device);
}

static void test_table(void **state)
{
	char json[NOTATION_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		snprintf(json, sizeof(json), "{%s}", cases[i].json);
		check_device(cases[i].name, json, cases[i].device, cases[i].why);
	}
}

static void test_nothing(void **state)
{
	char json[NOTATION_TEXT_MAX], name[64];

	(void)state;
	for (size_t i = 0; i < N(nothings); i++) {
		const char *const values[] = { NULL, "null", nothings[i].empty };

		for (size_t v = 0; v < N(values); v++) {
			snprintf(name, sizeof(name), "%s is %s", nothings[i].member,
				 values[v] ?: "missing");
			if (values[v])
				snprintf(json, sizeof(json), "{'%s':%s,%s}", nothings[i].member,
					 values[v], nothings[i].rest);
			else
				snprintf(json, sizeof(json), "{%s}", nothings[i].rest);
			check_device(name, json, nothings[i].device, nothings[i].why);
		}
	}
}

/* A device that is skipped can still be named; nothing of it is in the next one. */
static void test_one_after_another(void **state)
{
	struct device_json device = {};
	char text[NOTATION_TEXT_MAX];
	const char *why;

	(void)state;
	assert_int_equal(read_text("{" KEY ",'hostname':'a','symmetric_nat':true," ALLOWED "}",
				   &device, &why),
			 0);
	assert_int_equal(read_text("{'hostname':'b'}", &device, &why), -EINVAL);
	assert_string_equal(device.device.name, "b");
	assert_int_equal(read_text("{'hostname':'c'," KEY ",'allowed_ips':[1]}", &device, &why),
			 -EINVAL);
	assert_string_equal(device.device.name, "c");
	assert_int_equal(read_text("{" KEY "," V4("10.0.0.1") "}", &device, &why), 0);
	assert_string_equal(show(&device, text), ": 10.0.0.1/32");
	device_json_done(&device);
	device_json_done(&device);
}

/* As many prefixes as a device may have, then one more, by CIDRs and by addresses. */
static void test_too_many(void **state)
{
	static const char *const members[] = { "advertise_cidrs", "allowed_ips" };
	struct device_json device = {};
	const char *why;

	(void)state;
	for (size_t m = 0; m < N(members); m++) {
		for (int more = 0; more <= 1; more++) {
			char text[64], json[256];
			struct json_object *object, *array;
			int err;

			notation_json("{" KEY ",'ipv6_tunnel_ips':[{'address':'200::2'}]}", json,
				      sizeof(json));
			object = json_tokener_parse(json);
			array = json_object_new_array();
			for (int i = 1; i < DEVICE_JSON_PREFIXES_MAX + more; i++) {
				snprintf(text, sizeof(text), "10.%d.%d.0/24", i >> 8, i & 255);
				json_object_array_add(array, json_object_new_string(text));
			}
			json_object_object_add(object, members[m], array);
			err = read_object(object, &device, &why);
			json_object_put(object);
			if (err != (more ? -EINVAL : 0) || (more && strcmp(why, TOO_MANY) != 0))
				fail_msg("%s %+d: %d, %s", members[m], more, err, why);
			if (!more)
				assert_int_equal(device.n_prefixes, DEVICE_JSON_PREFIXES_MAX);
		}
	}
	device_json_done(&device);
}

static int on_fixture(void *arg, struct json_object *object, uint64_t line)
{
	struct device_json device = {};
	char text[NOTATION_TEXT_MAX];
	size_t *n = arg;
	const char *why;

	(void)line;
	assert_true(*n < N(fixture));
	if (read_object(object, &device, &why) || *warnings)
		fail_msg("%s: %s%s", fixture[*n], why, warnings);
	if (strcmp(show(&device, text), fixture[*n]) != 0)
		fail_msg("%s: read as %s", fixture[*n], text);
	device_json_done(&device);
	++*n;
	return 0;
}

static void test_fixture(void **state)
{
	struct json_stream reader;
	FILE *file = fopen(FIXTURE, "r");
	char chunk[100];
	size_t n = 0;

	(void)state;
	if (!file)
		fail_msg("%s: run this from the project's folder", FIXTURE);
	assert_int_equal(json_stream_init(&reader, JSON_ARRAY, on_fixture, &n), 0);
	for (size_t len; (len = fread(chunk, 1, sizeof(chunk), file));)
		assert_int_equal(json_stream_feed(&reader, chunk, len), 0);
	assert_int_equal(json_stream_finish(&reader), 0);
	assert_int_equal(n, N(fixture));
	json_stream_done(&reader);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),    cmocka_unit_test(test_revision),
		cmocka_unit_test(test_nothing),  cmocka_unit_test(test_one_after_another),
		cmocka_unit_test(test_too_many), cmocka_unit_test(test_fixture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
