/* SPDX-License-Identifier: Apache-2.0 */
/*
 * option_table.h - the settings of all commands: one table for parsing, help, the environment and
 * the configuration file.
 */
#ifndef CMD_OPTION_TABLE_H
#define CMD_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define OPTION_CONFIG_DEFAULT "/etc/nex-relay/nex-relay.conf"
#define OPTION_SECRET_MAX 1024 /* bytes of a registration key or password, NUL included */
#define OPTION_WHY_MAX 512
#define OPTION_ENVIRONMENT_MAX 64 /* bytes of a name in the environment, NUL included */

enum option_id {
	OPTION_INTERFACE,
	OPTION_CONFIG,
	OPTION_PEERS,
	OPTION_ADOPT,
	OPTION_REG_KEY,
	OPTION_REG_KEY_FILE,
	OPTION_SERVICE_URL,
	OPTION_USERNAME,
	OPTION_PASSWORD,
	OPTION_PASSWORD_FILE,
	OPTION_VPC_ID,
	OPTION_SECURITY_GROUP_ID,
	OPTION_REQUEST_IP,
	OPTION_LOCAL_ENDPOINT_IP,
	OPTION_STUN_SERVER,
	OPTION_CA_FILE,
	OPTION_INSECURE_SKIP_TLS_VERIFY,
	OPTION_EXIT_ON_REVOKE,
	OPTION_STATE_DIR,
	OPTION_LISTEN_PORT,
	OPTION_MTU,
	OPTION_WIREGUARD,
	OPTION_THREADED_NAPI,
	OPTION_TUNNEL_RANGES,
	OPTION_HOST_ROUTES,
	OPTION_KERNEL_FORWARDING,
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
#define OPTION_BIT(id) (UINT64_C(1) << (id))
_Static_assert(OPTION_COUNT < 64, "a bit for each option");

/* The secrets: never in a message, wiped where they were found. */
#define OPTIONS_SECRET (OPTION_BIT(OPTION_REG_KEY) | OPTION_BIT(OPTION_PASSWORD))

/* What is for an interface of our own alone. */
#define OPTIONS_TUNNEL                                                                            \
	(OPTION_BIT(OPTION_STATE_DIR) | OPTION_BIT(OPTION_LISTEN_PORT) | OPTION_BIT(OPTION_MTU) | \
	 OPTION_BIT(OPTION_WIREGUARD) | OPTION_BIT(OPTION_THREADED_NAPI) |                        \
	 OPTION_BIT(OPTION_TUNNEL_RANGES) | OPTION_BIT(OPTION_HOST_ROUTES) |                      \
	 OPTION_BIT(OPTION_KERNEL_FORWARDING))

/* What is for the control plane alone: not with a device list of another origin. */
#define OPTIONS_ACCOUNT                                                                        \
	(OPTIONS_SECRET | OPTION_BIT(OPTION_REG_KEY_FILE) | OPTION_BIT(OPTION_PASSWORD_FILE) | \
	 OPTION_BIT(OPTION_SERVICE_URL) | OPTION_BIT(OPTION_USERNAME) |                        \
	 OPTION_BIT(OPTION_VPC_ID) | OPTION_BIT(OPTION_SECURITY_GROUP_ID) |                    \
	 OPTION_BIT(OPTION_REQUEST_IP) | OPTION_BIT(OPTION_LOCAL_ENDPOINT_IP) |                \
	 OPTION_BIT(OPTION_STUN_SERVER) | OPTION_BIT(OPTION_CA_FILE) |                         \
	 OPTION_BIT(OPTION_INSECURE_SKIP_TLS_VERIFY) | OPTION_BIT(OPTION_EXIT_ON_REVOKE))

struct option_row {
	const char *name; /* of the flag and in the configuration file */
	char letter;
	const char *argument; /* NULL: a switch */
	const char *choices;  /* "a|b": the only values; NULL: any */
	const char *fallback; /* value when it is not given */
	const char *help;
};

/** option_row() - what the table says about @id. */
const struct option_row *option_row(enum option_id id);

/** option_name() - "listen-port", for messages. */
const char *option_name(enum option_id id);

/** option_find() - the option of this name that may be in a configuration file, or OPTION_COUNT. */
enum option_id option_find(const char *name);

/** option_environment_name() - "NEX_RELAY_LISTEN_PORT". Return: @name. */
const char *option_environment_name(enum option_id id, char name[static OPTION_ENVIRONMENT_MAX]);

/** option_print_help() - one paragraph for each option of @allowed, in groups. */
void option_print_help(FILE *to, uint64_t allowed);

/**
 * option_check() - can @value be the value of @id?
 * @ret_why: else what is wrong, to follow the name: "must be one of tc|xdp, not 'x'". It quotes
 *           nothing of an option of the control plane, where somebody may have pasted a secret.
 *
 * Return: 0; -EINVAL.
 */
int option_check(enum option_id id, const char *value, char ret_why[static OPTION_WHY_MAX]);

/** option_is_choice() - is @value one of the words in "a|b|c"? */
bool option_is_choice(const char *choices, const char *value);

#endif
