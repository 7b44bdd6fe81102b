// SPDX-License-Identifier: Apache-2.0
#include "cmd/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/options_private.h"

#define FOUND_LONG 256 /* beyond any letter */

const char *options_origin(const struct options *options, enum option_id id,
			   char text[static OPTION_ORIGIN_MAX])
{
	struct option_origin origin = options->origin[id];
	char name[OPTION_ENVIRONMENT_MAX];
	int len = 0;

	if (origin.level == LEVEL_DEFAULT)
		origin.by = id;
	if (origin.by == OPTION_COUNT) {
		snprintf(text, OPTION_ORIGIN_MAX, "the systemd credential %s", option_name(id));
		return text;
	}
	if (origin.by != id)
		len = snprintf(text, OPTION_ORIGIN_MAX, "the %s of ", option_name(id));
	if (origin.level == LEVEL_FILE)
		snprintf(text + len, OPTION_ORIGIN_MAX - len, "%s (%s line %u)",
			 option_name(origin.by), options->value[OPTION_CONFIG], origin.line);
	else if (origin.level == LEVEL_ENVIRONMENT)
		snprintf(text + len, OPTION_ORIGIN_MAX - len, "%s",
			 option_environment_name(origin.by, name));
	else
		snprintf(text + len, OPTION_ORIGIN_MAX - len, "--%s", option_name(origin.by));
	return text;
}

/* Where a value is kept that is made up here, or must not stay where it is. Or NULL. */
static char *own_room(struct options *options, enum option_id id, size_t *ret_size)
{
	*ret_size = OPTION_SECRET_MAX;
	if (id == OPTION_REG_KEY)
		return options->reg_key;
	if (id == OPTION_PASSWORD)
		return options->password;
	*ret_size = OPTION_LIST_MAX;
	return id == OPTION_STUN_SERVER ? options->stun_servers : NULL;
}

/* Copy @value, or add it to those of the same option before it: only flags are repeated. */
static int keep(struct options *options, enum option_id id, const char *value)
{
	size_t size, len = 0, added = strlen(value);
	char *room = own_room(options, id, &size);

	if (!room) {
		options->value[id] = value;
		return 0;
	}
	if (id == OPTION_STUN_SERVER)
		len = strlen(room);
	if (added + (len ? 1 : 0) >= size - len)
		return -E2BIG;
	if (len)
		room[len++] = ' ';
	memcpy(room + len, value, added + 1);
	options->value[id] = room;
	return 0;
}

int options_set(struct options *options, enum option_id id, char *value,
		struct option_origin origin)
{
	char why[OPTION_WHY_MAX], text[OPTION_ORIGIN_MAX];
	int err;

	options->origin[id] = origin;
	err = option_check(id, value, why);
	if (!err && keep(options, id, value)) {
		snprintf(why, sizeof(why), "is too long");
		err = -EINVAL;
	}
	/* The list as a whole. */
	if (!err && options->value[id] != value)
		err = option_check(id, options->value[id], why);
	if (OPTIONS_SECRET & OPTION_BIT(id))
		explicit_bzero(value, strlen(value));
	if (err)
		log_err(0, "%s %s", options_origin(options, id, text), why);
	return err;
}

/* A switch in the environment or the file: 1 or 0, as words too. */
static int set_switch(struct options *options, enum option_id id, const char *value,
		      struct option_origin origin)
{
	char text[OPTION_ORIGIN_MAX];

	options->origin[id] = origin;
	if (option_is_choice("1|true|yes|on", value))
		options->value[id] = "1";
	else if (!option_is_choice("0|false|no|off", value))
		return log_err(0, "%s must be 1 or 0, not '%s'", options_origin(options, id, text),
			       value),
		       -EINVAL;
	return 0;
}

static int set_text(struct options *options, enum option_id id, char *value,
		    struct option_origin origin)
{
	if (option_row(id)->argument)
		return options_set(options, id, value, origin);
	return set_switch(options, id, value, origin);
}

unsigned int options_hurry(unsigned int max)
{
	const char *text = secure_getenv("NEX_RELAY_TEST_HURRY");
	unsigned long n = text ? strtoul(text, NULL, 10) : 0;

	return n < max ? n : max;
}

static int read_environment(uint64_t allowed, struct options *options)
{
	char name[OPTION_ENVIRONMENT_MAX];

	for (int id = 0; id < OPTION_HELP; id++) {
		char *value = getenv(option_environment_name(id, name));
		struct option_origin origin = { LEVEL_ENVIRONMENT, id, 0 };
		int err = 0;

		if (!value || !(allowed & OPTION_BIT(id)))
			continue;
		if (options->origin[id].level < LEVEL_ENVIRONMENT)
			err = set_text(options, id, value, origin);
		/* unsetenv() leaves the text where /proc/PID/environ shows it. */
		if (OPTIONS_SECRET & OPTION_BIT(id)) {
			explicit_bzero(value, strlen(value));
			(void)unsetenv(name); /* the name is a valid one */
		}
		if (err)
			return err;
	}
	return 0;
}

/* The default file need not be there, and need not be for everybody to read. */
static int open_config(uint64_t allowed, struct options *options)
{
	bool is_given = options_given(options, OPTION_CONFIG);
	const char *path = options->value[OPTION_CONFIG];
	struct config_error error;
	int err;

	err = config_file_read(path, allowed & OPTIONS_SECRET, &options->config, &error);
	if (!err || (err == -ENOENT && !is_given))
		return 0;
	if (err == -EACCES && !is_given && geteuid() != 0) {
		log_warn("%s: %s, continuing without it", path, error.why);
		return 0;
	}
	if (error.line)
		log_err(0, "%s line %u: %s", path, error.line, error.why);
	else
		log_err(0, "%s: %s", path, error.why);
	return -EINVAL;
}

static int read_config(uint64_t allowed, struct options *options)
{
	int err;

	if (!(allowed & OPTION_BIT(OPTION_CONFIG)))
		return 0;
	if (!options->value[OPTION_CONFIG])
		options->value[OPTION_CONFIG] = option_row(OPTION_CONFIG)->fallback;
	err = open_config(allowed, options);
	for (int id = 0; !err && id < OPTION_COUNT; id++) {
		const struct config_setting *setting = &options->config.setting[id];
		struct option_origin origin = { LEVEL_FILE, id, setting->line };

		if (setting->value && (allowed & OPTION_BIT(id)) && !options->origin[id].level)
			err = set_text(options, id, setting->value, origin);
	}
	return err;
}

/* What getopt_long() wants: the allowed rows, with the id as value. */
static void make_getopt(uint64_t allowed, struct option longs[static OPTION_COUNT + 1],
			char shorts[static 2 * OPTION_COUNT + 2])
{
	size_t n = 0, s = 0;

	shorts[s++] = ':'; /* tell a missing argument from an unknown option */
	for (int id = 0; id < OPTION_COUNT; id++) {
		const struct option_row *row = option_row(id);

		if (!(allowed & OPTION_BIT(id)))
			continue;
		longs[n++] =
			(struct option){ row->name, row->argument ? required_argument : no_argument,
					 NULL, FOUND_LONG + id };
		if (!row->letter)
			continue;
		shorts[s++] = row->letter;
		if (row->argument)
			shorts[s++] = ':';
	}
	longs[n] = (struct option){ 0 };
	shorts[s] = '\0';
}

/* Return: the option that getopt_long() found, or OPTION_COUNT. */
static enum option_id found_option(int found)
{
	if (found >= FOUND_LONG)
		return found - FOUND_LONG;
	for (int id = 0; id < OPTION_COUNT; id++)
		if (option_row(id)->letter == found)
			return id;
	return OPTION_COUNT;
}

/* The word on the command line that gave the option at hand: not its value. */
static const char *option_word(char **argv)
{
	return optarg && optarg == argv[optind - 1] ? argv[optind - 2] : argv[optind - 1];
}

/* getopt_long() takes shortened names, but a setting has one name. */
static bool is_whole_name(enum option_id id, const char *word)
{
	size_t len = strcspn(word + 2, "=");

	return len == strlen(option_name(id)) && !strncmp(word + 2, option_name(id), len);
}

/* @letter: of an unknown short option, whose word getopt_long() may not have left yet; or 0. */
static int complain(const char *command, int found, int letter, char **argv)
{
	const char *word = option_word(argv);
	int len = strcspn(word, "="); /* the value may be a secret */
	char option[] = { '-', (char)letter, '\0' };

	if (found == ':')
		log_err(0, "%s: option '%.*s' needs an argument", command, len, word);
	else if (letter && letter < FOUND_LONG)
		log_err(0, "%s: unknown option '%s': see `nex-relay %s --help`", command, option,
			command);
	else
		log_err(0, "%s: unknown option '%.*s': see `nex-relay %s --help`", command, len,
			word, command);
	return -EINVAL;
}

static int read_flags(const char *command, uint64_t allowed, int argc, char **argv,
		      struct options *ret)
{
	struct option longs[OPTION_COUNT + 1];
	char shorts[2 * OPTION_COUNT + 2], on[] = "1";
	int found, err = 0;

	make_getopt(allowed, longs, shorts);
	optind = 0; /* glibc: start anew */
	opterr = 0;
	while (!err && (found = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		enum option_id id = found_option(found);
		struct option_origin origin = { LEVEL_FLAG, id, 0 };

		if (found == '?' || found == ':' || id == OPTION_COUNT)
			return complain(command, found, optopt, argv);
		if (found >= FOUND_LONG && !is_whole_name(id, option_word(argv)))
			return complain(command, '?', 0, argv);
		err = set_text(ret, id, optarg ?: on, origin);
	}
	return err;
}

int options_parse(const char *command, uint64_t allowed, int argc, char **argv, struct options *ret,
		  int *ret_args)
{
	int err;

	*ret = (struct options){};
	err = read_flags(command, allowed, argc, argv, ret);
	*ret_args = optind;
	if (!err && !ret->value[OPTION_HELP]) {
		err = read_environment(allowed, ret);
		if (!err)
			err = read_config(allowed, ret);
		if (!err && (allowed & OPTIONS_SECRET))
			err = secret_options_resolve(ret, getenv("CREDENTIALS_DIRECTORY"));
	}
	for (int id = 0; id < OPTION_COUNT; id++)
		if (!ret->value[id])
			ret->value[id] = option_row(id)->fallback;
	return err;
}

void options_done(struct options *options)
{
	config_file_done(&options->config);
	explicit_bzero(options, sizeof(*options));
}

bool options_is(const struct options *options, enum option_id id, const char *word)
{
	return options->value[id] && !strcmp(options->value[id], word);
}

unsigned long options_number(const struct options *options, enum option_id id)
{
	return strtoul(options->value[id], NULL, 10);
}

void options_prefixes(const struct options *options, enum option_id id, struct prefix_list *list)
{
	/* option_check() has seen it: it is right. */
	if (options->value[id])
		(void)prefix_list_parse(options->value[id], list);
}

struct kernel_forwarding options_forwarding(const struct options *options)
{
	struct kernel_forwarding forwarding = {
		.all = options_is(options, OPTION_KERNEL_FORWARDING, "yes"),
	};

	if (!forwarding.all && !options_is(options, OPTION_KERNEL_FORWARDING, "no"))
		options_prefixes(options, OPTION_KERNEL_FORWARDING, &forwarding.to);
	return forwarding;
}

bool options_given(const struct options *options, enum option_id id)
{
	return options->origin[id].level != LEVEL_DEFAULT && options->value[id];
}

bool options_on(const struct options *options, enum option_id id)
{
	return options->value[id];
}
