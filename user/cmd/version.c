// SPDX-License-Identifier: Apache-2.0
#include <json-c/json.h>
#include <stdio.h>

#include "base/version.h"
#include "cmd/cmd.h"
#include "cmd/print.h"
#include "datapath/datapath.h"

int cmd_version(const struct options *options, char **args, int n_args)
{
	struct json_object *object;

	(void)args, (void)n_args;
	if (!options_on(options, OPTION_JSON)) {
		printf("nex-relay %s (libbpf %s)\n", NEX_VERSION, datapath_libbpf_version());
		return print_flush();
	}
	object = json_object_new_object();
	json_object_object_add(object, "version", json_object_new_string(NEX_VERSION));
	json_object_object_add(object, "libbpf", json_object_new_string(datapath_libbpf_version()));
	return print_json(object);
}
