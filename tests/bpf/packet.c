// SPDX-License-Identifier: Apache-2.0
/*
 * packet.c - build the packet that a row describes, and what it must look like when forwarded.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#include "packet.h"

#define SIZE_USUAL 100
#define HOP_LIMIT_USUAL 64
#define ID_USUAL 0x3039

#define V4_HEADER_BYTES 20
#define V4_ID_OFFSET 4
#define V4_TTL_OFFSET 8
#define V4_CHECKSUM_OFFSET 10
#define V6_HEADER_BYTES 40
#define V6_HOP_LIMIT_OFFSET 7

static void put(uint8_t *at, uint8_t bytes, uint32_t value)
{
	while (bytes--) {
		at[bytes] = value;
		value >>= 8;
	}
}

/* Ones' complement sum of 16-bit words; @n is even. */
static uint16_t sum_words(const uint8_t *bytes, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void put_checksum(uint8_t *header, size_t n)
{
	put(header + V4_CHECKSUM_OFFSET, 2, 0);
	put(header + V4_CHECKSUM_OFFSET, 2, (uint16_t)~sum_words(header, n));
}

/* The words without the checksum must add up to its complement: the id makes up the difference. */
static void put_chosen_checksum(uint8_t *header, uint16_t checksum)
{
	uint16_t want = ~checksum;
	uint32_t id;

	put(header + V4_ID_OFFSET, 2, 0);
	put(header + V4_CHECKSUM_OFFSET, 2, 0);
	id = want + (uint16_t)~sum_words(header, V4_HEADER_BYTES);
	id = (id & 0xffff) + (id >> 16);
	put(header + V4_ID_OFFSET, 2, id);
	put(header + V4_CHECKSUM_OFFSET, 2, checksum);
	assert(sum_words(header, V4_HEADER_BYTES) == 0xffff);
}

static void put_address(int family, uint8_t *at, const char *text)
{
	int ok = inet_pton(family, text, at);

	assert(ok == 1);
	(void)ok; /* for builds without assert */
}

static void put_ipv4(const struct packet *packet, uint8_t *bytes, uint32_t size)
{
	put(bytes, 1, 0x45);
	put(bytes + 2, 2, size);
	put(bytes + V4_ID_OFFSET, 2, ID_USUAL);
	put(bytes + V4_TTL_OFFSET, 1, HOP_LIMIT_USUAL);
	put(bytes + 9, 1, IPPROTO_UDP);
	put(bytes + V4_CHECKSUM_OFFSET, 2, 0);
	put_address(AF_INET, bytes + 12, packet->src);
	put_address(AF_INET, bytes + 16, packet->dst);
}

static void put_ipv6(const struct packet *packet, uint8_t *bytes, uint32_t size)
{
	put(bytes, 4, 0x60000000);
	put(bytes + 4, 2, size - V6_HEADER_BYTES);
	put(bytes + 6, 1, IPPROTO_UDP);
	put(bytes + V6_HOP_LIMIT_OFFSET, 1, HOP_LIMIT_USUAL);
	put_address(AF_INET6, bytes + 8, packet->src);
	put_address(AF_INET6, bytes + 24, packet->dst);
}

/* Return: whether the row sets the IPv4 checksum itself. */
static bool put_patches(const struct packet *packet, uint8_t *bytes)
{
	bool checksum = false;

	for (size_t i = 0; i < PATCHES_MAX && packet->patch[i].bytes; i++) {
		const struct patch *patch = &packet->patch[i];

		put(bytes + patch->offset, patch->bytes, patch->value);
		checksum |= patch->offset == V4_CHECKSUM_OFFSET;
	}
	return checksum;
}

/* Also over options; a header length that makes no sense is the only fault of its packet. */
static void finish_ipv4(const struct packet *packet, uint8_t *bytes, uint32_t size)
{
	size_t header_bytes = (bytes[0] & 0x0f) * 4;

	if (header_bytes < V4_HEADER_BYTES || header_bytes > size)
		header_bytes = V4_HEADER_BYTES;
	if (packet->choose_id)
		put_chosen_checksum(bytes, packet->old_checksum);
	else
		put_checksum(bytes, header_bytes);
	if (packet->wrong_checksum)
		bytes[V4_CHECKSUM_OFFSET + 1] ^= 0x10;
}

bool packet_is_ipv6(const struct packet *packet)
{
	return strchr(packet->src, ':');
}

size_t packet_build(const struct packet *packet, uint8_t *bytes)
{
	bool ipv6 = packet_is_ipv6(packet), checksum_set;
	uint32_t size = packet->size ? packet->size : SIZE_USUAL;
	size_t header_bytes = ipv6 ? V6_HEADER_BYTES : V4_HEADER_BYTES;

	assert(header_bytes + packet->body_bytes <= size);
	assert(size + packet->extra <= PACKET_BYTES_MAX && packet->missing <= size);
	for (size_t i = 0; i < size + packet->extra; i++)
		bytes[i] = i * 7 + 1; /* no two neighbours alike, no zero run */
	memset(bytes, 0, header_bytes);
	if (packet->body_bytes)
		memcpy(bytes + header_bytes, packet->body, packet->body_bytes);

	if (ipv6)
		put_ipv6(packet, bytes, size);
	else
		put_ipv4(packet, bytes, size);
	checksum_set = put_patches(packet, bytes);
	if (!ipv6 && !checksum_set)
		finish_ipv4(packet, bytes, size);
	return size + packet->extra - packet->missing;
}

void packet_forward(uint8_t *bytes)
{
	if (bytes[0] >> 4 == 6) {
		bytes[V6_HOP_LIMIT_OFFSET]--;
		return;
	}
	bytes[V4_TTL_OFFSET]--;
	put_checksum(bytes, V4_HEADER_BYTES);
}
