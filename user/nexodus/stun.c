// SPDX-License-Identifier: Apache-2.0
#include "nexodus/stun.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define HEADER_BYTES 20 /* type, length, cookie, transaction */
#define ATTR_BYTES 4    /* type, length */
#define COOKIE 0x2112a442

#define BINDING_REQUEST 0x0001
#define BINDING_SUCCESS 0x0101
#define BINDING_ERROR 0x0111

enum attr {
	ATTR_MAPPED_ADDRESS = 0x0001,
	ATTR_MESSAGE_INTEGRITY = 0x0008,
	ATTR_MESSAGE_INTEGRITY_SHA256 = 0x001c,
	ATTR_XOR_MAPPED_ADDRESS = 0x0020,
	ATTR_OPTIONAL = 0x8000, /* this and above need not be understood */
	ATTR_FINGERPRINT = 0x8028,
};

#define FAMILY_IPV4 1
#define FAMILY_IPV6 2

/* What the attributes have said; values are NULL while there is none. */
struct found {
	const uint8_t *xor_mapped, *mapped;
	uint16_t xor_mapped_len, mapped_len;
	bool is_unknown; /* there is one that has to be understood, and is not */
	bool is_over;    /* what comes now is not taken */
};

static uint16_t get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

void stun_request(const uint8_t transaction[static STUN_TRANSACTION_BYTES],
		  uint8_t ret[static STUN_REQUEST_BYTES])
{
	put16(ret, BINDING_REQUEST);
	put16(ret + 2, 0);
	put16(ret + 4, COOKIE >> 16);
	put16(ret + 6, COOKIE & 0xffff);
	memcpy(ret + 8, transaction, STUN_TRANSACTION_BYTES);
}

/*
 * RFC 8489's, and below 0x000c those of RFC 3489 that it has retired: its servers send
 * SOURCE-ADDRESS and CHANGED-ADDRESS with every answer.
 */
static bool is_known(uint16_t type)
{
	static const uint16_t known[] = {
		0x0014, /* REALM */
		0x0015, /* NONCE */
		0x001c, /* MESSAGE-INTEGRITY-SHA256 */
		0x001d, /* PASSWORD-ALGORITHM */
		0x001e, /* USERHASH */
		0x0020, /* XOR-MAPPED-ADDRESS */
	};

	if (type >= ATTR_OPTIONAL || (type >= ATTR_MAPPED_ADDRESS && type <= 0x000b))
		return true;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (type == known[i])
			return true;
	return false;
}

/* Of attributes that are there more than once the first one counts (section 14). */
static void take_attr(struct found *found, uint16_t type, const uint8_t *value, uint16_t len)
{
	if (found->is_over)
		return;
	switch (type) {
	case ATTR_XOR_MAPPED_ADDRESS:
		if (!found->xor_mapped) {
			found->xor_mapped = value;
			found->xor_mapped_len = len;
		}
		break;
	case ATTR_MAPPED_ADDRESS:
		if (!found->mapped) {
			found->mapped = value;
			found->mapped_len = len;
		}
		break;
	case ATTR_MESSAGE_INTEGRITY:
	case ATTR_MESSAGE_INTEGRITY_SHA256:
	case ATTR_FINGERPRINT:
		found->is_over = true;
		break;
	default:
		if (!is_known(type))
			found->is_unknown = true;
	}
}

/* Values are padded to four bytes; the padding is in the message, but not in their length. */
static int walk_attrs(const uint8_t *at, size_t left, struct found *found)
{
	while (left) {
		size_t len, padded;

		if (left < ATTR_BYTES)
			return -EBADMSG;
		len = get16(at + 2);
		padded = ATTR_BYTES + ((len + 3) & ~(size_t)3);
		if (padded > left)
			return -EBADMSG;
		take_attr(found, get16(at), at + ATTR_BYTES, len);
		at += padded;
		left -= padded;
	}
	return 0;
}

static bool is_somebodys(uint32_t address, uint16_t port)
{
	uint8_t first = address >> 24;

	return port && first != 0 && first != 127 && first < 224;
}

static int take_address(const uint8_t *value, size_t len, bool is_xored, struct sockaddr_in *ret)
{
	uint16_t port;
	uint32_t address;

	if (len == 20 && value[1] == FAMILY_IPV6)
		return -EAFNOSUPPORT;
	if (len != 8 || value[1] != FAMILY_IPV4)
		return -EBADMSG;
	port = get16(value + 2) ^ (is_xored ? COOKIE >> 16 : 0);
	address = get32(value + 4) ^ (is_xored ? COOKIE : 0);
	if (!is_somebodys(address, port))
		return -EADDRNOTAVAIL;
	*ret = (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(address) };
	return 0;
}

static bool is_answer_to(const uint8_t *message, size_t len, const uint8_t *transaction)
{
	uint16_t type;

	if (len < HEADER_BYTES || len > STUN_MESSAGE_MAX)
		return false;
	type = get16(message);
	return (type == BINDING_SUCCESS || type == BINDING_ERROR) &&
	       get16(message + 2) == len - HEADER_BYTES && get32(message + 4) == COOKIE &&
	       !memcmp(message + 8, transaction, STUN_TRANSACTION_BYTES);
}

int stun_response(const uint8_t *message, size_t len,
		  const uint8_t transaction[static STUN_TRANSACTION_BYTES], struct sockaddr_in *ret)
{
	struct found found = {};
	int err;

	if (!is_answer_to(message, len, transaction))
		return -EBADMSG;
	err = walk_attrs(message + HEADER_BYTES, len - HEADER_BYTES, &found);
	if (err)
		return err;
	if (get16(message) == BINDING_ERROR)
		return -ECONNREFUSED;
	if (found.is_unknown)
		return -EBADMSG;
	if (found.xor_mapped)
		return take_address(found.xor_mapped, found.xor_mapped_len, true, ret);
	if (found.mapped)
		return take_address(found.mapped, found.mapped_len, false, ret);
	return -ENODATA;
}
