// SPDX-License-Identifier: Apache-2.0
/* test_stun.c - Binding requests, and what is made of answers; among them RFC 5769's. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nexodus/stun_datagram.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define ROUNDS 200000 /* mutations */

#define HEADER "2112a442 b7e7a701bc34d686fa87dfae "
#define SOFTWARE "8022000b 7465737420766563746f7220 "
#define XOR_MAPPED "00200008 0001a147e112a643 " /* 192.0.2.1:32853 */
#define XOR_MAPPED_IPV6 "00200014 0002a147 0113a9faa5d3f179bc25f4b5bed2b9d9 "
#define MAPPED "00010008 00010d96cb007109 " /* 203.0.113.9:3478 */
#define INTEGRITY "00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 "
#define FINGERPRINT "80280004 c07d4c96 "

static const uint8_t transaction[STUN_TRANSACTION_BYTES] = { 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34,
							     0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae };

/* Sections 2.2 and 2.3. */
static const char rfc5769_ipv4[] = "0101003c" HEADER SOFTWARE XOR_MAPPED INTEGRITY FINGERPRINT;
static const char rfc5769_ipv6[] =
	"01010048" HEADER SOFTWARE XOR_MAPPED_IPV6
	"00080014 a382954e4be67bf11784c97c8292c275bfe3ed41 80280004 c8fb0b4c";

static size_t from_hex(const char *hex, uint8_t *ret, size_t size)
{
	size_t n = 0;

	while (*hex) {
		unsigned int byte;

		if (*hex == ' ') {
			hex++;
			continue;
		}
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		assert_true(n < size);
		ret[n++] = byte;
		hex += 2;
	}
	return n;
}

/* In memory of exactly that size: the sanitizer sees every byte read beyond it. */
static int respond(const uint8_t *message, size_t len, struct sockaddr_in *ret)
{
	uint8_t *exact = malloc(len);
	int err;

	assert_true(exact || !len);
	memcpy(exact, message, len);
	err = stun_response(exact, len, transaction, ret);
	free(exact);
	return err;
}

/* Headers are given, or made: type, and the right length. */
static const struct {
	const char *name, *header, *attrs;
	int err;
	const char *mapped;
} responses[] = {
	{ "RFC 5769, IPv4", rfc5769_ipv4, "", 0, "192.0.2.1:32853" },
	{ "RFC 5769, IPv6", rfc5769_ipv6, "", -EAFNOSUPPORT, NULL },
	{ "the address alone", "0101", XOR_MAPPED, 0, "192.0.2.1:32853" },
	{ "an RFC 3489 server's", "0101",
	  MAPPED "00040008 00010d96cb007101 00050008 00010d97cb007102", 0, "203.0.113.9:3478" },
	{ "both kinds", "0101", MAPPED XOR_MAPPED, 0, "192.0.2.1:32853" },
	{ "both kinds, the other way round", "0101", XOR_MAPPED MAPPED, 0, "192.0.2.1:32853" },
	{ "two of a kind: the first", "0101", XOR_MAPPED "00200008 0001a147e112a644", 0,
	  "192.0.2.1:32853" },
	{ "an unused byte that is not 0", "0101", "00200008 ff01a147e112a643", 0,
	  "192.0.2.1:32853" },
	{ "an unknown attribute that need not be understood", "0101",
	  "c0010005 0102030405ffffff" XOR_MAPPED, 0, "192.0.2.1:32853" },
	{ "an empty attribute", "0101", "80220000" XOR_MAPPED, 0, "192.0.2.1:32853" },
	{ "IPv6, and IPv4 of the other kind", "0101", XOR_MAPPED_IPV6 MAPPED, -EAFNOSUPPORT, NULL },

	{ "no address", "0101", SOFTWARE, -ENODATA, NULL },
	{ "nothing", "0101", "", -ENODATA, NULL },
	{ "an address behind the integrity", "0101", INTEGRITY XOR_MAPPED, -ENODATA, NULL },
	{ "an address behind the fingerprint", "0101", FINGERPRINT XOR_MAPPED, -ENODATA, NULL },
	{ "another one behind the integrity", "0101", MAPPED INTEGRITY XOR_MAPPED, 0,
	  "203.0.113.9:3478" },
	{ "an error", "0111", "00090010 00000401 556e617574686f72697a6564", -ECONNREFUSED, NULL },
	{ "an error with an address", "0111", XOR_MAPPED, -ECONNREFUSED, NULL },

	{ "port 0", "0101", "00200008 00012112e112a643", -EADDRNOTAVAIL, NULL },
	{ "0.0.0.0", "0101", "00200008 0001a1472112a442", -EADDRNOTAVAIL, NULL },
	{ "0.0.0.1", "0101", "00200008 0001a1472112a443", -EADDRNOTAVAIL, NULL },
	{ "127.0.0.1", "0101", "00010008 000100017f000001", -EADDRNOTAVAIL, NULL },
	{ "126.255.255.255", "0101", "00010008 000100017effffff", 0, "126.255.255.255:1" },
	{ "128.0.0.0", "0101", "00010008 0001ffff80000000", 0, "128.0.0.0:65535" },
	{ "223.255.255.255", "0101", "00010008 00010100dfffffff", 0, "223.255.255.255:256" },
	{ "224.0.0.1", "0101", "00010008 00010001e0000001", -EADDRNOTAVAIL, NULL },
	{ "255.255.255.255", "0101", "00010008 00010001ffffffff", -EADDRNOTAVAIL, NULL },

	{ "an unknown attribute that has to be understood", "0101", XOR_MAPPED "00250000", -EBADMSG,
	  NULL },
	{ "the reserved attribute", "0101", "00000000" XOR_MAPPED, -EBADMSG, NULL },
	{ "the last unknown one that has to be understood", "0101", "7fff0000" XOR_MAPPED, -EBADMSG,
	  NULL },
	{ "an unknown one behind the integrity", "0101", XOR_MAPPED INTEGRITY "7fff0000", 0,
	  "192.0.2.1:32853" },
	{ "an attribute beyond the end", "0101", XOR_MAPPED "80220001", -EBADMSG, NULL },
	{ "an attribute far beyond the end", "0101", XOR_MAPPED "8022ffff 00000000", -EBADMSG,
	  NULL },
	{ "an attribute without its padding", "0101", XOR_MAPPED "80220005 0000000000", -EBADMSG,
	  NULL },
	{ "half an attribute", "0101", XOR_MAPPED "8022", -EBADMSG, NULL },
	{ "an address too short", "0101", "00200004 0001a147", -EBADMSG, NULL },
	{ "an empty address", "0101", "00200000", -EBADMSG, NULL },
	{ "an address too long", "0101", "0020000c 0001a147e112a643 00000000", -EBADMSG, NULL },
	{ "an IPv6 address of four bytes", "0101", "00200008 0002a147e112a643", -EBADMSG, NULL },
	{ "an IPv4 address of sixteen bytes", "0101",
	  "00200014 0001a147 0113a9faa5d3f179bc25f4b5bed2b9d9", -EBADMSG, NULL },
	{ "a family that is none", "0101", "00200008 0003a147e112a643", -EBADMSG, NULL },
	{ "a bad address of the better kind", "0101", MAPPED "00200008 0000a147e112a643", -EBADMSG,
	  NULL },

	{ "a request", "0001", XOR_MAPPED, -EBADMSG, NULL },
	{ "an indication", "0011", XOR_MAPPED, -EBADMSG, NULL },
	{ "another method", "0103", XOR_MAPPED, -EBADMSG, NULL },
	{ "the upper bits", "4101", XOR_MAPPED, -EBADMSG, NULL },
	{ "too long by one", "0101000b" HEADER, XOR_MAPPED, -EBADMSG, NULL },
	{ "too short by one", "0101000d" HEADER, XOR_MAPPED, -EBADMSG, NULL },
	{ "a length of none", "01010000" HEADER, XOR_MAPPED, -EBADMSG, NULL },
	{ "a longer one", "0101ffff" HEADER, XOR_MAPPED, -EBADMSG, NULL },
	{ "another cookie", "0101000c 2112a443 b7e7a701bc34d686fa87dfae", XOR_MAPPED, -EBADMSG,
	  NULL },
	{ "the cookie turned round", "0101000c 42a41221 b7e7a701bc34d686fa87dfae", XOR_MAPPED,
	  -EBADMSG, NULL },
	{ "another transaction: first byte", "0101000c 2112a442 b6e7a701bc34d686fa87dfae",
	  XOR_MAPPED, -EBADMSG, NULL },
	{ "another transaction: last byte", "0101000c 2112a442 b7e7a701bc34d686fa87dfaf",
	  XOR_MAPPED, -EBADMSG, NULL },
	{ "an error of another transaction", "01110000 2112a442 b7e7a701bc34d686fa87dfaf", "",
	  -EBADMSG, NULL },
	{ "a header cut short", "01010000 2112a442 b7e7a701bc34d686fa87df", "", -EBADMSG, NULL },
	{ "one byte", "01", "", -EBADMSG, NULL },
	{ "no byte", "", "", -EBADMSG, NULL },
};

static size_t make_message(const char *header, const char *attrs, uint8_t *ret, size_t size)
{
	char text[2048];
	uint8_t scratch[1024];

	snprintf(text, sizeof(text), "%s", header);
	if (strlen(header) == 4)
		snprintf(text, sizeof(text), "%s%04zx" HEADER, header,
			 from_hex(attrs, scratch, sizeof(scratch)));
	strncat(text, attrs, sizeof(text) - strlen(text) - 1);
	return from_hex(text, ret, size);
}

static void test_responses(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(responses); i++) {
		struct sockaddr_in mapped, before;
		uint8_t message[1024];
		size_t len = make_message(responses[i].header, responses[i].attrs, message,
					  sizeof(message));
		char text[64], addr[INET_ADDRSTRLEN];
		int err;

		memset(&before, 0xa5, sizeof(before));
		mapped = before;
		err = respond(message, len, &mapped);
		if (err != responses[i].err)
			fail_msg("%s: %d", responses[i].name, err);
		if (err) {
			assert_memory_equal(&mapped, &before, sizeof(mapped));
			continue;
		}
		assert_int_equal(mapped.sin_family, AF_INET);
		snprintf(text, sizeof(text), "%s:%u",
			 inet_ntop(AF_INET, &mapped.sin_addr, addr, sizeof(addr)),
			 ntohs(mapped.sin_port));
		if (strcmp(text, responses[i].mapped))
			fail_msg("%s: %s", responses[i].name, text);
	}
}

/* A message of the greatest length is taken, one attribute more is not. */
static void test_longest(void **state)
{
	uint8_t message[STUN_MESSAGE_MAX + 4];
	struct sockaddr_in mapped;
	size_t len = from_hex("010105c8" HEADER XOR_MAPPED "802205b8", message, sizeof(message));

	(void)state;
	memset(message + len, 0, sizeof(message) - len);
	assert_int_equal(respond(message, STUN_MESSAGE_MAX, &mapped), 0);
	message[3] += 4;
	message[len - 1] += 4;
	assert_int_equal(respond(message, STUN_MESSAGE_MAX + 4, &mapped), -EBADMSG);
}

/* Every beginning of a good answer, as it is and with a length that fits. */
static void test_cut(void **state)
{
	uint8_t message[256];
	size_t len = from_hex(rfc5769_ipv4, message, sizeof(message));
	struct sockaddr_in mapped;

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t fits[256];
		int err;

		assert_int_equal(respond(message, cut, &mapped), -EBADMSG);
		memcpy(fits, message, sizeof(fits));
		fits[3] = cut - 20;
		err = cut < 20 ? -EBADMSG : respond(fits, cut, &mapped);
		/* Between two attributes it is a message, with or without the address. */
		assert_int_equal(err, cut == 20 || cut == 36   ? -ENODATA
				      : cut == 48 || cut == 72 ? 0
							       : -EBADMSG);
	}
}

static uint32_t random_next(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* A few changes behind the first @from bytes: cuts, insertions, bytes, bits. */
static void mutate(uint8_t *bytes, size_t *len, size_t from, size_t size, uint32_t *seed)
{
	for (uint32_t n = random_next(seed) % 4 + 1; n; n--) {
		uint32_t r = random_next(seed);
		size_t at = from + r % (*len - from);

		switch (r >> 28) {
		case 0:
			*len = at + 1;
			break;
		case 1:
			if (*len + 4 <= size) {
				memmove(bytes + at + 4, bytes + at, *len - at);
				*len += 4;
			}
			break;
		case 2:
		case 3:
			bytes[at] = (uint8_t[]){ 0, 1, 0x7f, 0x80, 0xff, 4, 8, 20 }[r >> 8 & 7];
			break;
		default:
			bytes[at] ^= 1 << (r >> 8 & 7);
		}
	}
}

static void test_mutated(void **state)
{
	static const char *const samples[] = { rfc5769_ipv4, rfc5769_ipv6,
					       "01010018" HEADER XOR_MAPPED MAPPED };
	uint32_t seed = 0x5769, seen[5] = {};
	static const int outcomes[N(seen)] = { 0, -EBADMSG, -EAFNOSUPPORT, -ENODATA,
					       -EADDRNOTAVAIL };

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t message[256];
		size_t len = from_hex(samples[i % N(samples)], message, sizeof(message)), which = 0;
		struct sockaddr_in mapped = {};
		int err;

		mutate(message, &len, i % 16 ? 20 : 0, sizeof(message), &seed);
		if (i % 8 && len >= 20)
			message[3] = len - 20; /* or nothing would be looked at */
		err = respond(message, len, &mapped);
		while (which < N(seen) && outcomes[which] != err)
			which++;
		if (which == N(seen))
			assert_int_equal(err, -ECONNREFUSED);
		else
			seen[which]++;
		if (err)
			assert_int_equal(mapped.sin_family, 0);
		else
			assert_true(mapped.sin_port && mapped.sin_addr.s_addr);
	}
	for (size_t i = 0; i < N(seen); i++)
		if (seen[i] < 10)
			fail_msg("%d: %u times", outcomes[i], seen[i]);
}

static void test_request(void **state)
{
	uint8_t datagram[STUN_DATAGRAM_BYTES], want[64];

	(void)state;
	assert_int_equal(from_hex("ca6c 0d96 001c 0000 00010000" HEADER, want, sizeof(want)),
			 sizeof(datagram));
	stun_datagram_make(51820, 3478, transaction, datagram);
	assert_memory_equal(datagram, want, sizeof(datagram));
	stun_request(transaction, datagram);
	assert_memory_equal(datagram, want + 8, STUN_REQUEST_BYTES);
}

#define IP_ALONE "45000000 00000000 40110000 c0000209 0a000001 "
#define IP_WITH_OPTIONS "46000000 00000000 40110000 c0000209 0a000001 01010101 "

static const struct {
	const char *name, *packet;
	int err;
	size_t len;
} packets[] = {
	{ "a datagram", IP_ALONE "0d96 ca6c 000c beef 61626364", 0, 4 },
	{ "an empty one", IP_ALONE "0d96 ca6c 0008 0000", 0, 0 },
	{ "behind IP options", IP_WITH_OPTIONS "0d96 ca6c 000c 0000 61626364", 0, 4 },
	{ "bytes behind it", IP_ALONE "0d96 ca6c 000b 0000 61626364", 0, 3 },
	{ "for another port", IP_ALONE "0d96 ca6d 000c 0000 61626364", -EBADMSG, 0 },
	{ "with the port as source", IP_ALONE "ca6c 0d96 000c 0000 61626364", -EBADMSG, 0 },
	{ "longer than it is", IP_ALONE "0d96 ca6c 000d 0000 61626364", -EBADMSG, 0 },
	{ "shorter than its header", IP_ALONE "0d96 ca6c 0007 0000 61626364", -EBADMSG, 0 },
	{ "a header cut short", IP_ALONE "0d96 ca6c 0008 00", -EBADMSG, 0 },
	{ "options beyond the end",
	  "4f000000 00000000 40110000 c0000209 0a000001 0d96 ca6c 0008 0000", -EBADMSG, 0 },
	{ "an IP header of 16 bytes",
	  "44000000 00000000 40110000 c0000209 0d96 ca6c 000c 0000 61626364", -EBADMSG, 0 },
	{ "another version", "65000000 00000000 40110000 c0000209 0a000001 0d96 ca6c 0008 0000",
	  -EBADMSG, 0 },
	{ "TCP", "45000000 00000000 40060000 c0000209 0a000001 0d96 ca6c 0008 0000", -EBADMSG, 0 },
	{ "half an IP header", "45000000 00000000 4011", -EBADMSG, 0 },
	{ "nothing", "", -EBADMSG, 0 },
};

static int parse(const uint8_t *packet, size_t len, struct sockaddr_in *from, size_t *ret_len)
{
	uint8_t *exact = malloc(len);
	const uint8_t *message = NULL;
	int err;

	assert_true(exact || !len);
	memcpy(exact, packet, len);
	err = stun_datagram_parse(exact, len, 51820, from, &message, ret_len);
	if (!err) {
		assert_true(message >= exact && message + *ret_len <= exact + len);
		assert_true(*ret_len < 4 || !memcmp(message, packet + (message - exact), *ret_len));
	} else {
		assert_null(message);
	}
	free(exact);
	return err;
}

static void test_packets(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(packets); i++) {
		uint8_t packet[128];
		size_t len = from_hex(packets[i].packet, packet, sizeof(packet)), got = 0;
		struct sockaddr_in from = {};
		int err = parse(packet, len, &from, &got);

		if (err != packets[i].err || got != packets[i].len)
			fail_msg("%s: %d, %zu bytes", packets[i].name, err, got);
		if (err)
			continue;
		assert_int_equal(from.sin_family, AF_INET);
		assert_int_equal(ntohl(from.sin_addr.s_addr), 0xc0000209);
		assert_int_equal(ntohs(from.sin_port), 3478);
	}
}

static void test_mutated_packets(void **state)
{
	uint32_t seed = 0x8489, good = 0;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t packet[128];
		size_t len = from_hex(packets[i % 4].packet, packet, sizeof(packet)), got;
		struct sockaddr_in from;

		mutate(packet, &len, 0, sizeof(packet), &seed);
		good += !parse(packet, len, &from, &got);
	}
	assert_in_range(good, ROUNDS / 10, ROUNDS * 9 / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_mutated),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_mutated_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
