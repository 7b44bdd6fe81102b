// SPDX-License-Identifier: Apache-2.0
#include "nexodus/saved_state.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/json_member.h"
#include "base/uuid.h"
#include "base/wg_key.h"
#include "nexodus/device_cache.h"

#define VERSION 1
#define HASH_TEXT_MAX (2 * EVP_MAX_MD_SIZE + 1)

/* Which registration key it was. Empty without a key. */
static int key_hash(const struct account *account, char ret[static HASH_TEXT_MAX])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	*ret = '\0';
	if (!*account->reg_token)
		return 0;
	if (!EVP_Digest(account->reg_token, strlen(account->reg_token), hash, &len, EVP_sha256(),
			NULL))
		return -ENOMEM;
	for (unsigned int i = 0; i < len; i++)
		snprintf(ret + (size_t)2 * i, 3, "%02x", hash[i]);
	return 0;
}

static bool is_text(struct json_object *object, const char *name, const char *want)
{
	const char *text = json_text(object, name);

	return text && !strcmp(text, want);
}

static bool is_of(struct json_object *object, const struct account *account)
{
	char key[WG_KEY_TEXT];

	return is_text(object, "api", account->api) &&
	       is_text(object, "public_key", wg_key_format(account->public_key, key)) &&
	       (!*account->vpc_id || !json_member(object, "vpc_id") ||
		is_text(object, "vpc_id", account->vpc_id)) &&
	       (!*account->username || is_text(object, "username", account->username));
}

/* One that is given now, and was not when the registration was kept. */
static int compare_key(struct json_object *object, const struct account *account,
		       struct saved_state *state)
{
	char hash[HASH_TEXT_MAX];
	int err = key_hash(account, hash);

	state->is_other_key = *hash && !is_text(object, "reg_key_sha256", hash);
	return err;
}

static bool take_id(struct json_object *object, const char *name, char *ret)
{
	uint8_t id[DEVICE_ID_BYTES];

	return json_text_copy(object, name, ret, UUID_TEXT) && !uuid_parse(ret, id);
}

/* What becomes part of a request. Not there is empty. */
static bool take_secret(struct json_object *object, const char *name, char *ret, size_t size)
{
	if (json_member(object, name) && !json_text_copy(object, name, ret, size))
		return false;
	for (const char *c = ret; *c; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return true;
}

/* Before it is registered there is a refresh token alone; a device's token is of a device. */
static int take(struct json_object *object, struct saved_state *state)
{
	bool is_device = take_id(object, "device_id", state->device_id) &&
			 take_id(object, "vpc_id", state->vpc_id);

	if (!take_secret(object, "device_token", state->device_token,
			 sizeof(state->device_token)) ||
	    !take_secret(object, "refresh_token", state->refresh_token,
			 sizeof(state->refresh_token)))
		return -EBADMSG;
	if (!is_device && (*state->device_token || json_member(object, "device_id") ||
			   json_member(object, "vpc_id")))
		return -EBADMSG;
	return 0;
}

int saved_state_read(const char *text, size_t len, const struct account *account,
		     struct saved_state *ret)
{
	struct json_object *object = json_parse(text, len);
	struct saved_state state = {};
	int err;

	if (json_number(object, "version", VERSION, VERSION, 0) != VERSION)
		err = -EBADMSG;
	else
		err = is_of(object, account) ? take(object, &state) : -ENOENT;
	if (!err)
		err = compare_key(object, account, &state);
	if (!err)
		*ret = state;
	explicit_bzero(&state, sizeof(state));
	json_object_put(object);
	return err;
}

static void add(struct json_object *object, const char *name, const char *text)
{
	if (*text)
		json_object_object_add(object, name, json_object_new_string(text));
}

int saved_state_print(const struct saved_state *state, const struct account *account, char *ret,
		      size_t size)
{
	struct json_object *object = json_object_new_object();
	char hash[HASH_TEXT_MAX], key[WG_KEY_TEXT];
	const char *text;
	int len = key_hash(account, hash);

	if (len)
		goto out;
	json_object_object_add(object, "version", json_object_new_int(VERSION));
	add(object, "api", account->api);
	add(object, "public_key", wg_key_format(account->public_key, key));
	add(object, "username", account->username);
	add(object, "reg_key_sha256", hash);
	add(object, "vpc_id", state->vpc_id);
	add(object, "device_id", state->device_id);
	add(object, "device_token", state->device_token);
	add(object, "refresh_token", state->refresh_token);
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							      JSON_C_TO_STRING_NOSLASHESCAPE);
	len = text ? snprintf(ret, size, "%s\n", text) : -ENOMEM;
	if (len >= (int)size)
		len = -ENOSPC;
out:
	json_object_put(object);
	return len;
}
