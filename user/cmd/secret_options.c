// SPDX-License-Identifier: Apache-2.0
/*
 * secret_options.c - registration key and password, from files that hold nothing else.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/options_private.h"

#define SECRET_FILE_BYTES_MAX 4096

static const struct {
	enum option_id secret, file;
} secrets[] = {
	{ OPTION_REG_KEY, OPTION_REG_KEY_FILE },
	{ OPTION_PASSWORD, OPTION_PASSWORD_FILE },
};

/* Cut at the end of the first line. Return: 0; -EBADMSG when there is a NUL in it. */
static int first_line(struct trusted_file *file)
{
	char *newline = memchr(file->text, '\n', file->len);
	size_t len = newline ? (size_t)(newline - file->text) : file->len;

	if (memchr(file->text, '\0', len))
		return -EBADMSG;
	if (newline && len && file->text[len - 1] == '\r')
		len--;
	file->text[len] = '\0';
	return 0;
}

/* A registration key has no blanks, and what writes such files may indent. */
static char *without_blanks(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len && strchr(" \t\r", text[len - 1]))
		text[--len] = '\0';
	return text;
}

static int read_secret(struct options *options, enum option_id secret, const char *path,
		       mode_t forbidden, struct option_origin origin)
{
	AUTO(trusted_file_done) struct trusted_file file = {};
	char why[TRUSTED_FILE_WHY_MAX], text[OPTION_ORIGIN_MAX];
	int err;

	options->origin[secret] = origin; /* of which the messages are */
	options_origin(options, secret, text);
	err = trusted_file_read(path, forbidden, SECRET_FILE_BYTES_MAX, &file, why);
	if (err)
		return log_err(0, "%s: %s: %s", text, path, why), -EINVAL;
	if (first_line(&file))
		return log_err(0, "%s: %s: has control characters in it", text, path), -EINVAL;
	return options_set(options, secret,
			   secret == OPTION_REG_KEY ? without_blanks(file.text) : file.text,
			   origin);
}

static int conflict(enum option_id secret, const char *one, const char *other)
{
	return log_err(0, "%s and %s both give the %s: take one of them out", one, other,
		       secret == OPTION_REG_KEY ? "registration key" : "password"),
	       -EINVAL;
}

/* The path of a credential. Return: 0; -ENOENT when there is none; -EINVAL after a line. */
static int find_credential(const char *folder, enum option_id secret, char path[static PATH_MAX])
{
	int len;

	if (!folder || !*folder)
		return -ENOENT;
	len = snprintf(path, PATH_MAX, "%s/%s", folder, option_name(secret));
	if (*folder != '/' || len >= PATH_MAX)
		return log_err(0, "CREDENTIALS_DIRECTORY must be the path of a folder"), -EINVAL;
	return access(path, F_OK) && errno == ENOENT ? -ENOENT : 0;
}

/* A credential counts as environment. */
static int take_credential(struct options *options, enum option_id secret, const char *folder)
{
	struct option_origin origin = { LEVEL_ENVIRONMENT, OPTION_COUNT, 0 };
	enum option_level level = options->origin[secret].level;
	char path[PATH_MAX], text[OPTION_ORIGIN_MAX];
	int err = find_credential(folder, secret, path);

	if (err)
		return err == -ENOENT ? 0 : err;
	if (level == LEVEL_ENVIRONMENT)
		return conflict(secret, options_origin(options, secret, text),
				"a systemd credential");
	if (level > LEVEL_ENVIRONMENT)
		return 0;
	return read_secret(options, secret, path, TRUSTED_FILE_CREDENTIAL, origin);
}

static int take_file(struct options *options, enum option_id secret, enum option_id file)
{
	char one[OPTION_ORIGIN_MAX], other[OPTION_ORIGIN_MAX];
	struct option_origin origin = options->origin[file];

	if (!options_given(options, file) || origin.level < options->origin[secret].level)
		return 0;
	if (origin.level == options->origin[secret].level)
		return conflict(secret, options_origin(options, secret, one),
				options_origin(options, file, other));
	return read_secret(options, secret, options->value[file], TRUSTED_FILE_OTHERS, origin);
}

int secret_options_resolve(struct options *options, const char *credentials)
{
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		err = take_file(options, secrets[i].secret, secrets[i].file);
		if (!err)
			err = take_credential(options, secrets[i].secret, credentials);
	}
	return err;
}
