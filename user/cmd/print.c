// SPDX-License-Identifier: Apache-2.0
#include "cmd/print.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/printable.h"
#include "cmd/cmd.h"

int print_flush(void)
{
	errno = 0;
	if (fflush(stdout) || ferror(stdout))
		return log_err(-(errno ?: EIO), "write to stdout"), EXIT_FAILED;
	return EXIT_DONE;
}

int print_json(struct json_object *object)
{
	const char *text = json_object_to_json_string_ext(
		object,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);

	printable_put_json(text, stdout);
	putchar('\n');
	json_object_put(object);
	return print_flush();
}

struct json_object *print_count_json(const struct nex_count *count)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "packets", json_object_new_uint64(count->packets));
	json_object_object_add(object, "bytes", json_object_new_uint64(count->bytes));
	return object;
}

const char *print_bytes(uint64_t bytes, char text[static PRINT_BYTES_MAX])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double size = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(text, PRINT_BYTES_MAX, "%u B", (unsigned int)bytes);
		return text;
	}
	while (size >= 1023.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		size /= 1024;
		unit++;
	}
	snprintf(text, PRINT_BYTES_MAX, "%.1f %s", size, units[unit]);
	return text;
}

bool print_colours(void)
{
	return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
}

int print_no_pins(const char *ifname, int err)
{
	if (err == -ENOENT)
		log_err(0, "%s: no relay is set up here: start one with `nex-relay run`", ifname);
	else if (err == -EPERM || err == -EACCES)
		log_err(err, "%s: read the pinned maps: run this as root", ifname);
	else
		log_err(err, "%s: read the pinned maps", ifname);
	return EXIT_FAILED;
}
