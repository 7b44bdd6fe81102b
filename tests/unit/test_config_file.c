// SPDX-License-Identifier: Apache-2.0
/*
 * test_config_file.c - what is read from a configuration file, and what is said of a wrong one.
 *
 * Settings are written "mtu=1400@2": value and line.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "captured.h"
#include "cmd/config_file.h"
#include "cmd/options.h"
#include "conf_folder.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define ALL (OPTION_BIT(OPTION_COUNT) - 1)
#define SECRET "sesame" /* in every secret here, and in no message */
#define TEXT_MAX 8192

/* clang-format off */
static const struct {
	const char *name, *content;
	const char *result;   /* NULL: -EINVAL */
	unsigned int line;
	const char *why;
} contents[] = {
	{ "nothing",             "",                                    "", 0, "" },
	{ "comments and blanks", "# mtu = 1\n\n \t\n  # hook = x\n#\n", "", 0, "" },
	{ "two settings",        "interface = wg1\nmtu = 1400\n",       " interface=wg1@1 mtu=1400@2", 0, "" },
	{ "no newline at the end", "mtu = 1400",                        " mtu=1400@1", 0, "" },
	{ "no blanks",           "mtu=1400\n",                          " mtu=1400@1", 0, "" },
	{ "many blanks",         " \t mtu\t =\t 1400 \t\n",             " mtu=1400@1", 0, "" },
	{ "DOS newlines",        "# x\r\n\r\nmtu = 1400\r\n",           " mtu=1400@3", 0, "" },
	{ "blanks in a value",   "stun-server = a:1, b:2 c:3\n",        " stun-server=a:1, b:2 c:3@1", 0, "" },
	{ "# in a value",        "reg-key = https://x#RK:sesame==\n",   " reg-key=https://x#RK:sesame==@1", 0, "" },
	{ "no comment after a value", "mtu = 1400 # small\n",           " mtu=1400 # small@1", 0, "" },
	{ "quotes are not taken off", "password = \"sesame\"\n",        " password=\"sesame\"@1", 0, "" },
	{ "empty value",         "mtu =\n",                             " mtu=@1", 0, "" },
	{ "every kind of name",  "state-dir = /x\njson = 1\nverbose = no\nadopt = yes\n",
	  " adopt=yes@4 state-dir=/x@1 json=1@2 verbose=no@3", 0, "" },

	{ "unknown name",        "mtu = 1400\n\ncolour = red\n",        NULL, 3,
	  "no such setting 'colour': for the names see `nex-relay run --help`" },
	{ "name with underscore", "reg_key = RK:sesame\n",              NULL, 1,
	  "no such setting 'reg_key': for the names see `nex-relay run --help`" },
	{ "name in capitals",    "MTU = 1400\n",                        NULL, 1,
	  "no such setting: for the names see `nex-relay run --help`" },
	{ "name of the environment", "NEX_RELAY_MTU = 1400\n",          NULL, 1,
	  "no such setting: for the names see `nex-relay run --help`" },
	{ "name with hyphens before", "--mtu = 1400\n",                 NULL, 1,
	  "no such setting '--mtu': for the names see `nex-relay run --help`" },
	{ "beginning of a name", "listen = 1\n",                        NULL, 1,
	  "no such setting 'listen': for the names see `nex-relay run --help`" },
	{ "help is no setting",  "help = 1\n",                          NULL, 1,
	  "no such setting 'help': for the names see `nex-relay run --help`" },
	{ "nor is the file itself", "config = /x\n",                    NULL, 1,
	  "no such setting 'config': for the names see `nex-relay run --help`" },
	{ "a key alone is not quoted", "RK:sesame=\n",                  NULL, 1,
	  "no such setting: for the names see `nex-relay run --help`" },
	{ "a long name is not quoted", "abcdefghijklmnopqrstuvwxyzsesameabc = 1\n", NULL, 1,
	  "no such setting: for the names see `nex-relay run --help`" },
	{ "no equals sign",      "mtu = 1400\nsesame\n",                NULL, 2,
	  "write it as `name = value`, or begin it with '#'" },
	{ "section",             "[relay]\n",                           NULL, 1,
	  "write it as `name = value`, or begin it with '#'" },
	{ "no name",             " = sesame\n",                         NULL, 1, "there is no name before the '='" },
	{ "twice",               "mtu = 1400\nhook = tc\nmtu = 1400\n", NULL, 3,
	  "mtu is set in line 1 already: take one of them out" },
	{ "secret twice",        "reg-key = RK:sesame1\nreg-key = RK:sesame2\n", NULL, 2,
	  "reg-key is set in line 1 already: take one of them out" },
	{ "STUN servers, each in a line", "stun-server = a:1\nstun-server = b:2\n", NULL, 2,
	  "stun-server is set in line 1 already: name all there, with commas between" },
	{ "empty, then again",   "mtu =\nmtu = 1400\n",                 NULL, 2,
	  "mtu is set in line 1 already: take one of them out" },
	{ "control characters",  "password = sesame\033[2J\n",          NULL, 1,
	  "has control characters, or what is not UTF-8, in it: take them out" },
	{ "not UTF-8",           "ca-file = /srv/\xe9t\xe9.pem\n",      NULL, 1,
	  "has control characters, or what is not UTF-8, in it: take them out" },
	{ "tab in a list",       "stun-server = a:1,\tb:2\n",          " stun-server=a:1, b:2@1", 0, "" },
	{ "tab in a secret",     "password = sesame\tsesame\n",        NULL, 1,
	  "has control characters, or what is not UTF-8, in it: take them out" },
	{ "carriage return inside", "mtu = 14\r00\n",                   NULL, 1,
	  "has control characters, or what is not UTF-8, in it: take them out" },
};

static const struct {
	const char *name, *content;
	mode_t mode;
	bool use_secrets;
	const char *why; /* "": is taken */
} modes[] = {
	{ "for all to read",             "mtu = 1400\n",       0644, true,  "" },
	{ "for ours alone",              "mtu = 1400\n",       0600, true,  "" },
	{ "not even we may write it",    "mtu = 1400\n",       0444, true,  "" },
	{ "group writes",                "mtu = 1400\n",       0664, true,  "mode 0664: others can change it; run `chmod 0600 c`" },
	{ "group only writes",           "mtu = 1400\n",       0620, false, "mode 0620: others can change it; run `chmod 0600 c`" },
	{ "others write",                "mtu = 1400\n",       0602, false, "mode 0602: others can change it; run `chmod 0600 c`" },
	{ "key for all to read",         "reg-key = RK:sesame\n", 0644, true,
	  "holds reg-key, but has mode 0644: others can read it; run `chmod 0600 c`" },
	{ "key for the group",           "reg-key = RK:sesame\n", 0640, true,
	  "holds reg-key, but has mode 0640: others can read it; run `chmod 0600 c`" },
	{ "password for others",         "password = sesame\n", 0604, true,
	  "holds password, but has mode 0604: others can read it; run `chmod 0600 c`" },
	{ "password for ours alone",     "password = sesame\n", 0600, true,  "" },
	{ "key in a read-only file",     "reg-key = RK:sesame\n", 0400, true, "" },
	{ "key that is not used",        "reg-key = RK:sesame\n", 0644, false, "" },
	{ "name of a file with a key",   "reg-key-file = /x\n", 0644, true,  "" },
	{ "commented key",               "# reg-key = RK:sesame\n", 0644, true, "" },
};

/* What counts, and how it is told. The file is "c"; @result as in test_options.c. */
static const struct {
	const char *name, *args, *environment, *content;
	const char *result; /* NULL: -EINVAL */
	const char *said;   /* all of it */
} levels[] = {
	{ "file alone",         "", "", "interface = wg1\nmtu = 1400\n", " interface=wg1 mtu=1400", "" },
	{ "environment wins",   "", "MTU=1300", "mtu = 1400\n",  " mtu=1300", "" },
	{ "flag wins",          "--mtu 1299", "MTU=1300", "mtu = 1400\n", " mtu=1299", "" },
	{ "flag wins over nonsense", "--mtu 1299", "", "mtu = nonsense\n", " mtu=1299", "" },
	{ "each for itself",    "--mtu 1299", "HOOK=xdp", "mtu = 1400\nhook = tc\nforward = relay-only\n",
	  " mtu=1299 hook=xdp forward=relay-only", "" },
	{ "switch on",          "", "", "adopt = yes\nstrict = 1\njson = true\nverbose = on\n",
	  " adopt=1 strict=1 json=1 verbose=1", "" },
	{ "switch off",         "", "", "adopt = no\nstrict = 0\njson = false\nverbose = off\n", "", "" },
	{ "environment switches off", "", "ADOPT=0", "adopt = yes\n", "", "" },
	{ "flag stays on",      "--adopt", "", "adopt = no\n",   " adopt=1", "" },
	{ "STUN servers",       "", "", "stun-server = a:1, b:2 c:3\n", " stun-server=a:1, b:2 c:3", "" },
	{ "STUN servers of a flag are not added", "--stun-server x:1", "", "stun-server = a:1,b:2\n",
	  " stun-server=x:1", "" },
	{ "secret",             "", "", "reg-key = RK:sesame\n", " reg-key=RK:sesame", "" },
	{ "secret flag wins",   "--password sesame2", "", "password = sesame\n", " password=sesame2", "" },
	{ "file of the environment", "", "CONFIG=c", "mtu = 1400\n", " mtu=1400", "" },

	{ "number",             "", "", "\nmtu = 9\n",           NULL,
	  "nex-relay: mtu (c line 2) must be a number from 1280 to 65455, not '9'\n" },
	{ "choice",             "", "", "hook = both\n",         NULL,
	  "nex-relay: hook (c line 1) must be one of tc|xdp, not 'both'\n" },
	{ "empty",              "", "", "peers =\n",             NULL, "nex-relay: peers (c line 1) is empty\n" },
	{ "switch",             "", "", "adopt = maybe\n",       NULL,
	  "nex-relay: adopt (c line 1) must be 1 or 0, not 'maybe'\n" },
	{ "empty switch",       "", "", "adopt =\n",             NULL,
	  "nex-relay: adopt (c line 1) must be 1 or 0, not ''\n" },
	{ "UUID",               "", "", "vpc-id = sesame\n",     NULL,
	  "nex-relay: vpc-id (c line 1) must be a UUID, as 01234567-89ab-cdef-0123-456789abcdef\n" },
	{ "unknown",            "", "", "x = sesame\n",          NULL,
	  "nex-relay: c line 1: no such setting 'x': for the names see `nex-relay run --help`\n" },
	{ "no such file",       "--config d", "", "",            NULL,
	  "nex-relay: d: cannot open it: No such file or directory\n" },
	{ "no such file of the environment", "", "CONFIG=d", "", NULL,
	  "nex-relay: d: cannot open it: No such file or directory\n" },
	{ "no name of a file",  "--config=", "", "",             NULL, "nex-relay: --config is empty\n" },
	{ "folder",             "--config .", "", "",            NULL, "nex-relay: .: is no regular file\n" },
	{ "help reads no file", "--help", "", "nonsense\n",      " help=1", "" },
};
/* clang-format on */

static void show(const struct config_file *config, char text[static TEXT_MAX])
{
	size_t n = 0;

	*text = '\0';
	for (int id = 0; id < OPTION_COUNT; id++)
		if (config->setting[id].value)
			n += snprintf(text + n, TEXT_MAX - n, " %s=%s@%u", option_name(id),
				      config->setting[id].value, config->setting[id].line);
}

static void test_contents(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(contents); i++) {
		struct config_file config = {};
		struct config_error error;
		char text[TEXT_MAX] = "";
		int err;

		conf_write("c", contents[i].content, strlen(contents[i].content), 0600);
		err = config_file_read("c", true, &config, &error);
		if (err != (contents[i].result ? 0 : -EINVAL))
			fail_msg("%s: %d, %s", contents[i].name, err, error.why);
		if (error.line != contents[i].line || (err && strcmp(error.why, contents[i].why)))
			fail_msg("%s: line %u: %s", contents[i].name, error.line, error.why);
		if (err && strstr(error.why, SECRET))
			fail_msg("%s: a secret in '%s'", contents[i].name, error.why);
		show(&config, text);
		if (strcmp(text, contents[i].result ?: "") != 0)
			fail_msg("%s: read as%s", contents[i].name, text);
		config_file_done(&config);
	}
	assert_int_equal(unlink("c"), 0);
}

static void test_modes(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(modes); i++) {
		struct config_file config = {};
		struct config_error error;
		int err;

		conf_write("c", modes[i].content, strlen(modes[i].content), modes[i].mode);
		err = config_file_read("c", modes[i].use_secrets, &config, &error);
		if (err != (*modes[i].why ? -EPERM : 0) || error.line)
			fail_msg("%s: %d, line %u", modes[i].name, err, error.line);
		if (err && strcmp(error.why, modes[i].why) != 0)
			fail_msg("%s: said '%s'", modes[i].name, error.why);
		config_file_done(&config);
		assert_int_equal(unlink("c"), 0);
	}
}

/* @len bytes of @filler, with @tail behind. Return: what reading them returns. */
static int read_filled(char filler, size_t len, const char *tail, unsigned int *ret_line)
{
	static char content[2 * CONFIG_FILE_BYTES_MAX];
	struct config_file config = {};
	struct config_error error;
	int err;

	memset(content, filler, len);
	strcpy(content + len, tail);
	conf_write("c", content, len + strlen(tail), 0600);
	err = config_file_read("c", true, &config, &error);
	*ret_line = error.line;
	config_file_done(&config);
	assert_int_equal(unlink("c"), 0);
	return err;
}

static void test_sizes(void **state)
{
	unsigned int line;

	(void)state;
	assert_int_equal(read_filled('\n', CONFIG_FILE_BYTES_MAX, "", &line), 0);
	assert_int_equal(read_filled('\n', CONFIG_FILE_BYTES_MAX - 7, "mtu = 1", &line), 0);
	assert_int_equal(read_filled('\n', CONFIG_FILE_BYTES_MAX - 7, "mtu = 12", &line), -EFBIG);
	assert_int_equal(line, 0);
	assert_int_equal(read_filled('#', CONFIG_FILE_LINE_MAX, "\nmtu = 1\n", &line), 0);
	assert_int_equal(read_filled('#', CONFIG_FILE_LINE_MAX + 1, "\nmtu = 1\n", &line), -EINVAL);
	assert_int_equal(line, 1);
	assert_int_equal(read_filled(' ', CONFIG_FILE_LINE_MAX + 1, "", &line), -EINVAL);
}

static void test_zero_bytes(void **state)
{
	struct config_file config = {};
	struct config_error error;

	(void)state;
	conf_write("c", "mtu = 1\0hook = tc\n", 18, 0600);
	assert_int_equal(config_file_read("c", true, &config, &error), -EINVAL);
	assert_string_equal(error.why, "has control characters in it: take them out");
	conf_write("c", "\0", 1, 0600);
	assert_int_equal(config_file_read("c", true, &config, &error), -EINVAL);
	assert_int_equal(error.line, 1);
	assert_int_equal(unlink("c"), 0);
}

/* Nothing that could block, and nothing of somebody else. */
static void test_kinds(void **state)
{
	struct config_file config = {};
	struct config_error error;

	(void)state;
	assert_int_equal(mkfifo("c", 0600), 0);
	assert_int_equal(config_file_read("c", true, &config, &error), -EBADMSG);
	assert_int_equal(unlink("c"), 0);
	assert_int_equal(config_file_read("/dev/null", true, &config, &error), -EBADMSG);
	conf_write("d", "mtu = 1400\n", 11, 0644);
	assert_int_equal(symlink("d", "c"), 0);
	assert_int_equal(config_file_read("c", true, &config, &error), 0);
	assert_string_equal(config.setting[OPTION_MTU].value, "1400");
	config_file_done(&config);
	assert_int_equal(chmod("d", 0666), 0); /* what the link ends at counts */
	assert_int_equal(config_file_read("c", true, &config, &error), -EPERM);
	assert_int_equal(unlink("c") || unlink("d"), 0);
}

static void test_owner(void **state)
{
	struct config_file config = {};
	struct config_error error;

	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: only root can give a file away\n");
		skip();
	}
	conf_write("c", "mtu = 1400\n", 11, 0644);
	assert_int_equal(chown("c", 1234, 0), 0);
	assert_int_equal(config_file_read("c", true, &config, &error), -EPERM);
	assert_string_equal(error.why, "owned by user 1234, and must be by root; if it is to be "
				       "trusted, run `chown 0 c`");
	assert_int_equal(seteuid(1234), 0); /* its own */
	assert_int_equal(config_file_read("c", true, &config, &error), 0);
	config_file_done(&config);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chown("c", 0, 0), 0);
	assert_int_equal(seteuid(1234), 0); /* root's */
	assert_int_equal(config_file_read("c", true, &config, &error), 0);
	config_file_done(&config);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(unlink("c"), 0);
}

static void show_options(const struct options *options, char text[static TEXT_MAX])
{
	size_t n = 0;

	*text = '\0';
	for (int id = 0; id < OPTION_COUNT; id++)
		if (id != OPTION_CONFIG && options_given(options, id))
			n += snprintf(text + n, TEXT_MAX - n, " %s=%s", option_name(id),
				      options->value[id]);
}

static void test_levels(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(levels); i++) {
		bool is_named = strstr(levels[i].args, "--config") ||
				strstr(levels[i].environment, "CONFIG=");
		char args[TEXT_MAX], *argv[CONF_WORDS_MAX], text[TEXT_MAX] = "";
		struct captured captured;
		struct options options;
		const char *said;
		int err, first;

		conf_write("c", levels[i].content, strlen(levels[i].content), 0600);
		snprintf(args, sizeof(args), "%s%s", levels[i].args, is_named ? "" : " --config c");
		conf_environment(levels[i].environment, true);
		captured_begin(&captured, STDERR_FILENO);
		err = options_parse("run", ALL, conf_split(args, argv), argv, &options, &first);
		said = captured_end(&captured);
		conf_environment(levels[i].environment, false);
		if (err != (levels[i].result ? 0 : -EINVAL) || strcmp(said, levels[i].said) != 0)
			fail_msg("%s: %d, said '%s'", levels[i].name, err, said);
		if (!err)
			show_options(&options, text);
		if (!err && strcmp(text, levels[i].result) != 0)
			fail_msg("%s: read as%s", levels[i].name, text);
		options_done(&options);
	}
	assert_int_equal(unlink("c"), 0);
}

/* A command takes what it has, and minds only the form of the rest. */
static void test_other_command(void **state)
{
	static const char content[] = "reg-key = RK:sesame\nmtu = nonsense\ninterface = wg7\n";
	uint64_t allowed = OPTION_BIT(OPTION_INTERFACE) | OPTION_BIT(OPTION_CONFIG);
	char args[] = "--config c", *argv[CONF_WORDS_MAX];
	struct options options;
	int first;

	(void)state;
	conf_write("c", content, strlen(content), 0644);
	assert_int_equal(options_parse("status", allowed, conf_split(args, argv), argv, &options,
				       &first),
			 0);
	assert_true(options_is(&options, OPTION_INTERFACE, "wg7"));
	assert_null(options.value[OPTION_REG_KEY]);
	assert_false(options_given(&options, OPTION_MTU));
	options_done(&options);
	assert_int_equal(unlink("c"), 0);
}

static int parse_default(uint64_t allowed, struct options *options)
{
	char none[] = "", *argv[CONF_WORDS_MAX];
	int first;

	return options_parse("run", allowed, conf_split(none, argv), argv, options, &first);
}

/* In a mount namespace of its own. Return: number of the check that failed, or 0. */
static int check_default_file(void)
{
	struct captured captured;
	struct options options;
	const char *said;
	int err;

	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/etc", "tmpfs", 0, "mode=0755"))
		return 1;
	if (parse_default(ALL, &options) || !options_is(&options, OPTION_INTERFACE, "wg0"))
		return 2; /* there is none */
	options_done(&options);
	if (mkdir("/etc/nex-relay", 0755))
		return 3;
	conf_write(OPTION_CONFIG_DEFAULT, "interface = wg7\n", 16, 0600);
	if (parse_default(ALL, &options) || !options_is(&options, OPTION_INTERFACE, "wg7"))
		return 4;
	options_done(&options);
	if (parse_default(ALL & ~OPTION_BIT(OPTION_CONFIG), &options) ||
	    !options_is(&options, OPTION_INTERFACE, "wg0"))
		return 5; /* not of this command */
	options_done(&options);
	captured_begin(&captured, STDERR_FILENO);
	err = seteuid(1234) || parse_default(ALL, &options);
	said = captured_end(&captured);
	options_done(&options);
	return err || strcmp(said, "nex-relay: warning: " OPTION_CONFIG_DEFAULT
				   ": cannot open it: Permission denied, continuing without "
				   "it\n") != 0
		       ? 6
		       : 0;
}

static void test_default_file(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0 || access("/proc/self/ns/mnt", F_OK)) {
		print_message("skipped: only root can have a mount namespace of its own\n");
		skip();
	}
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(unshare(CLONE_NEWNS) ? 99 : check_default_file());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contents),     cmocka_unit_test(test_modes),
		cmocka_unit_test(test_sizes),        cmocka_unit_test(test_zero_bytes),
		cmocka_unit_test(test_kinds),        cmocka_unit_test(test_owner),
		cmocka_unit_test(test_levels),       cmocka_unit_test(test_other_command),
		cmocka_unit_test(test_default_file),
	};

	unsetenv("CREDENTIALS_DIRECTORY");
	return cmocka_run_group_tests(tests, conf_folder_make, conf_folder_remove);
}
