// SPDX-License-Identifier: Apache-2.0
#include "nexodus/service_url.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/uuid.h"

#define HTTPS_PORT 443 /* said or not, it is the same service */
#define SCHEME "https://"
#define API "api."
#define HOST_MAX 253 /* RFC 1035: 255 bytes on the wire */
#define LABEL_MAX 63
#define TOKEN_START "RK:"

static int bad(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

/* ASCII from '!' to '~'. */
static bool is_visible(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] >= 0x7f)
			return false;
	return true;
}

/* Letters, digits, hyphens and underscores, in labels that are neither empty nor too long. */
static bool is_host_name(const char *host, size_t len)
{
	size_t label = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = host[i];

		if (c == '.' ? !label : !isalnum(c) && c != '-' && c != '_')
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
	}
	return label && len + strlen(API) <= HOST_MAX;
}

/* "1.2.3.4", or "1.2.3" and "0x7f.1", which many take for addresses: the last label is a number. */
static bool is_address(const char *host, size_t len)
{
	const char *dot = memrchr(host, '.', len);
	const char *last = dot ? dot + 1 : host;
	size_t n = host + len - last, digits = 0;

	while (digits < n && isdigit((unsigned char)last[digits]))
		digits++;
	return n && (digits == n || (n > 1 && !strncasecmp(last, "0x", 2)));
}

/* Digits behind the colon; none at all mean the scheme's port (RFC 3986 section 3.2.3). */
static int read_port(const char *text, size_t len, unsigned int *ret_port)
{
	unsigned int port = 0;

	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return -EINVAL;
		port = port * 10 + (text[i] - '0');
		if (port > UINT16_MAX)
			return -EINVAL;
	}
	if (len && !port)
		return -EINVAL;
	*ret_port = port;
	return 0;
}

/* @authority: "host" or "host:port". */
static int read_authority(const char *authority, size_t len, char ret_api[static SERVICE_URL_MAX],
			  const char **ret_why)
{
	const char *colon = memchr(authority, ':', len);
	size_t host = colon ? (size_t)(colon - authority) : len;
	char api[SERVICE_URL_MAX];
	unsigned int port = 0;
	int n;

	if (memchr(authority, '@', len))
		return bad(ret_why,
			   "it holds a user name or password, which would be sent to nobody");
	if (colon && *authority != '[' && read_port(colon + 1, len - host - 1, &port))
		return bad(ret_why, "its port is no number from 1 to 65535");
	if (host && authority[host - 1] == '.')
		host--; /* names are looked up as they are, with a dot at the end or without */
	if (!host)
		return bad(ret_why, "it has no host name");
	if (*authority == '[' || is_address(authority, host))
		return bad(ret_why, "it needs a host name, not an address: the API is at that name"
				    " with 'api.' before it");
	if (!is_host_name(authority, host))
		return bad(ret_why, "its host name is no DNS name");
	n = snprintf(api, sizeof(api),
		     port && port != HTTPS_PORT ? SCHEME API "%.*s:%u" : SCHEME API "%.*s",
		     (int)host, authority, port);
	if (n < 0 || (size_t)n >= sizeof(api))
		return bad(ret_why, "its host name is too long");
	for (char *c = api; *c; c++)
		*c = tolower((unsigned char)*c);
	memcpy(ret_api, api, n + 1);
	return 0;
}

int service_url_api(const char *url, char ret_api[static SERVICE_URL_MAX], const char **ret_why)
{
	size_t scheme = strlen(SCHEME);

	if (!*url)
		return bad(ret_why, "it is empty");
	if (!is_visible(url, strlen(url)))
		return bad(ret_why, "it has blanks or characters that no URL has");
	if (strncasecmp(url, SCHEME, scheme) != 0)
		return bad(ret_why, "it does not begin with https://");
	if (strchr(url, '#'))
		return bad(ret_why, "there is a # in it, as in a registration key: give that with "
				    "--reg-key");
	return read_authority(url + scheme, strcspn(url + scheme, "/?#"), ret_api, ret_why);
}

/* Of a fragment: a plus is a plus. Return: length; -EINVAL; -E2BIG with @size and no end. */
static int percent_decode(const char *text, char *ret, size_t size)
{
	size_t len = 0;

	for (; *text; text++) {
		int high, low;

		if (len + 1 >= size)
			return -E2BIG;
		ret[len++] = *text;
		if (*text != '%')
			continue;
		high = hex_digit(text[1]);
		low = high < 0 ? -1 : hex_digit(text[2]);
		if (low < 0)
			return -EINVAL;
		ret[len - 1] = (char)(high << 4 | low);
		text += 2;
	}
	ret[len] = '\0';
	return (int)len;
}

static const char *token_fault(const char *token, int len)
{
	if (len == -E2BIG)
		return "it is too long";
	if (len < 0)
		return "it has a '%' without two hexadecimal digits behind it";
	if (strncmp(token, TOKEN_START, strlen(TOKEN_START)) != 0)
		return "it does not begin with RK:";
	if ((size_t)len == strlen(TOKEN_START))
		return "there is nothing behind RK:";
	return is_visible(token, len) ? NULL : "it has blanks or characters that no key has";
}

int service_url_split_key(const char *key, char ret_url[static SERVICE_URL_MAX],
			  char ret_token[static SERVICE_TOKEN_MAX], const char **ret_why)
{
	const char *hash = strchr(key, '#'), *fault;
	size_t url_len = hash ? (size_t)(hash - key) : 0;
	char token[SERVICE_TOKEN_MAX] = "";
	int len;

	if (hash && !url_len)
		return bad(ret_why, "there is no URL before '#'");
	if (url_len >= SERVICE_URL_MAX)
		return bad(ret_why, "the URL before '#' is too long");
	if (hash) {
		len = percent_decode(hash + 1, token, sizeof(token));
	} else {
		len = (int)strnlen(key, sizeof(token));
		if ((size_t)len < sizeof(token))
			memcpy(token, key, len);
		else
			len = -E2BIG;
	}
	fault = token_fault(token, len);
	if (!fault) {
		memcpy(ret_url, key, url_len);
		ret_url[url_len] = '\0';
		memcpy(ret_token, token, len + 1);
	}
	explicit_bzero(token, sizeof(token));
	return fault ? bad(ret_why, fault) : 0;
}
