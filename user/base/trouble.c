// SPDX-License-Identifier: Apache-2.0
#include "base/trouble.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define TROUBLE_WARNING_MAX (PATH_MAX + TROUBLE_TEXT_MAX)

/* Both as they are kept: cut. */
static struct trouble *find(const struct troubles *troubles, const char *about)
{
	for (size_t i = 0; i < troubles->n; i++)
		if (!strncmp(troubles->at[i].about, about, TROUBLE_ABOUT_MAX - 1))
			return (struct trouble *)&troubles->at[i];
	return NULL;
}

bool trouble_set(struct troubles *troubles, const char *about, const char *text)
{
	struct trouble *trouble = find(troubles, about);

	if (!trouble && troubles->n == TROUBLES_MAX)
		return true;
	if (!trouble) {
		trouble = &troubles->at[troubles->n++];
		*trouble = (struct trouble){};
		snprintf(trouble->about, sizeof(trouble->about), "%s", about);
	}
	trouble->round = troubles->round;
	if (*trouble->text && !strncmp(trouble->text, text, TROUBLE_TEXT_MAX - 1))
		return false;
	snprintf(trouble->text, sizeof(trouble->text), "%s", text);
	trouble->since = time(NULL);
	return true;
}

static void remove_at(struct troubles *troubles, size_t i)
{
	troubles->n--;
	memmove(&troubles->at[i], &troubles->at[i + 1], (troubles->n - i) * sizeof(*troubles->at));
}

bool trouble_warn(struct troubles *troubles, const char *about, const char *then,
		  const char *format, ...)
{
	char text[TROUBLE_WARNING_MAX];
	va_list args;
	bool is_news;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	is_news = trouble_set(troubles, about, text);
	if (is_news)
		log_line_of(LOG_LEVEL_WARN, about, "%s; %s", text, then);
	return is_news;
}

bool trouble_is_set(const struct troubles *troubles, const char *about)
{
	return *trouble_text(troubles, about);
}

bool trouble_clear(struct troubles *troubles, const char *about)
{
	const struct trouble *trouble = find(troubles, about);

	if (trouble)
		remove_at(troubles, trouble - troubles->at);
	return trouble;
}

const char *trouble_text(const struct troubles *troubles, const char *about)
{
	const struct trouble *trouble = find(troubles, about);

	return trouble ? trouble->text : "";
}

void trouble_begin(struct troubles *troubles)
{
	troubles->round++;
}

void trouble_end(struct troubles *troubles, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = troubles->n; i-- > 0;) {
		const struct trouble *trouble = &troubles->at[i];

		if (!strncmp(trouble->about, word, len) && trouble->about[len] == ' ' &&
		    trouble->round != troubles->round)
			remove_at(troubles, i);
	}
}
