/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - what a command was told: on the command line, in the environment, in the
 * configuration file.
 *
 * A setting has one name everywhere: flag --hook, environment NEX_RELAY_HOOK, `hook = tc` in the
 * file. The flag wins over the environment, which wins over the file. A secret (registration key,
 * password) may also be the first line of a file, or a credential of systemd, which counts as
 * environment.
 */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H

#include <stdbool.h>

#include "cmd/config_file.h"
#include "cmd/option_table.h"
#include "tunnel/table_floor.h"

#define OPTION_LIST_MAX 2048 /* bytes of an option that may be repeated, NUL included */
#define OPTION_ORIGIN_MAX 512

/* Where a value comes from; the higher one wins. */
enum option_level { LEVEL_DEFAULT, LEVEL_FILE, LEVEL_ENVIRONMENT, LEVEL_FLAG };

struct option_origin {
	enum option_level level;
	enum option_id by; /* --reg-key-file may give --reg-key; OPTION_COUNT: a credential does */
	unsigned int line; /* of the configuration file */
};

/** What the command goes by. Not to be copied: some values are in the structure itself. */
struct options {
	const char *value[OPTION_COUNT]; /* text, its default, or NULL; "1" or NULL for a switch */
	struct option_origin origin[OPTION_COUNT];
	struct config_file config;
	char stun_servers[OPTION_LIST_MAX];
	char reg_key[OPTION_SECRET_MAX];
	char password[OPTION_SECRET_MAX];
};

/**
 * options_parse() - flags, then environment, then configuration file, then defaults.
 * @command: for messages.
 * @allowed: bits of the options that the command has. The file is read when OPTION_CONFIG is among
 *           them; the values of options that are not are not looked at.
 * @ret:     filled, on failure too: ends with options_done(). The texts belong to it, to argv, the
 *           environment or the program.
 * @ret_args: index of the first argument that is no option.
 *
 * Secrets among the options of the command are overwritten in argv, where `ps` shows them, and
 * taken out of the environment.
 *
 * Return: 0; -EINVAL after one line on stderr that says what is wrong.
 */
int options_parse(const char *command, uint64_t allowed, int argc, char **argv, struct options *ret,
		  int *ret_args);

/** options_hurry() - how much faster than usual a relay is to be in a test: NEX_RELAY_TEST_HURRY,
 * 0 to @max. */
unsigned int options_hurry(unsigned int max);

/** options_done() - wipe and free. Safe on a zeroed one. */
void options_done(struct options *options);

/** options_is() - is the value of @id this word? */
bool options_is(const struct options *options, enum option_id id, const char *word);

/** options_number() - value of an option that is a number, within its bounds. */
unsigned long options_number(const struct options *options, enum option_id id);

/** options_prefixes() - the prefixes of @id; @list stays as it is when there are none. */
void options_prefixes(const struct options *options, enum option_id id, struct prefix_list *list);

/** options_forwarding() - what kernel-forwarding means. */
struct kernel_forwarding options_forwarding(const struct options *options);

/** options_given() - was @id set, anywhere? A switch: to on. */
bool options_given(const struct options *options, enum option_id id);

/** options_on() - is the switch @id on? */
bool options_on(const struct options *options, enum option_id id);

/**
 * options_origin() - how @id was given, for messages: "--mtu", "NEX_RELAY_MTU",
 * "mtu (/etc/nex-relay/nex-relay.conf line 3)", "the reg-key of --reg-key-file", "the systemd
 * credential password".
 *
 * Return: @text.
 */
const char *options_origin(const struct options *options, enum option_id id,
			   char text[static OPTION_ORIGIN_MAX]);

#endif
