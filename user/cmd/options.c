// SPDX-License-Identifier: Apache-2.0
#include "cmd/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tunnel/link.h"
#include "tunnel/tunnel.h"

#define NUMBER_TEXT(number) NUMBER_TEXT_OF(number)
#define NUMBER_TEXT_OF(number) #number
#define ENVIRONMENT_PREFIX "NEX_RELAY_"
#define ENVIRONMENT_NAME_MAX 64

struct option_row {
	const char *name;
	char letter;
	const char *argument; /* NULL: a switch */
	const char *choices;  /* "a|b": the only values; NULL: any */
	const char *fallback; /* value when it is not given */
	const char *help;
};

/* clang-format off */
static const struct option_row rows[OPTION_COUNT] = {
	[OPTION_INTERFACE] = { "interface", 'i', "NAME", NULL, "wg0",
		"The WireGuard interface (default: wg0)." },
	[OPTION_PEERS]     = { "peers", 'p', "FILE", NULL, NULL,
		"Device list: the JSON array that the api-server's GET /api/vpcs/{id}/devices\n"
		"returns. Followed while running; read again on SIGHUP." },
	[OPTION_ADOPT]     = { "adopt", 'a', NULL, NULL, NULL,
		"The interface belongs to somebody else (wg-quick, nexd): its keys, peers,\n"
		"addresses and routes are not touched. Without --peers its own peers and\n"
		"AllowedIPs are the device list." },
	[OPTION_STATE_DIR] = { "state-dir", 0, "DIR", NULL, "/var/lib/nex-relay",
		"Where the private key is kept (private.key, as `wg genkey` prints one). Made at\n"
		"the first start; nexd's, from DIR/state.json or /var/lib/nexd/state.json, is\n"
		"taken over (default: /var/lib/nex-relay)." },
	[OPTION_LISTEN_PORT] = { "listen-port", 'l', "PORT", NULL, NUMBER_TEXT(TUNNEL_PORT),
		"UDP port of WireGuard (default: " NUMBER_TEXT(TUNNEL_PORT) ")." },
	[OPTION_MTU]       = { "mtu", 0, "BYTES", NULL, NUMBER_TEXT(TUNNEL_MTU),
		"MTU of the interface (default: " NUMBER_TEXT(TUNNEL_MTU) ")." },
	[OPTION_WIREGUARD] = { "wireguard", 0, "auto|kernel|userspace", "auto|kernel|userspace",
		"auto",
		"Which WireGuard: the kernel's, or wireguard-go, which is started. auto takes the\n"
		"kernel's where it has one (default: auto)." },
	[OPTION_THREADED_NAPI] = { "threaded-napi", 0, "auto|on|off", "auto|on|off", "auto",
		"Threaded NAPI of the interface. Some kernels make a thread for each peer; auto\n"
		"switches that off with more than " NUMBER_TEXT(TUNNEL_NAPI_AUTO_PEERS) " peers (default: auto)." },
	[OPTION_HOOK]      = { "hook", 0, "tc|xdp", "tc|xdp", "tc",
		"Where packets are taken: tc keeps GRO batches whole, xdp is generic XDP\n"
		"(default: tc)." },
	[OPTION_ATTACH]    = { "attach", 0, "auto|tcx|clsact", "auto|tcx|clsact", "auto",
		"How the tc program is attached. auto takes tcx where the kernel has it (6.6 and\n"
		"later), else clsact (default: auto)." },
	[OPTION_FORWARD]   = { "forward", 0, "all|relay-only", "all|relay-only", "all",
		"Which pairs of devices are forwarded: all, or only pairs in which at least one\n"
		"side is relay-only (symmetric_nat) (default: all)." },
	[OPTION_STRICT]    = { "strict", 0, NULL, NULL, NULL,
		"Drop what --forward relay-only does not allow, instead of leaving it to the\n"
		"kernel." },
	[OPTION_JSON]      = { "json", 'j', NULL, NULL, NULL,
		"Print JSON." },
	[OPTION_VERBOSE]   = { "verbose", 'v', NULL, NULL, NULL,
		"Say more on stderr." },
	[OPTION_HELP]      = { "help", 'h', NULL, NULL, NULL,
		"Print this help." },
};
/* clang-format on */

/* Options that are numbers, and their bounds; max 0: it is none. */
static const struct {
	unsigned long min, max;
} numbers[OPTION_COUNT] = {
	[OPTION_LISTEN_PORT] = { 1, UINT16_MAX },
	[OPTION_MTU] = { TUNNEL_MTU_MIN, TUNNEL_MTU_MAX },
};

/* "attach" -> "NEX_RELAY_ATTACH". */
static const char *environment_name(const struct option_row *row, char name[ENVIRONMENT_NAME_MAX])
{
	size_t len = snprintf(name, ENVIRONMENT_NAME_MAX, ENVIRONMENT_PREFIX "%s", row->name);

	for (size_t i = strlen(ENVIRONMENT_PREFIX); i < len; i++) {
		if (name[i] == '-')
			name[i] = '_';
		else if (name[i] >= 'a' && name[i] <= 'z')
			name[i] -= 'a' - 'A';
	}
	return name;
}

/* Is @value one of the words in "a|b|c"? */
static bool is_choice(const char *choices, const char *value)
{
	size_t len = strlen(value);

	if (strchr(value, '|'))
		return false;
	for (const char *at = choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
		if (len && !strncmp(at, value, len) && (at[len] == '|' || !at[len]))
			return true;
	return false;
}

/* Decimal digits alone. */
static bool is_number(const char *value, unsigned long min, unsigned long max)
{
	size_t digits = strspn(value, "0123456789");
	unsigned long number;

	if (value[digits] || !digits || digits > 9)
		return false;
	number = strtoul(value, NULL, 10);
	return number >= min && number <= max;
}

static int set_value(struct options *options, enum option_id id, const char *value,
		     const char *from)
{
	const struct option_row *row = &rows[id];

	if (!*value)
		return log_err(-EINVAL, "%s is empty", from), -EINVAL;
	if (row->choices && !is_choice(row->choices, value))
		return log_err(0, "%s must be one of %s, not '%s'", from, row->choices, value),
		       -EINVAL;
	if (numbers[id].max && !is_number(value, numbers[id].min, numbers[id].max))
		return log_err(0, "%s must be a number from %lu to %lu, not '%s'", from,
			       numbers[id].min, numbers[id].max, value),
		       -EINVAL;
	if (id == OPTION_INTERFACE && !link_name_valid(value))
		return log_err(0, "%s: '%s' cannot be an interface's name", from, value), -EINVAL;
	options->value[id] = value;
	return 0;
}

/* A switch in the environment: 1 or 0, as words too. */
static int set_switch(struct options *options, enum option_id id, const char *value,
		      const char *from)
{
	if (is_choice("1|true|yes|on", value))
		options->value[id] = "1";
	else if (!is_choice("0|false|no|off", value))
		return log_err(0, "%s must be 1 or 0, not '%s'", from, value), -EINVAL;
	return 0;
}

static int read_environment(unsigned int allowed, struct options *options)
{
	char name[ENVIRONMENT_NAME_MAX];

	for (int id = 0; id < OPTION_HELP; id++) {
		const char *value = getenv(environment_name(&rows[id], name));
		int err = 0;

		if (!value || options->value[id] || !(allowed & OPTION_BIT(id)))
			continue;
		if (rows[id].argument)
			err = set_value(options, id, value, name);
		else
			err = set_switch(options, id, value, name);
		if (err)
			return err;
	}
	return 0;
}

/* What getopt_long() wants: the allowed rows, with the id as value. */
static void make_getopt(unsigned int allowed, struct option longs[static OPTION_COUNT + 1],
			char shorts[static 3 * OPTION_COUNT + 2])
{
	size_t n = 0, s = 0;

	shorts[s++] = ':'; /* tell a missing argument from an unknown option */
	for (int id = 0; id < OPTION_COUNT; id++) {
		if (!(allowed & OPTION_BIT(id)))
			continue;
		longs[n++] = (struct option){ rows[id].name,
					      rows[id].argument ? required_argument : no_argument,
					      NULL, 256 + id };
		if (!rows[id].letter)
			continue;
		shorts[s++] = rows[id].letter;
		if (rows[id].argument)
			shorts[s++] = ':';
	}
	longs[n] = (struct option){ 0 };
	shorts[s] = '\0';
}

/* Return: the option that getopt_long() found, or OPTION_COUNT. */
static enum option_id found_option(int found)
{
	if (found >= 256)
		return found - 256;
	for (int id = 0; id < OPTION_COUNT; id++)
		if (rows[id].letter == found)
			return id;
	return OPTION_COUNT;
}

/* The word on the command line that gave the option at hand: not its value. */
static const char *option_word(char **argv)
{
	return optarg && optarg == argv[optind - 1] ? argv[optind - 2] : argv[optind - 1];
}

/* getopt_long() takes shortened names, but a setting has one name. */
static bool is_whole_name(const struct option_row *row, const char *word)
{
	size_t len = strcspn(word + 2, "=");

	return len == strlen(row->name) && !strncmp(word + 2, row->name, len);
}

/* @letter: of an unknown short option, whose word getopt_long() may not have left yet; or 0. */
static int complain(const char *command, int found, int letter, char **argv)
{
	const char *word = option_word(argv);
	char option[] = { '-', (char)letter, '\0' };

	if (found == ':')
		log_err(0, "%s: option '%s' needs an argument", command, word);
	else if (letter && letter < 256)
		log_err(0, "%s: unknown option '%s': see `nex-relay %s --help`", command, option,
			command);
	else
		log_err(0, "%s: unknown option '%s': see `nex-relay %s --help`", command, word,
			command);
	return -EINVAL;
}

int options_parse(const char *command, unsigned int allowed, int argc, char **argv,
		  struct options *ret, int *ret_args)
{
	struct option longs[OPTION_COUNT + 1];
	char shorts[3 * OPTION_COUNT + 2], flag[ENVIRONMENT_NAME_MAX];
	int found, err = 0;

	*ret = (struct options){};
	make_getopt(allowed, longs, shorts);
	optind = 0; /* glibc: start anew */
	opterr = 0;
	while (!err && (found = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		enum option_id id = found_option(found);

		if (found == '?' || found == ':' || id == OPTION_COUNT)
			return complain(command, found, optopt, argv);
		if (found >= 256 && !is_whole_name(&rows[id], option_word(argv)))
			return complain(command, '?', 0, argv);
		snprintf(flag, sizeof(flag), "--%s", rows[id].name);
		if (rows[id].argument)
			err = set_value(ret, id, optarg, flag);
		else
			ret->value[id] = "1";
	}
	if (!err && !ret->value[OPTION_HELP])
		err = read_environment(allowed, ret);
	for (int id = 0; id < OPTION_COUNT; id++)
		if (!ret->value[id])
			ret->value[id] = rows[id].fallback;
	*ret_args = optind;
	return err;
}

bool options_is(const struct options *options, enum option_id id, const char *word)
{
	return options->value[id] && !strcmp(options->value[id], word);
}

unsigned long options_number(const struct options *options, enum option_id id)
{
	return strtoul(options->value[id], NULL, 10);
}

bool options_given(const struct options *options, enum option_id id)
{
	return options->value[id] && options->value[id] != rows[id].fallback;
}

const char *options_name(enum option_id id)
{
	return rows[id].name;
}

bool options_on(const struct options *options, enum option_id id)
{
	return options->value[id];
}

static void print_paragraph(FILE *to, const char *text)
{
	fputs("        ", to);
	for (; *text; text++) {
		fputc(*text, to);
		if (*text == '\n')
			fputs("        ", to);
	}
	fputc('\n', to);
}

void options_print_help(FILE *to, unsigned int allowed)
{
	char name[ENVIRONMENT_NAME_MAX];

	for (int id = 0; id < OPTION_COUNT; id++) {
		if (!(allowed & OPTION_BIT(id)))
			continue;
		if (rows[id].letter)
			fprintf(to, "    -%c, --%s", rows[id].letter, rows[id].name);
		else
			fprintf(to, "    --%s", rows[id].name);
		if (rows[id].argument)
			fprintf(to, " %s", rows[id].argument);
		if (id != OPTION_HELP)
			fprintf(to, "  [%s]", environment_name(&rows[id], name));
		fputc('\n', to);
		print_paragraph(to, rows[id].help);
	}
}
