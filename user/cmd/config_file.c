// SPDX-License-Identifier: Apache-2.0
#include "cmd/config_file.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/printable.h"

#define BLANKS " \t\r"
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz-_"
#define NAME_MAX_SHOWN 32

static int wrong(struct config_error *ret_err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int wrong(struct config_error *ret_err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret_err->why, sizeof(ret_err->why), format, args);
	va_end(args);
	return -EINVAL;
}

/* Cut the blanks off both ends, in place. */
static char *trim(char *text)
{
	size_t len;

	text += strspn(text, BLANKS);
	for (len = strlen(text); len && strchr(BLANKS, text[len - 1]);)
		text[--len] = '\0';
	return text;
}

/* Between the words of a list; a secret is not to be altered. */
static void blank_tabs(char *text)
{
	for (; *text; text++)
		if (*text == '\t')
			*text = ' ';
}

/* Quoted only when it cannot be (part of) a secret that was put on a line of its own. */
static int unknown(struct config_error *ret_err, const char *name)
{
	if (!*name)
		return wrong(ret_err, "there is no name before the '='");
	if (strlen(name) > NAME_MAX_SHOWN || name[strspn(name, NAME_CHARACTERS)])
		return wrong(ret_err, "no such setting: for the names see `nex-relay run --help`");
	return wrong(ret_err, "no such setting '%s': for the names see `nex-relay run --help`",
		     name);
}

static int parse_line(struct config_file *config, char *line, struct config_error *ret_err)
{
	struct config_setting *setting;
	enum option_id id;
	char *equals;

	line = trim(line);
	if (!*line || *line == '#')
		return 0;
	equals = strchr(line, '=');
	if (!equals)
		return wrong(ret_err, "write it as `name = value`, or begin it with '#'");
	*equals = '\0';
	line = trim(line);
	id = option_find(line);
	if (id == OPTION_COUNT)
		return unknown(ret_err, line);
	setting = &config->setting[id];
	if (setting->value)
		return wrong(ret_err, "%s is set in line %u already: %s", line, setting->line,
			     id == OPTION_STUN_SERVER ? "name all there, with commas between"
						      : "take one of them out");
	*setting = (struct config_setting){ trim(equals + 1), ret_err->line };
	if (!(OPTIONS_SECRET & OPTION_BIT(id)))
		blank_tabs(setting->value);
	if (!printable_check(setting->value))
		return wrong(ret_err, "has control characters, or what is not UTF-8, in it: "
				      "take them out");
	return 0;
}

static int parse(struct config_file *config, struct config_error *ret_err)
{
	char *at = config->file.text, *end = at + config->file.len;
	int err = 0;

	while (!err && at < end) {
		char *newline = memchr(at, '\n', end - at);
		size_t len = (newline ?: end) - at;

		ret_err->line++;
		if (newline)
			*newline = '\0';
		if (len > CONFIG_FILE_LINE_MAX)
			return wrong(ret_err, "is longer than %d bytes: shorten it",
				     CONFIG_FILE_LINE_MAX);
		if (memchr(at, '\0', len))
			return wrong(ret_err, "has control characters in it: take them out");
		err = parse_line(config, at, ret_err);
		at += len + 1;
	}
	return err;
}

/* Return: the first secret in it, or OPTION_COUNT. */
static enum option_id find_secret(const struct config_file *config)
{
	for (int id = 0; id < OPTION_COUNT; id++)
		if ((OPTIONS_SECRET & OPTION_BIT(id)) && config->setting[id].value)
			return id;
	return OPTION_COUNT;
}

static int check_secrecy(const char *path, const struct config_file *config,
			 struct config_error *ret_err)
{
	enum option_id secret = find_secret(config);
	char why[TRUSTED_FILE_WHY_MAX];
	int err;

	if (secret == OPTION_COUNT)
		return 0;
	err = trusted_file_check_mode(path, config->file.mode, TRUSTED_FILE_OTHERS, why);
	if (err)
		snprintf(ret_err->why, sizeof(ret_err->why), "holds %s, but has %.*s",
			 option_name(secret), PATH_MAX + 100, why);
	return err;
}

int config_file_read(const char *path, bool use_secrets, struct config_file *ret,
		     struct config_error *ret_err)
{
	AUTO(config_file_done) struct config_file config = {};
	int err;

	*ret_err = (struct config_error){};
	err = trusted_file_read(path, TRUSTED_FILE_OTHERS_WRITE, CONFIG_FILE_BYTES_MAX,
				&config.file, ret_err->why);
	if (err)
		return err;
	err = parse(&config, ret_err);
	if (err)
		return err;
	ret_err->line = 0;
	err = use_secrets ? check_secrecy(path, &config, ret_err) : 0;
	if (err)
		return err;
	*ret = config;
	config = (struct config_file){};
	return 0;
}

void config_file_done(struct config_file *config)
{
	trusted_file_done(&config->file);
	*config = (struct config_file){};
}
