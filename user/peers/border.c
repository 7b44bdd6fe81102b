// SPDX-License-Identifier: Apache-2.0
#include "peers/border.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/printable.h"

int border_send(int sock, const struct border_record *records, size_t n, int fd)
{
	struct iovec iov = { .iov_base = (void *)records, .iov_len = n * sizeof(*records) };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {};
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	ssize_t sent;

	if (fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	do
		sent = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* Descriptors that came with @msg: the first for the caller, every other one closed. */
static int take_fd(struct msghdr *msg)
{
	int fd = -1, got;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= c->cmsg_len; at += sizeof(int)) {
			memcpy(&got, CMSG_DATA(c) + at, sizeof(int));
			if (fd < 0)
				fd = got;
			else
				close(got);
		}
	}
	return fd;
}

ssize_t border_receive(int sock, struct border_record *records, int *ret_fd)
{
	struct iovec iov = { .iov_base = records, .iov_len = BORDER_BATCH_MAX * sizeof(*records) };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	ssize_t len;
	int fd;

	do
		len = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;

	fd = take_fd(&msg);
	if (fd >= 0 && (!ret_fd || len % sizeof(*records) || (msg.msg_flags & MSG_TRUNC))) {
		close(fd);
		fd = -1;
	}
	if (ret_fd)
		*ret_fd = fd;
	if (len % sizeof(*records) || (msg.msg_flags & MSG_TRUNC))
		return -EPROTO;
	return len / sizeof(*records);
}

/* Return: whether the name is terminated, free of control characters, and zero behind its end. */
static bool name_is_clean(const char name[static DEVICE_NAME_MAX])
{
	size_t len = strnlen(name, DEVICE_NAME_MAX);

	if (len == DEVICE_NAME_MAX)
		return false;
	for (size_t i = len; i < DEVICE_NAME_MAX; i++)
		if (name[i])
			return false;
	return printable_check(name);
}

/* Has the device that was added last as many prefixes as it has tunnel addresses, or more? */
static bool last_is_whole(const struct device_list *devices)
{
	const struct device *last;

	if (!devices->n_devices)
		return true;
	last = &devices->devices[devices->n_devices - 1];
	return last->n_addresses <= last->n_prefixes;
}

static int add_device(struct device_list *devices, const struct border_record *record)
{
	struct device device = { .relay_only = record->device.relay_only,
				 .n_addresses = record->device.n_addresses,
				 .ipv6_bits = record->device.ipv6_bits };

	if (record->device.relay_only > 1 || record->device.ipv6_bits > 128 ||
	    !name_is_clean(record->device.name) || wg_key_is_low_order(record->device.public_key) ||
	    !last_is_whole(devices))
		return -EPROTO;
	memcpy(device.public_key, record->device.public_key, sizeof(device.public_key));
	memcpy(device.name, record->device.name, sizeof(device.name));
	return device_list_add(devices, &device);
}

static int add_prefixes(struct device_list *devices, const struct border_record *record)
{
	if (!record->prefixes.n || record->prefixes.n > BORDER_PREFIXES)
		return -EPROTO;
	for (uint32_t i = 0; i < record->prefixes.n; i++) {
		int err = prefix_check(&record->prefixes.prefix[i]);

		if (!err)
			err = device_list_add_prefix(devices, &record->prefixes.prefix[i]);
		if (err)
			return err == -ENOMEM || err == -E2BIG ? err : -EPROTO;
	}
	return 0;
}

static int end_list(struct border_list *list, const struct border_record *record)
{
	if (record->end.n_devices != list->devices.n_devices ||
	    record->end.n_prefixes != list->devices.n_prefixes || !last_is_whole(&list->devices))
		return -EPROTO;
	list->devices.n_skipped = record->end.n_skipped;
	list->open = 0;
	return 1;
}

/*
 * Each list that this source may have been asked for has a budget of its own. Lists from before its
 * time share one, and so does whoever goes back: there are only as many budgets as requests.
 */
static int skip_older(struct border_list *list, const struct border_record *record)
{
	if (record->list > list->older && record->list >= list->first_want) {
		list->older = record->list;
		list->n_older = 0;
	}
	return ++list->n_older > BORDER_RECORDS_OF_LIST_MAX ? -EPROTO : 0;
}

int border_list_add(struct border_list *list, const struct border_record *record, uint32_t want)
{
	if (!list->first_want)
		list->first_want = want;
	if (record->list > want)
		return -EPROTO;
	if (record->list < want)
		return skip_older(list, record);
	if (record->kind == BORDER_LIST_BEGIN) {
		/* A list is sent once: a source that repeats it would keep us busy for ever. */
		if (list->list == record->list)
			return -EPROTO;
		device_list_done(&list->devices);
		list->list = record->list;
		list->open = 1;
		return 0;
	}
	if (!list->open || list->list != record->list)
		return -EPROTO;
	switch (record->kind) {
	case BORDER_DEVICE:
		return add_device(&list->devices, record);
	case BORDER_PREFIXES_OF_DEVICE:
		return add_prefixes(&list->devices, record);
	case BORDER_LIST_END:
		return end_list(list, record);
	default:
		return -EPROTO;
	}
}

void border_list_done(struct border_list *list)
{
	device_list_done(&list->devices);
	*list = (struct border_list){};
}
