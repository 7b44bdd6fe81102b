// SPDX-License-Identifier: Apache-2.0
#include "cmd/account_options.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/prefix.h"
#include "base/uuid.h"
#include "cmd/stun_servers.h"
#include "nexodus/service_url.h"

_Static_assert(PREFIX_TEXT_MAX == ACCOUNT_ADDRESS_MAX, "copied whole");

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* What nexd does not take together. */
static const struct {
	enum option_id one, other;
	const char *why;
} exclusions[] = {
	{ OPTION_REG_KEY, OPTION_USERNAME, "log in with a key or as a user" },
	{ OPTION_REG_KEY, OPTION_VPC_ID, "the key belongs to a VPC" },
	{ OPTION_REG_KEY, OPTION_SECURITY_GROUP_ID, "the key belongs to a VPC and its group" },
};

static int wrong(char ret_why[static ACCOUNT_WHY_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int wrong(char ret_why[static ACCOUNT_WHY_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret_why, ACCOUNT_WHY_MAX, format, args);
	va_end(args);
	return -EINVAL;
}

bool account_options_wanted(const struct options *options)
{
	return options_given(options, OPTION_REG_KEY) || options_given(options, OPTION_USERNAME) ||
	       options_given(options, OPTION_PASSWORD) ||
	       options_given(options, OPTION_SERVICE_URL);
}

int account_options_check_none(const struct options *options, char ret_why[static ACCOUNT_WHY_MAX])
{
	enum option_id of_devices =
		options_given(options, OPTION_PEERS) ? OPTION_PEERS : OPTION_ADOPT;
	char one[OPTION_ORIGIN_MAX], other[OPTION_ORIGIN_MAX];

	for (int id = 0; id < OPTION_COUNT; id++)
		if ((OPTIONS_ACCOUNT & OPTION_BIT(id)) && options_given(options, id))
			return wrong(ret_why,
				     "%s excludes %s: the devices come from one place alone",
				     options_origin(options, of_devices, one),
				     options_origin(options, id, other));
	return 0;
}

static int check_exclusions(const struct options *options, char ret_why[static ACCOUNT_WHY_MAX])
{
	char one[OPTION_ORIGIN_MAX], other[OPTION_ORIGIN_MAX];

	for (size_t i = 0; i < N(exclusions); i++)
		if (options_given(options, exclusions[i].one) &&
		    options_given(options, exclusions[i].other))
			return wrong(ret_why, "%s excludes %s: %s",
				     options_origin(options, exclusions[i].one, one),
				     options_origin(options, exclusions[i].other, other),
				     exclusions[i].why);
	if (options_given(options, OPTION_USERNAME) && !options_given(options, OPTION_PASSWORD))
		return wrong(ret_why, "%s needs a password: give it with --password-file",
			     options_origin(options, OPTION_USERNAME, one));
	if (options_given(options, OPTION_PASSWORD) && !options_given(options, OPTION_USERNAME))
		return wrong(ret_why, "%s needs --username",
			     options_origin(options, OPTION_PASSWORD, one));
	return 0;
}

/* The key may name the service, which must not be named twice. */
static int set_service(const struct options *options, struct account *account,
		       char ret_why[static ACCOUNT_WHY_MAX])
{
	char of_key[SERVICE_URL_MAX] = "", one[OPTION_ORIGIN_MAX], other[OPTION_ORIGIN_MAX];
	const char *key = options->value[OPTION_REG_KEY], *why = "";
	enum option_id named_by = OPTION_SERVICE_URL;

	if (key && service_url_split_key(key, of_key, account->reg_token, &why))
		return wrong(ret_why, "%s: %s", options_origin(options, OPTION_REG_KEY, one), why);
	if (*of_key && options_given(options, OPTION_SERVICE_URL))
		return wrong(ret_why, "%s names the service itself: take %s out",
			     options_origin(options, OPTION_REG_KEY, one),
			     options_origin(options, OPTION_SERVICE_URL, other));
	if (*of_key)
		named_by = OPTION_REG_KEY;
	if (service_url_api(*of_key ? of_key : options->value[OPTION_SERVICE_URL], account->api,
			    &why))
		return wrong(ret_why, "%s: %s", options_origin(options, named_by, one), why);
	return 0;
}

static void set_text(const struct options *options, enum option_id id, char *to, size_t size)
{
	snprintf(to, size, "%s", options->value[id] ?: "");
}

/* The api-server has its UUIDs in lower case. */
static void set_uuid(const struct options *options, enum option_id id, char to[static UUID_TEXT])
{
	set_text(options, id, to, UUID_TEXT);
	for (; *to; to++)
		*to = tolower((unsigned char)*to);
}

/* In the usual form. */
static void set_address(const struct options *options, enum option_id id,
			char to[static ACCOUNT_ADDRESS_MAX])
{
	char text[PREFIX_TEXT_MAX] = "";
	struct prefix prefix;

	if (options->value[id] && !prefix_parse(options->value[id], &prefix))
		memcpy(to, prefix_format_addr(&prefix, text), ACCOUNT_ADDRESS_MAX);
}

static int set_stun_servers(const struct options *options, struct account *account,
			    char ret_why[static ACCOUNT_WHY_MAX])
{
	char text[OPTION_ORIGIN_MAX];
	const char *why = "must name at least two servers: one cannot tell what a NAT does";
	size_t n = 0;

	options_origin(options, OPTION_STUN_SERVER, text);
	if (stun_servers_parse(options->value[OPTION_STUN_SERVER], account->stun_servers, &n,
			       &why) ||
	    n < 2)
		return wrong(ret_why, "%s %s", text, why);
	account->n_stun_servers = n;
	return 0;
}

int account_options_build(const struct options *options, struct account *ret,
			  char ret_why[static ACCOUNT_WHY_MAX])
{
	AUTO(account_options_done) struct account account = {};
	int err;

	err = check_exclusions(options, ret_why);
	if (err)
		return err;
	err = set_service(options, &account, ret_why);
	if (err)
		return err;
	err = set_stun_servers(options, &account, ret_why);
	if (err)
		return err;
	set_text(options, OPTION_USERNAME, account.username, sizeof(account.username));
	set_text(options, OPTION_PASSWORD, account.password, sizeof(account.password));
	set_uuid(options, OPTION_VPC_ID, account.vpc_id);
	set_uuid(options, OPTION_SECURITY_GROUP_ID, account.security_group_id);
	set_address(options, OPTION_REQUEST_IP, account.request_ip);
	set_address(options, OPTION_LOCAL_ENDPOINT_IP, account.local_endpoint);
	account.insecure = options_on(options, OPTION_INSECURE_SKIP_TLS_VERIFY);
	account.hurry = options_hurry(ACCOUNT_HURRY_MAX);
	*ret = account;
	return 0;
}

void account_options_done(struct account *account)
{
	explicit_bzero(account, sizeof(*account));
}
