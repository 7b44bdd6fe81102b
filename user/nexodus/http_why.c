// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"
#include "nexodus/http_private.h"

static const char *const during[] = {
	[HTTP_BEGIN] = "connect to",
	[HTTP_CONNECT] = "connect to",
	[HTTP_HEADERS] = "wait for the answer of",
	[HTTP_BODY] = "read the answer of",
};

static void tell(const struct http_call *call, const char *what, const char *detail,
		 char why[static HTTP_WHY_MAX])
{
	char text[HTTP_WHY_MAX * 2];

	snprintf(text, sizeof(text), "%s %s:%s%s: %s", what, call->host, call->port, call->way,
		 detail);
	printable_copy(why, HTTP_WHY_MAX, text);
}

int http_why_late(const struct http_call *call, char why[static HTTP_WHY_MAX])
{
	bool is_name = call->phase == HTTP_CONNECT && strstr(call->curl_says, "Resolving");

	tell(call, during[call->phase], is_name ? "the time for its name is over" : "timed out",
	     why);
	return -ETIMEDOUT;
}

static int why_ours(const struct http_call *call, char why[static HTTP_WHY_MAX])
{
	switch (call->err) {
	case -EMSGSIZE:
		tell(call, during[call->phase], "it is too long", why);
		break;
	case -ECANCELED:
		tell(call, during[call->phase], "cancelled", why);
		break;
	default:
		tell(call, during[call->phase], strerror(-call->err), why);
	}
	return call->err;
}

/*
 * What libcurl says of the environment's proxy may have its URL in it, with a password.
 */
static const char *detail_of(const struct http_call *call, CURLcode code)
{
	bool is_secret = strchr(call->curl_says, '@') || strstr(call->curl_says, "://");

	return *call->curl_says && !is_secret ? call->curl_says : curl_easy_strerror(code);
}

static int why_not_connected(const struct http_call *call, char why[static HTTP_WHY_MAX])
{
	long os_errno = 0;

	(void)curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &os_errno);
	switch (os_errno) {
	case ECONNREFUSED:
	case ETIMEDOUT:
	case EHOSTUNREACH:
		break;
	case ENETUNREACH:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
		tell(call, during[HTTP_CONNECT], strerror(os_errno), why);
		return -EHOSTUNREACH;
	default: /* libcurl did not keep it */
		os_errno = EHOSTUNREACH;
	}
	tell(call, during[HTTP_CONNECT], strerror(os_errno), why);
	return -(int)os_errno;
}

/* libcurl compares names first, and without having verified leaves "unspecified" as the result. */
static int why_certificate(const struct http_call *call, char why[static HTTP_WHY_MAX])
{
	const char *detail = call->curl_says;
	long result = X509_V_ERR_UNSPECIFIED;

	(void)curl_easy_getinfo(call->easy, CURLINFO_SSL_VERIFYRESULT, &result);
	if (strstr(call->curl_says, "subject name"))
		detail = "it is for another host";
	else if (result != X509_V_OK && result != X509_V_ERR_UNSPECIFIED)
		detail = X509_verify_cert_error_string(result);
	tell(call, "check the certificate of", detail, why);
	return -EKEYREJECTED;
}

int http_why_curl(const struct http_call *call, CURLcode code, char why[static HTTP_WHY_MAX])
{
	const char *detail = detail_of(call, code);

	if (call->err)
		return why_ours(call, why);
	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_OPERATION_TIMEDOUT:
		return http_why_late(call, why);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		tell(call, during[HTTP_CONNECT], detail, why);
		return -EHOSTUNREACH;
	case CURLE_COULDNT_CONNECT:
		return why_not_connected(call, why);
	case CURLE_PEER_FAILED_VERIFICATION:
		return why_certificate(call, why);
	case CURLE_SSL_CACERT_BADFILE:
		tell(call, "check the certificate of", detail, why);
		return -EKEYREJECTED;
	case CURLE_SSL_CONNECT_ERROR:
		tell(call, "agree on TLS with", detail, why);
		return -EPROTO;
	case CURLE_UNSUPPORTED_PROTOCOL: /* of the answer: the URL's was looked at */
	case CURLE_WEIRD_SERVER_REPLY:
		tell(call, during[call->phase], "it does not speak HTTP", why);
		return -ECONNRESET;
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		tell(call, during[call->phase], detail, why);
		return -ECONNRESET;
	case CURLE_OUT_OF_MEMORY:
		tell(call, during[call->phase], strerror(ENOMEM), why);
		return -ENOMEM;
	default:
		tell(call, during[call->phase], detail, why);
		return -EIO;
	}
}
