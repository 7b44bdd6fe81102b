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
	options_print_help(stdout, command->options);
	puts("\nENVIRONMENT\n"
	     "    The names in brackets above; a flag wins over the environment. A switch is 1 or "
	     "0.\n"
	     "\nEXIT STATUS\n"
	     "    0 done, 1 failed, 2 misused.\n"
	     "\nFILES\n"
	     "    /sys/fs/bpf/nex-relay/NAME/   pinned maps and links, for bpftool\n"
	     "    /run/nex-relay/NAME/          lock and status of a run\n"
	     "    /run/nex-relay/sysctls        what `run` changed, for `down`");
	return print_flush();
}
