/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_names.h - /etc/resolv.conf, /etc/hosts and /etc/nsswitch.conf of the test's own, for the C
 * library's resolver. In a mount namespace of its own: after netns_may().
 */
#ifndef TESTS_HOST_NAMES_H
#define TESTS_HOST_NAMES_H

#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#define HOST_NAMES_DIR "/mnt" /* where nothing of the host's is needed */

/* Also while names are being asked for: the library looks at the file's times. */
static inline void host_names_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static inline void host_names_begin(const char *resolv_conf, const char *hosts)
{
	static const char *const paths[] = { "/etc/resolv.conf", "/etc/hosts",
					     "/etc/nsswitch.conf" };
	const char *texts[] = { resolv_conf, hosts, "hosts: files dns\n" };

	assert_int_equal(mount("none", HOST_NAMES_DIR, "tmpfs", 0, "mode=0755"), 0);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char ours[64];

		snprintf(ours, sizeof(ours), HOST_NAMES_DIR "%s", strrchr(paths[i], '/'));
		host_names_write(ours, texts[i]);
		assert_int_equal(mount(ours, paths[i], NULL, MS_BIND, NULL), 0);
	}
}

#endif
