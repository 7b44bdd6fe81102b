// SPDX-License-Identifier: Apache-2.0
/*
 * test_secret_options.c - registration key and password from files and credentials, and that they
 * are nowhere else afterwards.
 *
 * In the working directory of a row: "k" and "p" with @content and @mode, "c" with @config, and
 * the folder "cred" with the credentials.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "captured.h"
#include "cmd/options.h"
#include "conf_folder.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define ALL (OPTION_BIT(OPTION_COUNT) - 1)
#define SECRET "sesame" /* in every secret here, and in no message */
#define TEXT_MAX 8192
#define FOLDER "%s" /* in @said: the working directory */

/* clang-format off */
static const struct {
	const char *name, *args, *environment, *config;
	const char *content;    /* of k; NULL: there is none */
	mode_t mode;
	const char *credential; /* reg-key; NULL: there is none */
	mode_t credential_mode;
	const char *key;        /* NULL: -EINVAL; "": none */
	const char *said;
} rows[] = {
	{ "nothing", "", "", "", NULL, 0, NULL, 0, "", "" },
	{ "file by flag", "--reg-key-file k", "", "", "RK:sesame\n", 0600, NULL, 0, "RK:sesame", "" },
	{ "file by environment", "", "REG_KEY_FILE=k", "", "RK:sesame\n", 0600, NULL, 0, "RK:sesame", "" },
	{ "file by file", "", "", "reg-key-file = k\n", "RK:sesame\n", 0600, NULL, 0, "RK:sesame", "" },
	{ "no newline", "--reg-key-file k", "", "", "RK:sesame", 0600, NULL, 0, "RK:sesame", "" },
	{ "DOS newline", "--reg-key-file k", "", "", "RK:sesame\r\n", 0600, NULL, 0, "RK:sesame", "" },
	{ "more lines", "--reg-key-file k", "", "", "RK:sesame\nnext\n", 0600, NULL, 0, "RK:sesame", "" },
	{ "blanks around it", "--reg-key-file k", "", "", " \tRK:ses ame\t \r\n", 0400, NULL, 0, "RK:ses ame", "" },
	{ "nothing but blanks", "--reg-key-file k", "", "", " \t \r", 0400, NULL, 0, NULL,
	  "the reg-key of --reg-key-file is empty\n" },
	{ "flag over the other level's file", "--reg-key RK:sesame1", "REG_KEY_FILE=k", "", "RK:sesame2", 0600, NULL, 0,
	  "RK:sesame1", "" },
	{ "file over the other level's text", "--reg-key-file k", "REG_KEY=RK:sesame-is-longer", "", "RK:sesame2", 0600,
	  NULL, 0, "RK:sesame2", "" },
	{ "environment over the file", "", "REG_KEY_FILE=k", "reg-key = RK:sesame1\n", "RK:sesame2", 0600, NULL, 0,
	  "RK:sesame2", "" },
	{ "what loses is not opened", "--reg-key RK:sesame", "REG_KEY_FILE=none", "", NULL, 0, NULL, 0, "RK:sesame", "" },
	{ "credential", "", "", "", NULL, 0, "RK:sesame\n", 0400, "RK:sesame", "" },
	{ "credential with an ACL", "", "", "", NULL, 0, "RK:sesame", 0440, "RK:sesame", "" },
	{ "credential over the file", "", "", "reg-key = RK:sesame1\n", NULL, 0, "RK:sesame2", 0400, "RK:sesame2", "" },
	{ "credential over a file in the file", "", "", "reg-key-file = k\n", "RK:sesame1", 0600, "RK:sesame2", 0400,
	  "RK:sesame2", "" },
	{ "flag over the credential", "--reg-key RK:sesame1", "", "", NULL, 0, "RK:sesame2", 0400, "RK:sesame1", "" },
	{ "file by flag over the credential", "--reg-key-file k", "", "", "RK:sesame1", 0600, "RK:sesame2", 0400,
	  "RK:sesame1", "" },
	{ "help opens nothing", "--help", "REG_KEY_FILE=none", "", NULL, 0, NULL, 0, "", "" },

	{ "two flags", "--reg-key RK:sesame --reg-key-file k", "", "", "RK:sesame", 0600, NULL, 0, NULL,
	  "--reg-key and --reg-key-file both give the registration key: take one of them out\n" },
	{ "two of the environment", "", "REG_KEY=RK:sesame REG_KEY_FILE=k", "", "RK:sesame", 0600, NULL, 0, NULL,
	  "NEX_RELAY_REG_KEY and NEX_RELAY_REG_KEY_FILE both give the registration key: take one of them out\n" },
	{ "two of the file", "", "", "reg-key = RK:sesame\nreg-key-file = k\n", "RK:sesame", 0600, NULL, 0, NULL,
	  "reg-key (c line 1) and reg-key-file (c line 2) both give the registration key: take one of them out\n" },
	{ "credential and environment", "", "REG_KEY=RK:sesame", "", NULL, 0, "RK:sesame", 0400, NULL,
	  "NEX_RELAY_REG_KEY and a systemd credential both give the registration key: take one of them out\n" },
	{ "credential and file of the environment", "", "REG_KEY_FILE=k", "", "RK:sesame", 0600, "RK:sesame", 0400, NULL,
	  "the reg-key of NEX_RELAY_REG_KEY_FILE and a systemd credential both give the registration key: "
	  "take one of them out\n" },
	{ "no such file", "--reg-key-file none", "", "", NULL, 0, NULL, 0, NULL,
	  "the reg-key of --reg-key-file: none: cannot open it: No such file or directory\n" },
	{ "standard input is a name like others", "--reg-key-file -", "", "", NULL, 0, NULL, 0, NULL,
	  "the reg-key of --reg-key-file: -: cannot open it: No such file or directory\n" },
	{ "folder", "", "REG_KEY_FILE=.", "", NULL, 0, NULL, 0, NULL,
	  "the reg-key of NEX_RELAY_REG_KEY_FILE: .: is no regular file\n" },
	{ "others read it", "--reg-key-file k", "", "", "RK:sesame", 0644, NULL, 0, NULL,
	  "the reg-key of --reg-key-file: k: mode 0644: others can read it; run `chmod 0600 k`\n" },
	{ "the group reads it", "", "", "reg-key-file = k\n", "RK:sesame", 0640, NULL, 0, NULL,
	  "the reg-key of reg-key-file (c line 1): k: mode 0640: others can read it; run `chmod 0600 k`\n" },
	{ "others write it", "--reg-key-file k", "", "", "RK:sesame", 0602, NULL, 0, NULL,
	  "the reg-key of --reg-key-file: k: mode 0602: others can change it; run `chmod 0600 k`\n" },
	{ "empty", "--reg-key-file k", "", "", "", 0600, NULL, 0, NULL, "the reg-key of --reg-key-file is empty\n" },
	{ "empty first line", "--reg-key-file k", "", "", "\nRK:sesame\n", 0600, NULL, 0, NULL,
	  "the reg-key of --reg-key-file is empty\n" },
	{ "control characters", "--reg-key-file k", "", "", "RK:sesame\tx\n", 0600, NULL, 0, NULL,
	  "the reg-key of --reg-key-file has control characters, or what is not UTF-8, in it\n" },
	{ "credential for others", "", "", "", NULL, 0, "RK:sesame", 0444, NULL,
	  "the systemd credential reg-key: " FOLDER "/cred/reg-key: mode 0444: others can read it; "
	  "run `chmod 0600 " FOLDER "/cred/reg-key`\n" },
	{ "credential that the group writes", "", "", "", NULL, 0, "RK:sesame", 0460, NULL,
	  "the systemd credential reg-key: " FOLDER "/cred/reg-key: mode 0460: others can change it; "
	  "run `chmod 0600 " FOLDER "/cred/reg-key`\n" },
	{ "empty credential", "", "", "", NULL, 0, "", 0400, NULL, "the systemd credential reg-key is empty\n" },
};
/* clang-format on */

/* @said with the folder's path for each "%s". */
static const char *with_folder(const char *said, char text[static TEXT_MAX])
{
	size_t n = snprintf(text, TEXT_MAX, "%s", *said ? "nex-relay: " : "");

	for (; *said; said++) {
		if (strncmp(said, FOLDER, 2) != 0) {
			text[n++] = *said;
			continue;
		}
		n += snprintf(text + n, TEXT_MAX - n, "%s", conf_folder_path);
		said++;
	}
	text[n] = '\0';
	return text;
}

static void set_credentials(bool set)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/cred", conf_folder_path);
	assert_int_equal(set ? setenv("CREDENTIALS_DIRECTORY", path, 1)
			     : unsetenv("CREDENTIALS_DIRECTORY"),
			 0);
}

static void write_files(size_t i)
{
	if (rows[i].content)
		conf_write("k", rows[i].content, strlen(rows[i].content), rows[i].mode);
	if (rows[i].credential)
		conf_write("cred/reg-key", rows[i].credential, strlen(rows[i].credential),
			   rows[i].credential_mode);
	conf_write("c", rows[i].config, strlen(rows[i].config), 0600);
}

static void remove_files(void)
{
	(void)unlink("k"); /* not there in every row */
	(void)unlink("cred/reg-key");
	assert_int_equal(unlink("c"), 0);
}

static void test_table(void **state)
{
	(void)state;
	assert_int_equal(mkdir("cred", 0700), 0);
	for (size_t i = 0; i < N(rows); i++) {
		char args[TEXT_MAX], *argv[CONF_WORDS_MAX], want[TEXT_MAX];
		struct captured captured;
		struct options options;
		const char *said, *key;
		int err, first;

		write_files(i);
		snprintf(args, sizeof(args), "--config c %s", rows[i].args);
		conf_environment(rows[i].environment, true);
		set_credentials(true);
		captured_begin(&captured, STDERR_FILENO);
		err = options_parse("run", ALL, conf_split(args, argv), argv, &options, &first);
		said = captured_end(&captured);
		set_credentials(false);
		conf_environment(rows[i].environment, false);
		remove_files();
		key = options.value[OPTION_REG_KEY] ?: "";
		if (err != (rows[i].key ? 0 : -EINVAL) ||
		    strcmp(said, with_folder(rows[i].said, want)) != 0 || strstr(said, SECRET))
			fail_msg("%s: %d, said '%s'", rows[i].name, err, said);
		if (!err && strcmp(key, rows[i].key) != 0)
			fail_msg("%s: key '%s'", rows[i].name, key);
		options_done(&options);
		assert_null(memmem(&options, sizeof(options), SECRET, strlen(SECRET)));
	}
	assert_int_equal(rmdir("cred"), 0);
}

/* The password comes the same ways, beside the key; it may be longer than a line of a terminal. */
static void test_password(void **state)
{
	char args[] = "--reg-key RK:sesame --password-file p --config c", *argv[CONF_WORDS_MAX];
	char again[] = "--password-file p --config c", long_one[5000];
	struct captured captured;
	struct options options;
	const char *said;
	int first, err;

	(void)state;
	conf_write("c", "", 0, 0600);
	conf_write("p", " open sesame \n", 14, 0600); /* blanks may be part of it */
	assert_int_equal(options_parse("run", ALL, conf_split(args, argv), argv, &options, &first),
			 0);
	assert_string_equal(options.value[OPTION_PASSWORD], " open sesame ");
	assert_string_equal(options.value[OPTION_REG_KEY], "RK:sesame");
	options_done(&options);
	memset(long_one, 'x', sizeof(long_one));
	for (size_t len = 1023; len <= 4097; len += len == 1023 ? 1 : 3073) {
		conf_write("p", long_one, len, 0600);
		captured_begin(&captured, STDERR_FILENO);
		err = options_parse("run", ALL, conf_split(strcpy(args, again), argv), argv,
				    &options, &first);
		said = captured_end(&captured);
		assert_int_equal(err, len == 1023 ? 0 : -EINVAL);
		if (len == 1024)
			assert_string_equal(said, "nex-relay: the password of --password-file is "
						  "longer than 1023 bytes\n");
		if (len == 4097)
			assert_string_equal(said, "nex-relay: the password of --password-file: p: "
						  "is larger than 4096 bytes\n");
		options_done(&options);
	}
	conf_write("p", "sesa\0me\n", 8, 0600);
	captured_begin(&captured, STDERR_FILENO);
	err = options_parse("run", ALL, conf_split(strcpy(args, again), argv), argv, &options,
			    &first);
	assert_string_equal(captured_end(&captured), "nex-relay: the password of --password-file: "
						     "p: has control characters in it\n");
	assert_int_equal(err, -EINVAL);
	options_done(&options);
	assert_int_equal(unlink("p") || unlink("c"), 0);
}

static void test_credentials_folder(void **state)
{
	char args[] = "--config c", *argv[CONF_WORDS_MAX], copy[sizeof(args)];
	static const char *const wrong[] = { "cred", "." };
	struct options options;
	int first;

	(void)state;
	conf_write("c", "", 0, 0600);
	for (size_t i = 0; i < N(wrong); i++) {
		struct captured captured;
		const char *said;
		int err;

		setenv("CREDENTIALS_DIRECTORY", wrong[i], 1);
		captured_begin(&captured, STDERR_FILENO);
		err = options_parse("run", ALL, conf_split(strcpy(copy, args), argv), argv,
				    &options, &first);
		said = captured_end(&captured);
		assert_int_equal(err, -EINVAL);
		assert_string_equal(said, "nex-relay: CREDENTIALS_DIRECTORY must be the path of a "
					  "folder\n");
		options_done(&options);
	}
	setenv("CREDENTIALS_DIRECTORY", "/nonexistent", 1);
	assert_int_equal(options_parse("run", ALL, conf_split(strcpy(copy, args), argv), argv,
				       &options, &first),
			 0);
	options_done(&options);
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(unlink("c"), 0);
}

/* Is the secret in what everybody (cmdline) or the same user (environ) can read of us? */
static bool is_visible(const char *name)
{
	char bytes[65536];
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t len = read(fd, bytes, sizeof(bytes));

	close(fd);
	return len < 0 || memmem(bytes, len, SECRET, strlen(SECRET));
}

/* As `nex-relay run ARGS`, in a process that was started so. Return: exit status. */
static int child(int argc, char **argv)
{
	uint64_t allowed = ALL & ~OPTION_BIT(OPTION_CONFIG);
	struct options options;
	int first;

	if (!is_visible("/proc/self/cmdline") || !is_visible("/proc/self/environ"))
		return 1;
	if (options_parse("run", allowed, argc, argv, &options, &first))
		return 2;
	if (is_visible("/proc/self/cmdline"))
		return 3;
	if (is_visible("/proc/self/environ") || getenv("NEX_RELAY_REG_KEY") ||
	    getenv("NEX_RELAY_PASSWORD"))
		return 4;
	if (!options_is(&options, OPTION_PASSWORD, "sesame2") ||
	    !options_is(&options, OPTION_REG_KEY, "RK:sesame1") || argc - first != 1)
		return 5;
	options_done(&options);
	return 0;
}

static void test_process(void **state)
{
	/* Flags override both; they are wiped all the same. */
	static char password[] = "NEX_RELAY_PASSWORD=sesame3",
		    key[] = "NEX_RELAY_REG_KEY=RK:sesame4";
	char *const environment[] = { password, key, NULL };
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		execle("/proc/self/exe", "run", "--password", "sesame0", "--password=sesame2",
		       "--reg-key", "RK:sesame1", "x", NULL, environment);
		_exit(99);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_password),
		cmocka_unit_test(test_credentials_folder),
		cmocka_unit_test(test_process),
	};

	if (!strcmp(argv[0], "run"))
		return child(argc, argv);
	unsetenv("CREDENTIALS_DIRECTORY");
	return cmocka_run_group_tests(tests, conf_folder_make, conf_folder_remove);
}
