/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel.h - own a WireGuard interface: make it, keep it as it is wanted, take it back.
 *
 *   tunnel.c        make, configure, remove the interface
 *   tunnel_sync.c   its peers, addresses and routes, one difference at a time
 *   tunnel_tables.c the rules, and which table has which routes
 *   tunnel_mend.c   notice what somebody else has changed
 *
 * What was made is written down in a record (tunnel_record.h) before it is made. All of it may be
 * interrupted anywhere: the next start reads what is there and goes on from that.
 */
#ifndef TUNNEL_TUNNEL_H
#define TUNNEL_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel/private_key.h"
#include "tunnel/table_floor.h"
#include "tunnel/table_others.h"
#include "tunnel/tunnel_record.h"
#include "tunnel/wg_plan.h"

#define TUNNEL_ERROR_MAX 512
#define TUNNEL_KEEPALIVE_S 20 /* as nexd has it, on the relay too */
/*
 * With a keepalive, a peer that has no endpoint begins a handshake that goes nowhere every 5 s, for
 * as long as the interface is up. More peers than that get theirs when they have an endpoint.
 */
#define TUNNEL_KEEPALIVE_PEERS 1000
#define TUNNEL_USERSPACE_PEERS 65536 /* wireguard-go has no room for more */
#define TUNNEL_PORT 51820            /* default */
#define TUNNEL_MTU 1420              /* bytes, default: 1500 - IPv6 40 - UDP 8 - WireGuard 32 */
#define TUNNEL_MTU_MIN 1280          /* of IPv6, RFC 8200 section 5 */
#define TUNNEL_MTU_MAX 65455         /* 65535 less the 80 bytes of encapsulation */
#define TUNNEL_NAPI_AUTO_PEERS 64    /* more peers than that: no thread for each of them */

enum tunnel_backend { TUNNEL_AUTO, TUNNEL_KERNEL, TUNNEL_USERSPACE };
enum tunnel_napi { TUNNEL_NAPI_AUTO, TUNNEL_NAPI_ON, TUNNEL_NAPI_OFF };

struct tunnel_config {
	const char *ifname;
	const char *state_dir;   /* of the private key */
	int state_fd;            /* the same, open and locked: for the first start */
	const char *record_path; /* below /run */
	uint16_t listen_port;
	uint32_t mtu; /* bytes */
	enum tunnel_backend backend;
	enum tunnel_napi napi;
	struct kernel_forwarding forwarding;
};

/* The tables that have routes into the tunnel. */
enum tunnel_tables {
	TUNNEL_OWN,  /* tunnel_table(): for what enters or leaves by the tunnel */
	TUNNEL_HOST, /* the main table: for this host, and what it forwards from elsewhere */
	TUNNEL_TABLE_COUNT,
};

struct prefix_set {
	struct prefix *at; /* sorted by prefix_compare(), each once */
	size_t n;
};

/* Why an address of the list is no address of ours, or is not routed by the main table. */
enum tunnel_left {
	TUNNEL_LEFT_NONE,
	TUNNEL_LEFT_SPECIAL,  /* no host has it: loopback, link-local, multicast, ... */
	TUNNEL_LEFT_RANGE,    /* outside of the tunnel ranges */
	TUNNEL_LEFT_TAKEN,    /* this host, or what it has to reach elsewhere, has it */
	TUNNEL_LEFT_SUBNET,   /* in the subnet of another interface */
	TUNNEL_LEFT_ENDPOINT, /* WireGuard reaches a peer there */
	TUNNEL_LEFT_COVERS,   /* a network that this host has to reach one of elsewhere */
};

/* Addresses and networks that are left out of TUNNEL_HOST, or of our own addresses. */
struct tunnel_left_out {
	size_t n;
	struct prefix first; /* a network that the operator has named goes before addresses */
	enum tunnel_left why;
	struct prefix covers; /* TUNNEL_LEFT_COVERS: the host */
};

/* What the tunnel should hold, as the device list has it. */
struct tunnel_want {
	struct wg_device device; /* its peers: each key once, each prefix at one of them */
	struct prefix_set routes[TUNNEL_TABLE_COUNT];
	struct prefix_set advertised; /* by devices, and not for the host's own routing */
	struct prefix addresses[TUNNEL_ADDRESSES_MAX]; /* hosts */
	size_t n_addresses;
	struct tunnel_left_out left_own;    /* of @addresses */
	struct tunnel_left_out left_routes; /* of TUNNEL_HOST */
};

/** tunnel_want_done() - free what @want owns and zero it; safe on a zeroed one. */
void tunnel_want_done(struct tunnel_want *want);

/* Parts that may be found changed, as bits. */
enum tunnel_part {
	TUNNEL_LINK = 1 << 0,     /* up, name, MTU */
	TUNNEL_IDENTITY = 1 << 1, /* key, listen port */
	TUNNEL_PEERS = 1 << 2,    /* peers, AllowedIPs, keepalive */
	TUNNEL_ADDRESSES = 1 << 3,
	TUNNEL_ROUTES = 1 << 4,
	TUNNEL_RULES = 1 << 5, /* routing rules */
	TUNNEL_ALL = (1 << 6) - 1,
};

/* Routes into the tunnel in one table. */
struct tunnel_routes_of {
	struct prefix_set have;   /* ours */
	struct prefix_set wanted; /* of the last tunnel_remove(), refused or not */
	size_t n_refused;         /* routes that somebody else has, exactly so */
	struct prefix refused;    /* the first of them */
};

struct tunnel {
	struct tunnel_config config;
	uint32_t ifindex; /* 0 while there is no interface */
	bool kernel;      /* kernel WireGuard, else a userspace one */
	uint8_t public_key[WG_KEY_BYTES];
	bool has_other_key; /* the interface, and the file does not hold ours either: it stays so */
	struct tunnel_record record;

	/* What is believed to be there; read again unless is_sure. */
	bool is_sure;
	bool has_addresses; /* all that are in the record */
	struct wg_device have;
	/* Where WireGuard was last seen to reach its peers: hosts. One that is the tunnel address
	 * of a device has come or gone since this was last cleared: has_other_endpoints. */
	struct prefix_set endpoints;
	bool has_other_endpoints;
	struct tunnel_routes_of routes[TUNNEL_TABLE_COUNT];
	/* Our addresses that rules are made for; read again unless has_rules. */
	struct prefix from[2 * TUNNEL_RECORD_ADDRESSES_MAX];
	size_t n_from;
	bool has_rules, has_rules_ipv6;
	uint32_t behind_rule; /* priority of a rule of others that ours cannot stand before; 0 */

	struct wg_plan plan;                          /* between tunnel_add() and tunnel_remove() */
	size_t n_foreign_routes, n_foreign_addresses; /* routes: of the main table */
	struct table_others others;                   /* of the own table */
	/* Networks that devices still advertise, but the main table has lost: an earlier version
	 * made a route for each, or the operator had named them. */
	struct prefix_list lost;
	size_t n_lost;                                /* all of them */
	struct tunnel_left_out left_own, left_routes; /* as in struct tunnel_want */

	char error[TUNNEL_ERROR_MAX]; /* what failed, why, and what to do: after an error */
};

enum tunnel_start {
	TUNNEL_MADE,       /* there was none */
	TUNNEL_CONTINUED,  /* an earlier run has made it */
	TUNNEL_TAKEN_OVER, /* somebody else has made it, with our key: ours from now on */
};

struct tunnel_started {
	enum tunnel_start how;
	enum private_key_origin key;
	char key_from[PATH_MAX]; /* as private_key_get() */
};

/**
 * tunnel_start() - have the interface: there, ours, with key and port, up. Peers are left alone.
 * @tunnel: config is set, the rest zero or from an earlier start.
 *
 * An interface of that name that is somebody else's is an error; one with our own key is taken
 * over.
 *
 * Return: 0; negative errno with tunnel->error. What could be taken back was.
 */
int tunnel_start(struct tunnel *tunnel, struct tunnel_started *ret_started);

/**
 * tunnel_add() - bring in what @want has and the tunnel has not: peers, AllowedIPs, addresses,
 * routes.
 *
 * Return: 0; negative errno with tunnel->error.
 */
int tunnel_add(struct tunnel *tunnel, const struct tunnel_want *want);

/**
 * tunnel_remove() - take away what @want has not, after tunnel_add() with the same @want.
 * @want: taken over on success.
 *
 * Addresses and routes that others have made on the interface stay.
 *
 * Return: 0; negative errno with tunnel->error.
 */
int tunnel_remove(struct tunnel *tunnel, struct tunnel_want *want);

/**
 * tunnel_mend() - has somebody changed the tunnel? Puts link and identity right at once; of peers,
 * addresses and routes it only notes what is there, for the next tunnel_add() to put right. Where
 * peers are too many to have a keepalive from the beginning, those that have connected get theirs.
 * A key that cannot be put back, since its file holds another one, is left: tunnel->has_other_key.
 * @parts:       bits of enum tunnel_part: where to look.
 * @ret_changed: bits of those that were not as we left them.
 *
 * Return: 0; -ENODEV when the interface is gone; another negative errno with tunnel->error.
 */
int tunnel_mend(struct tunnel *tunnel, unsigned int parts, unsigned int *ret_changed);

/**
 * tunnel_check_key() - does the key's file still hold the key that the tunnel was started with?
 *
 * Return: 0; -EKEYREJECTED when it holds another one; -ENOENT; another negative errno.
 */
int tunnel_check_key(const struct tunnel *tunnel);

/** tunnel_gone() - the interface is no more: forget what it had. The record stays. */
void tunnel_gone(struct tunnel *tunnel);

/** tunnel_done() - free what the process holds; the interface stays. */
void tunnel_done(struct tunnel *tunnel);

/**
 * tunnel_down() - remove the interface if the record says that we made it, its rules, its table,
 * and the record.
 *
 * Whatever it is called now. Peers first: an interface that is deleted full takes minutes.
 *
 * Return: 0, also when there is no record, or the interface is no more; -EXDEV when it is not in
 *         this network namespace, but its userspace WireGuard goes on, with the record left;
 *         -ESTALE when it is not, but another one has what may be it, with the record removed;
 *         another negative errno.
 */
int tunnel_down(const char *ifname, const char *record_path);

#endif
