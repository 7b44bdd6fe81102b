// SPDX-License-Identifier: Apache-2.0
#include "cmd/help.h"

#include "cmd/print.h"

int help_all(FILE *to, const struct command *commands)
{
	fputs("nex-relay - forwards IPv4 and IPv6 between the peers of a WireGuard interface, in "
	      "BPF\n"
	      "\n"
	      "usage: nex-relay COMMAND [OPTIONS] [ARGUMENTS]\n"
	      "\n"
	      "commands:\n",
	      to);
	for (const struct command *c = commands; c->name; c++)
		if (c->arguments)
			fprintf(to, "    %-8s %-7s %s\n", c->name, c->arguments, c->summary);
	fputs("\n"
	      "`nex-relay COMMAND --help` says everything about a command.\n"
	      "Exit status: 0 done, 1 failed, 2 misused. Data on stdout, messages on stderr.\n",
	      to);
	return to == stdout ? print_flush() : EXIT_DONE;
}

static void print_config_file(bool with_secrets)
{
	puts("\nCONFIGURATION FILE\n"
	     "    One `name = value` a line, with the names of the options above: `interface = "
	     "wg1`.\n"
	     "    A switch is 1 or 0 (yes, no, true, false, on, off). A line that begins with '#' "
	     "is\n"
	     "    a comment. There are no quotes. It must be root's, and nobody else may write "
	     "it.");
	if (with_secrets)
		puts("    With reg-key or password in it, its mode must be 0600.\n"
		     "\nSECRETS\n"
		     "    Key and password are best kept in files (--reg-key-file, "
		     "--password-file),\n"
		     "    or handed over as systemd credentials of the names reg-key and "
		     "password,\n"
		     "    which count as environment. Where two places of the same rank give the "
		     "same\n"
		     "    secret, that is an error. What is given on the command line is "
		     "overwritten\n"
		     "    there, but for a moment everybody on the host can see it.");
}

int help_command(const struct command *command)
{
	if (!command->text)
		return EXIT_MISUSED;
	printf("NAME\n    nex-relay %s - %s\n\n", command->name, command->summary);
	printf("SYNOPSIS\n    nex-relay %s [OPTIONS]%s%s\n\n", command->name,
	       command->arguments[0] ? " " : "", command->arguments);
	printf("DESCRIPTION\n    ");
	for (const char *c = command->text; *c; c++) {
		putchar(*c);
		if (*c == '\n' && c[1] && c[1] != '\n')
			fputs("    ", stdout);
	}
	printf("\nOPTIONS\n");
	option_print_help(stdout, command->options);
	if (command->options & OPTION_BIT(OPTION_CONFIG))
		print_config_file(command->options & OPTIONS_SECRET);
	puts("\nENVIRONMENT\n"
	     "    The names in brackets above. A flag wins over the environment, and that over "
	     "the\n"
	     "    configuration file. A switch is 1 or 0.\n"
	     "\nEXIT STATUS\n"
	     "    0 done, 1 failed, 2 misused.\n"
	     "\nFILES\n"
	     "    " OPTION_CONFIG_DEFAULT "   configuration\n"
	     "    /sys/fs/bpf/nex-relay/NAME/     pinned maps and links, for bpftool\n"
	     "    /run/nex-relay/NAME/            lock and status of a run\n"
	     "    /run/nex-relay/sysctls          what `run` changed, for `down`");
	return print_flush();
}
