// SPDX-License-Identifier: Apache-2.0
/* host.c - privileges, and what of BPF can be seen without trying it. */
#include <cap-ng.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "check/list.h"
#include "peers/file_view.h"

#define BPFFS "/sys/fs/bpf"
#define BTF "/sys/kernel/btf/vmlinux"

void check_privileges(struct check_list *list)
{
	static const unsigned int needed[] = { CAP_NET_ADMIN, CAP_BPF };
	char missing[128] = "";
	bool all;

	if (capng_get_caps_process()) {
		check_warn(list, "privileges", "mount /proc", "the process's own cannot be read");
		return;
	}
	/* Before 5.8 there was only CAP_SYS_ADMIN, which still includes the other two. */
	all = capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN);
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		if (capng_have_capability(CAPNG_EFFECTIVE, needed[i]) ||
		    (all && needed[i] == CAP_BPF))
			continue;
		snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing), " cap_%s",
			 capng_capability_to_name(needed[i]));
	}
	if (*missing)
		check_fail(list, "privileges",
			   "run as root, or with these capabilities (AmbientCapabilities= in the "
			   "unit)",
			   "missing:%s", missing);
	else if (!all && !capng_have_capability(CAPNG_EFFECTIVE, CAP_PERFMON))
		check_warn(list, "privileges", "add CAP_PERFMON if the verifier refuses a program",
			   "cap_net_admin and cap_bpf, but not cap_perfmon");
	else
		check_ok(list, "privileges", "cap_net_admin, cap_bpf and cap_perfmon");
}

void check_bpffs(struct check_list *list)
{
	static const char remedy[] = "mount -t bpf -o mode=0700 bpf " BPFFS;
	struct statfs fs;
	struct stat st;

	if (statfs(BPFFS, &fs) || stat(BPFFS, &st))
		check_fail(list, "bpffs", remedy, BPFFS ": %s", strerror(errno));
	else if (fs.f_type != BPF_FS_MAGIC)
		check_fail(list, "bpffs", remedy, "not mounted at " BPFFS);
	else if (st.st_mode & (S_IWGRP | S_IWOTH)) /* what it gets when mounted without a mode */
		check_warn(list, "bpffs", "chmod 0700 " BPFFS,
			   "mounted at " BPFFS ", but others may write there (mode %04o)",
			   st.st_mode & 07777);
	else
		check_ok(list, "bpffs", "mounted at " BPFFS);
}

void check_landlock(struct check_list *list)
{
	int abi = file_view_abi();

	if (abi > 0)
		check_ok(list, "landlock",
			 "the helper process is shown no files but those that it needs");
	else
		check_warn(list, "landlock", "a kernel from 5.13 on, with landlock in lsm=",
			   "the kernel has none (%s): the helper process can read what everybody "
			   "can; if it has to run as root, root's files too",
			   strerror(-abi));
}

void check_btf(struct check_list *list)
{
	if (access(BTF, F_OK))
		check_warn(list, "btf", "nothing, unless bpftool shall print maps with field names",
			   "the kernel has no " BTF);
	else
		check_ok(list, "btf", "the kernel describes its types in " BTF);
}
