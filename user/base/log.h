/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - messages to stderr, one event per line.
 *
 * Modules return errors, edges log them: only main.c, cmd/ and node/ log above debug.
 * Under systemd (JOURNAL_STREAM) each line carries its priority as "<N>"; on a terminal warnings
 * and errors are coloured unless NO_COLOR is set.
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_NOTE, LOG_LEVEL_DEBUG };

/**
 * log_setup() - choose what is shown and how; before the first message.
 * @who:     name in front of each line, e.g. "nex-relay"; must outlive the program.
 * @verbose: show debug messages as well.
 */
void log_setup(const char *who, bool verbose);

/**
 * log_limit_lines() - from now on, as this process goes on for long: what comes up again and again
 * is written LOG_LIMIT_AT_ONCE times, and then once a second (log_limit.h). Each format is a kind
 * of its own.
 */
void log_limit_lines(void);

/**
 * log_tell_left_out() - say how many lines were left out; every few seconds.
 * @all: also what goes on: this is the end of the process.
 */
void log_tell_left_out(bool all);

/**
 * log_line() - write one line; control characters in the text become '?'.
 *
 * Not for secrets: no key, token or password is ever an argument.
 */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** log_line_of() - log_line(), with a kind that is not the format: a static text. */
void log_line_of(enum log_level level, const char *kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * log_err() - "what: reason" at level error.
 * @err:    negative errno, or 0 when the text says it all.
 *
 * Return: @err, or -EIO for 0, so that an edge can write `return log_err(err, ...)`.
 */
int log_err(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_note(...) log_line(LOG_LEVEL_NOTE, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
