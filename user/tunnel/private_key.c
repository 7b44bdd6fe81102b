// SPDX-License-Identifier: Apache-2.0
#include "tunnel/private_key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "tunnel/nexd_state.h"
#include "tunnel/secret_file.h"
#include "tunnel/state_dir.h"

#define FILE_NAME "private.key"
#define NEW_NAME "private.key.new" /* until it is whole */
#define FILE_BYTES WG_KEY_TEXT     /* the text, and a newline in place of the NUL */
/* Who has the lock may be waiting for nexd_state_key(), twice. */
#define LOCK_TIMEOUT_MS 15000
#define LOCK_PAUSE_MS 10

int private_key_public(const uint8_t key[static WG_KEY_BYTES],
		       uint8_t ret_public[static WG_KEY_BYTES])
{
	uint8_t public_key[WG_KEY_BYTES];
	size_t len = sizeof(public_key);
	EVP_PKEY *pair;
	int ok;

	pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, key, WG_KEY_BYTES);
	if (!pair)
		return -ENOMEM;
	ok = EVP_PKEY_get_raw_public_key(pair, public_key, &len) == 1 && len == WG_KEY_BYTES;
	EVP_PKEY_free(pair);
	if (!ok)
		return -EIO;
	memcpy(ret_public, public_key, sizeof(public_key));
	return 0;
}

/* RFC 7748, section 5: decodeScalar25519. */
static void clamp(uint8_t key[static WG_KEY_BYTES])
{
	key[0] &= 0xf8;
	key[WG_KEY_BYTES - 1] &= 0x7f;
	key[WG_KEY_BYTES - 1] |= 0x40;
}

/* @text: @len bytes with room for a NUL behind them. */
static int parse_file(char *text, size_t len, uint8_t ret_key[static WG_KEY_BYTES])
{
	static const uint8_t zeros[WG_KEY_BYTES];
	uint8_t key[WG_KEY_BYTES];
	int err = -EBADMSG;

	if (len && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	if (strlen(text) == len && !wg_key_parse(text, key) && memcmp(key, zeros, sizeof(key))) {
		clamp(key);
		memcpy(ret_key, key, sizeof(key));
		err = 0;
	}
	explicit_bzero(key, sizeof(key));
	return err;
}

/* Return: 0; -ENOENT when there is no file; as private_key_get(). */
static int load(int dir, const char *state_dir, uint8_t ret_key[static WG_KEY_BYTES],
		struct private_key_error *ret_err)
{
	char text[FILE_BYTES + 2]; /* one byte more than a key has, and a NUL */
	auto_close int fd = -1;
	ssize_t len;
	int err;

	err = secret_file_open(dir, state_dir, FILE_NAME, &fd, ret_err);
	if (err)
		return err;
	len = read(fd, text, FILE_BYTES + 1);
	if (len < 0) {
		err = -errno;
		return secret_error(ret_err, err, "cannot read it: %s", strerror(-err));
	}
	err = parse_file(text, len, ret_key);
	explicit_bzero(text, sizeof(text));
	if (err)
		return secret_error(ret_err, err,
				    "holds no private key (44 characters of base64, a newline); "
				    "restore it, or move it away to start with a new identity");
	return 0;
}

/* What a run that crashed has left behind was never a key. */
static int remove_left_over(int dir)
{
	struct stat st;

	if (fstatat(dir, NEW_NAME, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return -EEXIST;
	return unlinkat(dir, NEW_NAME, 0) ? -errno : 0;
}

static int write_file(int fd, const uint8_t key[static WG_KEY_BYTES])
{
	char text[FILE_BYTES];
	ssize_t written;
	int err = 0;

	wg_key_format(key, text);
	text[FILE_BYTES - 1] = '\n';
	written = write(fd, text, FILE_BYTES);
	if (written != FILE_BYTES)
		err = written < 0 ? -errno : -ENOSPC;
	explicit_bzero(text, sizeof(text));
	if (!err && (fchmod(fd, 0600) || fsync(fd))) /* whatever the umask */
		err = -errno;
	return err;
}

/* Whole and on the disk, or not at all. */
static int save(int dir, const char *state_dir, const uint8_t key[static WG_KEY_BYTES],
		struct private_key_error *ret_err)
{
	auto_close int fd = -1;
	int err;

	err = secret_error_path(ret_err, state_dir, NEW_NAME);
	if (!err)
		err = remove_left_over(dir);
	if (err)
		return secret_error(ret_err, err, "is in the way; move it away");
	fd = openat(dir, NEW_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		err = -errno;
	} else {
		err = write_file(fd, key);
		if (!err && renameat(dir, NEW_NAME, dir, FILE_NAME))
			err = -errno;
		if (err)
			(void)unlinkat(dir, NEW_NAME, 0); /* keep the first error */
	}
	(void)secret_error_path(ret_err, state_dir, FILE_NAME);
	if (err)
		return secret_error(ret_err, err, "cannot write a new key, so there is none: %s",
				    strerror(-err));
	if (!fsync(dir))
		return 0;
	err = -errno;
	return secret_error(ret_err, err, "is written, but maybe not on the disk: %s",
			    strerror(-err));
}

/*
 * Two that start at once come to one key. Where others may open the folder they could hold its lock
 * and keep the first start from going on, hence the limit; no later start needs it.
 */
static int lock(int dir, struct private_key_error *ret_err)
{
	static const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };
	int err;

	for (int waited = 0; flock(dir, LOCK_EX | LOCK_NB); waited += LOCK_PAUSE_MS) {
		err = -errno;
		if (err != -EWOULDBLOCK && err != -EINTR)
			return secret_error(ret_err, err, "cannot lock the folder: %s",
					    strerror(-err));
		if (waited >= LOCK_TIMEOUT_MS)
			return secret_error(ret_err, -EBUSY,
					    "another process holds the folder's lock; see `lsof "
					    "%s`",
					    ret_err->path);
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* Return: 0; -ENOENT when nexd has left no key. */
static int import(const char *state_dir, uint8_t ret_key[static WG_KEY_BYTES],
		  struct private_key_error *ret_err)
{
	int err = nexd_state_key(state_dir, ret_key, ret_err);

	return err == -ENOENT ? nexd_state_key(PRIVATE_KEY_NEXD_STATE, ret_key, ret_err) : err;
}

/* 256 bits are less than what getrandom() gives at once, whatever signal comes. */
static int make(uint8_t ret_key[static WG_KEY_BYTES], struct private_key_error *ret_err)
{
	ssize_t n;
	int err;

	do
		n = getrandom(ret_key, WG_KEY_BYTES, 0);
	while (n < 0 && errno == EINTR);
	if (n == WG_KEY_BYTES)
		return 0;
	err = n < 0 ? -errno : -EIO;
	return secret_error(ret_err, err, "no random numbers for a key: %s", strerror(-err));
}

/* What private_key_get() returns, until it is all there. */
struct found {
	uint8_t key[WG_KEY_BYTES];
	enum private_key_origin origin;
	char from[PATH_MAX];
};

static int first_start(int dir, const char *state_dir, struct found *found,
		       struct private_key_error *ret_err)
{
	int err;

	(void)secret_error_path(ret_err, state_dir, "");
	err = lock(dir, ret_err);
	if (err)
		return err;
	err = load(dir, state_dir, found->key, ret_err); /* somebody else's first start */
	if (err != -ENOENT)
		return err;
	found->origin = PRIVATE_KEY_IMPORTED;
	err = import(state_dir, found->key, ret_err);
	if (!err) {
		snprintf(found->from, sizeof(found->from), "%s", ret_err->path);
	} else if (err == -ENOENT) {
		found->origin = PRIVATE_KEY_MADE;
		err = make(found->key, ret_err);
	}
	if (err)
		return err;
	clamp(found->key);
	return save(dir, state_dir, found->key, ret_err);
}

int private_key_get(const char *state_dir, uint8_t ret_key[static WG_KEY_BYTES],
		    enum private_key_origin *ret_origin, char ret_from[static PATH_MAX],
		    struct private_key_error *ret_err)
{
	struct private_key_error why = {};
	auto_close int dir = -1;
	int err = state_dir_make(state_dir, &dir, &why);

	if (!err)
		return private_key_get_in(dir, state_dir, ret_key, ret_origin, ret_from, ret_err);
	*ret_err = why;
	return err;
}

int private_key_get_in(int dir, const char *state_dir, uint8_t ret_key[static WG_KEY_BYTES],
		       enum private_key_origin *ret_origin, char ret_from[static PATH_MAX],
		       struct private_key_error *ret_err)
{
	struct found found = { .origin = PRIVATE_KEY_LOADED };
	struct private_key_error why = {};
	int err = load(dir, state_dir, found.key, &why);

	if (err == -ENOENT)
		err = first_start(dir, state_dir, &found, &why);
	if (err) {
		*ret_err = why;
	} else {
		memcpy(ret_key, found.key, sizeof(found.key));
		memcpy(ret_from, found.from, sizeof(found.from));
		*ret_origin = found.origin;
	}
	explicit_bzero(&found, sizeof(found));
	return err;
}

int private_key_load(const char *state_dir, uint8_t ret_key[static WG_KEY_BYTES],
		     struct private_key_error *ret_err)
{
	auto_close int dir = -1;
	int err = secret_dir_open(state_dir, true, &dir, ret_err);

	return err ?: load(dir, state_dir, ret_key, ret_err);
}
