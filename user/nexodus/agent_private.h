/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_private.h - the agent's state, and what its files do for each other.
 *
 *   agent.c            gifts, start, what is said, when it is tried again
 *   agent_server.c     where the server is, for the node
 *   agent_early.c      asked to try at once
 *   agent_token.c      the bearer token: registration key, login, device token; what is kept
 *   agent_register.c   from a token to a registered device
 *   agent_step.c       one question of it (agent_step.h)
 *   agent_stream.c     the watch stream
 *   agent_look_back.c  what the stream leaves out
 *   agent_poll.c       the list itself, where there is none
 *   agent_list.c       devices to the node, whole or as changes
 *   agent_own.c        what the list says of us, and of other relays
 *   agent_revoked.c    it does not know us any more
 *   agent_publish.c    where this relay is reached: published when it changes
 */
#ifndef NEXODUS_AGENT_PRIVATE_H
#define NEXODUS_AGENT_PRIVATE_H

#include <json-c/json.h>
#include <netinet/in.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/pace.h"
#include "base/uuid.h"
#include "nexodus/account.h"
#include "nexodus/agent.h"
#include "nexodus/answer.h"
#include "nexodus/endpoint_finder.h"
#include "nexodus/http.h"
#include "nexodus/login.h"
#include "nexodus/saved_state.h"
#include "nexodus/skipped.h"
#include "nexodus/watch.h"
#include "peers/border_batch.h"
#include "peers/json_stream.h"

#define AGENT_URL_MAX (SERVICE_URL_MAX + 128)
#define AGENT_POLL_S 15     /* between two lists, where there is no stream */
#define AGENT_DIRTY_MAX 256 /* more changes at once are a whole list */

typedef void agent_then(struct agent *agent);

struct agent {
	struct loop *loop;
	struct border_batch batch;
	struct account account;
	struct http *http;

	/* agent.c */
	struct timer again;     /* the next try */
	agent_then *then;       /* what is tried */
	struct pace soon, late; /* after what may pass; after a refusal */

	/* agent_server.c */
	struct prefix servers[BORDER_SERVERS_MAX]; /* that the node was told of, the newest first */
	size_t n_servers;

	/* agent_early.c */
	struct timer early;
	int64_t early_at; /* ms: the last time */

	/* agent_token.c */
	char saved_text[BORDER_STATE_BYTES_MAX];
	size_t saved_len;
	struct saved_state saved;
	struct login *login;
	char bearer[ANSWER_TOKEN_MAX];
	int64_t bearer_until; /* ms; 0: it does not expire */
	agent_then *with_bearer;

	/* agent_register.c */
	struct http_call *call;
	char vpc_id[UUID_TEXT];
	char security_group_id[UUID_TEXT];
	char ipv4_cidr[ACCOUNT_ADDRESS_MAX];
	char device_id[UUID_TEXT];
	struct answer_device device;
	struct json_stream relays; /* list of the VPC's relays, as it comes */
	char relays_begin[256];    /* how the answer begins */
	size_t relays_begin_len;
	char other_relay[120];

	/* agent_stream.c */
	struct watch *watch;
	struct watch *before; /* what is followed, while the whole list is asked for anew */
	struct http_call *stream;
	struct http_call *own_call; /* is our device there, that is in no list? */
	struct timer own_again;     /* asked again, when there was no answer */
	struct pace own_pause;
	struct timer quiet, resync, stands;
	int64_t opened_at, heard_at; /* ms */
	int64_t began_at;            /* ms: of the watch */
	size_t fed;                  /* bytes of this connection */
	struct device_cache *polled, *polling;
	struct json_stream poll_reader;
	struct device_json poll_device;
	struct skipped poll_skipped; /* stays while the stream is tried */
	size_t n_polled_skipped;     /* of polled */

	/* agent_look_back.c */
	struct timer look_back;

	/* agent_list.c */
	struct timer flush;
	int64_t flushed_at;
	uint8_t own_id[DEVICE_ID_BYTES];
	uint8_t dirty[AGENT_DIRTY_MAX][DEVICE_ID_BYTES];
	size_t n_dirty;

	/* agent_own.c */
	uint8_t other_id[DEVICE_ID_BYTES]; /* of another relay, that was told of; zeros: none */

	/* agent_publish.c */
	struct endpoint_finder finder;
	struct http_call *publish;
	struct json_object *published, *publishing;
	struct pace publish_pause;
	int64_t publish_at; /* ms: not before */

	/* Small things of all of them, together: they leave no gaps. */
	int err;     /* of the border */
	int stun_fd; /* until the finder has it; -1 */
	int feed_err;
	unsigned int n_cut_anew; /* times that the whole list did not come to its end */
	unsigned int n_missing;  /* times that there was no stream, since there was one */
	unsigned int n_resumed;  /* at once, since resumed_since */
	int64_t resumed_since;   /* ms */
	int64_t hold_until;      /* ms: nothing that can wait is asked before */
	bool is_started, has_account;
	bool is_token_refused; /* the one that is kept */
	bool is_hold_said;
	bool waits_for_endpoints; /* the registration does */
	bool was_registered;      /* this relay was let in, now or in an earlier run */
	bool was_whole;           /* the node has had a whole list of this agent's */
	bool is_trouble;          /* the last thing said was one */
	bool polls;               /* there is no stream */
	bool had_stream;          /* the server has, or had, one for us */
	bool has_no_groups;       /* the server watches no security groups */
	bool is_open;             /* the server has taken the request for the stream */
	bool own_is_gone;         /* our device is not in the VPC, or cannot be understood */
	bool own_is_odd;          /* of the list that was polled: it is there */
	bool all_dirty;           /* too many changes to name */
	bool is_address_said, is_no_relay_said;
	bool has_record;   /* of the server's: it is known what was published before */
	bool has_settings; /* to publish: they are others than in the record */
	bool is_publish_said;
};

/** agent_random() - uniform. */
uint32_t agent_random(void);

/** agent_say() - tell the node how it stands. */
void agent_say(struct agent *agent, enum border_control state, uint32_t retry_s, const char *format,
	       ...) __attribute__((format(printf, 4, 5)));

/** agent_mask() - our own secrets, when the server repeats them in what it says, become stars. */
void agent_mask(const struct agent *agent, char *text);

/** agent_flush() - send to the node what is waiting; a node that is gone ends the loop. */
void agent_flush(struct agent *agent);

/**
 * agent_retry() - say @text, and call @then again after a while.
 * @is_refused:    the server will not change its mind soon.
 * @retry_after_s: as the server asked; -1: it did not.
 */
void agent_retry(struct agent *agent, agent_then *then, bool is_refused, int retry_after_s,
		 const char *text);

/** agent_reset_pace() - what comes next is the first try. */
void agent_reset_pace(struct agent *agent);

/** agent_early_new() - for agent_again(). */
void agent_early_new(struct agent *agent);

/** agent_early_free() - safe when there is nothing. */
void agent_early_free(struct agent *agent);

/** agent_hold() - the server has asked for so long without requests; -1: it has not. */
void agent_hold(struct agent *agent, int retry_after_s);

/** agent_hold_ms() - for how long it still wants none; 0: ask. */
int64_t agent_hold_ms(const struct agent *agent);

/** agent_is_held() - if so, this is said, and @then called when that is over. */
bool agent_is_held(struct agent *agent, agent_then *then);

/** agent_not_good() - agent_retry() for an answer that is no success. @what: "ask for the VPC". */
void agent_not_good(struct agent *agent, agent_then *then, const char *what,
		    const struct http_answer *answer);

/** agent_call() - a request to the api-server, with the bearer token. @body: JSON, or NULL. */
int agent_call(struct agent *agent, const char *method, const char *path, const char *body,
	       const struct http_request *more, struct http_call **ret_call);

/** agent_server() - @arg: the agent. It is about to connect to @at: tell the node, if that is news.
 */
void agent_server(void *arg, const struct sockaddr *at);

/** agent_begin() - register, or go on as what was registered before. */
void agent_begin(struct agent *agent);

/** agent_go_on() - as what is kept; with its device token, or a bearer that is good. */
void agent_go_on(struct agent *agent);

/** agent_with_bearer() - call @then with a token that is good. */
void agent_with_bearer(struct agent *agent, agent_then *then);

/** agent_keep() - have the node keep what was learnt. */
void agent_keep(struct agent *agent);

/** agent_take_saved() - what the last run has kept, in @fd; read by agent_read_saved(). */
void agent_take_saved(struct agent *agent, int fd);

/** agent_read_saved() - once it is known who we are. */
void agent_read_saved(struct agent *agent);

/** agent_refuse_token() - the server does not take what is kept: register, and with that replace
 * it. Not from within the watch. */
void agent_refuse_token(struct agent *agent);

/** agent_bears_key() - is the token the registration key, which may not open a stream? */
bool agent_bears_key(const struct agent *agent);

/** agent_has_credentials() - could it register anew? */
bool agent_has_credentials(const struct agent *agent);

/** agent_register() - with agent->bearer. Ends in agent_watch(). */
void agent_register(struct agent *agent);

/** agent_endpoints_known() - what was waited for is there, or will not come. */
void agent_endpoints_known(struct agent *agent);

/** agent_watch() - follow the VPC, from what is known of it. */
void agent_watch(struct agent *agent);

/** agent_watch_anew() - the same, but from nothing; back to what is known if that is cut. */
void agent_watch_anew(struct agent *agent);

/** agent_drop_watch() - nothing is known any more. Not from within the watch. */
void agent_drop_watch(struct agent *agent);

/** agent_stream_new() - timers. */
void agent_stream_new(struct agent *agent);

/** agent_stream_free() - safe when it never started. */
void agent_stream_free(struct agent *agent);

/** agent_look_back_new() - as agent_stream_new(). */
void agent_look_back_new(struct agent *agent);

/** agent_look_back_free() - safe when it never started. */
void agent_look_back_free(struct agent *agent);

/** agent_look_back_due() - devices have changed: later on, look at that again. */
void agent_look_back_due(struct agent *agent);

/** agent_spread() - @ms, and up to a third more: relays of one server must not ask it at once. */
int64_t agent_spread(int64_t ms);

/** agent_list_new() - as agent_stream_new(). */
void agent_list_new(struct agent *agent);

/** agent_open_stream() - go on following, from what is known. */
void agent_open_stream(struct agent *agent);

/** agent_poll() - follow without a stream. */
void agent_poll(struct agent *agent);

/** agent_poll_free() - safe when it never polled. */
void agent_poll_free(struct agent *agent);

/** agent_whole() - all devices are known: to the node with them, if ours is among them. */
void agent_whole(struct agent *agent);

/** agent_is_well() - the list is whole and followed: say so, when that is news. */
void agent_is_well(struct agent *agent);

/** agent_is_let_in() - whatever else is wrong; false: agent_not_let_in() is to be called. */
bool agent_is_let_in(const struct agent *agent, const struct http_answer *answer);

/** agent_say_gone() - our device is not in the list, or makes no sense there. */
void agent_say_gone(struct agent *agent);

/** agent_revoked_new() - as agent_stream_new(). */
void agent_revoked_new(struct agent *agent);

/** agent_revoked_free() - safe when it never started. */
void agent_revoked_free(struct agent *agent);

/** agent_not_let_in() - log in or register again, or wait. */
void agent_not_let_in(struct agent *agent, const struct http_answer *answer);

/** agent_is_missing() - there is no such call at this server. */
bool agent_is_missing(const struct http_answer *answer);

/** agent_devices() - the devices that are known; NULL while they are not whole. */
const struct device_cache *agent_devices(const struct agent *agent);

/** agent_skipped() - devices and CIDRs that are not among agent_devices(), as they make no sense.
 */
size_t agent_skipped(const struct agent *agent);

/** agent_warning() - of what the server says; @arg is the agent. Our own secrets become stars. */
void agent_warning(void *arg, const char *text);

/** agent_list_whole() - send all devices. */
void agent_list_whole(struct agent *agent);

/** agent_list_changed() - send what became of @id, soon. */
void agent_list_changed(struct agent *agent, const uint8_t id[static DEVICE_ID_BYTES]);

/** agent_own_whole() - all devices are known, and ours is among them. */
void agent_own_whole(struct agent *agent);

/** agent_own_changed() - @id has changed, come or gone. */
void agent_own_changed(struct agent *agent, const uint8_t id[static DEVICE_ID_BYTES]);

/** agent_endpoints_start() - find them out, now and then. Return: 0; -ENOMEM. */
int agent_endpoints_start(struct agent *agent);

/** agent_endpoints_published() - those of now are the ones that the server has, or is about to get.
 */
void agent_endpoints_published(struct agent *agent);

/** agent_endpoints_record() - our device as the server has it: what is the same is not published.
 */
void agent_endpoints_record(struct agent *agent, struct json_object *record);

/** agent_endpoints_publish() - what is known, if it is new, and may be now. */
void agent_endpoints_publish(struct agent *agent);

/** agent_endpoints_retry() - what could not be published is tried again at the next look. */
void agent_endpoints_retry(struct agent *agent);

/** agent_endpoints_stop() - safe when it never started. */
void agent_endpoints_stop(struct agent *agent);

#endif
