// SPDX-License-Identifier: GPL-2.0-only
/*
 * load_rabbitmq.c: a durable queue in RabbitMQ by librabbitmq (AMQP 0-9-1), which is loaded when it is needed.
 *
 * A push is persistent and mandatory, and done when the broker confirms it. A pop gets a message, acknowledges it,
 * and is done when the broker has answered a question that came after the acknowledgement: that one has no answer of
 * its own, and a message whose acknowledgement is lost is delivered again. The queue is declared with each connection.
 */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/library.h"
#include "recorder/load_internal.h"
#include "recorder/sock.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

/* --- amqp.h and amqp_framing.h, as far as we use them: part of the library's ABI ------------------ */

typedef struct amqp_connection_state_t_ *amqp_conn;

struct amqp_bytes {
	size_t len;
	void *bytes;
};
struct amqp_field {
	uint8_t kind;
	struct amqp_bytes value; /* of a union of 16 bytes, the member for strings */
};
struct amqp_entry {
	struct amqp_bytes key;
	struct amqp_field value;
};
struct amqp_table {
	int num_entries;
	struct amqp_entry *entries;
};
struct amqp_method {
	uint32_t id;
	void *decoded;
};
struct amqp_reply {
	int type; /* REPLY_NORMAL, or an error */
	struct amqp_method method;
	int library_error;
};
struct amqp_frame {
	uint8_t type;
	uint16_t channel;
	union {
		struct amqp_method method;
		struct {
			uint16_t class_id;
			uint64_t body_size;
			void *decoded;
			struct amqp_bytes raw;
		} properties;
		struct amqp_bytes body;
	} u;
};
struct amqp_properties {
	uint32_t flags;
	struct amqp_bytes content_type, content_encoding;
	struct amqp_table headers;
	uint8_t delivery_mode, priority;
	struct amqp_bytes correlation_id, reply_to, expiration, message_id;
	uint64_t timestamp;
	struct amqp_bytes type, user_id, app_id, cluster_id;
};
_Static_assert(sizeof(struct amqp_frame) == 48 || sizeof(void *) != 8, "as in amqp.h");
_Static_assert(sizeof(struct amqp_entry) == 40 || sizeof(void *) != 8, "as in amqp.h");

struct amqp_ack { /* also the beginning of nack, and of get-ok */
	uint64_t delivery_tag;
	int multiple;
};
struct amqp_close { /* of a channel, of a connection */
	uint16_t code;
	struct amqp_bytes text;
};

enum { STATUS_TIMEOUT = -13, REPLY_NORMAL = 1, REPLY_LIBRARY = 2, REPLY_SERVER = 3 };
enum { FRAME_METHOD = 1, FRAME_HEADER = 2, FRAME_BODY = 3, SASL_PLAIN = 0 };
enum { FRAME_MAX = 131072, DELIVERY_MODE = 1 << 12, PERSISTENT = 2 };
#define CONNECTION_CLOSE 0x000A0032U
#define CHANNEL_CLOSE 0x00140028U
#define BASIC_RETURN 0x003C0032U
#define BASIC_GET_OK 0x003C0047U
#define BASIC_ACK 0x003C0050U
#define BASIC_NACK 0x003C0078U

#define FUNCTIONS(X)                                                                          \
	X(amqp_conn, amqp_new_connection, (void))                                             \
	X(int, amqp_destroy_connection, (amqp_conn))                                          \
	X(void *, amqp_tcp_socket_new, (amqp_conn))                                           \
	X(int, amqp_socket_open_noblock, (void *, const char *, int, const struct timeval *)) \
	X(int, amqp_get_sockfd, (amqp_conn))                                                  \
	X(int, amqp_set_handshake_timeout, (amqp_conn, const struct timeval *))               \
	X(int, amqp_set_rpc_timeout, (amqp_conn, const struct timeval *))                     \
	X(struct amqp_reply, amqp_login, (amqp_conn, const char *, int, int, int, int, ...))  \
	X(void *, amqp_channel_open, (amqp_conn, uint16_t))                                   \
	X(void *, amqp_confirm_select, (amqp_conn, uint16_t))                                 \
	X(void *, amqp_queue_declare,                                                         \
	  (amqp_conn, uint16_t, struct amqp_bytes, int, int, int, int, struct amqp_table))    \
	X(struct amqp_reply, amqp_get_rpc_reply, (amqp_conn))                                 \
	X(int, amqp_basic_publish,                                                            \
	  (amqp_conn, uint16_t, struct amqp_bytes, struct amqp_bytes, int, int,               \
	   const struct amqp_properties *, struct amqp_bytes))                                \
	X(struct amqp_reply, amqp_basic_get, (amqp_conn, uint16_t, struct amqp_bytes, int))   \
	X(int, amqp_basic_ack, (amqp_conn, uint16_t, uint64_t, int))                          \
	X(int, amqp_basic_nack, (amqp_conn, uint16_t, uint64_t, int, int))                    \
	X(int, amqp_simple_wait_frame_noblock,                                                \
	  (amqp_conn, struct amqp_frame *, const struct timeval *))                           \
	X(void, amqp_maybe_release_buffers, (amqp_conn))                                      \
	X(const char *, amqp_error_string2, (int))

static struct {
	FUNCTIONS(LIBRARY_MEMBER)
} amqp;
static const char *const names[] = {FUNCTIONS(LIBRARY_NAME)};
_Static_assert(sizeof(amqp) == sizeof(void *) * ARRAY_SIZE(names), "nothing but functions");

static struct library library = {.soname = "librabbitmq.so.4",
				 .package = "librabbitmq4",
				 .names = names,
				 .n = ARRAY_SIZE(names),
				 .functions = (void **)&amqp,
				 .lock = PTHREAD_MUTEX_INITIALIZER};

#define CHANNEL 1
#define BODY_MAX 64

struct rabbit {
	struct store_spec spec;
	amqp_conn conn; /* NULL = none */
	uint64_t published;
};

/* --- words ------------------------------------------------------------------------------------ */

static struct timeval left(int64_t deadline_ns)
{
	int64_t ns = deadline_ns - clock__now();

	/* 0 would be for ever. */
	ns = ns > NS_PER_MS ? ns : NS_PER_MS;
	return (struct timeval){.tv_sec = ns / NS_PER_S, .tv_usec = ns % NS_PER_S / NS_PER_US};
}

static struct amqp_bytes bytes(const char *text)
{
	return (struct amqp_bytes){strlen(text), (void *)text};
}

static void drop(struct rabbit *q)
{
	int fd = q->conn ? amqp.amqp_get_sockfd(q->conn) : -1;

	if (!q->conn)
		return;
	/* No good-byes to a server that may not read them. */
	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
	amqp.amqp_destroy_connection(q->conn);
	q->conn = NULL;
}

static void say_close(const struct amqp_method *m, enum outcome outcome, struct answer *a)
{
	const struct amqp_close *c = m->decoded;

	if ((m->id == CONNECTION_CLOSE || m->id == CHANNEL_CLOSE) && c)
		answer__error(a, outcome, c->text.bytes, c->text.len);
	else
		answer__errno(a, -EPROTO, outcome != OUTCOME_FAIL);
}

static void say_status(int status, enum outcome outcome, struct answer *a)
{
	const char *text = amqp.amqp_error_string2(status);

	if (status == STATUS_TIMEOUT)
		answer__errno(a, -ETIMEDOUT, outcome != OUTCOME_FAIL);
	else
		answer__error(a, outcome, text, strlen(text));
}

/* Not what was asked for: what it was goes to @a, and the connection goes. */
static bool is_normal(struct rabbit *q, struct amqp_reply r, enum outcome outcome, struct answer *a)
{
	if (r.type == REPLY_NORMAL)
		return true;
	if (r.type == REPLY_SERVER)
		say_close(&r.method, outcome, a);
	else if (r.type == REPLY_LIBRARY)
		say_status(r.library_error, outcome, a);
	else
		answer__errno(a, -ECONNRESET, outcome != OUTCOME_FAIL);
	drop(q);
	return false;
}

/* --- the connection ----------------------------------------------------------------------------- */

/* Declare the queue, or with @passive only ask for it; the next RPC's answer comes after all that was sent before. */
static bool declare(struct rabbit *q, bool passive, enum outcome outcome, int64_t deadline_ns,
		    struct answer *a)
{
	const char *type = q->spec.login->queue_type ? q->spec.login->queue_type : "classic";
	struct amqp_entry entry = {bytes("x-queue-type"), {'S', bytes(type)}};
	struct amqp_table table = {passive ? 0 : 1, passive ? NULL : &entry};
	struct timeval tv = left(deadline_ns);

	amqp.amqp_set_rpc_timeout(q->conn, &tv);
	amqp.amqp_queue_declare(q->conn, CHANNEL, bytes(q->spec.name), passive, 1, 0, 0, table);
	return is_normal(q, amqp.amqp_get_rpc_reply(q->conn), outcome, a);
}

static bool login(struct rabbit *q, int64_t deadline_ns, struct answer *a)
{
	const struct workload_login *l = q->spec.login;
	struct timeval tv = left(deadline_ns);
	struct amqp_reply r;

	amqp.amqp_set_handshake_timeout(q->conn, &tv);
	r = amqp.amqp_login(q->conn, "/", 0, FRAME_MAX, 0, SASL_PLAIN, l->user ? l->user : "guest",
			    l->password ? l->password : "guest");
	if (!is_normal(q, r, OUTCOME_FAIL, a))
		return false;
	tv = left(deadline_ns);
	amqp.amqp_set_rpc_timeout(q->conn, &tv);
	amqp.amqp_channel_open(q->conn, CHANNEL);
	if (!is_normal(q, amqp.amqp_get_rpc_reply(q->conn), OUTCOME_FAIL, a))
		return false;
	amqp.amqp_confirm_select(q->conn, CHANNEL);
	return is_normal(q, amqp.amqp_get_rpc_reply(q->conn), OUTCOME_FAIL, a) &&
	       declare(q, false, OUTCOME_FAIL, deadline_ns, a);
}

/* Whatever fails here, nothing of the operation has left. */
static bool begin(struct rabbit *q, int64_t deadline_ns, struct answer *a)
{
	struct timeval tv = left(deadline_ns);
	void *socket;
	int r;

	if (q->conn && sock__is_idle(amqp.amqp_get_sockfd(q->conn)))
		return true;
	drop(q);
	q->published = 0;
	q->conn = amqp.amqp_new_connection();
	socket = q->conn ? amqp.amqp_tcp_socket_new(q->conn) : NULL;
	if (!socket) {
		answer__errno(a, -ENOMEM, false);
		drop(q);
		return false;
	}
	r = amqp.amqp_socket_open_noblock(socket, q->spec.ip, q->spec.port, &tv);
	if (!r)
		return login(q, deadline_ns, a);
	say_status(r, OUTCOME_FAIL, a);
	drop(q);
	return false;
}

static int next_frame(struct rabbit *q, struct amqp_frame *f, int64_t deadline_ns)
{
	struct timeval tv = left(deadline_ns);

	return clock__now() < deadline_ns ? amqp.amqp_simple_wait_frame_noblock(q->conn, f, &tv)
					  : STATUS_TIMEOUT;
}

/* --- push ------------------------------------------------------------------------------------- */

static void wait_confirm(struct rabbit *q, int64_t deadline_ns, struct answer *a)
{
	static const char returned[] = "the message could not be routed to a queue",
			  refused[] = "the broker did not take responsibility for the message";
	bool is_returned = false;

	for (;;) {
		struct amqp_frame f;
		int r = next_frame(q, &f, deadline_ns);

		if (r) {
			say_status(r, OUTCOME_UNKNOWN, a);
			return drop(q);
		}
		if (f.type != FRAME_METHOD)
			continue; /* of the returned message */
		if (f.u.method.id == BASIC_RETURN) {
			is_returned = true;
		} else if (f.u.method.id == BASIC_ACK) {
			const struct amqp_ack *ack = f.u.method.decoded;

			if (!ack || ack->delivery_tag < q->published)
				continue;
			a->outcome = OUTCOME_OK;
			if (is_returned)
				answer__error(a, OUTCOME_FAIL, returned, strlen(returned));
			return;
		} else {
			/* A negative confirm says nothing of replicas that have it already. */
			if (f.u.method.id == BASIC_NACK)
				answer__error(a, OUTCOME_UNKNOWN, refused, strlen(refused));
			else
				say_close(&f.u.method, OUTCOME_UNKNOWN, a);
			return drop(q);
		}
	}
}

static void push(struct rabbit *q, int64_t value, int64_t deadline_ns, struct answer *a)
{
	struct amqp_properties p = {.flags = DELIVERY_MODE, .delivery_mode = PERSISTENT};
	char body[BODY_MAX];
	int r;

	snprintf(body, sizeof(body), "%" PRId64, value);
	r = amqp.amqp_basic_publish(q->conn, CHANNEL, bytes(""), bytes(q->spec.name), 1, 0, &p,
				    bytes(body));
	if (r) {
		say_status(r, OUTCOME_UNKNOWN, a);
		return drop(q);
	}
	q->published++;
	wait_confirm(q, deadline_ns, a);
}

/* --- pop -------------------------------------------------------------------------------------- */

/* The body of the message that was just got. */
static int read_body(struct rabbit *q, int64_t deadline_ns, char *buf, size_t *ret_len)
{
	uint64_t want = 0, got = 0;
	bool header = false;

	do {
		struct amqp_frame f;
		int r = next_frame(q, &f, deadline_ns);

		if (r)
			return r == STATUS_TIMEOUT ? -ETIMEDOUT : -ECONNRESET;
		if (f.type == FRAME_HEADER) {
			header = true;
			want = f.u.properties.body_size;
		} else if (f.type == FRAME_BODY && header) {
			for (size_t i = 0; i < f.u.body.len && got + i < BODY_MAX; i++)
				buf[got + i] = ((const char *)f.u.body.bytes)[i];
			got += f.u.body.len;
		} else {
			return -EPROTO;
		}
	} while (got < want);
	*ret_len = got < BODY_MAX ? got : BODY_MAX;
	return 0;
}

/* One message, not acknowledged yet: 1, 0 if the queue is empty, -EIO with @a set. */
static int get(struct rabbit *q, int64_t deadline_ns, uint64_t *ret_tag, int64_t *ret_value,
	       struct answer *a)
{
	struct timeval tv = left(deadline_ns);
	char body[BODY_MAX];
	struct amqp_reply r;
	size_t len;
	int e;

	amqp.amqp_set_rpc_timeout(q->conn, &tv);
	r = amqp.amqp_basic_get(q->conn, CHANNEL, bytes(q->spec.name), 0);
	if (!is_normal(q, r, OUTCOME_FAIL, a)) /* what is not acknowledged stays in the queue */
		return -EIO;
	if (r.method.id != BASIC_GET_OK)
		return 0;
	*ret_tag = ((const struct amqp_ack *)r.method.decoded)->delivery_tag;
	e = read_body(q, deadline_ns, body, &len);
	amqp.amqp_maybe_release_buffers(q->conn);
	if (!e && !value__parse(body, len, ret_value))
		e = -EPROTO;
	if (!e)
		return 1;
	answer__errno(a, e, false);
	drop(q);
	return -EIO;
}

static void pop(struct rabbit *q, int64_t deadline_ns, struct answer *a)
{
	uint64_t tag = 0;
	int64_t value = NOTHING;
	int r = get(q, deadline_ns, &tag, &value, a);

	if (r <= 0)
		return;
	r = amqp.amqp_basic_ack(q->conn, CHANNEL, tag, 0);
	if (r) {
		say_status(r, OUTCOME_UNKNOWN, a);
		return drop(q);
	}
	if (declare(q, true, OUTCOME_UNKNOWN, deadline_ns, a))
		a->value = value;
}

/* --- the store -------------------------------------------------------------------------------- */

static int load(struct error *err)
{
	return library__load(&library, err);
}

static int store_open(const struct store_spec *spec, void **ret_store)
{
	struct rabbit *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->spec = *spec;
	*ret_store = q;
	return 0;
}

static void store_close(void *store)
{
	drop(store);
	free(store);
}

static void store_act(void *store, const struct request *rq, int64_t deadline_ns,
		      struct answer *ret)
{
	struct rabbit *q = store;

	ret->value = NOTHING;
	if (!begin(q, deadline_ns, ret))
		return;
	if (rq->action == ACTION_PUSH)
		push(q, rq->value, deadline_ns, ret);
	else
		pop(q, deadline_ns, ret);
	if (q->conn)
		amqp.amqp_maybe_release_buffers(q->conn);
}

/* All of them are got and put back: what one reader holds, the others do not see, so there is one at a time. */
static int store_list_queue(void *store, int64_t deadline_ns, struct values *ret, char *why,
			    size_t why_size)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	struct timespec until = ns_timespec(deadline_ns);
	struct rabbit *q = store;
	struct answer a = {0};
	uint64_t tag = 0;
	int64_t value;
	int r = -EIO;

	if (pthread_mutex_clocklock(&one, CLOCK_MONOTONIC, &until)) {
		snprintf(why, why_size, "another reader has the messages");
		return -ETIMEDOUT;
	}
	if (begin(q, deadline_ns, &a)) {
		while ((r = get(q, deadline_ns, &tag, &value, &a)) > 0)
			if (values__add(ret, value))
				break;
		if (r > 0)
			answer__errno(&a, -EMSGSIZE, false);
		if (!r && tag && amqp.amqp_basic_nack(q->conn, CHANNEL, 0, 1, 1))
			r = -EIO;
		if (!r && !declare(q, true, OUTCOME_FAIL, deadline_ns, &a))
			r = -EIO;
	}
	/* Messages that are held go back when the connection ends. */
	if (r)
		drop(q);
	pthread_mutex_unlock(&one);
	if (r)
		snprintf(why, why_size, "%s", *a.error ? a.error : "the connection is lost");
	return r ? -EIO : 0;
}

const struct store_ops store_rabbitmq = {
	.name = "rabbitmq",
	.port = 5672,
	.load = load,
	.open_for = store_open,
	.close = store_close,
	.act = store_act,
	.list_queue = store_list_queue,
};
