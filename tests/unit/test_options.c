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
#define EVERY (OPTION_BIT(OPTION_COUNT) - 1)
/* Without the configuration file, of which this host may have one (test_config_file.c). */
#define ALL (EVERY & ~OPTION_BIT(OPTION_CONFIG))
#define SECRET "sesame" /* in every secret here, and in no message */
#define WORDS_MAX 16
#define TEXT_MAX 512

/* In the order of enum option_id. */
static const char *const option_names[] = {
	"interface",
	"config",
	"peers",
	"adopt",
	"reg-key",
	"reg-key-file",
	"service-url",
	"username",
	"password",
	"password-file",
	"vpc-id",
	"security-group-id",
	"request-ip",
	"local-endpoint-ip",
	"stun-server",
	"ca-file",
	"insecure-skip-tls-verify",
	"exit-on-revoke",
	"state-dir",
	"listen-port",
	"mtu",
	"wireguard",
	"threaded-napi",
	"tunnel-ranges",
	"host-routes",
	"kernel-forwarding",
	"hook",
	"attach",
	"forward",
	"strict",
	"json",
	"verbose",
	"help",
};
_Static_assert(N(option_names) == OPTION_COUNT, "a name for each option");

#define UUID "01234567-89ab-cdef-0123-456789abcdef"
#define LABEL "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde" /* 63 */

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
	{ "prefixes",                "--tunnel-ranges 10.0.0.0/8,fd00::/8 --host-routes=192.0.2.1 --kernel-forwarding 172.17.0.0/16", "",
	  " tunnel-ranges=10.0.0.0/8,fd00::/8 host-routes=192.0.2.1 kernel-forwarding=172.17.0.0/16 |", "" },
	{ "all of the kernel's",     "--kernel-forwarding yes", "", " kernel-forwarding=yes |", "" },
	{ "no prefix",               "--kernel-forwarding maybe", "", NULL, "--kernel-forwarding must be networks with commas between them" },
	{ "a word that is another option's", "--host-routes yes", "", NULL, "--host-routes must be networks" },
	{ "host bits in a prefix",   "--host-routes 10.0.0.1/8", "", NULL, "--host-routes has bits set beyond a prefix length" },
	{ "IPv6 host bits",          "--tunnel-ranges fd00::1/8", "", NULL, "--tunnel-ranges has bits set" },
	{ "everything as a prefix",  "--host-routes 10.0.0.0/8,0.0.0.0/0", "", NULL, "--host-routes must name networks" },
	{ "all of IPv6 as a prefix", "--tunnel-ranges ::/0", "", NULL, "--tunnel-ranges must name networks" },
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
	{ "environment: impossible interface", "", "INTERFACE=..", NULL, "NEX_RELAY_INTERFACE must be an interface's name, not '..'" },

	{ "control plane",           "--service-url https://x --username u --password sesame --vpc-id " UUID, "",
	  " service-url=https://x username=u password=sesame vpc-id=" UUID " |", "" },
	{ "its switches",            "--insecure-skip-tls-verify --exit-on-revoke", "",
	  " insecure-skip-tls-verify=1 exit-on-revoke=1 |", "" },
	{ "its environment",         "", "REG_KEY=RK:sesame INSECURE_SKIP_TLS_VERIFY=1 EXIT_ON_REVOKE=1",
	  " reg-key=RK:sesame insecure-skip-tls-verify=1 exit-on-revoke=1 |", "" },
	{ "secret after an equals sign", "--reg-key=RK:sesame== x", "", " reg-key=RK:sesame== | x", "" },
	{ "secret given twice",      "--reg-key RK:sesame1 --reg-key RK:sesame2", "", " reg-key=RK:sesame2 |", "" },
	{ "secret flag wins",        "--reg-key RK:sesame1", "REG_KEY=RK:sesame2", " reg-key=RK:sesame1 |", "" },
	{ "UUID in capitals",        "--security-group-id 0123ABCD-89AB-cdef-0123-456789abcdef", "",
	  " security-group-id=0123ABCD-89AB-cdef-0123-456789abcdef |", "" },
	{ "addresses",               "--request-ip 100.64.0.9 --local-endpoint-ip 192.0.2.1", "",
	  " request-ip=100.64.0.9 local-endpoint-ip=192.0.2.1 |", "" },
	{ "local address, IPv6",     "--local-endpoint-ip 2001:db8::1", "", " local-endpoint-ip=2001:db8::1 |", "" },
	{ "STUN servers",            "--stun-server a:1 -j --stun-server=b:2", "", " stun-server=a:1 b:2 json=1 |", "" },
	{ "STUN servers in one",     "--stun-server a.example:3478,192.0.2.1:65535", "",
	  " stun-server=a.example:3478,192.0.2.1:65535 |", "" },
	{ "STUN servers, both ways", "--stun-server a:1,b:2 --stun-server c:3", "", " stun-server=a:1,b:2 c:3 |", "" },
	{ "STUN servers, environment", "", "STUN_SERVER=a:1,b:2", " stun-server=a:1,b:2 |", "" },
	{ "STUN servers of a flag are not added", "--stun-server a:1", "STUN_SERVER=b:2", " stun-server=a:1 |", "" },
	{ "eight STUN servers",      "--stun-server a:1,b:1,c:1,d:1 --stun-server e:1,f:1,g:1,h:1", "",
	  " stun-server=a:1,b:1,c:1,d:1 e:1,f:1,g:1,h:1 |", "" },

	{ "no UUID",                 "--vpc-id sesame", "", NULL,
	  "--vpc-id must be a UUID, as 01234567-89ab-cdef-0123-456789abcdef\n" },
	{ "empty UUID",              "--vpc-id=", "", NULL, "--vpc-id is empty\n" },
	{ "UUID too short",          "--vpc-id 01234567-89ab-cdef-0123-456789abcde", "", NULL, "--vpc-id must be a UUID" },
	{ "UUID too long",           "--vpc-id " UUID "0", "", NULL, "--vpc-id must be a UUID" },
	{ "UUID in braces",          "--vpc-id {" UUID "}", "", NULL, "--vpc-id must be a UUID" },
	{ "UUID without hyphens",    "--security-group-id 0123456789abcdef0123456789abcdef", "", NULL,
	  "--security-group-id must be a UUID" },
	{ "UUID with another letter", "--vpc-id 0123456g-89ab-cdef-0123-456789abcdef", "", NULL, "--vpc-id must be a UUID" },
	{ "requested address, IPv6", "--request-ip 200::1", "", NULL, "--request-ip must be the IPv4 address of a host\n" },
	{ "requested prefix",        "--request-ip 100.64.0.1/32", "", NULL, "--request-ip must be" },
	{ "requested nothing",       "--request-ip 0.0.0.0", "", NULL, "--request-ip must be" },
	{ "requested multicast",     "--request-ip 224.0.0.1", "", NULL, "--request-ip must be" },
	{ "requested broadcast",     "--request-ip 255.255.255.255", "", NULL, "--request-ip must be" },
	{ "requested name",          "--request-ip sesame", "", NULL, "--request-ip must be" },
	{ "local endpoint: a name",  "--local-endpoint-ip sesame.example", "", NULL,
	  "--local-endpoint-ip must be the IPv4 or IPv6 address of a host\n" },
	{ "local endpoint: nothing", "--local-endpoint-ip ::", "", NULL, "--local-endpoint-ip must be" },
	{ "local endpoint: multicast", "--local-endpoint-ip ff02::1", "", NULL, "--local-endpoint-ip must be" },
	{ "local endpoint: prefix",  "--local-endpoint-ip 2001:db8::/64", "", NULL, "--local-endpoint-ip must be" },
	{ "local endpoint: brackets", "--local-endpoint-ip [2001:db8::1]", "", NULL, "--local-endpoint-ip must be" },
	{ "local endpoint: loopback", "--local-endpoint-ip 127.1.2.3", "", NULL,
	  "--local-endpoint-ip must be an address that other hosts can reach\n" },
	{ "local endpoint: loopback, IPv6", "--local-endpoint-ip ::1", "", NULL,
	  "--local-endpoint-ip must be an address that other hosts can reach\n" },
	{ "local endpoint: link-local", "--local-endpoint-ip 169.254.9.9", "", NULL,
	  "--local-endpoint-ip must be an address that other hosts can reach\n" },
	{ "local endpoint: link-local, IPv6", "--local-endpoint-ip fe80::1", "", NULL,
	  "--local-endpoint-ip must be an address that other hosts can reach\n" },
	{ "nine STUN servers",       "--stun-server a:1,b:1,c:1,d:1,e:1 --stun-server f:1,g:1,h:1,i:1", "", NULL,
	  "--stun-server names more than 8 servers\n" },
	{ "a STUN server twice",     "--stun-server a:1 --stun-server A:1", "", NULL, "--stun-server names a server twice\n" },
	{ "STUN server without port", "--stun-server sesame", "", NULL,
	  "--stun-server must be HOST:PORT, with a host name or an IPv4 address\n" },
	{ "STUN server, port 0",     "--stun-server a:0", "", NULL, "--stun-server must be HOST:PORT" },
	{ "STUN server, port 65536", "--stun-server a:65536", "", NULL, "--stun-server must be HOST:PORT" },
	{ "STUN server, no number",  "--stun-server a:1x", "", NULL, "--stun-server must be HOST:PORT" },
	{ "STUN server without host", "--stun-server :1", "", NULL, "--stun-server must be HOST:PORT" },
	{ "STUN server, URL",        "--stun-server stun:a:1", "", NULL, "--stun-server must be HOST:PORT" },
	{ "STUN server, IPv6",       "--stun-server [2001:db8::1]:1", "", NULL, "--stun-server must be HOST:PORT" },
	{ "STUN server, bad address", "--stun-server 192.0.2.256:1", "", NULL, "--stun-server must be HOST:PORT" },
	{ "STUN server, two dots",   "--stun-server a..b:1", "", NULL, "--stun-server must be HOST:PORT" },
	{ "STUN server, hyphen first", "--stun-server -a:1", "", NULL, "--stun-server must be HOST:PORT" },
	{ "STUN server, long label", "--stun-server " LABEL "x.example:1", "", NULL, "--stun-server must be HOST:PORT" },
	{ "STUN server, longest label", "--stun-server " LABEL ".example:1", "", " stun-server=" LABEL ".example:1 |", "" },
	{ "empty secret",            "--reg-key=", "", NULL, "--reg-key is empty\n" },
	{ "secret with control characters", "--password sesame\a", "", NULL, "--password has control characters, or what is not UTF-8, in it\n" },
	{ "secret that is not UTF-8", "--password sesame\xe9", "", NULL, "--password has control characters, or what is not UTF-8, in it\n" },
	{ "secret in an unknown flag", "--reg-kye=RK:sesame", "", NULL, "unknown option '--reg-kye':" },
	{ "secret in a shortened flag", "--passwor=sesame", "", NULL, "unknown option '--passwor':" },
	{ "secret in another shortened flag", "--service-u=https://sesame@x", "", NULL, "unknown option '--service-u':" },
	{ "secret as value of a switch", "--adopt=sesame", "", NULL, "unknown option '--adopt':" },
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

/* Their texts are the program's: a copy is as good. */
static struct options get_defaults(void)
{
	char none[] = "", *argv[WORDS_MAX];
	struct options options;
	int first;

	assert_int_equal(options_parse("run", ALL, split(none, argv), argv, &options, &first), 0);
	return options;
}

/* What was taken is nowhere else any more. */
static const char *left_over(const char args[static TEXT_MAX])
{
	if (memmem(args, TEXT_MAX, SECRET, strlen(SECRET)))
		return "the command line";
	return getenv("NEX_RELAY_REG_KEY") || getenv("NEX_RELAY_PASSWORD") ? "the environment"
									   : NULL;
}

static void test_table(void **state)
{
	struct options defaults = get_defaults();

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		char args[TEXT_MAX] = "", *argv[WORDS_MAX], text[TEXT_MAX];
		struct captured captured;
		struct options options;
		const char *said, *line, *left_in;
		int first = 0, err;

		snprintf(args, sizeof(args), "%s", cases[i].args);
		set_environment(cases[i].environment, true);
		captured_begin(&captured, STDERR_FILENO);
		err = options_parse("run", ALL, split(args, argv), argv, &options, &first);
		said = captured_end(&captured);
		left_in = left_over(args);
		set_environment(cases[i].environment, false);
		if (err != (cases[i].result ? 0 : -EINVAL))
			fail_msg("%s: %d, %s", cases[i].name, err, said);
		if (!err && cases[i].result)
			show(&options, &defaults, argv + first, text);
		if (!err && cases[i].result && strcmp(text, cases[i].result) != 0)
			fail_msg("%s: read as%s", cases[i].name, text);
		line = strchr(said, '\n');
		if (!err && left_in)
			fail_msg("%s: secret left in %s", cases[i].name, left_in);
		options_done(&options);
		if (strstr(said, SECRET))
			fail_msg("%s: a secret in '%s'", cases[i].name, said);
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
	uint64_t allowed = OPTION_BIT(OPTION_INTERFACE) | OPTION_BIT(OPTION_JSON);
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

/* Not of this command: left where it is, for who it belongs to. */
static void test_secret_of_another(void **state)
{
	char none[] = "", *argv[WORDS_MAX];
	struct options options;
	int first;

	(void)state;
	set_environment("REG_KEY=RK:sesame", true);
	assert_int_equal(options_parse("status", OPTION_BIT(OPTION_JSON), split(none, argv), argv,
				       &options, &first),
			 0);
	assert_null(options.value[OPTION_REG_KEY]);
	assert_string_equal(getenv("NEX_RELAY_REG_KEY"), "RK:sesame");
	set_environment("REG_KEY=", false);
	options_done(&options);
}

static void test_given(void **state)
{
	char text[] = "--mtu 1420 --adopt", *argv[WORDS_MAX], origin[OPTION_ORIGIN_MAX];
	struct options options;
	int first;

	(void)state;
	set_environment("STRICT=0 HOOK=tc", true);
	assert_int_equal(options_parse("run", ALL, split(text, argv), argv, &options, &first), 0);
	set_environment("STRICT= HOOK=", false);
	assert_true(options_given(&options, OPTION_MTU)); /* though it is the default */
	assert_true(options_given(&options, OPTION_HOOK));
	assert_true(options_given(&options, OPTION_ADOPT));
	assert_false(options_given(&options, OPTION_STRICT)); /* switched off */
	assert_false(options_given(&options, OPTION_ATTACH));
	assert_false(options_given(&options, OPTION_PEERS));
	assert_string_equal(options_origin(&options, OPTION_MTU, origin), "--mtu");
	assert_string_equal(options_origin(&options, OPTION_HOOK, origin), "NEX_RELAY_HOOK");
	assert_string_equal(options_origin(&options, OPTION_PEERS, origin), "--peers");
	options_done(&options);
}

static void test_help(void **state)
{
	struct captured captured;
	const char *text;

	(void)state;
	captured_begin(&captured, STDOUT_FILENO);
	option_print_help(stdout, EVERY);
	text = captured_end(&captured);
	for (int id = 0; id < OPTION_COUNT; id++) {
		char want[64];
		const char *at;

		snprintf(want, sizeof(want), "--%s%s", option_names[id],
			 option_row(id)->argument ? " "
			 : id == OPTION_HELP      ? "\n"
						  : "  [");
		at = strstr(text, want);
		if (!at || strchr(" \n", at[-1]) == NULL)
			fail_msg("no word about %s", want);
	}
	assert_non_null(
		strstr(text, "    -i, --interface NAME  [NEX_RELAY_INTERFACE]\n        The"));
	assert_non_null(strstr(text, "    --strict  [NEX_RELAY_STRICT]\n"));
	assert_non_null(strstr(text, "    -h, --help\n"));
	captured_begin(&captured, STDOUT_FILENO);
	option_print_help(stdout, OPTION_BIT(OPTION_JSON));
	assert_string_equal(captured_end(&captured),
			    "    -j, --json  [NEX_RELAY_JSON]\n        Print JSON.\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),       cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_not_allowed), cmocka_unit_test(test_secret_of_another),
		cmocka_unit_test(test_given),       cmocka_unit_test(test_help),
	};

	unsetenv("CREDENTIALS_DIRECTORY");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
