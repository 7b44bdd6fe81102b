// SPDX-License-Identifier: Apache-2.0
/*
 * test_options.c - flags, environment, defaults, and what is said about what is wrong.
 *
 * A result is written "interface=wg1 json=1 | x y": values that are not the default, and arguments.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "captured.h"
#include "cmd/options.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define ALL ((1u << OPTION_COUNT) - 1)
#define WORDS_MAX 16
#define TEXT_MAX 512

/* In the order of enum option_id. */
static const char *const option_names[] = {
	"interface", "peers",     "adopt",         "state-dir", "listen-port",
	"mtu",       "wireguard", "threaded-napi", "hook",      "attach",
	"forward",   "strict",    "json",          "verbose",   "help",
};
_Static_assert(N(option_names) == OPTION_COUNT, "a name for each option");

/* clang-format off */
static const struct {
	const char *name;
	const char *args;        /* with blanks between; "''" is an empty one */
	const char *environment; /* "HOOK=xdp", with blanks between */
	const char *result;      /* NULL: -EINVAL */
	const char *message;     /* in what is said */
} cases[] = {
	{ "nothing",                 "",                         "", " |", "" },
	{ "long flags",              "--interface wg1 --json",   "", " interface=wg1 json=1 |", "" },
	{ "short flags",             "-i wg1 -j",                "", " interface=wg1 json=1 |", "" },
	{ "value after equals sign", "--hook=xdp --peers=a=b",   "", " peers=a=b hook=xdp |", "" },
	{ "short value without blank", "-iwg1",                  "", " interface=wg1 |", "" },
	{ "short flags together",    "-ajvi wg1",                "", " interface=wg1 adopt=1 json=1 verbose=1 |", "" },
	{ "all choices of hook",     "--hook tc",                "", " |", "" },
	{ "all choices of attach",   "--attach clsact",          "", " attach=clsact |", "" },
	{ "choice in the middle",    "--attach tcx",             "", " attach=tcx |", "" },
	{ "choice with a hyphen",    "--forward relay-only",     "", " forward=relay-only |", "" },
	{ "the last of two counts",  "--hook xdp --hook tc -i wg1 -i wg2", "", " interface=wg2 |", "" },
	{ "arguments",               "x y",                      "", " | x y", "" },
	{ "arguments after flags",   "-j x",                     "", " json=1 | x", "" },
	{ "arguments before flags",  "x -j y -i wg1",            "", " interface=wg1 json=1 | x y", "" },
	{ "end of flags",            "-j -- -i --x",             "", " json=1 | -i --x", "" },
	{ "a hyphen is an argument", "-j -",                     "", " json=1 | -", "" },
	{ "value that looks like a flag", "--peers --json",      "", " peers=--json |", "" },
	{ "numbers",                 "--mtu 1280 --listen-port 65535", "", " listen-port=65535 mtu=1280 |", "" },
	{ "the other ends",          "--mtu=65455 -l1",          "", " listen-port=1 mtu=65455 |", "" },
	{ "an interface of our own", "--state-dir /x --wireguard userspace --threaded-napi off", "",
	  " state-dir=/x wireguard=userspace threaded-napi=off |", "" },
	{ "help",                    "--help",                   "", " help=1 |", "" },
	{ "help, short",             "-h x",                     "", " help=1 | x", "" },

	{ "environment",             "", "INTERFACE=wg1 PEERS=/x HOOK=xdp", " interface=wg1 peers=/x hook=xdp |", "" },
	{ "environment, hyphens in the value", "", "FORWARD=relay-only", " forward=relay-only |", "" },
	{ "environment, hyphens in the name", "", "STATE_DIR=/x LISTEN_PORT=7 THREADED_NAPI=on",
	  " state-dir=/x listen-port=7 threaded-napi=on |", "" },
	{ "flag wins",               "--hook tc -i wg2", "HOOK=xdp INTERFACE=wg1 ATTACH=tcx", " interface=wg2 attach=tcx |", "" },
	{ "flag wins over nonsense", "--hook tc --json", "HOOK=nonsense JSON=nonsense", " json=1 |", "" },
	{ "switch 1",                "", "ADOPT=1 STRICT=true JSON=yes VERBOSE=on", " adopt=1 strict=1 json=1 verbose=1 |", "" },
	{ "switch 0",                "", "ADOPT=0 STRICT=false JSON=no VERBOSE=off", " |", "" },
	{ "switch 0 does not switch a flag off", "--adopt", "ADOPT=0", " adopt=1 |", "" },
	{ "help does not look at the environment", "--help", "HOOK=nonsense", " help=1 |", "" },
	{ "help is not in the environment", "", "HELP=1", " |", "" },
	{ "other names in the environment", "", "INTERFACES=wg1 hook=xdp =1", " |", "" },

	{ "unknown flag",            "--nonsense",       "", NULL, "unknown option '--nonsense'" },
	{ "unknown short flag",      "-z",               "", NULL, "unknown option '-z'" },
	{ "unknown among short flags", "-jz",            "", NULL, "z" },
	{ "unknown first of short flags", "-zj",         "", NULL, "z" },
	{ "unknown flag after an argument", "x --nonsense", "", NULL, "unknown option '--nonsense'" },
	{ "flag in capitals",        "--JSON",           "", NULL, "unknown option '--JSON'" },
	{ "shortened flag",          "--inter wg1",      "", NULL, "--inter" },
	{ "shortened switch",        "--js",             "", NULL, "unknown option '--js'" },
	{ "shortened, two fit",      "--a",              "", NULL, "unknown option '--a'" },
	{ "no value",                "--interface",      "", NULL, "option '--interface' needs an argument" },
	{ "no value, short",         "-j -i",            "", NULL, "option '-i' needs an argument" },
	{ "value of a switch",       "--json=1",         "", NULL, "--json" },
	{ "empty value",             "--peers ''",       "", NULL, "--peers is empty" },
	{ "empty value after equals sign", "--peers=",   "", NULL, "--peers is empty" },
	{ "no such choice",          "--hook tcx",       "", NULL, "--hook must be one of tc|xdp, not 'tcx'" },
	{ "beginning of a choice",   "--hook t",         "", NULL, "--hook must be one of" },
	{ "choice in capitals",      "--hook TC",        "", NULL, "--hook must be one of" },
	{ "all choices at once",     "--hook tc|xdp",    "", NULL, "--hook must be one of" },
	{ "some choices at once",    "--attach tcx|clsact", "", NULL, "--attach must be one of" },
	{ "separator alone",         "--hook |",         "", NULL, "--hook must be one of" },
	{ "impossible interface",    "-i wg/0",          "", NULL, "wg/0" },
	{ "number too small",        "--mtu 1279",       "", NULL, "--mtu must be a number from 1280 to 65455, not '1279'" },
	{ "number too large",        "--mtu 65456",      "", NULL, "--mtu must be a number" },
	{ "port 0",                  "--listen-port 0",  "", NULL, "--listen-port must be a number from 1 to 65535, not '0'" },
	{ "port 65536",              "-l 65536",         "", NULL, "--listen-port must be a number" },
	{ "number with a sign",      "--mtu +1420",      "", NULL, "--mtu must be a number" },
	{ "negative number",         "--mtu -1420",      "", NULL, "--mtu must be a number" },
	{ "number and more",         "--mtu 1420x",      "", NULL, "--mtu must be a number" },
	{ "hexadecimal number",      "--mtu 0x58c",      "", NULL, "--mtu must be a number" },
	{ "number beyond any",       "--mtu 18446744073709552916", "", NULL, "--mtu must be a number" },
	{ "empty number",            "--mtu=",           "", NULL, "--mtu is empty" },
	{ "no such WireGuard",       "--wireguard go",   "", NULL, "--wireguard must be one of" },
	{ "no such NAPI",            "--threaded-napi yes", "", NULL, "--threaded-napi must be one of" },
	{ "environment: number",     "", "LISTEN_PORT=x", NULL, "NEX_RELAY_LISTEN_PORT must be a number" },
	{ "environment: no such choice", "", "HOOK=tcx", NULL, "NEX_RELAY_HOOK must be one of tc|xdp, not 'tcx'" },
	{ "environment: empty",      "", "INTERFACE=",   NULL, "NEX_RELAY_INTERFACE is empty" },
	{ "environment: switch",     "", "STRICT=2",     NULL, "NEX_RELAY_STRICT must be 1 or 0, not '2'" },
	{ "environment: switch in capitals", "", "STRICT=TRUE", NULL, "NEX_RELAY_STRICT" },
	{ "environment: empty switch", "", "STRICT=",    NULL, "NEX_RELAY_STRICT" },
	{ "environment: both switches", "", "STRICT=1|true", NULL, "NEX_RELAY_STRICT" },
	{ "environment: impossible interface", "", "INTERFACE=..", NULL, "NEX_RELAY_INTERFACE" },
};
/* clang-format on */

static void set_environment(const char *text, bool set)
{
	char copy[TEXT_MAX], name[TEXT_MAX], *rest = copy;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word; (word = strsep(&rest, " "));) {
		char *value = strchr(word, '=');

		if (!value)
			continue;
		*value++ = '\0';
		snprintf(name, sizeof(name), "NEX_RELAY_%s", word);
		assert_int_equal(set ? setenv(name, value, 1) : unsetenv(name), 0);
	}
}

static int split(char *text, char *words[static WORDS_MAX])
{
	static char command[] = "run", empty[] = "";
	int n = 0;

	words[n++] = command;
	for (char *word; (word = strsep(&text, " "));)
		if (*word)
			words[n++] = strcmp(word, "''") ? word : empty;
	words[n] = NULL;
	return n;
}

static void show(const struct options *options, const struct options *defaults, char **args,
		 char text[static TEXT_MAX])
{
	size_t n = 0;

	for (int id = 0; id < OPTION_COUNT; id++)
		if (options->value[id] &&
		    (!defaults->value[id] || strcmp(options->value[id], defaults->value[id]) != 0))
			n += snprintf(text + n, TEXT_MAX - n, " %s=%s", option_names[id],
				      options->value[id]);
	n += snprintf(text + n, TEXT_MAX - n, " |");
	for (; *args; args++)
		n += snprintf(text + n, TEXT_MAX - n, " %s", *args);
}

static struct options get_defaults(void)
{
	char none[] = "", *argv[WORDS_MAX];
	struct options options;
	int first;

	assert_int_equal(options_parse("run", ALL, split(none, argv), argv, &options, &first), 0);
	return options;
}

static void test_table(void **state)
{
	struct options defaults = get_defaults();

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		char args[TEXT_MAX], *argv[WORDS_MAX], text[TEXT_MAX];
		struct captured captured;
		struct options options;
		const char *said, *line;
		int first = 0, err;

		snprintf(args, sizeof(args), "%s", cases[i].args);
		set_environment(cases[i].environment, true);
		captured_begin(&captured, STDERR_FILENO);
		err = options_parse("run", ALL, split(args, argv), argv, &options, &first);
		said = captured_end(&captured);
		set_environment(cases[i].environment, false);
		if (err != (cases[i].result ? 0 : -EINVAL))
			fail_msg("%s: %d, %s", cases[i].name, err, said);
		if (!err && cases[i].result)
			show(&options, &defaults, argv + first, text);
		if (!err && cases[i].result && strcmp(text, cases[i].result) != 0)
			fail_msg("%s: read as%s", cases[i].name, text);
		line = strchr(said, '\n');
		if (!strstr(said, cases[i].message) || !!*said != !!err || (line && line[1]))
			fail_msg("%s: said '%s'", cases[i].name, said);
	}
}

static void test_defaults(void **state)
{
	struct options defaults = get_defaults();

	(void)state;
	assert_true(options_is(&defaults, OPTION_INTERFACE, "wg0"));
	assert_true(options_is(&defaults, OPTION_HOOK, "tc"));
	assert_true(options_is(&defaults, OPTION_ATTACH, "auto"));
	assert_true(options_is(&defaults, OPTION_FORWARD, "all"));
	assert_false(options_is(&defaults, OPTION_FORWARD, "al"));
	assert_false(options_is(&defaults, OPTION_PEERS, ""));
	assert_null(defaults.value[OPTION_PEERS]);
	assert_false(options_on(&defaults, OPTION_ADOPT));
	assert_false(options_on(&defaults, OPTION_JSON));
	assert_false(options_on(&defaults, OPTION_HELP));
}

/* What a command does not have is unknown as a flag, and not looked at in the environment. */
static void test_not_allowed(void **state)
{
	unsigned int allowed = OPTION_BIT(OPTION_INTERFACE) | OPTION_BIT(OPTION_JSON);
	char text[] = "--adopt", *argv[WORDS_MAX], more[] = "-j";
	struct captured captured;
	struct options options;
	int first, err;

	(void)state;
	captured_begin(&captured, STDERR_FILENO);
	err = options_parse("stats", allowed, split(text, argv), argv, &options, &first);
	assert_string_equal(captured_end(&captured),
			    "nex-relay: stats: unknown option '--adopt': see `nex-relay stats "
			    "--help`\n");
	assert_int_equal(err, -EINVAL);
	set_environment("HOOK=nonsense ADOPT=1 INTERFACE=wg7", true);
	err = options_parse("stats", allowed, split(more, argv), argv, &options, &first);
	set_environment("HOOK= ADOPT= INTERFACE=", false);
	assert_int_equal(err, 0);
	assert_true(options_is(&options, OPTION_INTERFACE, "wg7"));
	assert_true(options_on(&options, OPTION_JSON));
	assert_false(options_on(&options, OPTION_ADOPT));
	assert_true(options_is(&options, OPTION_HOOK, "tc"));
}

static void test_help(void **state)
{
	struct captured captured;
	const char *text;

	(void)state;
	captured_begin(&captured, STDOUT_FILENO);
	options_print_help(stdout, ALL);
	text = captured_end(&captured);
	for (int id = 0; id < OPTION_COUNT; id++) {
		char want[64];

		snprintf(want, sizeof(want), "--%s", option_names[id]);
		if (!strstr(text, want))
			fail_msg("no word about %s", want);
	}
	assert_non_null(
		strstr(text, "    -i, --interface NAME  [NEX_RELAY_INTERFACE]\n        The"));
	assert_non_null(strstr(text, "    --strict  [NEX_RELAY_STRICT]\n"));
	assert_non_null(strstr(text, "    -h, --help\n"));
	captured_begin(&captured, STDOUT_FILENO);
	options_print_help(stdout, OPTION_BIT(OPTION_JSON));
	assert_string_equal(captured_end(&captured),
			    "    -j, --json  [NEX_RELAY_JSON]\n        Print JSON.\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_not_allowed),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
