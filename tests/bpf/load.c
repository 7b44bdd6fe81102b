// SPDX-License-Identifier: Apache-2.0
/*
 * load.c - load the programs with one choice of settings, and find their maps.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "fixture.h"

#define RODATA_BYTES_MAX 64

/* The constants of the programs, all of them of one byte. */
static int set_bool(struct bpf_object *object, const char *name, bool value)
{
	struct bpf_map *rodata = bpf_object__find_map_by_name(object, ".rodata");
	const struct btf *btf = bpf_object__btf(object);
	int section = btf ? btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC) : -ENOENT;
	const struct btf_var_secinfo *info;
	uint8_t data[RODATA_BYTES_MAX];
	const void *initial;
	size_t size;

	initial = rodata ? bpf_map__initial_value(rodata, &size) : NULL;
	if (!initial || section < 0 || size > sizeof(data))
		return -ENOENT;
	memcpy(data, initial, size);
	info = btf_var_secinfos(btf__type_by_id(btf, section));
	for (int i = 0; i < btf_vlen(btf__type_by_id(btf, section)); i++, info++) {
		const struct btf_type *variable = btf__type_by_id(btf, info->type);

		if (strcmp(btf__name_by_offset(btf, variable->name_off), name))
			continue;
		if (info->size != 1 || info->offset >= size)
			return -EPROTO;
		data[info->offset] = value;
		return bpf_map__set_initial_value(rodata, data, size);
	}
	return -ENOENT;
}

static int find_descriptors(struct fixture *fixture)
{
	const struct {
		const char *name;
		int *fd;
	} maps[] = {
		{ "nex_addr4", &fixture->addr4 },       { "nex_addr6", &fixture->addr6 },
		{ "nex_cidr4", &fixture->cidr4 },       { "nex_cidr6", &fixture->cidr6 },
		{ "nex_scopes", &fixture->scopes },     { "nex_slot_stats", &fixture->slot_stats },
		{ "nex_verdicts", &fixture->verdicts },
	};
	static const char *const programs[HOOK_COUNT] = { "nex_wg_tc", "nex_wg_xdp" };

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		*maps[i].fd = bpf_object__find_map_fd_by_name(fixture->object, maps[i].name);
		if (*maps[i].fd < 0)
			return -ENOENT;
	}
	for (int hook = 0; hook < HOOK_COUNT; hook++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(fixture->object, programs[hook]);

		if (!program)
			return -ENOENT;
		fixture->program[hook] = bpf_program__fd(program);
	}
	return 0;
}

int fixture_load(const char *path, unsigned int settings, struct fixture *ret_fixture)
{
	struct fixture fixture = {};
	struct bpf_map *stats;
	int err;

	fixture.object = bpf_object__open_file(path, NULL);
	if (!fixture.object)
		return -errno;
	stats = bpf_object__find_map_by_name(fixture.object, "nex_slot_stats");
	err = stats ? bpf_map__set_max_entries(stats, SLOT_COUNT) : -ENOENT;
	if (!err)
		err = set_bool(fixture.object, "cfg_relay_only", settings & RELAY_ONLY);
	if (!err)
		err = set_bool(fixture.object, "cfg_strict", settings & STRICT);
	if (!err)
		err = bpf_object__load(fixture.object);
	if (!err)
		err = find_descriptors(&fixture);
	if (err) {
		fixture_done(&fixture);
		return err;
	}
	*ret_fixture = fixture;
	return 0;
}

void fixture_done(struct fixture *fixture)
{
	bpf_object__close(fixture->object);
	fixture->object = NULL;
}
