// SPDX-License-Identifier: Apache-2.0
/*
 * main.c - the table of commands, and what is common to them: help, misuse, exit status.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/help.h"
#include "node/node_signals.h"

#define ANY (OPTION_BIT(OPTION_INTERFACE) | OPTION_BIT(OPTION_CONFIG) | OPTION_BIT(OPTION_HELP))
#define SHOW (ANY | OPTION_BIT(OPTION_JSON))
#define CHECK (SHOW | OPTION_BIT(OPTION_ADOPT) | OPTION_BIT(OPTION_KERNEL_FORWARDING))
#define RUN                                                                            \
	(ANY | OPTION_BIT(OPTION_PEERS) | OPTION_BIT(OPTION_ADOPT) | OPTIONS_ACCOUNT | \
	 OPTIONS_TUNNEL | OPTION_BIT(OPTION_HOOK) | OPTION_BIT(OPTION_ATTACH) |        \
	 OPTION_BIT(OPTION_FORWARD) | OPTION_BIT(OPTION_STRICT) | OPTION_BIT(OPTION_VERBOSE))

/* clang-format off */
static const struct command commands[] = {
	/* name       arguments  max options run          one line, and the text of its help */
	{ "run",      "",        0,  RUN,    cmd_run,     HELP_RUN },
	{ "down",     "",        0,  ANY,    cmd_down,    HELP_DOWN },
	{ "status",   "",        0,  SHOW,   cmd_status,  HELP_STATUS },
	{ "peers",    "[NAME]",  1,  SHOW,   cmd_peers,   HELP_PEERS },
	{ "stats",    "",        0,  SHOW,   cmd_stats,   HELP_STATS },
	{ "check",    "",        0,  CHECK,  cmd_check,   HELP_CHECK },
	{ "version",  "",        0,  OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_HELP),
						  cmd_version, HELP_VERSION },
	{ "source",   NULL,      1,  OPTION_BIT(OPTION_HELP), cmd_source, NULL, NULL },
	{ 0 }
};
/* clang-format on */

static const struct command *find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

/* What is left over may be a secret that belongs to an option: not quoted where there are such. */
static int unexpected(const struct command *command, const char *argument)
{
	if (command->options & OPTIONS_SECRET)
		log_err(0, "%s takes no arguments, only options: see `nex-relay %s --help`",
			command->name, command->name);
	else
		log_err(0, "%s: unexpected argument '%s': see `nex-relay %s --help`", command->name,
			argument, command->name);
	return EXIT_MISUSED;
}

static int run(const struct command *command, int argc, char **argv)
{
	AUTO(options_done) struct options options;
	int first;

	if (options_parse(command->name, command->options, argc, argv, &options, &first))
		return EXIT_MISUSED;
	if (options_on(&options, OPTION_HELP))
		return help_command(command);
	if (argc - first > command->max_args)
		return unexpected(command, argv[first + command->max_args]);
	log_setup("nex-relay", options_on(&options, OPTION_VERBOSE));
	return command->run(&options, argv + first, argc - first);
}

/* Where standard descriptors are closed, the next file opened would take their place. */
static void open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	const struct command *command;

	if (argc > 1 && !strcmp(argv[1], "run"))
		node_signals_block();
	open_standard_descriptors();
	log_setup("nex-relay", false);
	if (argc < 2) {
		help_all(stderr, commands);
		return EXIT_MISUSED;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		command = argc > 2 ? find(argv[2]) : NULL;
		return command && command->text ? help_command(command)
						: help_all(stdout, commands);
	}
	command = find(!strcmp(argv[1], "--version") ? "version" : argv[1]);
	if (!command) {
		log_err(0, "unknown command '%s': see `nex-relay --help`", argv[1]);
		return EXIT_MISUSED;
	}
	return run(command, argc - 1, argv + 1);
}
