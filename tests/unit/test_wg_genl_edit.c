// SPDX-License-Identifier: Apache-2.0
/*
 * test_wg_genl_edit.c - edits of peers as messages for kernel WireGuard: what is in them, in which
 * order, and how large they are. What the kernel does with them: test_wg_edit_live.c.
 *
 * Messages are written "a=25{10.0.0.1/32,-200::1/128} b! cX": key, "=" keepalive, "!" for
 * WGPEER_F_UPDATE_ONLY, "X" for WGPEER_F_REMOVE_ME, AllowedIPs, "-" for WGALLOWEDIP_F_REMOVE_ME;
 * "|" between messages. The decoy's key is Z.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <sys/socket.h>

#include "tunnel/wg_edit.h"
#include "tunnel/wg_genl_pack.h"
#include "wg_notation.h"

#define FAMILY 29
#define IFINDEX 7
#define TEXT_MAX 65536

static const uint8_t decoy[WG_KEY_BYTES] = "ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ";

/* clang-format off */
static const struct {
	const char *name, *edits;
	const char *known;   /* to a kernel that knows WGALLOWEDIP_F_REMOVE_ME */
	const char *unknown; /* to one that does not; NULL: the same */
} cases[] = {
	{ "peer alone",              "+a0",                                "a=0", NULL },
	{ "peer and its AllowedIPs", "+a25 +a:10.0.0.1 +a:200::1",         "a=25{10.0.0.1/32,200::1/128}", NULL },
	{ "largest keepalive",       "+a65535",                            "a=65535", NULL },
	{ "two peers",               "+a0 +a:10.0.0.1 +b5 +b:200::2",      "a=0{10.0.0.1/32} b=5{200::2/128}", NULL },
	{ "known peer is not made",  "+a:10.0.0.1 +a:200::1",              "a!{10.0.0.1/32,200::1/128}", NULL },
	{ "networks",                "+a:10.0.0.0/8 +a:0.0.0.0/0 +a:::/0 +a:200::/64",
	  "a!{10.0.0.0/8,0.0.0.0/0,::/0,200::/64}", NULL },
	{ "peers go",                "-a -b",                              "aX bX", NULL },
	{ "order is kept",           "+b0 -a +a0 +a:10.0.0.1",             "b=0 aX a=0{10.0.0.1/32}", NULL },
	{ "removed peer is not gone on with", "-a +a:10.0.0.1",            "aX a!{10.0.0.1/32}", NULL },
	{ "set again",               "+a:10.0.0.1 +a5 +a:200::1",          "a!{10.0.0.1/32} a=5{200::1/128}", NULL },
	{ "peer in between",         "+a:10.0.0.1 +b:200::2 +a:200::1",
	  "a!{10.0.0.1/32} b!{200::2/128} a!{200::1/128}", NULL },
	{ "single ones go",          "-a:10.0.0.1 -a:200::1 -b:200::2",
	  "a!{-10.0.0.1/32,-200::1/128} b!{-200::2/128}", "Z{10.0.0.1/32,200::1/128,200::2/128} ZX" },
	{ "single ones are apart",   "-a:10.0.0.1 -b -c:200::1 +c:200::2",
	  "a!{-10.0.0.1/32} | bX | c!{-200::1/128} | c!{200::2/128}",
	  "Z{10.0.0.1/32} ZX | bX | Z{200::1/128} ZX | c!{200::2/128}" },
};
/* clang-format on */

/* Nothing is between the attributes of a nest or behind them, as of one that did not fit. */
static void check_filled(const struct nlattr *nest)
{
	const struct nlattr *attr;
	size_t len = 0;

	mnl_attr_for_each_nested(attr, nest)
	{
		len += MNL_ALIGN(attr->nla_len);
	}
	assert_int_equal(len, mnl_attr_get_payload_len(nest));
}

static size_t show_allowed(const struct nlattr *nest, char *text)
{
	struct prefix prefix = {};
	char prefix_text[PREFIX_TEXT_MAX];
	const struct nlattr *attr;
	uint32_t flags = 0;

	check_filled(nest);
	mnl_attr_for_each_nested(attr, nest)
	{
		const void *payload = mnl_attr_get_payload(attr);

		switch (mnl_attr_get_type(attr)) {
		case WGALLOWEDIP_A_FAMILY:
			assert_int_equal(mnl_attr_get_payload_len(attr), 2);
			prefix.family = mnl_attr_get_u16(attr) == AF_INET ? 4 : 6;
			break;
		case WGALLOWEDIP_A_IPADDR:
			assert_int_equal(mnl_attr_get_payload_len(attr),
					 prefix.family == 4 ? 4 : 16);
			memcpy(prefix.addr, payload, mnl_attr_get_payload_len(attr));
			break;
		case WGALLOWEDIP_A_CIDR_MASK:
			assert_int_equal(mnl_attr_get_payload_len(attr), 1);
			prefix.bits = mnl_attr_get_u8(attr);
			break;
		case WGALLOWEDIP_A_FLAGS:
			flags = mnl_attr_get_u32(attr);
			assert_int_equal(flags, WGALLOWEDIP_F_REMOVE_ME);
			break;
		default:
			fail_msg("attribute %u of an AllowedIP", mnl_attr_get_type(attr));
		}
	}
	return sprintf(text, "%s%s", flags ? "-" : "", prefix_format(&prefix, prefix_text));
}

static size_t show_list(const struct nlattr *list, char *text)
{
	const struct nlattr *attr;
	size_t n = 0;

	check_filled(list);
	mnl_attr_for_each_nested(attr, list)
	{
		assert_true(attr->nla_type & NLA_F_NESTED);
		n += sprintf(text + n, "%c", n ? ',' : '{');
		n += show_allowed(attr, text + n);
	}
	return n + sprintf(text + n, "}");
}

static size_t show_peer(const struct nlattr *nest, char *text)
{
	const struct nlattr *attr;
	size_t n = 0;

	check_filled(nest);
	mnl_attr_for_each_nested(attr, nest)
	{
		const uint8_t *key = mnl_attr_get_payload(attr);

		switch (mnl_attr_get_type(attr)) {
		case WGPEER_A_PUBLIC_KEY:
			assert_int_equal(mnl_attr_get_payload_len(attr), WG_KEY_BYTES);
			assert_int_equal(key[0], key[WG_KEY_BYTES - 1]);
			n += sprintf(text + n, "%c", key[0]);
			break;
		case WGPEER_A_FLAGS:
			assert_int_equal(mnl_attr_get_payload_len(attr), 4);
			n += sprintf(text + n, "%s",
				     mnl_attr_get_u32(attr) == WGPEER_F_UPDATE_ONLY ? "!"
				     : mnl_attr_get_u32(attr) == WGPEER_F_REMOVE_ME ? "X"
										    : "?");
			break;
		case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL:
			assert_int_equal(mnl_attr_get_payload_len(attr), 2);
			n += sprintf(text + n, "=%u", mnl_attr_get_u16(attr));
			break;
		case WGPEER_A_ALLOWEDIPS:
			assert_true(attr->nla_type & NLA_F_NESTED);
			n += show_list(attr, text + n);
			break;
		default:
			fail_msg("attribute %u of a peer", mnl_attr_get_type(attr));
		}
	}
	return n;
}

/* One message of those before. Return: characters. */
static size_t show_message(const struct nlmsghdr *msg, char *text)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attr, *peer, *peers = NULL;
	size_t n = 0;

	assert_int_equal(msg->nlmsg_type, FAMILY);
	assert_int_equal(genl->cmd, WG_CMD_SET_DEVICE);
	assert_int_equal(genl->version, WG_GENL_VERSION);
	mnl_attr_for_each(attr, msg, sizeof(*genl))
	{
		if (mnl_attr_get_type(attr) == WGDEVICE_A_PEERS)
			peers = attr;
		else if (mnl_attr_get_type(attr) == WGDEVICE_A_IFINDEX)
			assert_int_equal(mnl_attr_get_u32(attr), IFINDEX);
		else
			fail_msg("attribute %u of a device", mnl_attr_get_type(attr));
	}
	assert_non_null(peers);
	check_filled(peers);
	mnl_attr_for_each_nested(peer, peers)
	{
		assert_true(peer->nla_type & NLA_F_NESTED);
		n += sprintf(text + n, "%s", n ? " " : "");
		n += show_peer(peer, text + n);
	}
	return n;
}

/* All messages for these edits, none larger than @size. Return: their number. */
static size_t pack_all(const struct wg_edit *edits, size_t n, const uint8_t *decoy_key, size_t size,
		       char *text)
{
	const struct wg_genl_target target = { FAMILY, IFINDEX, decoy_key };
	/* malloc'd to the byte, so that the sanitizer knows where it ends */
	char *bytes = malloc(size);
	size_t messages = 0, done = 0, at = 0;

	text[0] = '\0';
	while (done < n) {
		const struct nlmsghdr *msg = (struct nlmsghdr *)bytes;
		size_t packed = wg_genl_pack(&target, edits + done, n - done, bytes, size);

		assert_true(packed > 0 && packed <= n - done);
		assert_true(msg->nlmsg_len <= size);
		done += packed;
		at += sprintf(text + at, "%s", messages++ ? " | " : "");
		at += show_message(msg, text + at);
		assert_true(at < TEXT_MAX / 2);
	}
	free(bytes);
	return messages;
}

static void test_table(void **state)
{
	static char text[TEXT_MAX];
	struct wg_edit edits[WG_NOTATION_EDITS_MAX];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		size_t n = wg_notation_edits(cases[i].edits, edits);

		pack_all(edits, n, NULL, WG_MESSAGE_BYTES, text);
		if (strcmp(text, cases[i].known) != 0)
			fail_msg("%s: %s", cases[i].name, text);
		pack_all(edits, n, decoy, WG_MESSAGE_BYTES, text);
		if (strcmp(text, cases[i].unknown ?: cases[i].known) != 0)
			fail_msg("%s, with decoy: %s", cases[i].name, text);
	}
}

static struct wg_edit *make_allowed(enum wg_edit_kind kind, size_t n)
{
	struct wg_edit *edits = calloc(n + 1, sizeof(*edits));

	edits[0] = wg_notation_edit("+a25");
	for (size_t i = 1; i <= n; i++) {
		edits[i] = wg_notation_edit(i % 2 ? "+a:10.0.0.0" : "+a:200::");
		edits[i].kind = kind;
		edits[i].allowed.addr[i % 2 ? 2 : 14] = i >> 8;
		edits[i].allowed.addr[i % 2 ? 3 : 15] = i & 0xff;
	}
	return edits;
}

/* The whole of a message is used, and not a byte more: at its exact length, and one below it. */
static void test_size(void **state)
{
	static const struct {
		enum wg_edit_kind kind;
		const uint8_t *decoy;
	} forms[] = { { WG_ALLOWED_ADD, NULL },
		      { WG_ALLOWED_REMOVE, NULL },
		      { WG_ALLOWED_REMOVE, decoy } };
	alignas(struct nlmsghdr) char bytes[WG_MESSAGE_BYTES];
	const struct nlmsghdr *msg = (struct nlmsghdr *)bytes;

	(void)state;
	for (size_t f = 0; f < N(forms); f++) {
		const struct wg_genl_target target = { FAMILY, IFINDEX, forms[f].decoy };
		struct wg_edit *edits = make_allowed(forms[f].kind, 40);

		for (size_t n = 20; n <= 40; n++) {
			size_t len;

			assert_int_equal(wg_genl_pack(&target, edits + 1, n, bytes, sizeof(bytes)),
					 n);
			len = msg->nlmsg_len;
			assert_int_equal(wg_genl_pack(&target, edits + 1, n, bytes, len), n);
			assert_int_equal(msg->nlmsg_len, len);
			assert_int_equal(wg_genl_pack(&target, edits + 1, n, bytes, len - 1),
					 n - 1);
			assert_true(msg->nlmsg_len < len);
		}
		free(edits);
	}
}

/* A new peer that does not fit: whole into the next message, without a rest of it in this one. */
static void test_peer_at_the_end(void **state)
{
	struct wg_edit edits[WG_NOTATION_EDITS_MAX];
	size_t n = wg_notation_edits("+a0 +a:10.0.0.1 +b0 +b:200::2", edits);
	static const char *const texts[] = {
		"a=0{10.0.0.1/32} b=0{200::2/128}",
		"a=0{10.0.0.1/32} b=0 | b!{200::2/128}",
		"a=0{10.0.0.1/32} | b=0{200::2/128}",
	};
	char text[TEXT_MAX / 16], last[TEXT_MAX / 16] = "";
	size_t seen = 0;

	(void)state;
	for (size_t size = WG_MESSAGE_BYTES; seen < N(texts); size--) {
		assert_true(size > 64);
		pack_all(edits, n, NULL, size, text);
		if (!strcmp(text, last))
			continue;
		assert_string_equal(text, texts[seen++]);
		strcpy(last, text);
	}
}

/* 10,000 AllowedIPs of one peer: all of them, in order, the peer is made by the first alone. */
static void check_many(enum wg_edit_kind kind, const uint8_t *decoy_key, const char *first,
		       const char *more, size_t most_messages)
{
	const struct wg_genl_target target = { FAMILY, IFINDEX, decoy_key };
	alignas(struct nlmsghdr) char bytes[WG_MESSAGE_BYTES];
	const struct nlmsghdr *msg = (struct nlmsghdr *)bytes;
	struct wg_edit *edits = make_allowed(kind, 10000);
	size_t n = 10001, done = kind == WG_ALLOWED_ADD ? 0 : 1, messages = 0;
	char text[TEXT_MAX], prefix[PREFIX_TEXT_MAX];

	while (done < n) {
		size_t packed = wg_genl_pack(&target, edits + done, n - done, bytes, sizeof(bytes));
		const char *begin = messages++ ? more : first, *at = text;

		assert_true(msg->nlmsg_len <= WG_MESSAGE_BYTES);
		show_message(msg, text);
		assert_memory_equal(text, begin, strlen(begin));
		for (size_t i = 0; i < packed; i++) {
			if (edits[done + i].kind == WG_PEER_SET)
				continue;
			at = strstr(at, prefix_format(&edits[done + i].allowed, prefix));
			if (!at)
				fail_msg("%s is not in message %zu", prefix, messages);
		}
		done += packed;
	}
	assert_true(messages <= most_messages);
	free(edits);
}

static void test_many(void **state)
{
	(void)state;
	/* 28 bytes for an IPv4 one, 40 for an IPv6 one, 8 more with flags */
	check_many(WG_ALLOWED_ADD, NULL, "a=25{", "a!{", 10000 * 34 / 4000 + 1);
	check_many(WG_ALLOWED_REMOVE, NULL, "a!{", "a!{", 10000 * 42 / 4000 + 1);
	check_many(WG_ALLOWED_REMOVE, decoy, "Z{", "Z{", 10000 * 34 / 3950 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_peer_at_the_end),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
