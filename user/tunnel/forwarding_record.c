// SPDX-License-Identifier: Apache-2.0
/* forwarding_record.c - the file that remembers which sysctls we changed. */
#include "tunnel/forwarding_record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/cleanup.h"
#include "tunnel/link.h"

#define LINE_MAX_BYTES 96

static bool conf_path_valid(const char *conf, bool ipv4)
{
	const char *leaf = strchr(conf, '/');
	char name[IFNAMSIZ] = "";
	bool all, fallback;

	if (!leaf || leaf - conf >= IFNAMSIZ)
		return false;
	memcpy(name, conf, leaf - conf);
	leaf++;
	all = !strcmp(name, "all");
	fallback = !strcmp(name, "default");
	if (!link_name_valid(name))
		return false;
	if (!strcmp(leaf, "forwarding"))
		return !(ipv4 && all); /* that is ip_forward under another name */
	if (!strcmp(leaf, "accept_redirects"))
		return ipv4 && all;
	if (!strcmp(leaf, "accept_ra"))
		return !ipv4 && !all && !fallback;
	return false;
}

bool forwarding_path_valid(const char *path)
{
	static const char ipv4[] = "net/ipv4/conf/", ipv6[] = "net/ipv6/conf/";

	if (!strcmp(path, "net/ipv4/ip_forward") ||
	    !strcmp(path, "net/ipv4/icmp_errors_use_inbound_ifaddr"))
		return true;
	if (!strncmp(path, ipv4, sizeof(ipv4) - 1))
		return conf_path_valid(path + sizeof(ipv4) - 1, true);
	if (!strncmp(path, ipv6, sizeof(ipv6) - 1))
		return conf_path_valid(path + sizeof(ipv6) - 1, false);
	return false;
}

const struct forwarding_entry *forwarding_record_find(const struct forwarding_record *record,
						      const char *path)
{
	for (size_t i = 0; i < record->n; i++)
		if (!strcmp(record->entry[i].path, path))
			return &record->entry[i];
	return NULL;
}

int forwarding_record_add(struct forwarding_record *record, const char *path, int wrote,
			  int original)
{
	struct forwarding_entry *entry;

	if (!forwarding_path_valid(path) || strlen(path) >= sizeof(entry->path))
		return -EINVAL;
	if (forwarding_record_find(record, path))
		return 0;
	if (record->n >= FORWARDING_ENTRIES_MAX)
		return -E2BIG;
	entry = reallocarray(record->entry, record->n + 1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	record->entry = entry;
	entry += record->n++;
	*entry = (struct forwarding_entry){ .wrote = wrote, .original = original };
	snprintf(entry->path, sizeof(entry->path), "%s", path);
	return 0;
}

/* Only the spelling that printf("%d") has: no plus sign, no leading zero, no blanks. */
static int parse_int(const char *text, int *ret_value)
{
	char again[16];
	long value;

	errno = 0;
	value = strtol(text, NULL, 10);
	if (errno || value < INT_MIN || value > INT_MAX)
		return -EBADMSG;
	snprintf(again, sizeof(again), "%ld", value);
	if (strcmp(again, text) != 0)
		return -EBADMSG;
	*ret_value = value;
	return 0;
}

/* "path wrote original", NUL-terminated. */
static int parse_line(char *line, struct forwarding_record *record)
{
	char *wrote = strchr(line, ' ');
	char *original = wrote ? strchr(wrote + 1, ' ') : NULL;
	int wrote_value, original_value, err;

	if (!original)
		return -EBADMSG;
	*wrote++ = '\0';
	*original++ = '\0';
	if (parse_int(wrote, &wrote_value) || parse_int(original, &original_value))
		return -EBADMSG;
	if (forwarding_record_find(record, line))
		return -EBADMSG;
	err = forwarding_record_add(record, line, wrote_value, original_value);
	return err == -ENOMEM ? err : err ? -EBADMSG : 0;
}

int forwarding_record_parse(const char *text, size_t len, struct forwarding_record *ret_record)
{
	AUTO(forwarding_record_done) struct forwarding_record record = {};
	char line[LINE_MAX_BYTES];
	const char *end;
	size_t n;
	int err;

	for (; len; text += n + 1, len -= n + 1) {
		end = memchr(text, '\n', len);
		n = end ? (size_t)(end - text) : len;
		if (!end || n >= sizeof(line) || memchr(text, '\0', n))
			return -EBADMSG;
		memcpy(line, text, n);
		line[n] = '\0';
		err = parse_line(line, &record);
		if (err)
			return err;
	}
	*ret_record = record;
	record = (struct forwarding_record){};
	return 0;
}

int forwarding_record_load(const char *file, struct forwarding_record *ret_record)
{
	auto_close int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	auto_free char *text = NULL;
	struct stat st;
	ssize_t len;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > FORWARDING_FILE_BYTES)
		return -EBADMSG;
	text = malloc(FORWARDING_FILE_BYTES);
	if (!text)
		return -ENOMEM;
	len = read(fd, text, FORWARDING_FILE_BYTES);
	if (len < 0)
		return -errno;
	if (len != st.st_size)
		return -EBADMSG;
	return forwarding_record_parse(text, len, ret_record);
}

static int print_record(int fd, const struct forwarding_record *record)
{
	for (size_t i = 0; i < record->n; i++)
		if (dprintf(fd, "%s %d %d\n", record->entry[i].path, record->entry[i].wrote,
			    record->entry[i].original) < 0)
			return errno ? -errno : -EIO;
	return 0;
}

int forwarding_record_save(const char *file, const struct forwarding_record *record)
{
	struct atomic_file to;
	int err = atomic_file_open(&to, file, 0600);

	if (err)
		return err;
	err = print_record(to.fd, record);
	if (!err)
		return atomic_file_commit(&to, false);
	atomic_file_abandon(&to);
	return err;
}

void forwarding_record_forget_new(const char *file)
{
	char new[PATH_MAX];

	if ((size_t)snprintf(new, sizeof(new), "%s.new", file) < sizeof(new))
		(void)unlink(new);
}

void forwarding_record_done(struct forwarding_record *record)
{
	free(record->entry);
	*record = (struct forwarding_record){};
}
