// SPDX-License-Identifier: Apache-2.0
#include "base/prefix_class.h"

enum prefix_class prefix_class(const struct prefix *prefix)
{
	static const struct {
		struct prefix of;
		enum prefix_class is;
	} classes[] = {
		{ { PREFIX_IPV4, 8, { 10 } }, PREFIX_PRIVATE },
		{ { PREFIX_IPV4, 12, { 172, 16 } }, PREFIX_PRIVATE },
		{ { PREFIX_IPV4, 16, { 192, 168 } }, PREFIX_PRIVATE },
		{ { PREFIX_IPV4, 10, { 100, 64 } }, PREFIX_PRIVATE },
		{ { PREFIX_IPV4, 8, { 0 } }, PREFIX_UNSPECIFIED },
		{ { PREFIX_IPV4, 8, { 127 } }, PREFIX_LOOPBACK },
		{ { PREFIX_IPV4, 16, { 169, 254 } }, PREFIX_LINK_LOCAL },
		{ { PREFIX_IPV4, 4, { 224 } }, PREFIX_MULTICAST },
		{ { PREFIX_IPV4, 32, { 255, 255, 255, 255 } }, PREFIX_BROADCAST },
		{ { PREFIX_IPV6, 7, { 0xfc } }, PREFIX_PRIVATE },
		{ { PREFIX_IPV6, 7, { 2 } }, PREFIX_PRIVATE },
		{ { PREFIX_IPV6, 128, { 0 } }, PREFIX_UNSPECIFIED },
		{ { PREFIX_IPV6, 128, { [15] = 1 } }, PREFIX_LOOPBACK },
		{ { PREFIX_IPV6, 10, { 0xfe, 0x80 } }, PREFIX_LINK_LOCAL },
		{ { PREFIX_IPV6, 8, { 0xff } }, PREFIX_MULTICAST },
		{ { PREFIX_IPV6, 96, { [10] = 0xff, 0xff } }, PREFIX_MAPPED },
	};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (prefix_covers(&classes[i].of, prefix))
			return classes[i].is;
	return PREFIX_GLOBAL;
}

bool prefix_is_special(const struct prefix *prefix)
{
	enum prefix_class class = prefix_class(prefix);

	return class != PREFIX_GLOBAL && class != PREFIX_PRIVATE;
}
