/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account.h - who we are at which control plane: what the user gave, as the source process gets it.
 *
 * Plain bytes without pointers: the node writes it into a sealed memory file, the source reads it
 * from there. Texts are terminated; an empty one was not given. It holds secrets: who has one wipes
 * it with explicit_bzero(), and none of it but the URL and the ids is ever shown.
 */
#ifndef NEXODUS_ACCOUNT_H
#define NEXODUS_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"
#include "base/wg_key.h"
#include "nexodus/service_url.h"
#include "nexodus/stun_probe.h"

#define ACCOUNT_NAME_MAX 256 /* user name, host name; bytes, NUL included */
#define ACCOUNT_PASSWORD_MAX 1024
#define ACCOUNT_ADDRESS_MAX 64
#define ACCOUNT_HURRY_MAX 1000

struct account {
	char api[SERVICE_URL_MAX];         /* base URL of the api-server */
	char reg_token[SERVICE_TOKEN_MAX]; /* "RK:..." */
	char username[ACCOUNT_NAME_MAX];
	char password[ACCOUNT_PASSWORD_MAX];
	char vpc_id[UUID_TEXT];
	char security_group_id[UUID_TEXT];
	char request_ip[ACCOUNT_ADDRESS_MAX];     /* IPv4 tunnel address to ask for */
	char local_endpoint[ACCOUNT_ADDRESS_MAX]; /* IP address to publish as ours */
	char stun_servers[STUN_SERVERS_MAX][STUN_SERVER_MAX];
	uint32_t n_stun_servers;
	uint8_t insecure; /* 1: check no certificate */

	/* Set by the node. */
	char hostname[ACCOUNT_NAME_MAX];
	uint8_t public_key[WG_KEY_BYTES];
	uint16_t listen_port;  /* of WireGuard */
	uint8_t register_once; /* 1: when the server no longer knows us, that is it */
	uint8_t was_let_in;    /* 1: a source before has followed the VPC: none registers anew */
	uint8_t was_revoked;   /* 1: and was told later that this is over */
	int64_t hold_until;    /* ms of CLOCK_BOOTTIME: the server wants no request before; 0 */
	uint32_t hurry;        /* so many times as fast as usual, where it waits: for tests; 0: 1 */
};

/**
 * account_check() - is it as the node writes it: every text terminated, numbers in range?
 *
 * Return: 0; -EINVAL.
 */
int account_check(const struct account *account);

#endif
