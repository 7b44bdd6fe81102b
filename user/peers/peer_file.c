// SPDX-License-Identifier: Apache-2.0
#include "peers/peer_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "peers/border_batch.h"
#include "peers/device_json.h"
#include "peers/json_stream.h"

#define CHUNK_BYTES 65536
#define WARNINGS_MAX 20 /* per list: a broken generator must not flood the journal */

struct sender {
	struct border_batch batch;
	uint32_t n_skipped, n_warnings;
	uint64_t line; /* of the device at hand */
	struct device_json device;
};

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
		border_batch_text(&s->batch, BORDER_WARNING,
				  "line %llu: device '%s': %s, skipping it",
				  (unsigned long long)s->line, device_label(device, label), text);
}

static int send_device(void *arg, struct json_object *object, uint64_t line)
{
	struct sender *s = arg;
	const struct device *device = &s->device.device;
	const char *why;
	int err;

	s->line = line;
	err = device_json_read(object, &s->device, warn_of_cidr, s, &why);
	if (err == -EINVAL) {
		if (may_warn(s))
			border_batch_text(&s->batch, BORDER_WARNING,
					  "line %llu: device '%s': %s, skipping it",
					  (unsigned long long)line,
					  device->name[0] ? device->name : "?", why);
		return s->batch.err;
	}
	if (err)
		return err;
	s->device.device.n_prefixes = s->device.n_prefixes;
	return border_batch_device(&s->batch, device, s->device.prefixes);
}

/* Return: 0; what the reader returns; -EFBIG; errno of read(). */
static int parse(int fd, struct json_stream *reader)
{
	char chunk[CHUNK_BYTES];
	size_t total = 0;
	ssize_t len;
	int err;

	while ((len = read(fd, chunk, sizeof(chunk))) > 0) {
		total += len;
		if (total > PEER_FILE_BYTES_MAX)
			return -EFBIG;
		err = json_stream_feed(reader, chunk, len);
		if (err)
			return err;
	}
	return len < 0 ? -errno : json_stream_finish(reader);
}

static int end_list(struct sender *s, int err, const struct json_stream *reader)
{
	struct border_record *record;

	if (s->n_warnings > WARNINGS_MAX)
		border_batch_text(&s->batch, BORDER_WARNING, "%u more devices or CIDRs skipped",
				  s->n_warnings - WARNINGS_MAX);
	if (err == -EBADMSG) {
		border_batch_text(&s->batch, BORDER_LIST_ERROR, "%s", reader->error);
	} else if (err == -E2BIG) {
		border_batch_text(&s->batch, BORDER_LIST_ERROR,
				  "line %llu: more than %d devices or %d addresses",
				  (unsigned long long)s->line, DEVICES_MAX, DEVICE_PREFIXES_MAX);
	} else if (err == -EFBIG) {
		border_batch_text(&s->batch, BORDER_LIST_ERROR, "larger than %lu MiB",
				  PEER_FILE_BYTES_MAX >> 20);
	} else if (err) {
		border_batch_text(&s->batch, BORDER_LIST_ERROR, "line %llu: %s",
				  (unsigned long long)reader->line, strerror(-err));
	} else {
		record = border_batch_next(&s->batch, BORDER_LIST_END);
		if (record) {
			record->end.n_devices = s->batch.n_devices;
			record->end.n_prefixes = s->batch.n_prefixes;
			record->end.n_skipped = s->n_skipped;
		}
	}
	return border_batch_flush(&s->batch);
}

int peer_file_send(int fd, int sock, uint32_t list)
{
	AUTO(json_stream_done) struct json_stream reader = {};
	struct sender s = { .batch = { .sock = sock, .list = list } };
	int err;

	err = json_stream_init(&reader, JSON_ARRAY, send_device, &s);
	if (err)
		return err;
	(void)border_batch_next(&s.batch,
				BORDER_LIST_BEGIN); /* the first of a batch always has room */
	err = parse(fd, &reader);
	if (!s.batch.err)
		err = end_list(&s, err, &reader);
	device_json_done(&s.device);
	return s.batch.err ?: err;
}
