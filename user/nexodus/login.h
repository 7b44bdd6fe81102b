/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login.h - a user's access token by OAuth: the device flow (RFC 8628), user name and password, or
 * a refresh token; where the login server is says the api-server.
 *
 * The answers come over TLS from the token endpoint itself, so the ID token is not looked at
 * (OpenID Connect Core 1.0, 3.1.3.7, item 6), and a token's life is counted from its arrival on our
 * own clock that nobody sets: neither depends on what time it is here.
 */
#ifndef NEXODUS_LOGIN_H
#define NEXODUS_LOGIN_H

#include <stdbool.h>

#include "base/loop.h"
#include "nexodus/account.h"
#include "nexodus/answer.h"
#include "nexodus/http.h"

struct login;

struct login_events {
	/* Somebody has to open @url and enter @code. */
	void (*on_code)(void *arg, const char *url, const char *code);
	/* Done; borrowed. */
	void (*on_token)(void *arg, const struct answer_token *token);
	/*
	 * Over. @is_refused: to try again with the same is of little use. @retry_after_s: as the
	 * server says, or -1.
	 */
	void (*on_failed)(void *arg, bool is_refused, int retry_after_s, const char *text);
	/* The host's clock differs by so many seconds from the server's, which is said once. */
	void (*on_skew)(void *arg, long seconds);
	void *arg;
};

/** login_new() - everything is borrowed. Return: NULL without memory. */
struct login *login_new(struct loop *loop, struct http *http, const struct account *account,
			const struct login_events *events);

/** login_free() - ends what is going on, without a call. Wipes. Safe on NULL. */
void login_free(struct login *login);

/**
 * login_start() - what is going on is given up.
 * @refresh_token: tried first; NULL: none. When it is no longer good the whole login follows.
 */
void login_start(struct login *login, const char *refresh_token);

#endif
