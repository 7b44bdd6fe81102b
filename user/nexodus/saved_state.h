/* SPDX-License-Identifier: Apache-2.0 */
/*
 * saved_state.h - what a registration leaves for the next run: JSON that the node keeps unread.
 *
 * With the device token a relay restarts when its registration key is long gone.
 */
#ifndef NEXODUS_SAVED_STATE_H
#define NEXODUS_SAVED_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/uuid.h"
#include "nexodus/account.h"

#define SAVED_REFRESH_MAX 8192 /* bytes of a refresh token, NUL included */

struct saved_state {
	char device_id[UUID_TEXT]; /* empty: never registered */
	char vpc_id[UUID_TEXT];
	char device_token[SERVICE_TOKEN_MAX];  /* empty: the server gives none */
	char refresh_token[SAVED_REFRESH_MAX]; /* of a login; empty with a device token */
	bool is_other_key; /* the account's registration key is not the one of this registration: it
			      may be for another VPC; not kept */
};

/**
 * saved_state_read() - of @account: made for the same server, public key, VPC and user.
 * @ret: set on success only; holds secrets.
 *
 * Return: 0; -ENOENT when it is another account's; -EBADMSG when it is damaged; -ENOMEM.
 */
int saved_state_read(const char *text, size_t len, const struct account *account,
		     struct saved_state *ret);

/**
 * saved_state_print() - the opposite. The registration key itself is not in it, only its SHA-256.
 *
 * Return: bytes without the NUL; -ENOSPC; -ENOMEM.
 */
int saved_state_print(const struct saved_state *state, const struct account *account, char *ret,
		      size_t size);

#endif
