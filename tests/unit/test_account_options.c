// SPDX-License-Identifier: Apache-2.0
/*
 * test_account_options.c - the account from options, and nexd's rules about them.
 *
 * An account is written "api=https://api.x token=RK:... stun=2": what is not empty.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "captured.h"
#include "cmd/account_options.h"
#include "conf_folder.h"
#include "nexodus/defaults.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define ALL (OPTION_BIT(OPTION_COUNT) - 1)
#define SECRET "sesame" /* in every secret here, and in no message */
#define TEXT_MAX 4096
#define UUID "01234567-89ab-cdef-0123-456789abcdef"
#define KEY "RK:sesame"
#define USER "--username u --password sesame"
#define TRY "api=https://api.try.nexodus.io"

/* clang-format off */
static const struct {
	const char *name, *args, *environment, *config;
	const char *account; /* NULL: -EINVAL */
	const char *why;
} rows[] = {
	{ "key",             "--reg-key " KEY, "", "", TRY " token=" KEY " stun=5", "" },
	{ "key, environment", "", "REG_KEY=" KEY, "", TRY " token=" KEY " stun=5", "" },
	{ "key, file",       "", "", "reg-key = " KEY "\n", TRY " token=" KEY " stun=5", "" },
	{ "key and service", "--reg-key " KEY " --service-url https://x.example:8443/path", "", "",
	  "api=https://api.x.example:8443 token=" KEY " stun=5", "" },
	{ "key with service", "--reg-key https://x.example#" KEY, "", "", "api=https://api.x.example token=" KEY " stun=5", "" },
	{ "key with service, file", "", "", "reg-key = https://x.example#" KEY "\n",
	  "api=https://api.x.example token=" KEY " stun=5", "" },
	{ "service of the file for a key", "--reg-key " KEY, "", "service-url = https://x.example\n",
	  "api=https://api.x.example token=" KEY " stun=5", "" },
	{ "service alone",   "--service-url https://x.example", "", "", "api=https://api.x.example stun=5", "" },
	{ "user",            USER, "", "", TRY " user=u password=sesame stun=5", "" },
	{ "password from elsewhere", "--username u", "PASSWORD=sesame2", "", TRY " user=u password=sesame2 stun=5", "" },
	{ "user of the file, password of the environment", "", "PASSWORD=sesame", "username = u\n",
	  TRY " user=u password=sesame stun=5", "" },
	{ "user with VPC",   USER " --vpc-id " UUID " --security-group-id ABCDEF01-89AB-cdef-0123-456789ABCDEF", "", "",
	  TRY " user=u password=sesame vpc=" UUID " group=abcdef01-89ab-cdef-0123-456789abcdef stun=5", "" },
	{ "addresses",       "--reg-key " KEY " --request-ip 100.64.0.9 --local-endpoint-ip 192.0.2.1", "", "",
	  TRY " token=" KEY " ip=100.64.0.9 local=192.0.2.1 stun=5", "" },
	{ "IPv6 in the usual form", "--reg-key " KEY " --local-endpoint-ip 2001:DB8:0::1", "", "",
	  TRY " token=" KEY " local=2001:db8::1 stun=5", "" },
	{ "STUN servers",    "--reg-key " KEY " --stun-server a:1 --stun-server b:2", "", "", TRY " token=" KEY " stun=2", "" },
	{ "eight STUN servers", "--reg-key " KEY " --stun-server a:1,b:1,c:1,d:1,e:1,f:1,g:1,h:1", "", "",
	  TRY " token=" KEY " stun=8", "" },
	{ "insecure",        "--reg-key " KEY " --insecure-skip-tls-verify", "", "", TRY " token=" KEY " stun=5 insecure", "" },
	{ "not insecure",    "--reg-key " KEY, "INSECURE_SKIP_TLS_VERIFY=0", "", TRY " token=" KEY " stun=5", "" },

	{ "peers",           "--peers x", "", "", "none", "" },
	{ "adopt",           "--adopt --peers x", "", "", "none", "" },
	{ "peers, with switches that are off", "--peers x", "EXIT_ON_REVOKE=0", "insecure-skip-tls-verify = no\n", "none", "" },
	{ "nothing",         "", "", "", "which?", "" },
	{ "nothing that says where", "--vpc-id " UUID " --exit-on-revoke", "", "", "which?", "" },

	{ "password alone",  "--password sesame", "", "", NULL, "--password needs --username" },
	{ "key and user",    "--reg-key " KEY " " USER, "", "", NULL,
	  "--reg-key excludes --username: log in with a key or as a user" },
	{ "key and user, of different levels", "--username u", "REG_KEY=" KEY, "password = sesame\n", NULL,
	  "NEX_RELAY_REG_KEY excludes --username: log in with a key or as a user" },
	{ "key and VPC",     "--reg-key " KEY, "", "# x\nvpc-id = " UUID "\n", NULL,
	  "--reg-key excludes vpc-id (c line 2): the key belongs to a VPC" },
	{ "key and group",   "--reg-key " KEY " --security-group-id " UUID, "", "", NULL,
	  "--reg-key excludes --security-group-id: the key belongs to a VPC and its group" },
	{ "user without password", "--username u", "", "", NULL,
	  "--username needs a password: give it with --password-file" },
	{ "password for a key", "--reg-key " KEY, "PASSWORD=sesame", "", NULL, "NEX_RELAY_PASSWORD needs --username" },
	{ "service named twice", "--reg-key https://x.example#" KEY " --service-url https://x.example", "", "", NULL,
	  "--reg-key names the service itself: take --service-url out" },
	{ "service named twice, levels", "", "SERVICE_URL=https://x", "reg-key = https://x#" KEY "\n", NULL,
	  "reg-key (c line 1) names the service itself: take NEX_RELAY_SERVICE_URL out" },
	{ "one STUN server", "--reg-key " KEY " --stun-server a:1", "", "", NULL,
	  "--stun-server must name at least two servers: one cannot tell what a NAT does" },
	{ "separators alone", "--reg-key " KEY, "STUN_SERVER=,,", "", NULL,
	  "NEX_RELAY_STUN_SERVER must name at least two servers: one cannot tell what a NAT does" },

	{ "peers and key",   "--peers x --reg-key " KEY, "", "", NULL,
	  "--peers excludes --reg-key: the devices come from one place alone" },
	{ "peers and key of the file", "--peers x", "", "reg-key = " KEY "\n", NULL,
	  "--peers excludes reg-key (c line 1): the devices come from one place alone" },
	{ "peers of the file and key", "--reg-key " KEY, "", "peers = x\n", NULL,
	  "peers (c line 1) excludes --reg-key: the devices come from one place alone" },
	{ "adopt and user",  USER " --adopt", "", "", NULL,
	  "--adopt excludes --username: the devices come from one place alone" },
	{ "adopt and STUN",  "--adopt --stun-server a:1", "", "", NULL,
	  "--adopt excludes --stun-server: the devices come from one place alone" },
	{ "adopt and revoke", "--adopt", "EXIT_ON_REVOKE=1", "", NULL,
	  "--adopt excludes NEX_RELAY_EXIT_ON_REVOKE: the devices come from one place alone" },
	{ "peers and a password", "--peers x", "PASSWORD=sesame", "", NULL,
	  "--peers excludes NEX_RELAY_PASSWORD: the devices come from one place alone" },
};

/* What service_url.h refuses: only the option is named here. */
static const struct {
	const char *name, *args, *why;
} refused[] = {
	{ "no https",            "--service-url http://x.example", "--service-url: " },
	{ "no URL",              "--service-url sesame", "--service-url: " },
	{ "no key",              "--reg-key sesame", "--reg-key: " },
	{ "other token",         "--reg-key DT:sesame", "--reg-key: " },
	{ "key with another URL", "--reg-key http://x.example#" KEY, "--reg-key: " },
};
/* clang-format on */

static size_t add(char *text, size_t n, const char *name, const char *value)
{
	return *value ? n + snprintf(text + n, TEXT_MAX - n, "%s%s=%s", n ? " " : "", name, value)
		      : n;
}

static void show(const struct account *account, char text[static TEXT_MAX])
{
	char number[16];
	size_t n = 0;

	snprintf(number, sizeof(number), "%u", account->n_stun_servers);
	n = add(text, n, "api", account->api);
	n = add(text, n, "token", account->reg_token);
	n = add(text, n, "user", account->username);
	n = add(text, n, "password", account->password);
	n = add(text, n, "vpc", account->vpc_id);
	n = add(text, n, "group", account->security_group_id);
	n = add(text, n, "ip", account->request_ip);
	n = add(text, n, "local", account->local_endpoint);
	n = add(text, n, "stun", number);
	if (account->insecure)
		snprintf(text + n, TEXT_MAX - n, " insecure");
}

/* As `run` does. Return: 0 or -EINVAL, with @text: the account, or why there is none. */
static int build(const struct options *options, char text[static TEXT_MAX])
{
	struct account account = {};
	char why[ACCOUNT_WHY_MAX];
	int err;

	snprintf(text, TEXT_MAX, "none");
	if (options_given(options, OPTION_PEERS) || options_given(options, OPTION_ADOPT)) {
		err = account_options_check_none(options, why);
	} else if (!account_options_wanted(options)) {
		snprintf(text, TEXT_MAX, "which?");
		err = 0;
	} else {
		err = account_options_build(options, &account, why);
		if (!err)
			show(&account, text);
	}
	if (err)
		snprintf(text, TEXT_MAX, "%s", why);
	account_options_done(&account);
	return err;
}

static int parse_and_build(const char *args, const char *environment, const char *config,
			   char text[static TEXT_MAX])
{
	char words[TEXT_MAX], *argv[CONF_WORDS_MAX];
	struct options options;
	int err, first;

	conf_write("c", config, strlen(config), 0600);
	snprintf(words, sizeof(words), "--config c %s", args);
	conf_environment(environment, true);
	err = options_parse("run", ALL, conf_split(words, argv), argv, &options, &first);
	conf_environment(environment, false);
	assert_int_equal(unlink("c"), 0);
	assert_int_equal(err, 0);
	err = build(&options, text);
	options_done(&options);
	return err;
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const char *want = rows[i].account ?: rows[i].why;
		char text[TEXT_MAX];
		int err = parse_and_build(rows[i].args, rows[i].environment, rows[i].config, text);

		if (err != (rows[i].account ? 0 : -EINVAL) || strcmp(text, want) != 0)
			fail_msg("%s: %d, '%s'", rows[i].name, err, text);
		if (err && strstr(text, SECRET))
			fail_msg("%s: a secret in '%s'", rows[i].name, text);
	}
}

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(refused); i++) {
		char text[TEXT_MAX];
		int err = parse_and_build(refused[i].args, "", "", text);

		if (err != -EINVAL || strncmp(text, refused[i].why, strlen(refused[i].why)) != 0 ||
		    strlen(text) <= strlen(refused[i].why) || strstr(text, SECRET))
			fail_msg("%s: %d, '%s'", refused[i].name, err, text);
	}
}

/* Every option of the control plane, one by one, with a value that is right. */
static void test_each_is_excluded(void **state)
{
	static const char *const values[OPTION_COUNT] = {
		[OPTION_REG_KEY] = KEY,
		[OPTION_SERVICE_URL] = "https://x.example",
		[OPTION_USERNAME] = "u",
		[OPTION_PASSWORD] = "sesame",
		[OPTION_VPC_ID] = UUID,
		[OPTION_SECURITY_GROUP_ID] = UUID,
		[OPTION_REQUEST_IP] = "100.64.0.9",
		[OPTION_LOCAL_ENDPOINT_IP] = "2001:db8::1",
		[OPTION_STUN_SERVER] = "a:1,b:2",
		[OPTION_CA_FILE] = "/etc/x.pem",
		[OPTION_INSECURE_SKIP_TLS_VERIFY] = "",
		[OPTION_EXIT_ON_REVOKE] = "",
	};
	int n = 0;

	(void)state;
	for (int id = 0; id < OPTION_COUNT; id++) {
		char args[TEXT_MAX], text[TEXT_MAX];

		if (!values[id])
			continue;
		snprintf(args, sizeof(args), "--adopt --%s %s", option_name(id), values[id]);
		if (parse_and_build(args, "", "", text) != -EINVAL || strstr(text, SECRET) ||
		    !strstr(text, option_name(id)))
			fail_msg("--%s with --adopt: '%s'", option_name(id), text);
		n++;
	}
	/* With the two that name files, which test_secret_options.c has. */
	assert_int_equal(n + 2, __builtin_popcount(OPTIONS_ACCOUNT));
}

static void test_stun_servers(void **state)
{
	char args[] = "--reg-key " KEY " --stun-server a.example:1 --stun-server 192.0.2.1:65535";
	char *argv[CONF_WORDS_MAX], why[ACCOUNT_WHY_MAX], none[] = "--reg-key " KEY;
	uint64_t allowed = ALL & ~OPTION_BIT(OPTION_CONFIG);
	struct options options;
	struct account account;
	int first;

	(void)state;
	assert_int_equal(
		options_parse("run", allowed, conf_split(args, argv), argv, &options, &first), 0);
	assert_int_equal(account_options_build(&options, &account, why), 0);
	assert_int_equal(account.n_stun_servers, 2);
	assert_string_equal(account.stun_servers[0], "a.example:1");
	assert_string_equal(account.stun_servers[1], "192.0.2.1:65535");
	assert_string_equal(account.stun_servers[2], "");
	account.listen_port = 51820; /* the node's */
	assert_int_equal(account_check(&account), 0);
	account_options_done(&account);
	assert_null(memmem(&account, sizeof(account), SECRET, strlen(SECRET)));
	options_done(&options);
	assert_int_equal(
		options_parse("run", allowed, conf_split(none, argv), argv, &options, &first), 0);
	assert_int_equal(account_options_build(&options, &account, why), 0);
	assert_string_equal(account.stun_servers[0], "stun.l.google.com:19302");
	assert_string_equal(account.stun_servers[4], "stun4.l.google.com:19302");
	options_done(&options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_each_is_excluded),
		cmocka_unit_test(test_stun_servers),
	};

	unsetenv("CREDENTIALS_DIRECTORY");
	return cmocka_run_group_tests(tests, conf_folder_make, conf_folder_remove);
}
