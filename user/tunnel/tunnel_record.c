// SPDX-License-Identifier: Apache-2.0
#include "tunnel/tunnel_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/cleanup.h"

#define TAKEN_OVER "taken-over"
#define LINE_BYTES (sizeof("address \n") + PREFIX_TEXT_MAX)
#define FILE_BYTES ((2 + TUNNEL_RECORD_ADDRESSES_MAX) * LINE_BYTES)

bool tunnel_record_has(const struct tunnel_record *record, const struct prefix *address)
{
	for (size_t i = 0; i < record->n_addresses; i++)
		if (!prefix_compare(&record->addresses[i], address))
			return true;
	return false;
}

/* Return: bytes of the text, which is always whole. */
static size_t format(const struct tunnel_record *record, char text[static FILE_BYTES])
{
	char address[PREFIX_TEXT_MAX];
	size_t len = 0;

	if (record->made)
		len = snprintf(text, FILE_BYTES, "interface %" PRIu32 "\n", record->ifindex);
	if (record->taken_over)
		len += snprintf(text + len, FILE_BYTES - len, TAKEN_OVER "\n");
	for (size_t i = 0; i < record->n_addresses; i++)
		len += snprintf(text + len, FILE_BYTES - len, "address %s\n",
				prefix_format(&record->addresses[i], address));
	return len;
}

/*
 * "100.64.0.1/10": unlike for prefix_parse(), bits may be set behind the length. Numbers need not
 * be looked at closely here: see parse().
 */
static int parse_address(const char *text, struct tunnel_record *record)
{
	char addr[PREFIX_TEXT_MAX] = "";
	const char *slash = strchr(text, '/');
	struct prefix address;
	unsigned long bits;

	if (!slash || (size_t)(slash - text) >= sizeof(addr))
		return -EBADMSG;
	memcpy(addr, text, slash - text);
	if (prefix_parse(addr, &address))
		return -EBADMSG;
	bits = strtoul(slash + 1, NULL, 10);
	if (bits > address.bits)
		return -EBADMSG;
	address.bits = bits;
	if (record->n_addresses >= TUNNEL_RECORD_ADDRESSES_MAX ||
	    tunnel_record_has(record, &address))
		return -EBADMSG;
	record->addresses[record->n_addresses++] = address;
	return 0;
}

static int parse_line(const char *line, struct tunnel_record *record)
{
	static const char interface[] = "interface ", address[] = "address ";
	unsigned long ifindex;

	if (!strncmp(line, address, sizeof(address) - 1))
		return parse_address(line + sizeof(address) - 1, record);
	if (!strcmp(line, TAKEN_OVER)) {
		record->taken_over = true;
		return 0;
	}
	if (strncmp(line, interface, sizeof(interface) - 1) != 0)
		return -EBADMSG;
	ifindex = strtoul(line + sizeof(interface) - 1, NULL, 10);
	if (ifindex > INT_MAX)
		return -EBADMSG;
	record->made = true;
	record->ifindex = ifindex;
	return 0;
}

/* What the lines are taken for must come out as the same text: nothing else may be in it. */
static int parse(const char *text, size_t len, struct tunnel_record *ret_record)
{
	struct tunnel_record record = {};
	char line[LINE_BYTES], again[FILE_BYTES];
	const char *at = text, *end;
	int err = 0;

	while (!err && at < text + len) {
		end = memchr(at, '\n', text + len - at);
		if (!end || (size_t)(end - at) >= sizeof(line))
			return -EBADMSG;
		memcpy(line, at, end - at);
		line[end - at] = '\0';
		err = parse_line(line, &record);
		at = end + 1;
	}
	if (err || (record.taken_over && !record.made) || format(&record, again) != len ||
	    memcmp(again, text, len) != 0)
		return -EBADMSG;
	*ret_record = record;
	return 0;
}

int tunnel_record_load(const char *file, struct tunnel_record *ret_record)
{
	auto_close int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char text[FILE_BYTES + 1];
	struct stat st;
	ssize_t len;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	len = read(fd, text, sizeof(text));
	if (len < 0)
		return -errno;
	return len <= (ssize_t)FILE_BYTES ? parse(text, len, ret_record) : -EBADMSG;
}

/* Is it a record that tunnel_record_load() would take? */
static bool is_sound(const struct tunnel_record *record)
{
	if (record->n_addresses > TUNNEL_RECORD_ADDRESSES_MAX || record->ifindex > INT_MAX ||
	    ((record->ifindex || record->taken_over) && !record->made))
		return false;
	for (size_t i = 0; i < record->n_addresses; i++) {
		const struct prefix *address = &record->addresses[i];
		struct tunnel_record before = *record;
		struct prefix masked = *address;

		prefix_mask(&masked);
		before.n_addresses = i;
		if (prefix_check(&masked) || tunnel_record_has(&before, address))
			return false;
	}
	return true;
}

int tunnel_record_save(const char *file, const struct tunnel_record *record)
{
	char text[FILE_BYTES];

	if (!is_sound(record))
		return -EINVAL;
	return atomic_file_write(file, 0600, text, format(record, text), false);
}

int tunnel_record_remove(const char *file)
{
	return atomic_file_remove(file);
}
