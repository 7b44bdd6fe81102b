// SPDX-License-Identifier: Apache-2.0
#include "nexodus/answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json_member.h"
#include "base/printable.h"
#include "base/uuid.h"
#include "nexodus/device_cache.h"

static bool is_visible(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

static bool take_visible(struct json_object *object, const char *name, char *ret, size_t size)
{
	return json_text_copy(object, name, ret, size) && is_visible(ret);
}

static bool take_url(struct json_object *object, const char *name, char *ret, size_t size)
{
	return take_visible(object, name, ret, size) && !strncmp(ret, "https://", 8);
}

static bool take_id(struct json_object *object, const char *name, char *ret)
{
	uint8_t id[DEVICE_ID_BYTES];

	return json_text_copy(object, name, ret, UUID_TEXT) && !uuid_parse(ret, id);
}

int answer_device(const char *body, size_t len, struct answer_device *ret)
{
	struct json_object *object = json_parse(body, len);
	struct answer_device device = {};
	const char *key = json_text(object, "public_key");
	int err = -EBADMSG;

	if (take_id(object, "id", device.id) && take_id(object, "vpc_id", device.vpc_id) && key &&
	    !wg_key_parse(key, device.public_key))
		err = 0;
	if (!err && json_member(object, "bearer_token") &&
	    !take_visible(object, "bearer_token", device.sealed_token, sizeof(device.sealed_token)))
		*device.sealed_token = '\0';
	if (!err)
		*ret = device;
	json_object_put(object);
	return err;
}

int answer_id(const char *body, size_t len, const char *name, char ret[static UUID_TEXT])
{
	struct json_object *object = json_parse(body, len);
	char id[UUID_TEXT];
	int err = 0;

	if (json_object_is_type(object, json_type_object) && !json_member(object, name))
		err = -ENODATA;
	else if (!take_id(object, name, id))
		err = -EBADMSG;
	if (!err)
		memcpy(ret, id, sizeof(id));
	json_object_put(object);
	return err;
}

int answer_text(const char *body, size_t len, const char *name, char *ret, size_t size)
{
	struct json_object *object = json_parse(body, len);
	int err = json_text_copy(object, name, ret, size) ? 0 : -EBADMSG;

	json_object_put(object);
	return err;
}

void answer_error(const char *body, size_t len, char ret[static ANSWER_TEXT_MAX])
{
	static const char *const more[] = { "reason", "field", "resource", "error_description" };
	struct json_object *object = json_parse(body, len);
	const char *text = json_text(object, "error"), *detail = NULL;
	char whole[2 * ANSWER_TEXT_MAX];

	for (size_t i = 0; !detail && i < sizeof(more) / sizeof(more[0]); i++)
		detail = json_text(object, more[i]);
	snprintf(whole, sizeof(whole), "%.*s%s%.*s", ANSWER_TEXT_MAX, text ?: "",
		 text && detail ? ": " : "", ANSWER_TEXT_MAX - 4, detail ?: "");
	printable_copy(ret, ANSWER_TEXT_MAX, whole);
	json_object_put(object);
}

bool answer_refuses(long status, const char *body, size_t len)
{
	struct json_object *object;
	bool says_why;

	if (status < 400 || status >= 500 || status == 408 || status == 429)
		return false;
	object = json_parse(body, len);
	says_why = json_text(object, "error");
	json_object_put(object);
	return says_why || (status == 401 && !len);
}

/* "+02:00" or "Z", and nothing behind it. Return: whether it is that. */
static bool take_zone(const char *text, int *ret_minutes)
{
	char hours[3], minutes[3];

	*ret_minutes = 0;
	if (!strcmp(text, "Z"))
		return true;
	if ((*text != '+' && *text != '-') || strlen(text) != 6 || text[3] != ':' ||
	    strspn(text + 1, "0123456789") != 2 || strspn(text + 4, "0123456789") != 2)
		return false;
	snprintf(hours, sizeof(hours), "%.2s", text + 1);
	snprintf(minutes, sizeof(minutes), "%.2s", text + 4);
	*ret_minutes = (int)(strtol(hours, NULL, 10) * 60 + strtol(minutes, NULL, 10));
	if (*text == '-')
		*ret_minutes = -*ret_minutes;
	return strcmp(hours, "24") < 0 && strcmp(minutes, "60") < 0;
}

/* "2024-07-22T11:14:30.120034517+02:00". Return: 0 when it is no such time. */
static int64_t time_of(const char *text)
{
	struct tm tm = {};
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	int minutes;

	if (rest && *rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (!rest || !take_zone(rest, &minutes))
		return 0;
	return (int64_t)timegm(&tm) - minutes * 60;
}

int answer_login_start(const char *body, size_t len, struct answer_login *ret)
{
	struct json_object *object = json_parse(body, len);
	struct answer_login login = {};
	int err = -EBADMSG;

	if (take_url(object, "issuer", login.issuer, sizeof(login.issuer)) &&
	    take_url(object, "device_authorization_endpoint", login.device_endpoint,
		     sizeof(login.device_endpoint)) &&
	    take_visible(object, "client_id", login.client_id, sizeof(login.client_id)))
		err = 0;
	login.server_time = time_of(json_text(object, "server_time"));
	if (!err)
		*ret = login;
	json_object_put(object);
	return err;
}

int answer_discovery(const char *body, size_t len, struct answer_login *ret)
{
	struct json_object *object = json_parse(body, len);
	char endpoint[ANSWER_URL_MAX];
	const char *issuer = json_text(object, "issuer");
	int err = -EBADMSG;

	if (issuer && !strcmp(issuer, ret->issuer) &&
	    take_url(object, "token_endpoint", endpoint, sizeof(endpoint)))
		err = 0;
	if (!err)
		memcpy(ret->token_endpoint, endpoint, sizeof(endpoint));
	json_object_put(object);
	return err;
}

int answer_code(const char *body, size_t len, struct answer_code *ret)
{
	struct json_object *object = json_parse(body, len);
	struct answer_code code = {};
	int err = -EBADMSG;

	if (take_visible(object, "device_code", code.device_code, sizeof(code.device_code)) &&
	    take_visible(object, "user_code", code.user_code, sizeof(code.user_code)) &&
	    (take_url(object, "verification_uri_complete", code.url, sizeof(code.url)) ||
	     take_url(object, "verification_uri", code.url, sizeof(code.url))))
		err = 0;
	code.expires_in_s = json_number(object, "expires_in", 1, 86400, 600);
	code.interval_s = json_number(object, "interval", 1, 300, 5);
	if (!err)
		*ret = code;
	explicit_bzero(&code, sizeof(code));
	json_object_put(object);
	return err;
}

int answer_token(const char *body, size_t len, struct answer_token *ret)
{
	struct json_object *object = json_parse(body, len);
	struct answer_token token = {};
	int err = -EBADMSG;

	token.expires_in_s = json_number(object, "expires_in", 1, 366 * 86400, 0);
	if (take_visible(object, "access_token", token.access, sizeof(token.access)) &&
	    token.expires_in_s)
		err = 0;
	if (!take_visible(object, "refresh_token", token.refresh, sizeof(token.refresh)))
		*token.refresh = '\0';
	if (!err)
		*ret = token;
	explicit_bzero(&token, sizeof(token));
	json_object_put(object);
	return err;
}
