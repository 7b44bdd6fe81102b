// SPDX-License-Identifier: Apache-2.0
#include "tunnel/nexd_state.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json_member.h"
#include "peers/sandbox.h"
#include "tunnel/secret_file.h"

#define CHILD_TIMEOUT_MS 30000 /* on a host that is busy; its work takes less than a second */
#define CHILD_CPU_S 5
#define REMEDY "; mend it, or move it away to start with a new identity"

enum step { STEP_READ, STEP_CONFINE, STEP_PARSE, STEP_KEY };

/* What the child tells: what it was about when it ended, and how that went. */
struct answer {
	int32_t step; /* enum step */
	int32_t err;
	uint8_t key[WG_KEY_BYTES];
};

/* The whole file. Return: 0; -EFBIG; -ENOMEM; errno of read(). */
static int read_all(int fd, char **ret_text, size_t *ret_len)
{
	auto_free char *text = malloc(NEXD_STATE_BYTES_MAX + 1);
	size_t len = 0;
	ssize_t n = 1;

	if (!text)
		return -ENOMEM;
	while (len <= NEXD_STATE_BYTES_MAX && n) {
		n = read(fd, text + len, NEXD_STATE_BYTES_MAX + 1 - len);
		if (n < 0)
			return -errno;
		len += n;
	}
	if (len > NEXD_STATE_BYTES_MAX)
		return -EFBIG;
	*ret_text = text;
	*ret_len = len;
	text = NULL;
	return 0;
}

/* nexd writes an empty text while it has no key. Return: 0; -ENOENT; -EBADMSG. */
static int find_key(struct json_object *state, uint8_t ret_key[static WG_KEY_BYTES])
{
	static const uint8_t zeros[WG_KEY_BYTES];
	struct json_object *value;
	const char *text;

	if (!json_object_object_get_ex(state, "private-key", &value) || !value)
		return -ENOENT;
	if (!json_object_is_type(value, json_type_string))
		return -EBADMSG;
	text = json_object_get_string(value);
	if (!json_object_get_string_len(value))
		return -ENOENT;
	if (strlen(text) != (size_t)json_object_get_string_len(value) ||
	    wg_key_parse(text, ret_key) || !memcmp(ret_key, zeros, sizeof(zeros)))
		return -EBADMSG;
	return 0;
}

/* The file is read before the doors close behind us, and looked at after. Return: the error. */
static int work(int fd, int to_parent, struct answer *answer)
{
	static const struct rlimit cpu = { CHILD_CPU_S, CHILD_CPU_S };
	struct json_object *state;
	char *text = NULL;
	size_t len = 0;
	int err;

	answer->step = STEP_READ;
	err = read_all(fd, &text, &len);
	if (err)
		return err;
	answer->step = STEP_CONFINE;
	err = setrlimit(RLIMIT_CPU, &cpu) ? -errno : sandbox_drop(to_parent);
	if (!err)
		err = sandbox_filter(SANDBOX_FILES);
	if (err)
		return err;
	answer->step = STEP_PARSE;
	state = json_parse(text, len);
	if (!json_object_is_type(state, json_type_object))
		return -EBADMSG;
	answer->step = STEP_KEY;
	return find_key(state, answer->key);
}

/*
 * In the child. @to_parent is none of the standard descriptors, which the sandbox gives away: three
 * others were open before it. The child's memory goes with it: nothing is wiped or freed.
 */
static _Noreturn void be_child(int fd, int to_parent)
{
	struct answer answer = {};

	answer.err = work(fd, to_parent, &answer);
	_exit(write(to_parent, &answer, sizeof(answer)) != sizeof(answer));
}

/* One write of the child's is one read of ours. Return: 0; -ETIMEDOUT; -EPIPE; ... */
static int hear(int from_child, struct answer *ret_answer)
{
	struct pollfd pollfd = { .fd = from_child, .events = POLLIN };
	int64_t end = clock_ms() + CHILD_TIMEOUT_MS, left;
	int ready;

	do {
		left = end - clock_ms();
		ready = poll(&pollfd, 1, left > 0 ? (int)left : 0);
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return -errno;
	if (!ready)
		return -ETIMEDOUT;
	return read(from_child, ret_answer, sizeof(*ret_answer)) == sizeof(*ret_answer) ? 0
											: -EPIPE;
}

static int ask_child(int fd, struct answer *ret_answer)
{
	int pipe[2], err;
	pid_t pid;

	if (pipe2(pipe, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid)
		be_child(fd, pipe[1]);
	err = pid < 0 ? -errno : 0;
	close(pipe[1]);
	if (!err) {
		err = hear(pipe[0], ret_answer);
		(void)kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(pipe[0]);
	return err;
}

/* Return: as nexd_state_key(). */
static int explain(const struct answer *answer, struct private_key_error *ret_err)
{
	if (!answer->err || answer->err == -ENOENT)
		return answer->err;
	if (answer->err == -EFBIG)
		return secret_error(ret_err, -EFBIG, "larger than 1 MiB: not nexd's" REMEDY);
	switch (answer->step) {
	case STEP_PARSE:
		return secret_error(ret_err, -EBADMSG, "is no JSON object" REMEDY);
	case STEP_KEY:
		return secret_error(ret_err, -EBADMSG,
				    "its private-key is not base64 of 32 bytes, or zeros" REMEDY);
	case STEP_CONFINE:
		return secret_error(ret_err, answer->err,
				    "the process that reads it could not be confined: %s",
				    strerror(-answer->err));
	default:
		return secret_error(ret_err, answer->err, "cannot read it: %s",
				    strerror(-answer->err));
	}
}

int nexd_state_key(const char *dir_path, uint8_t ret_key[static WG_KEY_BYTES],
		   struct private_key_error *ret_err)
{
	auto_close int dir = -1, fd = -1;
	struct answer answer = {};
	struct stat st;
	int err;

	err = secret_dir_open(dir_path, false, &dir, ret_err);
	if (!err)
		err = secret_file_open(dir, dir_path, NEXD_STATE_FILE, &fd, ret_err);
	if (err)
		return err;
	if (fstat(fd, &st) == 0 && st.st_size > NEXD_STATE_BYTES_MAX)
		answer.err = -EFBIG;
	else
		err = ask_child(fd, &answer);
	if (err)
		return secret_error(ret_err, err, "the process that reads it failed: %s",
				    err == -EPIPE ? "it ended too early" : strerror(-err));
	err = explain(&answer, ret_err);
	if (!err)
		memcpy(ret_key, answer.key, sizeof(answer.key));
	explicit_bzero(&answer, sizeof(answer));
	return err;
}
