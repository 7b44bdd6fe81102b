/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel.h - own a WireGuard interface: make it, keep it as it is wanted, take it back.
 *
 *   tunnel.c        make, configure, remove the interface
 *   tunnel_sync.c   its peers, addresses and routes, one difference at a time
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
};

/* What the tunnel should hold. Made by who knows the device list. */
struct tunnel_want {
	struct wg_device device; /* its peers: each key once, each prefix at one of them */
	struct prefix *routes;   /* sorted by prefix_compare(), each once */
	size_t n_routes;
	size_t n_spared;      /* routes left out for the sake of other interfaces */
	struct prefix spared; /* the first of them */
	struct prefix addresses[TUNNEL_RECORD_ADDRESSES_MAX]; /* with the on-link prefix length */
	size_t n_addresses;
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
	TUNNEL_ALL = (1 << 5) - 1,
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
	struct prefix *routes; /* ours; sorted */
	size_t n_routes;

	struct prefix *wanted; /* routes of the last tunnel_remove(), refused or not; sorted */
	size_t n_wanted;

	struct wg_plan plan; /* between tunnel_add() and tunnel_remove() */
	size_t n_foreign_routes, n_foreign_addresses;
	size_t n_refused;      /* routes that somebody else has, exactly so */
	struct prefix refused; /* the first of them */
	size_t n_spared;       /* as in struct tunnel_want */
	struct prefix spared;

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
 * tunnel_down() - remove the interface if the record says that we made it, and the record.
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
