// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"
#include "nexodus/http_private.h"

#define HEADER_MAX 4096 /* of the request, a token included */

/* Is it https, and nothing else that is of no use here? */
static bool is_plain(CURLU *parts)
{
	static const CURLUPart unwanted[] = { CURLUPART_USER, CURLUPART_PASSWORD,
					      CURLUPART_ZONEID };
	bool found = false;

	for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++) {
		char *text = NULL;

		found = found || !curl_url_get(parts, unwanted[i], &text, 0);
		curl_free(text);
	}
	return !found;
}

/* Host and port of the URL, as libcurl reads them: for messages. */
static int take_parts(struct http_call *call, CURLU *parts)
{
	char *host = NULL, *port = NULL;
	int err = -EINVAL;

	if (!curl_url_get(parts, CURLUPART_HOST, &host, 0) &&
	    !curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) &&
	    strlen(port) < sizeof(call->port) && strlen(host) < sizeof(call->host))
		err = curl_url_get(parts, CURLUPART_URL, &call->url, 0) ? -ENOMEM : 0;
	if (!err) {
		memcpy(call->port, port, strlen(port) + 1);
		memcpy(call->host, host, strlen(host) + 1);
	}
	curl_free(host);
	curl_free(port);
	return err;
}

/* No other letters: a name in them is several things to several libraries. */
static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

static int take_url(struct http_call *call, const char *url)
{
	CURLU *parts;
	int err = -EINVAL;

	if (strlen(url) >= HTTP_URL_MAX || !is_ascii(url) || strncmp(url, "https://", 8))
		return -EINVAL;
	parts = curl_url();
	if (!parts)
		return -ENOMEM;
	if (!curl_url_set(parts, CURLUPART_URL, url, 0) && is_plain(parts))
		err = take_parts(call, parts);
	curl_url_cleanup(parts);
	return err;
}

static int add_header(struct http_call *call, const char *name, const char *value)
{
	char text[HEADER_MAX];
	struct curl_slist *more = NULL;
	int len = snprintf(text, sizeof(text), "%s%s", name, value);
	int err = -EINVAL;

	if (len > 0 && (size_t)len < sizeof(text) && printable_check(value)) {
		more = curl_slist_append(call->headers, text);
		err = more ? 0 : -ENOMEM;
	}
	explicit_bzero(text, sizeof(text));
	if (more)
		call->headers = more;
	return err;
}

static int take_headers(struct http_call *call, const struct http_request *request)
{
	const char *type = request->content_type ? request->content_type : "application/json";
	int err;

	err = add_header(call, "Accept: ", "application/json");
	if (!err && call->body)
		err = add_header(call, "Content-Type: ", type);
	if (!err && call->body)
		err = add_header(call, "Expect:", ""); /* no round trip before the body */
	if (!err && request->bearer)
		err = add_header(call, "Authorization: Bearer ", request->bearer);
	return err;
}

/* What has no body of its own, but is not GET, says that it is empty. */
static int take_body(struct http_call *call, const struct http_request *request)
{
	static const char *const methods[] = { "GET", "POST", "PATCH", "PUT" };

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (!strcmp(request->method, methods[i]))
			call->method = methods[i];
	if (!call->method)
		return -EINVAL;
	if (!request->body && call->method == methods[0])
		return 0;
	call->body = strdup(request->body ? request->body : "");
	return call->body ? 0 : -ENOMEM;
}

int http_request_take(struct http_call *call, const struct http_request *request)
{
	int err;

	err = take_url(call, request->url);
	if (!err)
		err = take_body(call, request);
	if (!err)
		err = take_headers(call, request);
	if (err)
		return err;
	call->is_stream = request->is_stream;
	call->on_open = request->on_open;
	call->on_data = request->on_data;
	call->on_done = request->on_done;
	call->arg = request->arg;
	return 0;
}
