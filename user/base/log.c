// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_limit.h"
#include "base/printable.h"

#define LINE_BYTES_MAX 4608 /* room for a path and a reason */

static struct {
	const char *who;
	enum log_level max;
	bool journal;
	bool colour;
	bool limited;
} log_state = { .who = "nex-relay", .max = LOG_LEVEL_NOTE };

void log_setup(const char *who, bool verbose)
{
	log_state.who = who;
	log_state.max = verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_NOTE;
	log_state.journal = getenv("JOURNAL_STREAM") && !isatty(STDERR_FILENO);
	log_state.colour = isatty(STDERR_FILENO) && !getenv("NO_COLOR");
}

static void log_write(enum log_level level, const char *message)
{
	static const char *const colour[] = { "\033[31m", "\033[33m", "", "\033[2m" };
	static const int priority[] = { 3, 4, 5, 7 }; /* sd-daemon(3) */
	bool coloured = log_state.colour && *colour[level];
	char line[LINE_BYTES_MAX + 64];
	char text[LINE_BYTES_MAX];
	int len;

	printable_copy(text, sizeof(text), message);
	if (log_state.journal)
		len = snprintf(line, sizeof(line), "<%d>%s\n", priority[level], text);
	else
		len = snprintf(line, sizeof(line), "%s%s: %s%s%s\n", coloured ? colour[level] : "",
			       log_state.who, level == LOG_LEVEL_WARN ? "warning: " : "", text,
			       coloured ? "\033[0m" : "");
	/* One write per line: two processes share stderr. Nobody is left to tell if it fails. */
	if (len > 0 && write(STDERR_FILENO, line, len) < 0)
		return;
}

static struct log_limit limit;

void log_limit_lines(void)
{
	log_state.limited = true;
}

void log_tell_left_out(bool all)
{
	char last[LOG_LIMIT_TEXT_MAX], line[LOG_LIMIT_TEXT_MAX + 80];
	unsigned int n;

	while (log_state.limited && (n = log_limit_left_out(&limit, clock_s(), all, last))) {
		snprintf(line, sizeof(line),
			 "%u further messages of this kind suppressed, the last: %s", n, last);
		log_write(LOG_LEVEL_WARN, line);
	}
}

/* What happens again and again must not fill the journal. */
static void log_write_limited(enum log_level level, const char *kind, const char *message)
{
	bool is_first = false;

	if (!log_state.limited || level == LOG_LEVEL_DEBUG ||
	    log_limit_take(&limit, kind, clock_s(), message, &is_first))
		log_write(level, message);
	else if (is_first)
		log_write(LOG_LEVEL_WARN, "further messages of this kind suppressed, continuing: "
					  "`nex-relay status` tells how it stands");
}

static void log_format(enum log_level level, const char *kind, const char *format, va_list args)
{
	char text[LINE_BYTES_MAX];

	if (level > log_state.max)
		return;
	vsnprintf(text, sizeof(text), format, args);
	log_write_limited(level, kind, text);
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_format(level, format, format, args);
	va_end(args);
}

void log_line_of(enum log_level level, const char *kind, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_format(level, kind, format, args);
	va_end(args);
}

int log_err(int err, const char *format, ...)
{
	char text[LINE_BYTES_MAX];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (err && len >= 0 && (size_t)len < sizeof(text))
		snprintf(text + len, sizeof(text) - len, ": %s", strerror(-err));
	log_write_limited(LOG_LEVEL_ERROR, format, text);
	return err ?: -EIO;
}
