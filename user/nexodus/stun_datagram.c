// SPDX-License-Identifier: Apache-2.0
#include "nexodus/stun_datagram.h"

#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>

_Static_assert(sizeof(struct udphdr) + STUN_REQUEST_BYTES == STUN_DATAGRAM_BYTES, "UDP header");

void stun_datagram_make(uint16_t from, uint16_t to,
			const uint8_t transaction[static STUN_TRANSACTION_BYTES],
			uint8_t ret[static STUN_DATAGRAM_BYTES])
{
	struct udphdr udp = { .source = htons(from),
			      .dest = htons(to),
			      .len = htons(STUN_DATAGRAM_BYTES) };

	memcpy(ret, &udp, sizeof(udp));
	stun_request(transaction, ret + sizeof(udp));
}

int stun_datagram_parse(const uint8_t *packet, size_t len, uint16_t port,
			struct sockaddr_in *ret_from, const uint8_t **ret_message, size_t *ret_len)
{
	struct iphdr ip;
	struct udphdr udp;
	size_t at, udp_len;

	if (len < sizeof(ip))
		return -EBADMSG;
	memcpy(&ip, packet, sizeof(ip));
	at = ip.ihl * 4;
	if (ip.version != 4 || at < sizeof(ip) || ip.protocol != IPPROTO_UDP ||
	    len < at + sizeof(udp))
		return -EBADMSG;
	memcpy(&udp, packet + at, sizeof(udp));
	udp_len = ntohs(udp.len);
	if (udp.dest != htons(port) || udp_len < sizeof(udp) || udp_len > len - at)
		return -EBADMSG;
	*ret_from = (struct sockaddr_in){ .sin_family = AF_INET,
					  .sin_port = udp.source,
					  .sin_addr.s_addr = ip.saddr };
	*ret_message = packet + at + sizeof(udp);
	*ret_len = udp_len - sizeof(udp);
	return 0;
}
