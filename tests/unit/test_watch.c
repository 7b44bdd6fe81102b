// SPDX-License-Identifier: Apache-2.0
/*
 * test_watch.c - what events do to the devices, what is asked for after a cut, and what is no
 * event.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "watch_notation.h"

#define TAILS "Tg Td Tm"
#define LOOKED_5 " ^ d1=a:200::2@5"
#define ID1 "00000001-0000-4000-8000-000000000000"
#define DEVICE(members) "{'kind':'device','type':'change','value':{" members "}}"

/* clang-format off */
static const struct {
	const char *name, *story;
	const char *log;     /* of calls */
	const char *devices; /* in the end; IPv4 hosts are written without their length */
	const char *resume;
} stories[] = {
	{ "nothing",                 "", "", "", "start" },
	{ "three tails",             TAILS, "W", "", "g0 d0 m0" },
	{ "tails in another order",  "Tm Td Tg", "W", "", "g0 d0 m0" },
	{ "no tail of groups",       "Td Tm", "", "", "start" },
	{ "no tail of devices",      "Tg Tm", "", "", "start" },
	{ "no tail of metadata",     "Tg Td", "", "", "start" },
	{ "one tail three times",    "Td Td Td", "", "", "start" },
	{ "tails twice",             TAILS " " TAILS, "W", "", "g0 d0 m0" },

	{ "devices before the tail", "d1=a:100.64.0.2,200::2@5 d2=b!:100.64.0.3@6 " TAILS, "W",
	  "1=a:100.64.0.2,200::2 2=b!:100.64.0.3", "g0 d6 m0" },
	{ "devices behind the tail", TAILS " d1=a:100.64.0.2,200::2@5 d2=b!:200::3;fd00::/8@6", "Wcc",
	  "1=a:100.64.0.2,200::2 2=b!:200::3;fd00::/8", "g0 d6 m0" },
	{ "devices between tails",   "Tm d1=a:100.64.0.2@5 Tg d2=b:200::3@6 Td d3=c:200::4@7", "Wc",
	  "1=a:100.64.0.2 2=b:200::3 3=c:200::4", "g0 d7 m0" },
	{ "device is changed",       TAILS " d1=a:100.64.0.2@5 d1=a:100.64.0.9@6", "Wcc", "1=a:100.64.0.9", "g0 d6 m0" },
	{ "device has a new key",    TAILS " d1=a:100.64.0.2@5 d1=b:100.64.0.2@6", "Wcc", "1=b:100.64.0.2", "g0 d6 m0" },
	{ "device is as it was",     TAILS " d1=a:200::2@5 d1=a:200::2@6", "Wc", "1=a:200::2", "g0 d6 m0" },
	{ "device is deleted",       TAILS " d1=a:100.64.0.2@5 d2=b:200::3@6 -d1@7", "Wccc", "2=b:200::3", "g0 d7 m0" },
	{ "deleted before the tail", "d1=a:100.64.0.2@5 -d1@7 " TAILS, "W", "", "g0 d7 m0" },
	{ "deleted twice",           TAILS " d1=a:100.64.0.2@5 -d1@7 -d1@7", "Wcc", "", "g0 d7 m0" },
	{ "deleted, never known",    TAILS " -d1@7", "W", "", "g0 d7 m0" },
	{ "deleted, and again there", TAILS " d1=a:100.64.0.2@5 -d1@7 d1=a:100.64.0.2@8", "Wccc", "1=a:100.64.0.2", "g0 d8 m0" },
	{ "same key, old id goes first", TAILS " d1=a:100.64.0.2@5 -d1@6 d2=a:100.64.0.7@7", "Wccc", "2=a:100.64.0.7", "g0 d7 m0" },
	{ "same key, new id comes first", TAILS " d1=a:100.64.0.2@5 d2=a:100.64.0.7@6 -d1@7", "Wccc", "2=a:100.64.0.7", "g0 d7 m0" },
	{ "two devices swap keys",   TAILS " d1=a:200::2@5 d2=b:200::3@6 d1=b:200::2@7 d2=a:200::3@8", "Wcccc", "1=b:200::2 2=a:200::3", "g0 d8 m0" },

	{ "lower revision",          TAILS " d1=a:100.64.0.2@5 d1=a:100.64.0.9@4", "Wc", "1=a:100.64.0.2", "g0 d5 m0" },
	{ "lower, of another device", TAILS " d1=a:100.64.0.2@5 d2=b:200::3@4", "Wcc", "1=a:100.64.0.2 2=b:200::3", "g0 d5 m0" },
	{ "lower, deletion of another", TAILS " d1=a:100.64.0.2@5 d2=b:200::3@6 d3=c:200::4@9 -d2@8", "Wcccc", "1=a:100.64.0.2 3=c:200::4", "g0 d9 m0" },
	{ "lower than its deletion", TAILS " d1=a:200::2@5 -d1@9 d2=b:200::3@10 d1=a:200::2@8", "Wccc", "2=b:200::3", "g0 d10 m0" },
	{ "lower, a deletion",       TAILS " d1=a:100.64.0.2@5 -d1@4", "Wc", "1=a:100.64.0.2", "g0 d5 m0" },
	{ "lower, and wrong",        TAILS " d1=a:100.64.0.2@5 x1=a:100.64.0.2@4", "Wc", "1=a:100.64.0.2", "g0 d5 m0" },
	{ "lower than a deletion",   TAILS " -d1@7 d1=a:100.64.0.2@6", "W", "", "g0 d7 m0" },
	{ "lower, another before the tail", "d2=b:200::3@9 d1=a:100.64.0.2@5 " TAILS " d3=c:200::4@8", "Wc", "1=a:100.64.0.2 2=b:200::3 3=c:200::4", "g0 d9 m0" },
	{ "deleted, lower before the tail", "-d1@7 d2=b:200::3@9 d1=a:100.64.0.2@5 " TAILS, "W", "2=b:200::3", "g0 d9 m0" },
	{ "lower before the tail",   "d1=a:100.64.0.2@5 d1=a:100.64.0.9@4 " TAILS, "W", "1=a:100.64.0.2", "g0 d5 m0" },
	{ "lower than a group's",    "g@100 m1@90 d1=a:100.64.0.2@5 " TAILS, "W", "1=a:100.64.0.2", "g100 d5 m90" },
	{ "same revision",           TAILS " d1=a:100.64.0.2@5 d1=a:100.64.0.9@5", "Wcc", "1=a:100.64.0.9", "g0 d5 m0" },
	{ "no revision",             TAILS " d1=a:100.64.0.2@5 d1=a:100.64.0.9 -d1", "Wccc", "", "g0 d5 m0" },
	{ "revision is a text",      TAILS " d1=a:200::2@5 d1=a:200::9@\"7\"", "Wcc", "1=a:200::9", "g0 d5 m0" },
	{ "revision is null",        TAILS " d1=a:200::2@5 d1=a:200::9@null", "Wcc", "1=a:200::9", "g0 d5 m0" },
	{ "revision is negative",    TAILS " d1=a:200::2@5 d1=a:200::9@-7", "Wcc", "1=a:200::9", "g0 d5 m0" },
	{ "revision is a fraction",  TAILS " d1=a:200::2@5 d1=a:200::9@7.5", "Wcc", "1=a:200::9", "g0 d5 m0" },
	{ "beyond 32 bits",          TAILS " d1=a:200::2@4294967296 d1=a:200::9@4294967297 d1=a:200::7@3", "Wcc", "1=a:200::9", "g0 d4294967297 m0" },
	{ "beyond 63 bits",          TAILS " d1=a:200::2@9223372036854775807 d1=a:200::9@9223372036854775808 d1=a:200::7@9", "Wcc", "1=a:200::9", "g0 d9223372036854775808 m0" },
	{ "highest",                 TAILS " d1=a:200::2@18446744073709551614", "Wc", "1=a:200::2", "g0 d18446744073709551614 m0" },
	{ "beyond 64 bits",          TAILS " d1=a:200::2@5 d1=a:200::9@18446744073709551616 d1=a:200::7@6", "Wccc", "1=a:200::7", "g0 d6 m0" },

	{ "of another VPC",          TAILS " o1=a:100.64.0.2@5", "W", "", "g0 d5 m0" },
	{ "moved to another VPC",    TAILS " d1=a:100.64.0.2@5 o1=a:100.64.0.2@6", "Wcc", "", "g0 d6 m0" },
	{ "moved to ours",           TAILS " o1=a:100.64.0.2@5 d1=a:100.64.0.2@6", "Wc", "1=a:100.64.0.2", "g0 d6 m0" },
	{ "device of April 2023",    TAILS " n1=a:100.64.0.2,200::2;10.0.0.0/8@5", "Wc", "1=a:100.64.0.2,200::2;10.0.0.0/8", "g0 d5 m0" },
	{ "wrong device",            TAILS " x1=a:100.64.0.2@5", "Wwc", "", "g0 d5 m0" },
	{ "wrong before the tail",   "x1=a:100.64.0.2@5 " TAILS, "wW", "", "g0 d5 m0" },
	{ "becomes wrong",           TAILS " d1=a:100.64.0.2@5 x1=a:100.64.0.2@6", "Wcwc", "", "g0 d6 m0" },
	{ "stays wrong: told once",  TAILS " x1=a:100.64.0.2@5 x1=a:100.64.0.3@6 / x1=a:100.64.0.3@7", "Wwc", "", "g0 d7 m0" },
	{ "two are wrong",           TAILS " x1=a:100.64.0.2@5 x2=b:100.64.0.3@6", "Wwcwc", "", "g0 d6 m0" },
	{ "is right again",          TAILS " x1=a:200::2@5 d1=a:200::2@6 x1=a:200::2@7", "Wwccwc", "", "g0 d7 m0" },
	{ "wrong, deleted, wrong",   TAILS " x1=a:200::2@5 -d1@6 x1=a:200::2@7", "Wwccwc", "", "g0 d7 m0" },
	{ "wrong CIDR, device stays", TAILS " b1=a:200::2@5 b1=a:200::2@6 b1=a:200::3@7", "Wwcc", "1=a:200::3", "g0 d7 m0" },
	{ "wrong CIDR, then wrong",  TAILS " b1=a:200::2@5 x1=a:200::2@6 b1=a:200::2@7", "Wwcwcwc", "1=a:200::2", "g0 d7 m0" },
	{ "wrong of another VPC",    TAILS " d1=a:200::2@5 {'kind':'device','type':'change','value':{'id':'" ID1 "','vpc_id':'" OTHER_VPC "','revision':6}}", "Wcc", "", "g0 d6 m0" },

	{ "cut before the tail",     "d1=a:100.64.0.2@5 g@9 m1@8 /", "", "", "start" },
	{ "cut before the last tail", "d1=a:100.64.0.2@5 Td Tm / Tg", "", "", "start" },
	{ "cut, and whole then",     "d1=a:100.64.0.2@5 Td Tm / d2=b:200::3@4 " TAILS, "W", "2=b:200::3", "g0 d4 m0" },
	{ "warned again after a cut", "x1=a:200::2@5 / x1=a:200::2@5 " TAILS, "wwW", "", "g0 d5 m0" },
	{ "cut when whole",          "d1=a:200::2@5 " TAILS " / d2=b:200::3@6 -d1@7 / / d3=c:200::4@8", "Wccc", "2=b:200::3 3=c:200::4", "g0 d8 m0" },
	{ "resumed, and sent again", "d1=a:200::2@5 " TAILS " / d1=a:200::2@5 d1=a:200::9@6", "Wc", "1=a:200::9", "g0 d6 m0" },
	{ "resumed, lower",          "d1=a:200::2@5 " TAILS " / d1=a:200::9@4", "W", "1=a:200::2", "g0 d5 m0" },
	{ "resumed, with tails",     "d1=a:200::2@5 " TAILS " / " TAILS " d1=a:200::9@6", "Wc", "1=a:200::9", "g0 d6 m0" },

	{ "looks back from the beginning", "d1=a:200::2@5 " TAILS " ^", "W", "1=a:200::2", "g0 d0 m0" },
	{ "looks back, nothing was missed", "d1=a:200::2@5 d2=b:200::3@7 " TAILS " ^ d1=a:200::2@5 d2=b:200::3@7", "W", "1=a:200::2 2=b:200::3", "g0 d7 m0" },
	{ "looks back twice",        "d1=a:200::2@5 " TAILS " ^ d1=a:200::2@5 ^", "W", "1=a:200::2", "g0 d5 m0" },
	{ "looks back before the last look", "d1=a:200::2@5 " TAILS LOOKED_5 " d2=b:200::3@9 ^ d2=b:200::3@9 d3=c:200::4@12 ^", "Wclcl",
	  "1=a:200::2 2=b:200::3 3=c:200::4", "g0 d5 m0" },
	{ "looks back until all is quiet", "d1=a:200::2@5 " TAILS LOOKED_5 " d2=b:200::3@9 ^ d2=b:200::3@9 ^ d2=b:200::3@9 ^", "Wcl",
	  "1=a:200::2 2=b:200::3", "g0 d9 m0" },
	{ "comes late",              "d1=a:200::2@5 " TAILS LOOKED_5 " d3=c:100.64.0.4@9 ^ d2=b:100.64.0.3,200::3@8 d3=c:100.64.0.4@9", "Wclc",
	  "1=a:200::2 2=b:100.64.0.3,200::3 3=c:100.64.0.4", "g0 d9 m0" },
	{ "changes late",            "d1=a:100.64.0.2,200::2@5 " TAILS LOOKED_5 " d3=c:200::4@9 ^ d1=a:100.64.0.9,200::9@8 d3=c:200::4@9", "Wclc",
	  "1=a:100.64.0.9,200::9 3=c:200::4", "g0 d9 m0" },
	{ "goes late",               "d1=a:100.64.0.2,200::2@5 " TAILS LOOKED_5 " d3=c:200::4@9 ^ -d1@8 d3=c:200::4@9", "Wclc", "3=c:200::4", "g0 d9 m0" },
	{ "goes late, and its address is another's", "d1=a:200::2@5 " TAILS LOOKED_5 " d3=c:200::2@9 ^ -d1@8 d3=c:200::2@9", "Wclc", "3=c:200::2", "g0 d9 m0" },
	{ "late, first look",        "d2=b:200::3@9 " TAILS " ^ d1=a:200::2@5 d2=b:200::3@9", "Wc", "1=a:200::2 2=b:200::3", "g0 d9 m0" },
	{ "cut while it is repeated", "d1=a:200::2@5 " TAILS LOOKED_5 " d3=c:200::4@9 ^ d2=b:200::3@8 /", "Wclc", "1=a:200::2 2=b:200::3 3=c:200::4", "g0 d8 m0" },
	{ "newer beside what is repeated", "d1=a:200::2@5 " TAILS " ^ d1=a:200::7@10", "Wc", "1=a:200::7", "g0 d10 m0" },
	{ "wrong is repeated",       "x1=a:200::2@5 " TAILS " ^ x1=a:200::2@5", "wW", "", "g0 d5 m0" },
	{ "no id is repeated",       TAILS " " DEVICE("'hostname':'x','revision':6") " ^ " DEVICE("'hostname':'x','revision':6"), "Wwl", "", "g0 d6 m0" },

	{ "groups",                  TAILS " g@3 g@5 -g@7 g@6", "W", "", "g7 d0 m0" },
	{ "metadata",                TAILS " m1@3 k2@5 -m1@7 m1@6", "W", "", "g0 d0 m7" },
	{ "group's id is no device's", TAILS " d1=a:200::2@5 {'kind':'security-group','type':'delete','value':{'id':'" ID1 "','revision':9}}", "Wc", "1=a:200::2", "g9 d5 m0" },
	{ "relay, it says",          TAILS " r1=a:200::2@5 d2=b:200::3@6", "Wcc", "1=a:200::2 2=b:200::3", "g0 d6 m0" },
	{ "metadata of others",      "m1@3 m2@4 d3=a:200::2@5 " TAILS, "W", "3=a:200::2", "g0 d5 m4" },
	{ "metadata forgotten at a cut", "m1@3 / d1=a:200::2@5 " TAILS, "W", "1=a:200::2", "g0 d5 m0" },

	{ "unknown kind",            TAILS " {'kind':'vpc','type':'change','value':{'id':'" VPC "','revision':9}}", "W", "", "g0 d0 m0" },
	{ "unknown kind, tail",      "{'kind':'site','type':'tail'} Td Tm", "", "", "start" },
	{ "unknown type",            TAILS " d1=a:200::2@5 {'kind':'device','type':'update','value':{'id':'" ID1 "','revision':9}}", "Wc", "1=a:200::2", "g0 d5 m0" },
	{ "unknown type without a kind", TAILS " {'type':'ping'}", "W", "", "g0 d0 m0" },
	{ "types in capitals",       "{'kind':'device','type':'TAIL'} Tg Tm", "", "", "start" },
	{ "more members",            TAILS " {'kind':'device','x':{'type':'error'},'type':'delete','value':{'id':'" ID1 "','revision':6,'y':[1]}}", "W", "", "g0 d6 m0" },
	{ "id in capitals",          TAILS " da=a:200::2@5 {'kind':'device','type':'delete','value':{'id':'0000000A-0000-4000-8000-000000000000','revision':6}}", "Wcc", "", "g0 d6 m0" },
	{ "no value",                TAILS " {'kind':'device','type':'change'}", "Ww", "", "g0 d0 m0" },
	{ "value is null",           TAILS " {'kind':'device','type':'delete','value':null}", "Ww", "", "g0 d0 m0" },
	{ "value is an array",       TAILS " {'kind':'device','type':'change','value':[]}", "Ww", "", "g0 d0 m0" },
	{ "group without a value",   TAILS " {'kind':'security-group','type':'change'}", "W", "", "g0 d0 m0" },
	{ "metadata without a value", TAILS " {'kind':'device-metadata','type':'change','value':7}", "W", "", "g0 d0 m0" },
	{ "no id",                   TAILS " d1=a:200::2@5 " DEVICE("'hostname':'x','revision':6"), "Wcw", "1=a:200::2", "g0 d6 m0" },
	{ "empty id",                TAILS " " DEVICE("'id':'','revision':6"), "Ww", "", "g0 d6 m0" },
	{ "VPC is no UUID",          TAILS " d1=a:200::2@5 " DEVICE("'id':'" ID1 "','vpc_id':'x','revision':6"), "Wcwc", "", "g0 d6 m0" },
	{ "VPC is a number",         TAILS " d1=a:200::2@5 " DEVICE("'id':'" ID1 "','vpc_id':7,'revision':6"), "Wcwc", "", "g0 d6 m0" },
	{ "VPC is empty",            TAILS " " DEVICE("'id':'" ID1 "','vpc_id':'','public_key':'YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=','hostname':'a','allowed_ips':['200::2']"), "Wc", "1=a:200::2", "g0 d0 m0" },
	{ "VPC of zeros",            TAILS " d1=a:200::2@5 " DEVICE("'id':'" ID1 "','vpc_id':'00000000-0000-0000-0000-000000000000','revision':6"), "Wcc", "", "g0 d6 m0" },
	{ "relay is a text",         TAILS " " DEVICE("'id':'" ID1 "','public_key':'YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=','hostname':'a','allowed_ips':['200::2'],'relay':'false'"), "Wc", "1=a:200::2", "g0 d0 m0" },
};

/* After three tails. */
static const struct {
	const char *name, *text; /* as notation_json() */
	int err;
	const char *error; /* its beginning */
} refused[] = {
	{ "error event",          "{'type':'error','value':{'error':'pq: canceling statement due to user request'}}", -EPROTO, "pq: canceling statement due to user request" },
	{ "error of a kind",      "{'kind':'device','type':'error','value':{'error':'x'}}", -EPROTO, "x" },
	{ "error without a text", "{'type':'error','value':{}}",           -EPROTO, "no reason given" },
	{ "error, empty",         "{'type':'error','value':{'error':''}}", -EPROTO, "no reason given" },
	{ "error, a number",      "{'type':'error','value':{'error':7}}",  -EPROTO, "no reason given" },
	{ "error without a value", "{'type':'error'}",                     -EPROTO, "no reason given" },
	{ "error, value is a text", "{'type':'error','value':'x'}",        -EPROTO, "no reason given" },
	{ "error with escapes",   "{'type':'error','value':{'error':'a\\u001b[31mb\\nc\\u009bd\\u007f'}}", -EPROTO, "a?[31mb?c??d?" },
	{ "error behind an event", "{'kind':'device','type':'tail'}{'type':'error','value':{'error':'x'}} garbage", -EPROTO, "x" },
	{ "no type",              "{'kind':'device'}",     -EBADMSG, "line 7: an event without a type" },
	{ "type is a number",     "{'kind':'device','type':1}", -EBADMSG, "line 7: an event without a type" },
	{ "empty object",         "{}",                    -EBADMSG, "line 7: an event without a type" },
	{ "error body",           "{'error':'not found'}", -EBADMSG, "line 7: an event without a type" },
	{ "event of April 2023",  "{'type':'change','value':{'id':'" ID1 "'}}", -EBADMSG, "line 7: an event without a kind" },
	{ "tail without a kind",  "{'type':'tail'}",       -EBADMSG, "line 7: an event without a kind" },
	{ "an array of events",   "[{'kind':'device','type':'tail'}]", -EBADMSG, "line 7, column 1: an event must be a JSON object" },
	{ "HTML",                 "<html>",                -EBADMSG, "line 7, column 1: an event must be a JSON object" },
	{ "garbage in an event",  "{'kind':\nx}",          -EBADMSG, "line 8, column 1: " },
	{ "member twice",         "{'kind':'device','kind':'x','type':'tail'}", -EBADMSG, "line 7, column 43: the event that ends here has the same member twice" },
	{ "member of a device twice", DEVICE("'id':'" ID1 "','id':'x'"), -EBADMSG, "line 7, column 97: the event that ends here has" },
	{ "too deep",             "{'kind':[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}", -EBADMSG, "line 7, column 24: nested too deeply" },
	{ "not UTF-8",            "{'kind':'\377",         -EBADMSG, "line 7, column 10: not UTF-8" },
	{ "NUL",                  "~",                     -EBADMSG, "line 7, column 1: NUL byte" },
};

/* The text of a warning. */
static const struct {
	const char *name, *story, *warning;
} warnings[] = {
	{ "by host name",     "x1=a:200::2", "device 'a': it has no public key, skipping it" },
	{ "by id",            DEVICE("'id':'" ID1 "'"), "device '" ID1 "': it has no public key, skipping it" },
	{ "by host name, no id", DEVICE("'hostname':'build-07'"), "device 'build-07': its id is no UUID, skipping it" },
	{ "by nothing",       DEVICE(""), "device '?': its id is no UUID, skipping it" },
	{ "host name is null", DEVICE("'hostname':null,'id':'x'"), "device '?': its id is no UUID, skipping it" },
	{ "escapes in the name", DEVICE("'hostname':'a\\u001b[2Jb\\n'"), "device 'a?[2Jb?': its id is no UUID, skipping it" },
	{ "escapes in the name, with an id", DEVICE("'hostname':'a\\u001b[2Jb\\n','id':'" ID1 "'"), "device 'a?[2Jb?': it has no public key, skipping it" },
	{ "CIDR",             "b1=a:200::2", "device 'a': advertised CIDR '10.0.0.0/33' has a prefix length that is too large, skipping it" },
	{ "VPC",              DEVICE("'id':'" ID1 "','vpc_id':'x','hostname':'b'"), "device 'b': its vpc_id is no UUID, skipping it" },
	{ "two CIDRs",        DEVICE("'id':'" ID1 "','public_key':'YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=','hostname':'a','allowed_ips':['200::2'],'advertise_cidrs':['x\\u001b',7,{}]"),
	  "device 'a': advertised CIDR 'x?' is no IP address or CIDR, skipping it (and 2 more)" },
};
/* clang-format on */

/* Host lengths are left away. */
static void shorten(char *text)
{
	static const char *const lengths[] = { "/32", "/128" };

	for (size_t i = 0; i < N(lengths); i++)
		for (char *at; (at = strstr(text, lengths[i]));)
			memmove(at, at + strlen(lengths[i]), strlen(at + strlen(lengths[i])) + 1);
}

static void check_story(size_t row, size_t piece)
{
	char devices[NOTATION_TEXT_MAX], resume[NOTATION_TEXT_MAX];
	struct heard heard;
	int err;

	heard_begin(&heard);
	err = play(&heard, stories[row].story, piece);
	if (err)
		fail_msg("%s: %d, %s", stories[row].name, err, watch_error(heard.watch));
	if (strcmp(heard.log, stories[row].log) != 0)
		fail_msg("%s: %s\n%s", stories[row].name, heard.log, heard.warnings);
	if (watch_is_whole(heard.watch) != !!strchr(heard.log, 'W'))
		fail_msg("%s: whole, or not", stories[row].name);
	show_resume(heard.watch, resume); /* forgets what is not whole */
	show_devices(heard.watch, devices);
	shorten(devices);
	if (strcmp(devices, stories[row].devices) != 0)
		fail_msg("%s: %s", stories[row].name, devices);
	if (strcmp(resume, stories[row].resume) != 0)
		fail_msg("%s: %s", stories[row].name, resume);
	watch_free(heard.watch);
}

static void test_stories(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(stories); i++) {
		check_story(i, EVENT_MAX);
		check_story(i, 1);
		check_story(i, 7);
	}
}

static void check_refused(size_t row, size_t piece)
{
	char text[EVENT_MAX], resume[NOTATION_TEXT_MAX];
	size_t len = notation_json(refused[row].text, text, sizeof(text));
	struct heard heard;
	int err;

	heard_begin(&heard);
	assert_int_equal(play(&heard, "g@4 d1=a:200::2@5 " TAILS, EVENT_MAX), 0);
	assert_int_equal(watch_request(heard.watch, (char[1024]){}, 1024), 0);
	assert_int_equal(play(&heard, "d1=a:200::2@5 g@4 d1=a:200::2@5", EVENT_MAX), 0);
	err = feed(heard.watch, text, len, piece);
	if (err != refused[row].err ||
	    strncmp(watch_error(heard.watch), refused[row].error, strlen(refused[row].error)) != 0)
		fail_msg("%s: %d, %s", refused[row].name, err, watch_error(heard.watch));
	/* Nothing more is taken on this connection; the next one goes on where this ended. */
	assert_int_equal(play(&heard, "-d1@6", EVENT_MAX), err);
	assert_string_equal(show_resume(heard.watch, resume), "g4 d5 m0");
	assert_string_equal(watch_error(heard.watch), "");
	assert_int_equal(play(&heard, "-d1@6", EVENT_MAX), 0);
	assert_string_equal(heard.log, "Wc");
	watch_free(heard.watch);
}

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(refused); i++) {
		check_refused(i, EVENT_MAX);
		check_refused(i, 1);
	}
}

static void test_warnings(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(warnings); i++) {
		struct heard heard;

		heard_begin(&heard);
		assert_int_equal(play(&heard, warnings[i].story, EVENT_MAX), 0);
		if (strcmp(heard.warnings, warnings[i].warning) != 0)
			fail_msg("%s: %s", warnings[i].name, heard.warnings);
		watch_free(heard.watch);
	}
}

/* Twenty for a connection, and one that says that there are more. */
static void test_many_warnings(void **state)
{
	char resume[NOTATION_TEXT_MAX];
	struct heard heard;

	(void)state;
	heard_begin(&heard);
	for (int i = 0; i < 100; i++)
		assert_int_equal(play(&heard, DEVICE(""), EVENT_MAX), 0);
	assert_int_equal(heard.n_warnings, 21);
	assert_non_null(strstr(heard.warnings, "\nmore of this kind"));
	show_resume(heard.watch, resume);
	assert_int_equal(play(&heard, DEVICE(""), EVENT_MAX), 0);
	assert_int_equal(heard.n_warnings, 22);
	watch_free(heard.watch);
}

#define PASSED 0
#define ENDS (-EBADMSG)
#define VALUE "{'kind':'device','type':'change','value':{"
#define WARNING(name, why) "device '" name "': its record " why ", skipping it"
#define DEEP "[[[[[[[[[[[[[[[[[[[["
#define UNDEEP "]]]]]]]]]]]]]]]]]]]]"

/*
 * What comes before and after so many bytes of a string. Whoever is not ours must not keep us from
 * what is: it is passed over. A device is named, and leaves; it is one that nothing is known of.
 */
static const struct {
	const char *name, *before;
	size_t n;
	const char *after;
	int err;
	const char *error, *warning;
} large[] = {
	{ "host name", VALUE "'id':'" ID1 "','hostname':'b','os':'", JSON_ELEMENT_BYTES_MAX, "'}}",
	  PASSED, "", WARNING("b", "is larger than 1 MiB") },
	{ "id alone", VALUE "'id':'" ID1 "','os':'", JSON_ELEMENT_BYTES_MAX, "'}}", PASSED, "",
	  WARNING(ID1, "is larger than 1 MiB") },
	{ "braces and quotes in what is skipped", VALUE "'id':'" ID1 "','os':'",
	  JSON_ELEMENT_BYTES_MAX, "}}\\\"}}','a':{'b':[1,{}]}}}", PASSED, "",
	  WARNING(ID1, "is larger than 1 MiB") },
	{ "no id", VALUE "'os':'", JSON_ELEMENT_BYTES_MAX, "'}}", ENDS,
	  "event 5 is larger than 1 MiB", "" },
	{ "id is none", VALUE "'id':'x','os':'", JSON_ELEMENT_BYTES_MAX, "'}}", ENDS,
	  "event 5 ('x') is larger than 1 MiB", "" },
	{ "no kind", "{'value':{'id':'" ID1 "','os':'", JSON_ELEMENT_BYTES_MAX, "'}}", ENDS,
	  "event 5 ('" ID1 "') is larger than 1 MiB", "" },
	{ "another object's kind", "{'value':{'id':'" ID1 "','kind':'device-metadata','os':'",
	  JSON_ELEMENT_BYTES_MAX, "'}}", ENDS, "event 5 ('" ID1 "') is larger than 1 MiB", "" },
	{ "metadata", "{'kind':'device-metadata','type':'change','value':{'value':'",
	  JSON_ELEMENT_BYTES_MAX, "'}}", PASSED, "", "" },
	{ "security group",
	  "{'kind':'security-group','type':'change','value':{'id':'" ID1 "','a':'",
	  JSON_ELEMENT_BYTES_MAX, "'}}", PASSED, "", "" },
	{ "as large as may be", "{'kind':'device-metadata','value':'",
	  JSON_SKIPPED_BYTES_MAX - sizeof("{'kind':'device-metadata','value':'") - 1, "'}", PASSED,
	  "", "" },
	{ "larger", "{'kind':'device-metadata','value':'", JSON_SKIPPED_BYTES_MAX, "'}", ENDS,
	  "event 5 is larger than 16 MiB", "" },
	{ "deep metadata", "{'kind':'device-metadata','type':'change','value':" DEEP "'", 3,
	  "'" UNDEEP "}", PASSED, "", "" },
	{ "deep metadata, longer than a piece",
	  "{'kind':'device-metadata','type':'change','value':" DEEP "'", 2 * JSON_ELEMENT_BYTES_MAX,
	  "'" UNDEEP "}", PASSED, "", "" },
	{ "deep device", VALUE "'id':'" ID1 "','a':" DEEP "'", 3, "'" UNDEEP "}}", PASSED, "",
	  WARNING(ID1, "is nested too deeply") },
};

static int feed_text(struct watch *watch, const char *notation, size_t piece)
{
	char text[EVENT_MAX];

	return feed(watch, text, notation_json(notation, text, sizeof(text)), piece);
}

static void check_large(size_t row, size_t piece)
{
	static char pad[JSON_SKIPPED_BYTES_MAX];
	char resume[NOTATION_TEXT_MAX];
	struct heard heard;
	int err;

	memset(pad, 'x', sizeof(pad));
	heard_begin(&heard);
	assert_int_equal(play(&heard, "d1=a:200::2@5 " TAILS, EVENT_MAX), 0);
	err = feed_text(heard.watch, large[row].before, piece) ?:
	      feed(heard.watch, pad, large[row].n, 65536) ?:
	      feed_text(heard.watch, large[row].after, piece);
	if (err != large[row].err || strcmp(heard.warnings, large[row].warning) != 0 ||
	    !strstr(watch_error(heard.watch), large[row].error))
		fail_msg("%s: %d, %s, %s", large[row].name, err, watch_error(heard.watch),
			 heard.warnings);
	if (!err)
		assert_int_equal(feed_text(heard.watch, DEVICE("'id':'x'"), piece), 0);
	/* It is where it was before, when the connection is cut. */
	assert_string_equal(show_resume(heard.watch, resume), "g0 d5 m0");
	if (!err && *large[row].warning)
		assert_string_equal(heard.log, "Wwcw");
	watch_free(heard.watch);
}

static void test_large(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(large); i++) {
		check_large(i, EVENT_MAX);
		check_large(i, 1);
	}
}

/* One device too many: an error, and it is asked for again. */
static void test_too_many(void **state)
{
	char event[EVENT_MAX], word[] = "d1=a:200::2", resume[NOTATION_TEXT_MAX], *id;
	struct heard heard;
	size_t len, n, n_prefixes;

	(void)state;
	heard_begin(&heard);
	assert_int_equal(play(&heard, TAILS, EVENT_MAX), 0);
	len = write_event(word, event);
	id = strstr(event, "00000001-");
	for (int i = 0; i < DEVICES_MAX; i++) {
		char digits[9];

		snprintf(digits, sizeof(digits), "%08x", i);
		memcpy(id, digits, 8);
		assert_int_equal(watch_feed(heard.watch, event, len), 0);
	}
	memcpy(id, "ffffffff", 8);
	assert_int_equal(watch_feed(heard.watch, event, len), -E2BIG);
	assert_string_equal(watch_error(heard.watch),
			    "more than 131072 devices or 524288 addresses");
	device_cache_count(watch_devices(heard.watch), &n, &n_prefixes);
	assert_int_equal(n, DEVICES_MAX);
	assert_int_equal(play(&heard, "d1=b:200::3@9", EVENT_MAX), -E2BIG);
	assert_string_equal(show_resume(heard.watch, resume), "g0 d0 m0");
	assert_int_equal(play(&heard, "-d1@7 df=b:200::3@8", EVENT_MAX), 0);
	assert_string_equal(show_resume(heard.watch, resume), "g0 d8 m0");
	watch_free(heard.watch);
}

static void test_interface(void **state)
{
	static const char *const bad_ids[] = { "", "x", "00000000-0000-0000-0000", ID1 "\"" };
	const struct watch_events none = {};
	struct watch *watch;
	char body[1024], *exact;

	(void)state;
	watch_free(NULL);
	for (size_t i = 0; i < N(bad_ids); i++) {
		errno = 0;
		assert_null(watch_new(bad_ids[i], &none));
		assert_int_equal(errno, EINVAL);
	}
	watch = watch_new("3A35FD0E-2715-41CC-A259-A506B6F50AB1", &none);
	assert_non_null(watch);
	assert_int_equal(watch_feed(watch, "{}", 2), -EINVAL);
	assert_int_equal(watch_request(watch, body, sizeof(body)), 0);
	assert_non_null(strstr(body, "\"" VPC "\""));
	for (size_t size = 0; size <= strlen(body) + 1; size++) {
		exact = malloc(size ?: 1);
		assert_int_equal(watch_request(watch, exact, size),
				 size > strlen(body) ? 0 : -ENOSPC);
		free(exact);
	}
	/* Without anybody who listens. */
	assert_int_equal(play(&(struct heard){ .watch = watch },
			      "x1=a:200::2@1 " TAILS " d1=a:200::2@2 -d1@3", EVENT_MAX),
			 0);
	watch_free(watch);
}

/* The whole list was asked for anew: what it looks back to is as old as before. */
static void test_follow_on(void **state)
{
	struct heard before, heard;
	char resume[NOTATION_TEXT_MAX];

	(void)state;
	heard_begin(&before);
	assert_int_equal(play(&before, "d1=a:200::2@5 " TAILS " ^ d1=a:200::2@5", EVENT_MAX), 0);
	heard_begin(&heard);
	watch_follow_on(heard.watch, before.watch);
	watch_free(before.watch);
	assert_int_equal(play(&heard, "d1=a:200::2@5 d2=b:200::3@9 " TAILS, EVENT_MAX), 0);
	assert_true(watch_has_moved(heard.watch));
	assert_true(watch_look_back(heard.watch));
	assert_string_equal(show_resume(heard.watch, resume), "g0 d5 m0");
	watch_free(heard.watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),   cmocka_unit_test(test_refused),
		cmocka_unit_test(test_warnings),  cmocka_unit_test(test_many_warnings),
		cmocka_unit_test(test_large),     cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_interface), cmocka_unit_test(test_follow_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
