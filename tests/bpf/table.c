// SPDX-License-Identifier: Apache-2.0
/*
 * table.c - run all packet tables through both hooks, and say in TAP how it went.
 *
 * usage: table [-x] OBJECT      OBJECT: build/nex_wg.bpf.o; -x: rows only, up to the first failure
 *
 * Needs root. Everything happens in a network namespace of its own.
 * Exit status: 0 all rows are right, or BPF is not permitted here; 1 a row failed; 2 it did not
 * come to running rows.
 */
#include <cap-ng.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "check.h"

#define EXIT_BAILED 2

static const struct rows *const tables[] = {
	&rows_forward, &rows_hops,    &rows_length, &rows_header,
	&rows_special, &rows_address, &rows_cidr,   &rows_policy,
	&rows_size,    &rows_gso,     &rows_order,  &rows_checksum, /* last: takes longest */
};
#define TABLE_COUNT (sizeof(tables) / sizeof(tables[0]))

struct tally {
	unsigned int tests, failed;
};

static void report(struct tally *tally, enum hook hook, const struct row *row,
		   enum check_result result, const char *text)
{
	const char *mark = result == CHECK_OK ? "" : result == CHECK_SKIPPED ? " # SKIP " : " # ";

	printf("%s %u - %s: %s%s%s\n", result == CHECK_FAILED ? "not ok" : "ok", ++tally->tests,
	       hook == HOOK_TC ? "tc" : "xdp", row->name, mark, text);
	tally->failed += result == CHECK_FAILED;
}

static void run_all(const struct fixture *fixtures, struct devices *devices, bool stop,
		    struct tally *tally)
{
	char text[CHECK_TEXT];

	for (size_t i = 0; i < TABLE_COUNT; i++) {
		for (size_t j = 0; j < tables[i]->n; j++) {
			const struct row *row = &tables[i]->row[j];

			for (enum hook hook = 0; hook < HOOK_COUNT; hook++) {
				report(tally, hook, row,
				       check_row(row, hook, &fixtures[row->settings], devices,
						 text),
				       text);
				if (stop && tally->failed)
					return;
			}
		}
	}
}

/* A row that fails must be found by its name. Return: a name that two rows have, or NULL. */
static const char *name_twice(void)
{
	const char *names[1024];
	size_t n = 0;

	for (size_t i = 0; i < TABLE_COUNT; i++) {
		for (size_t j = 0; j < tables[i]->n && n < sizeof(names) / sizeof(names[0]); j++) {
			names[n] = tables[i]->row[j].name;
			for (size_t k = 0; k < n; k++)
				if (!strcmp(names[k], names[n]))
					return names[n];
			n++;
		}
	}
	return NULL;
}

/* Effective capabilities: back to all, or down to CAP_BPF and CAP_NET_ADMIN, and CAP_PERFMON. */
static int set_capabilities(bool admin, bool perfmon)
{
	capng_get_caps_process();
	capng_updatev(admin ? CAPNG_ADD : CAPNG_DROP, CAPNG_EFFECTIVE, CAP_SYS_ADMIN, -1);
	capng_updatev(perfmon ? CAPNG_ADD : CAPNG_DROP, CAPNG_EFFECTIVE, CAP_PERFMON, -1);
	return capng_apply(CAPNG_SELECT_CAPS) ? -EPERM : 0;
}

/* A verifier without false alarms about stack slots (seen to have some: 6.1; to have none: 6.12).
 */
static bool has_sure_verifier(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;

	return !uname(&name) && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 12));
}

/*
 * Without CAP_PERFMON, which CAP_SYS_ADMIN includes, the verifier is stricter: no arithmetic that
 * could tell a pointer's value, none that speculation could lead astray.
 */
static int check_load(const char *path, bool perfmon, struct tally *tally)
{
	struct fixture fixture = {};
	int err = set_capabilities(false, perfmon), loaded;

	if (err)
		return err;
	loaded = fixture_load(path, 0, &fixture);
	fixture_done(&fixture);
	printf("%s %u - the programs load with CAP_BPF and CAP_NET_ADMIN %s",
	       loaded && (perfmon || has_sure_verifier()) ? "not ok" : "ok", ++tally->tests,
	       perfmon ? "and CAP_PERFMON" : "alone");
	if (loaded && !perfmon && !has_sure_verifier())
		printf(" # SKIP this kernel's verifier wants CAP_PERFMON: %s\n", strerror(-loaded));
	else
		printf("%s%s\n", loaded ? " # " : "", loaded ? strerror(-loaded) : "");
	tally->failed += loaded && (perfmon || has_sure_verifier());
	return set_capabilities(true, true);
}

static int bail_out(const char *what, int err)
{
	printf("Bail out! %s: %s\n", what, strerror(-err));
	return EXIT_BAILED;
}

static int skip_all(const char *what, int err)
{
	printf("1..0 # SKIP cannot %s: %s\n", what, strerror(-err));
	return EXIT_SUCCESS;
}

static int run_tables(const char *path, bool stop)
{
	struct fixture fixtures[SETTINGS_COUNT] = {};
	struct devices devices;
	struct tally tally = {};
	int err;

	err = devices_make(&devices);
	if (err)
		return skip_all("make a network namespace with tun devices", err);
	for (unsigned int settings = 0; settings < SETTINGS_COUNT; settings++) {
		err = fixture_load(path, settings, &fixtures[settings]);
		if (err == -EPERM)
			return skip_all("load BPF programs", err);
		if (err)
			return bail_out("load the BPF programs", err);
		err = fixture_fill(&fixtures[settings], &devices);
		if (err)
			return bail_out("fill the BPF maps", err);
	}

	if (!stop)
		err = check_load(path, true, &tally);
	if (!stop && !err)
		err = check_load(path, false, &tally);
	if (err)
		return bail_out("lower and raise capabilities", err);
	run_all(fixtures, &devices, stop, &tally);
	printf("1..%u\n", tally.tests);
	for (unsigned int settings = 0; settings < SETTINGS_COUNT; settings++)
		fixture_done(&fixtures[settings]);
	return tally.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	bool stop = argc == 3 && !strcmp(argv[1], "-x");
	const char *twice = name_twice();

	if (argc != 2 && !stop) {
		fprintf(stderr, "usage: table [-x] OBJECT\n");
		return EXIT_BAILED;
	}
	if (twice) {
		printf("Bail out! two rows are called \"%s\"\n", twice);
		return EXIT_BAILED;
	}
	if (access(argv[argc - 1], R_OK)) {
		printf("Bail out! %s: %s\n", argv[argc - 1], strerror(errno));
		return EXIT_BAILED;
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* libbpf's messages stay between the lines */
	return run_tables(argv[argc - 1], stop);
}
