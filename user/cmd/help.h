/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help.h - what the commands say about themselves; all help is made from the table in main.c.
 */
#ifndef CMD_HELP_H
#define CMD_HELP_H

#include <stdio.h>

#include "cmd/cmd.h"

struct command {
	const char *name;
	const char *arguments; /* for the synopsis; NULL: the command is internal */
	int max_args;
	uint64_t options; /* bits of enum option_id */
	command_run *run;
	const char *summary; /* one line */
	const char *text;    /* paragraphs, with examples */
};

/** help_all() - the list of commands to @to. Return: EXIT_DONE. */
int help_all(FILE *to, const struct command *commands);

/** help_command() - everything about one command to stdout. Return: EXIT_DONE. */
int help_command(const struct command *command);

/* Summary and text of each command, for the table. */
#define HELP_RUN                                                                                   \
	"Relay between the devices of a VPC, in the foreground",                                   \
		"Makes the WireGuard interface (the kernel's, or wireguard-go where the kernel "   \
		"has\n"                                                                            \
		"none) with a key that is made at the first start, gives it its addresses, a "     \
		"peer\n"                                                                           \
		"for every device and a route to every AllowedIP, loads the BPF programs, "        \
		"attaches\n"                                                                       \
		"them and fills their tables, and keeps all of that equal to the device list.\n"   \
		"Packets between two peers are forwarded in BPF, IPv4 and IPv6 alike: no "         \
		"netfilter\n"                                                                      \
		"rule, no connection tracking and no routing lookup sees them. Everything else "   \
		"goes\n"                                                                           \
		"to the kernel as before.\n"                                                       \
		"\n"                                                                               \
		"Only differences are carried out: a peer that stays keeps its session. What\n"    \
		"somebody else changes of the interface is put back within a second; addresses "   \
		"and\n"                                                                            \
		"routes that others have added to it stay. With --adopt the interface is "         \
		"somebody\n"                                                                       \
		"else's, and only the programs, their tables and the sysctls are ours.\n"          \
		"\n"                                                                               \
		"Sets net.ipv4.ip_forward and net.ipv6.conf.all.forwarding to 1, for what the "    \
		"kernel\n"                                                                         \
		"still answers (Time Exceeded, Packet Too Big, the relay's own networks), and\n"   \
		"accept_ra from 1 to 2, also of interfaces that come later: router "               \
		"advertisements\n"                                                                 \
		"would be ignored otherwise. Puts forwarding back when it is switched off.\n"      \
		"\n"                                                                               \
		"Forwarding goes on when the process ends, whatever ends it; the next run takes\n" \
		"over without losing a packet or a count. `nex-relay down` takes everything "      \
		"back.\n"                                                                          \
		"\n"                                                                               \
		"A device list that is cut off, malformed, or does not have this relay's own "     \
		"device\n"                                                                         \
		"in it is refused, with a message, and the last good one stays. A device or "      \
		"CIDR\n"                                                                           \
		"that is invalid is left out by name, and the rest applies.\n"                     \
		"\n"                                                                               \
		"The devices come from a file (--peers), from the interface itself (--adopt), or " \
		"from\n"                                                                           \
		"the api-server of a control plane, with which the relay registers itself "        \
		"(--reg-key,\n"                                                                    \
		"--username, or --service-url alone, when somebody logs in with a browser). One "  \
		"of them\n"                                                                        \
		"is needed. Settings of the control plane mean what they mean to nexd.\n"          \
		"\n"                                                                               \
		"SIGHUP reads the list and the host's settings again. SIGTERM and SIGINT end "     \
		"it.\n"                                                                            \
		"\n"                                                                               \
		"Examples:\n"                                                                      \
		"    nex-relay run --peers /etc/nex-relay/peers.json\n"                            \
		"    nex-relay run --peers FILE --listen-port 443 --mtu 1380\n"                    \
		"    nex-relay run --reg-key-file /etc/nex-relay/reg-key\n"                        \
		"    nex-relay run --username relay --password-file FILE --vpc-id UUID\n"          \
		"    nex-relay run --adopt --interface wg1          peers and AllowedIPs of wg1\n" \
		"    nex-relay run --adopt --peers FILE --forward relay-only --strict\n"

#define HELP_DOWN                                                                                \
	"Stop relaying: take programs, maps, interface and sysctls back",                        \
		"Ends the running node if there is one, detaches the programs, removes the "     \
		"pinned\n"                                                                       \
		"maps with their counters and the interface if `run` has made it, and restores " \
		"the\n"                                                                          \
		"sysctls that `run` changed, unless somebody else has changed them since. The "  \
		"private\n"                                                                      \
		"key stays, and so does an adopted interface.\n"                                 \
		"Does nothing, successfully, where nothing is set up.\n"

#define HELP_STATUS                                                                                \
	"Show what is attached, who runs, and the last device list",                               \
		"Works while the daemon is dead. Exit status 1 when nothing is attached.\n"        \
		"\n"                                                                               \
		"With --json: interface, ifindex, daemon {running, pid}, hook, attach, "           \
		"program_id,\n"                                                                    \
		"forward, strict, adopted, tunnel {wireguard, public_key, listen_port, mtu,\n"     \
		"foreign_addresses, foreign_routes, refused_routes, left_out, left_out_first,\n"   \
		"behind_rule, routing_table, error} (null when adopted), ipv4 and ipv6 "           \
		"{enabled,\n"                                                                      \
		"reason}, control {api, state, since, message, retry_at, heard_at} (null "         \
		"without one),\n"                                                                  \
		"helper {error, since, retry_at} (null while it is well), state {dir, error}, "    \
		"list\n"                                                                           \
		"{source, loaded, devices, skipped, conflicts, contested [{prefix, device, "       \
		"loser,\n"                                                                         \
		"why}], addresses, cidrs, applied_at, error}, troubles [{about, text, since}], "   \
		"lost\n"                                                                           \
		"{networks [{prefix, interface}], nat [{kind, to, what}], remedy} (what spokes "   \
		"do not\n"                                                                         \
		"get to, and the line that lets them; null without a routing table of our own),\n" \
		"leaks [{address, interface, remedy}] (what leaves an adopted interface in "       \
		"clear),\n"                                                                        \
		"pins.\n"

#define HELP_PEERS                                                                                 \
	"List peers with their addresses and traffic, or show one",                                \
		"Counts forwarded packets and bytes (IP headers included) from and to each "       \
		"peer,\n"                                                                          \
		"since the peer is known. NAME is a host name, public key or address; with it "    \
		"the\n"                                                                            \
		"key is shown whole. Read from the pinned maps: works while the daemon is dead.\n" \
		"\n"                                                                               \
		"Examples:\n"                                                                      \
		"    nex-relay peers\n"                                                            \
		"    nex-relay peers 100.64.0.7\n"                                                 \
		"    nex-relay peers --json | jq '.[] | select(.relay_only) | .name'\n"

#define HELP_STATS                                                                                 \
	"Show packet counters by verdict",                                                         \
		"Every packet that came in by the interface is counted under exactly one "         \
		"verdict.\n"                                                                       \
		"All but `forwarded` (and `not-allowed` under --strict, which drops) were handed " \
		"to\n"                                                                             \
		"the kernel, untouched. Works while the daemon is dead.\n"

#define HELP_CHECK                                                                              \
	"Say whether this host can relay, and what to do if not",                               \
		"One line for each requirement: OK, WARN or FAIL, what was found, and the "     \
		"remedy.\n"                                                                     \
		"Names what spokes do not get to on this host, with the line that lets them.\n" \
		"Changes nothing. Exit status 1 when something FAILs. Most of it needs no root.\n"

#define HELP_VERSION \
	"Print the version", "Prints the version of nex-relay and of the libbpf it runs with.\n"

#endif
