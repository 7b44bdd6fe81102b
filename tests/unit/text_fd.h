/* SPDX-License-Identifier: Apache-2.0 */
/* text_fd.h - a descriptor of a text, as the node hands them over. */
#ifndef TESTS_TEXT_FD_H
#define TESTS_TEXT_FD_H

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static inline int text_fd(const char *text)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text)); /* and stands at the end */
	return fd;
}

#endif
