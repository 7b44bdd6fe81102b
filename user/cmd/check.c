// SPDX-License-Identifier: Apache-2.0
/*
 * check.c - run all checks of user/check/ and print what they find.
 *
 * Changes nothing on the host: what must be tried is tried in a network namespace of its own.
 */

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>

#include "check/list.h"
#include "cmd/cmd.h"
#include "cmd/print.h"
#include "node/instance.h"
#include "node/status_file.h"

#define FINDING_BYTES 1024

static void (*const parts[])(struct check_list *list) = {
	check_privileges, check_landlock,   check_bpffs,          check_bpf,
	check_btf,        check_wireguard,  check_interface,      check_mtu,
	check_ipv6,       check_forwarding, check_advertisements, check_firewall,
};

static const char *const status_text[] = { "OK", "WARN", "FAIL" };

static void print_line(const struct check_list *list, enum check_status status, const char *check,
		       const char *finding, const char *remedy)
{
	static const char *const colour[] = { "\033[32m", "\033[33m", "\033[31m" };

	printf("%s%-4s%s %s: %s%s%s\n", list->colour ? colour[status] : "", status_text[status],
	       list->colour ? "\033[0m" : "", check, finding, remedy ? " -> " : "", remedy ?: "");
	/* A later check may take its time. */
	fflush(stdout);
}

static void add_json(struct json_object *array, enum check_status status, const char *check,
		     const char *finding, const char *remedy)
{
	struct json_object *answer = json_object_new_object();

	json_object_object_add(answer, "check", json_object_new_string(check));
	json_object_object_add(answer, "status", json_object_new_string(status_text[status]));
	json_object_object_add(answer, "finding", json_object_new_string(finding));
	json_object_object_add(answer, "remedy", remedy ? json_object_new_string(remedy) : NULL);
	json_object_array_add(array, answer);
}

void check_add(struct check_list *list, enum check_status status, const char *check,
	       const char *remedy, const char *format, ...)
{
	char finding[FINDING_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(finding, sizeof(finding), format, args);
	va_end(args);
	if (status == CHECK_FAIL)
		list->failed = true;
	if (list->json)
		add_json(list->json, status, check, finding, remedy);
	else
		print_line(list, status, check, finding, remedy);
}

/* By the relay that was last started on it. */
static bool is_adopted(const char *ifname)
{
	struct json_object *written = NULL, *adopted;
	struct instance instance;
	bool is;

	if (!instance_init(&instance, ifname))
		written = status_file_read(instance.status_path);
	is = written && json_object_object_get_ex(written, "adopted", &adopted) &&
	     json_object_get_boolean(adopted);
	json_object_put(written);
	return is;
}

int cmd_check(const struct options *options, char **args, int n_args)
{
	struct check_list list = {
		.ifname = options->value[OPTION_INTERFACE],
		.adopt = options_on(options, OPTION_ADOPT) ||
			 is_adopted(options->value[OPTION_INTERFACE]),
		.forwarding = options_forwarding(options),
		.json = options_on(options, OPTION_JSON) ? json_object_new_array() : NULL,
		.colour = print_colours(),
	};

	(void)args, (void)n_args;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		parts[i](&list);
	if (list.json && print_json(list.json))
		return EXIT_FAILED;
	return list.failed || print_flush() ? EXIT_FAILED : EXIT_DONE;
}
