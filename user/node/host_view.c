// SPDX-License-Identifier: Apache-2.0
#include "node/host_view.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file_text.h"
#include "tunnel/route.h"

#define RESOLV_CONF_BYTES_MAX 65536
#define BLANKS " \t\r"

static const char *const files[HOST_VIEW_FILES] = {
	"/etc/resolv.conf",
	"/run/systemd/resolve/resolv.conf", /* the servers behind systemd-resolved's stub */
};

/* A gateway may be a name server, too. */
static void add(struct host_view *view, const struct prefix *host)
{
	for (size_t i = view->n_gateways; i < view->n; i++)
		if (!prefix_compare(&view->at[i], host))
			return;
	if (view->n < HOST_VIEW_MAX)
		view->at[view->n++] = *host;
}

/* "nameserver 192.0.2.53", "nameserver fe80::1%eth0" */
static void parse_line(const char *line, size_t len, struct host_view *view)
{
	static const char keyword[] = "nameserver";
	char word[PREFIX_TEXT_MAX];
	struct prefix host;
	size_t end, n;

	if (len <= sizeof(keyword) - 1 || strncmp(line, keyword, sizeof(keyword) - 1) != 0)
		return;
	end = sizeof(keyword) - 1;
	n = strspn(line + end, BLANKS);
	if (!n)
		return;
	end += n;
	n = strcspn(line + end, BLANKS "\n%#;");
	if (end + n > len || n >= sizeof(word))
		return;
	memcpy(word, line + end, n);
	word[n] = '\0';
	if (!prefix_parse(word, &host) && prefix_is_host(&host))
		add(view, &host);
}

void host_view_parse(const char *text, struct host_view *view)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		parse_line(text, len, view);
		text += len + (text[len] == '\n');
	}
}

/* When the file, or what a link of that name leads to, was changed. */
static struct timespec changed(const char *path)
{
	struct stat st = {};

	(void)stat(path, &st); /* none: it changes when there is one */
	return st.st_ctim;
}

static void read_resolv_conf(const char *path, struct host_view *view)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	auto_free char *text = NULL;

	if (fd >= 0 && !file_text_read(fd, RESOLV_CONF_BYTES_MAX, &text))
		host_view_parse(text, view);
}

int host_view_read(struct host_view *ret)
{
	auto_free struct default_route *routes = NULL;
	struct host_view view = {};
	size_t n = 0;
	int err = route_defaults(&routes, &n);

	for (size_t i = 0; i < n; i++)
		if (routes[i].gateway.family)
			add(&view, &routes[i].gateway);
	view.n_gateways = view.n;
	for (size_t i = 0; i < HOST_VIEW_FILES; i++) {
		view.changed[i] = changed(files[i]); /* before it is read */
		read_resolv_conf(files[i], &view);
	}
	*ret = view;
	return err;
}

bool host_view_is_stale(const struct host_view *view)
{
	for (size_t i = 0; i < HOST_VIEW_FILES; i++) {
		struct timespec now = changed(files[i]);

		if (now.tv_sec != view->changed[i].tv_sec ||
		    now.tv_nsec != view->changed[i].tv_nsec)
			return true;
	}
	return false;
}
