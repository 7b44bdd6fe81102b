/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.h - what the api-server and its login server answer: JSON to plain texts, each checked.
 * Pure: no network.
 */
#ifndef NEXODUS_ANSWER_H
#define NEXODUS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"
#include "nexodus/account.h"
#include "nexodus/sealed_token.h"

#define ANSWER_TEXT_MAX 160
#define ANSWER_SHAPE_MAX 100
#define ANSWER_URL_MAX 512
#define ANSWER_TOKEN_MAX 8192 /* of a login: JWT */

/* A registered device. */
struct answer_device {
	char id[UUID_TEXT];
	char vpc_id[UUID_TEXT];
	uint8_t public_key[WG_KEY_BYTES];
	char sealed_token[SEALED_TOKEN_TEXT_MAX]; /* empty: none */
};

/* POST /device/login/start, and what discovery adds. */
struct answer_login {
	char issuer[ANSWER_URL_MAX];
	char device_endpoint[ANSWER_URL_MAX];
	char token_endpoint[ANSWER_URL_MAX];
	char client_id[ACCOUNT_NAME_MAX];
	int64_t server_time; /* seconds since the epoch; 0: not said */
};

/* The device flow's start (RFC 8628, 3.2). */
struct answer_code {
	char device_code[ANSWER_TOKEN_MAX];
	char user_code[64];
	char url[ANSWER_URL_MAX]; /* complete if the server has it, else without the code */
	int64_t expires_in_s, interval_s;
};

struct answer_token {
	char access[ANSWER_TOKEN_MAX];
	char refresh[ANSWER_TOKEN_MAX]; /* empty: none */
	int64_t expires_in_s;
};

/*
 * All: @body is not terminated by need. Return: 0; -EBADMSG when it is not what was expected. What
 * is returned holds only printable ASCII without blanks, where it becomes part of a request.
 */

/** answer_device() - a Device. Its public key must be there. */
int answer_device(const char *body, size_t len, struct answer_device *ret);

/** answer_id() - member @name, a UUID. -ENODATA when it is not there. */
int answer_id(const char *body, size_t len, const char *name, char ret[static UUID_TEXT]);

/** answer_text() - member @name. */
int answer_text(const char *body, size_t len, const char *name, char *ret, size_t size);

/** answer_error() - a short text for people of an error's body: "error", "reason", "field" or
 * "resource"; empty when the body says nothing that can be shown. Never fails. */
void answer_error(const char *body, size_t len, char ret[static ANSWER_TEXT_MAX]);

/**
 * answer_refuses() - is it the server itself that says no, and will it say so again?
 *
 * What stands on the way (a firewall, an ingress that has lost its server) sends pages of its own,
 * and those pass. So does a 403 without a body: Envoy's, when it cannot ask the api-server whose
 * token that is (ext_authz, status_on_error). The api-server's own have a JSON object with "error";
 * but for the 401 of its check of signed tokens, which is empty (nexodus-api 1.2).
 */
bool answer_refuses(long status, const char *body, size_t len);

/**
 * answer_shape() - what @body is instead of a JSON object with these members: "an empty answer",
 * "no JSON: '<html>...'", "an object of status, without id". For people: short, printable, and
 * without words that are long enough to be a token.
 * @members: names, ended by NULL: a UUID where the name ends in "id", a public key, or a text.
 */
void answer_shape(const char *body, size_t len, const char *const *members,
		  char ret[static ANSWER_SHAPE_MAX]);

/** answer_excerpt() - how @text begins, as answer_shape() shows what is no JSON. */
void answer_excerpt(const char *text, size_t len, char ret[static ANSWER_SHAPE_MAX]);

/** answer_login_start() - token_endpoint stays empty. Every URL must be https. */
int answer_login_start(const char *body, size_t len, struct answer_login *ret);

/** answer_discovery() - adds the token endpoint. The issuer must be the one that was asked. */
int answer_discovery(const char *body, size_t len, struct answer_login *ret);

int answer_code(const char *body, size_t len, struct answer_code *ret);

int answer_token(const char *body, size_t len, struct answer_token *ret);

#endif
