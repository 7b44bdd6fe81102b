// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nexodus/http_private.h"

#define RETRY_AFTER_MAX_S 86400

/* Return: NULL when there is none, or an empty one. */
static const char *header_of(CURL *easy, const char *name)
{
	struct curl_header *header;

	if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return NULL;
	return *header->value ? header->value : NULL;
}

int http_retry_after(CURL *easy)
{
	const char *text = header_of(easy, "Retry-After"), *date;
	time_t until, now = -1;
	double s = 0;

	if (!text)
		return -1;
	if (text[strspn(text, "0123456789")] == '\0') {
		for (; *text && s < RETRY_AFTER_MAX_S; text++)
			s = s * 10 + (*text - '0');
	} else {
		until = curl_getdate(text, NULL);
		if (until < 0)
			return -1;
		date = header_of(easy, "Date");
		if (date)
			now = curl_getdate(date, NULL);
		s = difftime(until, now < 0 ? time(NULL) : now);
	}
	return s < 0 ? 0 : s > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : (int)s;
}
