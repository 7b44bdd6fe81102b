/* SPDX-License-Identifier: Apache-2.0 */
/*
 * array.h - arrays that grow. Both functions double what is there, so that adding n elements costs
 * O(n) copies.
 *
 * @at is the address of the pointer to the array (of any type; NULL: an empty array). The pointer
 * changes on success alone; free() ends it.
 */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

#include <stddef.h>

/**
 * array_room() - room for one more element behind the @n elements of an array that has grown one by
 * one: its room is the next power of two, and need not be kept.
 * @size: bytes of one element.
 *
 * Return: 0; -ENOMEM.
 */
int array_room(void *at, size_t n, size_t size);

/**
 * array_reserve() - room for @n elements in all.
 * @room: for how many there is room; kept up to date.
 * @size: bytes of one element.
 *
 * Return: 0; -ENOMEM.
 */
int array_reserve(void *at, size_t *room, size_t n, size_t size);

#endif
