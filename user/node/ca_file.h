/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ca_file.h - certificates to trust instead of the system's, in a file that perhaps nobody but root
 * can read.
 */
#ifndef NODE_CA_FILE_H
#define NODE_CA_FILE_H

/**
 * ca_file_open() - for the helper, which parses it: here it is only seen that there is a
 * certificate in it, and that its end is there.
 *
 * Return: descriptor; negative errno, and in *ret_why why, for people.
 */
int ca_file_open(const char *path, const char **ret_why);

#endif
