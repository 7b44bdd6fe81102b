/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cleanup.h - process-local things are freed when their scope ends.
 *
 * For memory, descriptors and library objects. Kernel state (links, pins, filters) is taken back
 * by hand, in reverse order, because somebody has to look at the error.
 */
#ifndef CLEANUP_H
#define CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **file)
{
	if (*file)
		fclose(*file);
}

#define auto_free __attribute__((cleanup(cleanup_free)))
#define auto_close __attribute__((cleanup(cleanup_close)))
#define auto_fclose __attribute__((cleanup(cleanup_fclose)))
/* AUTO(x_done) struct x x = {}; */
#define AUTO(done) __attribute__((cleanup(done)))

#endif
