// SPDX-License-Identifier: Apache-2.0
#include "peers/peer_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "peers/border.h"
#include "peers/device_json.h"
#include "peers/json_array.h"

#define CHUNK_BYTES 65536
#define WARNINGS_MAX 20 /* per list: a broken generator must not flood the journal */

struct sender {
	int sock;
	uint32_t list;
	struct border_record batch[BORDER_BATCH_MAX];
	size_t n_batch;
	uint32_t n_devices, n_prefixes, n_skipped, n_warnings;
	uint64_t line; /* of the device at hand */
	struct device_json device;
	int err; /* of a warning that could not be sent */
};

static int flush(struct sender *s)
{
	int err = s->n_batch ? border_send(s->sock, s->batch, s->n_batch, -1) : 0;

	s->n_batch = 0;
	return err;
}

/* Return: the next record, zeroed; NULL when the batch could not be sent (s->err says why). */
static struct border_record *next_record(struct sender *s, enum border_kind kind)
{
	struct border_record *record;

	/* A batch that was lost is not made good by a later one. */
	if (!s->err && s->n_batch == BORDER_BATCH_MAX)
		s->err = flush(s);
	if (s->err)
		return NULL;
	record = &s->batch[s->n_batch++];
	*record = (struct border_record){ .kind = kind, .list = s->list };
	return record;
}

__attribute__((format(printf, 3, 4))) static void send_text(struct sender *s, enum border_kind kind,
							    const char *format, ...)
{
	struct border_record *record = next_record(s, kind);
	va_list args;

	if (!record)
		return;
	va_start(args, format);
	vsnprintf(record->text, sizeof(record->text), format, args);
	va_end(args);
}

static bool may_warn(struct sender *s)
{
	s->n_skipped++;
	return s->n_warnings++ < WARNINGS_MAX;
}

static void warn_of_cidr(void *arg, const struct device *device, const char *text)
{
	struct sender *s = arg;
	char label[DEVICE_NAME_MAX];

	if (may_warn(s))
		send_text(s, BORDER_WARNING, "line %llu: device '%s': %s, skipping it",
			  (unsigned long long)s->line, device_label(device, label), text);
}

static int send_prefixes(struct sender *s)
{
	struct border_record *record = NULL;

	for (size_t i = 0; i < s->device.n_prefixes; i++) {
		if (i % BORDER_PREFIXES == 0)
			record = next_record(s, BORDER_PREFIXES_OF_DEVICE);
		if (!record)
			return s->err;
		record->prefixes.prefix[record->prefixes.n++] = s->device.prefixes[i];
	}
	s->n_prefixes += s->device.n_prefixes;
	return 0;
}

static int send_device(void *arg, struct json_object *object, uint64_t line)
{
	struct sender *s = arg;
	const struct device *device = &s->device.device;
	struct border_record *record;
	const char *why;
	int err;

	s->line = line;
	err = device_json_read(object, &s->device, warn_of_cidr, s, &why);
	if (err == -EINVAL) {
		if (may_warn(s))
			send_text(s, BORDER_WARNING, "line %llu: device '%s': %s, skipping it",
				  (unsigned long long)line, device->name[0] ? device->name : "?",
				  why);
		return s->err;
	}
	if (err)
		return err;
	if (s->n_devices == DEVICES_MAX ||
	    s->n_prefixes + s->device.n_prefixes > DEVICE_PREFIXES_MAX)
		return -E2BIG;
	record = next_record(s, BORDER_DEVICE);
	if (!record)
		return s->err;
	memcpy(record->device.public_key, device->public_key, sizeof(device->public_key));
	memcpy(record->device.name, device->name, sizeof(device->name));
	record->device.relay_only = device->relay_only;
	record->device.n_addresses = device->n_addresses;
	record->device.ipv6_bits = device->ipv6_bits;
	s->n_devices++;
	return send_prefixes(s);
}

/* Return: 0; what the reader returns; -EFBIG; errno of read(). */
static int parse(int fd, struct json_array_reader *reader)
{
	char chunk[CHUNK_BYTES];
	size_t total = 0;
	ssize_t len;
	int err;

	while ((len = read(fd, chunk, sizeof(chunk))) > 0) {
		total += len;
		if (total > PEER_FILE_BYTES_MAX)
			return -EFBIG;
		err = json_array_feed(reader, chunk, len);
		if (err)
			return err;
	}
	return len < 0 ? -errno : json_array_finish(reader);
}

static int end_list(struct sender *s, int err, const struct json_array_reader *reader)
{
	struct border_record *record;

	if (s->n_warnings > WARNINGS_MAX)
		send_text(s, BORDER_WARNING, "%u more devices or CIDRs skipped",
			  s->n_warnings - WARNINGS_MAX);
	if (err == -EBADMSG) {
		send_text(s, BORDER_LIST_ERROR, "%s", reader->error);
	} else if (err == -E2BIG) {
		send_text(s, BORDER_LIST_ERROR, "line %llu: more than %d devices or %d addresses",
			  (unsigned long long)s->line, DEVICES_MAX, DEVICE_PREFIXES_MAX);
	} else if (err == -EFBIG) {
		send_text(s, BORDER_LIST_ERROR, "larger than %lu MiB", PEER_FILE_BYTES_MAX >> 20);
	} else if (err) {
		send_text(s, BORDER_LIST_ERROR, "line %llu: %s", (unsigned long long)reader->line,
			  strerror(-err));
	} else {
		record = next_record(s, BORDER_LIST_END);
		if (record) {
			record->end.n_devices = s->n_devices;
			record->end.n_prefixes = s->n_prefixes;
			record->end.n_skipped = s->n_skipped;
		}
	}
	return s->err ?: flush(s);
}

int peer_file_send(int fd, int sock, uint32_t list)
{
	AUTO(json_array_done) struct json_array_reader reader = {};
	struct sender s = { .sock = sock, .list = list };
	int err;

	err = json_array_init(&reader, send_device, &s);
	if (err)
		return err;
	(void)next_record(&s, BORDER_LIST_BEGIN); /* the first of a batch always has room */
	err = parse(fd, &reader);
	if (!s.err)
		err = end_list(&s, err, &reader);
	device_json_done(&s.device);
	return s.err ?: err;
}
