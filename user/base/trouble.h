/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trouble.h - what is wrong now: one list, for the log, which has each matter once, and for
 * `status`, which has them all.
 *
 * A trouble is about something, e.g. "list" or "conflict 10.0.0.0/8"; its text says what is wrong
 * with it. As long as the text is the same, so is the trouble.
 */
#ifndef BASE_TROUBLE_H
#define BASE_TROUBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define TROUBLES_MAX 64
#define TROUBLE_ABOUT_MAX 64
#define TROUBLE_TEXT_MAX 512

struct trouble {
	char about[TROUBLE_ABOUT_MAX];
	char text[TROUBLE_TEXT_MAX];
	time_t since;
	uint32_t round; /* see trouble_begin() */
};

struct troubles {
	struct trouble at[TROUBLES_MAX]; /* the oldest first */
	size_t n;
	uint32_t round;
};

/**
 * trouble_set() - this is wrong.
 *
 * Return: whether that is news: there was nothing about it, or another text. What does not fit into
 *         a full list is news each time.
 */
bool trouble_set(struct troubles *troubles, const char *about, const char *text);

/**
 * trouble_warn() - trouble_set(), and a warning in the log if it is news.
 * @about: static.
 * @then:  what is done about it, for the end of the warning: "trying again, continuing".
 *
 * Return: whether it is news.
 */
bool trouble_warn(struct troubles *troubles, const char *about, const char *then,
		  const char *format, ...) __attribute__((format(printf, 4, 5)));

/** trouble_is_set() - is something wrong with it? */
bool trouble_is_set(const struct troubles *troubles, const char *about);

/** trouble_clear() - nothing is wrong with it. Return: whether something was. */
bool trouble_clear(struct troubles *troubles, const char *about);

/** trouble_text() - what is wrong with it; "" when nothing is. Valid until the next change. */
const char *trouble_text(const struct troubles *troubles, const char *about);

/**
 * trouble_begin() - all troubles that begin with the same word are looked for anew: they are set
 * now, and then trouble_end().
 */
void trouble_begin(struct troubles *troubles);

/** trouble_end() - those about @word and more that were not set since trouble_begin() are over. */
void trouble_end(struct troubles *troubles, const char *word);

#endif
