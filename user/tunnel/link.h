/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.h - network interfaces and their addresses, read through rtnetlink.
 *
 * Everything is about the network namespace of the calling process. Blocking, but only on the
 * kernel's own answer. libmnl stays in tunnel/.
 */
#ifndef TUNNEL_LINK_H
#define TUNNEL_LINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"

struct link {
	uint32_t ifindex;
	char name[IFNAMSIZ];
	char kind[16];   /* IFLA_INFO_KIND: "wireguard", "tun", ...; empty for hardware */
	uint16_t arphrd; /* ARPHRD_NONE (0xfffe) for devices whose packets start with the IP header
			  */
	uint32_t mtu;    /* bytes */
	bool up;         /* IFF_UP */
};

/** link_name_valid() - could the kernel have an interface of that name? As dev_valid_name(). */
bool link_name_valid(const char *name);

/**
 * link_get() - look up one interface by name.
 * @ret_link: set on success only.
 *
 * Return: 0; -ENODEV when there is none of that name; -EINVAL when @name cannot be one;
 *         another negative errno from netlink.
 */
int link_get(const char *name, struct link *ret_link);

/** link_get_index() - look up one interface by number. Return: as link_get(). */
int link_get_index(uint32_t ifindex, struct link *ret_link);

/**
 * link_is_elsewhere() - has another network namespace an interface of that number and kind?
 *
 * Of those that ours has a number for: one that an interface of ours was moved to always has. The
 * kernel gives a moved interface another number only where that one is taken.
 */
bool link_is_elsewhere(uint32_t ifindex, const char *kind);

/** One address of one interface. */
struct link_addr {
	uint32_t ifindex;
	struct prefix addr; /* bits is the on-link prefix length; host bits are set */
};

/**
 * link_addrs() - all addresses of all interfaces, both families.
 * @ret_addrs: caller frees with free(); NULL when there are none.
 * @ret_n:     number of addresses.
 *
 * A dump that was interrupted by a change (NLM_F_DUMP_INTR) is repeated.
 *
 * Return: 0 or negative errno.
 */
int link_addrs(struct link_addr **ret_addrs, size_t *ret_n);

/** What link_watch_read() saw, as bits. */
enum link_change {
	LINK_CHANGED = 1 << 0, /* some interface came, went, or changed (name, MTU, up/down) */
	ADDR_CHANGED = 1 << 1, /* some address came or went */
	LINK_OVERRUN = 1 << 2, /* messages were lost (ENOBUFS): read everything again */
	FORWARDING_CHANGED = 1 << 3, /* forwarding of the host or of some interface, perhaps */
};

/**
 * link_watch_open() - a non-blocking, close-on-exec rtnetlink socket that hears of changes to
 * interfaces, and to addresses and forwarding of both families.
 *
 * Return: descriptor, to be closed with close(); negative errno.
 */
int link_watch_open(void);

/**
 * link_watch_read() - take all pending messages from @fd.
 *
 * Return: bits of enum link_change, 0 when nothing of interest was pending; negative errno.
 */
int link_watch_read(int fd);

#endif
