/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - the settings of all commands: one table for parsing, help and the environment.
 *
 * A setting has one name everywhere: flag --hook, environment NEX_RELAY_HOOK. The flag wins.
 */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

enum option_id {
	OPTION_INTERFACE,
	OPTION_PEERS,
	OPTION_ADOPT,
	OPTION_STATE_DIR,
	OPTION_LISTEN_PORT,
	OPTION_MTU,
	OPTION_WIREGUARD,
	OPTION_THREADED_NAPI,
	OPTION_HOOK,
	OPTION_ATTACH,
	OPTION_FORWARD,
	OPTION_STRICT,
	OPTION_JSON,
	OPTION_VERBOSE,
	OPTION_HELP,
	OPTION_COUNT
};

/* Bits for struct command.options. */
#define OPTION_BIT(id) (1u << (id))

/** Values after parsing: text, its default, or NULL; "1" or NULL for a switch. */
struct options {
	const char *value[OPTION_COUNT];
};

/**
 * options_parse() - flags, then environment, then defaults.
 * @command: for messages.
 * @allowed: bits of the options that the command has.
 * @ret:     filled; the texts belong to argv, the environment or the program.
 * @ret_args: index of the first argument that is no option.
 *
 * Return: 0; -EINVAL after one line on stderr that says what is wrong.
 */
int options_parse(const char *command, unsigned int allowed, int argc, char **argv,
		  struct options *ret, int *ret_args);

/** options_is() - is the value of @id this word? */
bool options_is(const struct options *options, enum option_id id, const char *word);

/** options_number() - value of an option that is a number, within its bounds. */
unsigned long options_number(const struct options *options, enum option_id id);

/** options_given() - was @id set, on the command line or in the environment? */
bool options_given(const struct options *options, enum option_id id);

/** options_name() - "listen-port", for messages. */
const char *options_name(enum option_id id);

/** options_on() - is the switch @id on? */
bool options_on(const struct options *options, enum option_id id);

/** options_print_help() - one paragraph for each option of @allowed. */
void options_print_help(FILE *to, unsigned int allowed);

#endif
