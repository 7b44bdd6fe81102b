// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nexodus/http_private.h"

/* Return: NULL when there is none, or an empty one. */
static const char *header_of(CURL *easy, const char *name)
{
	struct curl_header *header;

	if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return NULL;
	return *header->value ? header->value : NULL;
}

int http_retry_parse(const char *text, const char *date, time_t now)
{
	time_t until, at = -1;
	double s = 0;

	if (!text)
		return -1;
	if (text[strspn(text, "0123456789")] == '\0') {
		for (; *text && s < HTTP_RETRY_AFTER_MAX_S; text++)
			s = s * 10 + (*text - '0');
	} else {
		until = curl_getdate(text, NULL);
		if (until < 0)
			return -1;
		if (date)
			at = curl_getdate(date, NULL);
		s = difftime(until, at < 0 ? now : at);
	}
	return s < 0 ? 0 : s > HTTP_RETRY_AFTER_MAX_S ? HTTP_RETRY_AFTER_MAX_S : (int)s;
}

int http_retry_after(CURL *easy)
{
	return http_retry_parse(header_of(easy, "Retry-After"), header_of(easy, "Date"),
				time(NULL));
}
