// SPDX-License-Identifier: GPL-2.0-only
/*
 * load_kafka.c: a set in Kafka by librdkafka, which is loaded when it is needed: the messages of partition 0 of the
 * topic chaos-NAME, which is made where it is missing.
 *
 * An add is one message to the partition's leader, acknowledged by all in-sync replicas. It is done when the leader
 * says so. It has failed when no request for it has left, which is counted as requests leave, or when the one that
 * did was refused with an error that brokers give before they append. What librdkafka itself takes for not persisted
 * is more: a leader that loses its office while it waits for the others has appended, answers that it is not the
 * leader, and librdkafka sends the message again, to the next one. All of that is unknown here.
 * The set is read from the partition's begin to the high watermark that it had at first.
 *
 * librdkafka has threads, which are in the namespace of the thread that makes the handle. Its callbacks are called
 * by poll() in ours, but for those of requests that leave and of its log.
 */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/librdkafka.h"
#include "recorder/load_kafka.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/types.h>

#define WORDS_SIZE 128
#define TOPIC_SIZE 250 /* what Kafka takes */
/* Before the deadline: what is still under way is given up, to hear what has become of it. */
#define GIVE_UP_NS (20 * NS_PER_MS)
#define REPLICAS_MAX 3
#define ASK_EVERY_NS (20 * NS_PER_MS)

struct kafka {
	char bootstrap[80], topic_name[TOPIC_SIZE];
	rd_t *rk; /* the producer; NULL = none */
	rd_topic_t *topic;
	bool has_topic;
	char why[WORDS_SIZE]; /* what librdkafka last said of its connections */
	atomic_uint sent;     /* requests to append, since the operation began */
	/* The operation's message; reports of those before it are late. */
	uintptr_t number;
	bool reported;
	int error, status;
};

/* --- pure ------------------------------------------------------------------------------------- */

/* Brokers give these before they append, and for nothing else. */
static bool is_refusal(int error)
{
	switch (error) {
	case 2:	 /* corrupt message */
	case 10: /* message too large */
	case 17: /* invalid topic */
	case 18: /* batch too large */
	case 19: /* not enough replicas; 20 is the same after it has appended */
	case 21: /* invalid acks */
	case 29: /* not authorized for the topic */
	case 31: /* nor for the cluster */
	case 32: /* invalid timestamp */
	case 35: /* unsupported version */
	case 43: /* unsupported message format */
	case 44: /* a policy */
	case 76: /* unsupported compression */
	case 87: /* invalid record */
		return true;
	default:
		return false;
	}
}

enum outcome kafka__outcome(int error, int status, unsigned int sent)
{
	if (!error && status == RD_PERSISTED)
		return OUTCOME_OK;
	if (error && (!sent || (sent == 1 && status == RD_NOT_PERSISTED && is_refusal(error))))
		return OUTCOME_FAIL;
	return OUTCOME_UNKNOWN;
}

void kafka__topic(const char *name, char *buf, size_t size)
{
	snprintf(buf, size < TOPIC_SIZE ? size : TOPIC_SIZE, "chaos-%s", name);
	for (char *c = buf; *c; c++)
		if (!isascii(*c) || (!isalnum(*c) && !strchr("._-", *c)))
			*c = '-';
}

int kafka__replicas(int brokers)
{
	if (brokers < 1)
		return 1;
	return brokers < REPLICAS_MAX ? brokers : REPLICAS_MAX;
}

/* --- callbacks -------------------------------------------------------------------------------- */

static void log_nothing(const rd_t *rk, int level, const char *facility, const char *text)
{
	(void)rk, (void)level, (void)facility, (void)text;
}

static void note_error(rd_t *rk, int error, const char *reason, void *arg)
{
	struct kafka *k = arg;

	(void)rk;
	/* which follows what each of them had */
	if (error != RD_ERR_ALL_DOWN)
		library__words(reason, k->why, sizeof(k->why));
}

static void note_delivery(rd_t *rk, const struct rd_message *m, void *arg)
{
	struct kafka *k = arg;

	(void)rk;
	if ((uintptr_t)m->opaque != k->number)
		return;
	k->reported = true;
	k->error = m->error;
	k->status = rd.message_status(m);
}

/* In a thread of librdkafka's: all of a request's bytes are the kernel's now. */
static int count_sent(rd_t *rk, int fd, const char *broker, int32_t id, int16_t key,
		      int16_t version, int32_t correlation, size_t size, void *arg)
{
	struct kafka *k = arg;

	(void)rk, (void)fd, (void)broker, (void)id, (void)version, (void)correlation, (void)size;
	if (key == RD_API_PRODUCE)
		atomic_fetch_add(&k->sent, 1);
	return 0;
}

static int intercept(rd_t *rk, const rd_conf_t *conf, void *arg, char *why, size_t size)
{
	(void)conf, (void)why, (void)size;
	return rd.interceptor_add_on_request_sent(rk, "chaos", count_sent, arg);
}

/* --- handles ---------------------------------------------------------------------------------- */

/* Up to @deadline_ns, 1 or more: 0 would not wait at all. */
static int left_ms(int64_t deadline_ns)
{
	int64_t ms = (deadline_ns - clock__now()) / NS_PER_MS;

	if (ms < 1)
		return 1;
	return ms < 600000 ? (int)ms : 600000;
}

static int64_t give_up_ns(int64_t deadline_ns)
{
	int64_t quarter = (deadline_ns - clock__now()) / 4;

	return deadline_ns - (quarter < GIVE_UP_NS ? quarter : GIVE_UP_NS);
}

struct setting {
	const char *key, *value;
};

static const struct setting common[] = {
	{"client.id", "chaos"},
	{"allow.auto.create.topics", "false"},
	{"socket.nagle.disable", "true"},
	{"socket.connection.setup.timeout.ms", "1000"},
	{"reconnect.backoff.ms", "50"},
	{"reconnect.backoff.max.ms", "500"},
	/* leaders change */
	{"topic.metadata.refresh.interval.ms", "1000"},
	{"topic.metadata.refresh.fast.interval.ms", "100"},
	/* and we wait for a new topic ourselves */
	{"topic.metadata.propagation.max.ms", "1000"},
};
static const struct setting producer[] = {
	{"acks", "all"},
	{"enable.idempotence", "false"},
	{"message.send.max.retries", "0"},
	{"linger.ms", "0"},
};
static const struct setting consumer[] = {
	{"isolation.level", "read_uncommitted"},
	{"enable.partition.eof", "true"},
	{"auto.offset.reset", "error"},
	{"check.crcs", "true"},
	{"fetch.wait.max.ms", "20"},
	{"fetch.error.backoff.ms", "50"},
};

static int set_all(rd_conf_t *conf, const struct setting *s, size_t n, char *why)
{
	for (size_t i = 0; i < n; i++)
		if (rd.conf_set(conf, s[i].key, s[i].value, why, WORDS_SIZE))
			return -EINVAL;
	return 0;
}

/* The times of what one operation may take; of the broker, too. */
static int set_times(rd_conf_t *conf, bool produces, int ms, char *why)
{
	char times[16], socket[16];
	struct setting s[] = {{"socket.timeout.ms", socket},
			      {"message.timeout.ms", times},
			      {"request.timeout.ms", times}};

	snprintf(times, sizeof(times), "%d", ms);
	/* a consumer's is 1 s more than fetch.wait.max.ms */
	snprintf(socket, sizeof(socket), "%d", ms < 1100 ? 1100 : ms < 300000 ? ms : 300000);
	return set_all(conf, s, produces ? ARRAY_SIZE(s) : 1, why);
}

/* NULL with k->why set. */
static rd_t *make(struct kafka *k, int type, int64_t deadline_ns)
{
	struct setting where = {"bootstrap.servers", k->bootstrap};
	bool produces = type == RD_PRODUCER;
	rd_conf_t *conf = rd.conf_new();
	rd_t *rk = NULL;

	rd.conf_set_log_cb(conf, log_nothing);
	rd.conf_set_error_cb(conf, note_error);
	rd.conf_set_opaque(conf, k);
	if (produces) {
		rd.conf_set_dr_msg_cb(conf, note_delivery);
		rd.conf_interceptor_add_on_new(conf, "chaos", intercept, k);
	}
	if (!set_all(conf, &where, 1, k->why) &&
	    !set_all(conf, common, ARRAY_SIZE(common), k->why) &&
	    !set_all(conf, produces ? producer : consumer,
		     produces ? ARRAY_SIZE(producer) : ARRAY_SIZE(consumer), k->why) &&
	    !set_times(conf, produces, left_ms(deadline_ns), k->why))
		rk = rd.new(type, conf, k->why, sizeof(k->why));
	if (rk)
		*k->why =
			'\0'; /* conf_set() has words for what it takes, too, if it is of topics */
	else
		rd.conf_destroy(conf);
	return rk;
}

static void unmake(rd_t *rk, rd_topic_t *topic)
{
	if (topic)
		rd.topic_destroy(topic);
	if (rk)
		rd.destroy_flags(rk, RD_NO_CONSUMER_CLOSE);
}

/* In words: of librdkafka's own errors, what became of the connection, if there is such news, says more. */
static const char *words(struct kafka *k, rd_t *rk, int error)
{
	if (rk)
		rd.poll(rk, 0);
	if (error <= 0 && *k->why)
		return k->why;
	if (error == RD_ERR_PURGED)
		return "not sent: no connection to the partition's leader within the time limit";
	return rd.err2str(error);
}

/* Nothing of the operation has left. */
static bool not_sent(struct kafka *k, int error, struct answer *a)
{
	const char *text = words(k, k->rk, error);

	answer__error(a, OUTCOME_FAIL, text, strlen(text));
	return false;
}

/* --- the topic -------------------------------------------------------------------------------- */

/* An error of the request or of the topic. */
static int created(rd_event_t *e)
{
	const rd_topic_result_t **results;
	const void *all;
	size_t n = 0;
	int error = rd.event_error(e);

	if (error)
		return error;
	all = rd.event_CreateTopics_result(e);
	results = all ? rd.CreateTopics_result_topics(all, &n) : NULL;
	return n ? rd.topic_result_error(results[0]) : RD_ERR_UNKNOWN_TOPIC;
}

static int request_topic(struct kafka *k, rd_new_topic_t *topic, int64_t deadline_ns)
{
	rd_queue_t *queue = rd.queue_new(k->rk);
	rd_admin_t *options = rd.AdminOptions_new(k->rk, RD_CREATE_TOPICS);
	int ms = left_ms(deadline_ns), error = RD_ERR_UNKNOWN_TOPIC;
	rd_event_t *e;

	rd.AdminOptions_set_request_timeout(options, ms, NULL, 0);
	rd.AdminOptions_set_operation_timeout(options, ms, NULL, 0);
	rd.CreateTopics(k->rk, &topic, 1, options, queue);
	e = rd.queue_poll(queue, ms);
	if (e) {
		error = created(e);
		rd.event_destroy(e);
	}
	rd.AdminOptions_destroy(options);
	rd.queue_destroy(queue);
	return error;
}

/* With as many replicas as there are brokers now, up to 3; then 2 must be in sync for an acknowledgement. */
static bool create_topic(struct kafka *k, int brokers, int64_t deadline_ns, struct answer *a)
{
	int replicas = kafka__replicas(brokers), error;
	char why[WORDS_SIZE];
	rd_new_topic_t *topic = rd.NewTopic_new(k->topic_name, 1, replicas, why, sizeof(why));

	if (!topic) {
		answer__error(a, OUTCOME_FAIL, why, strlen(why));
		return false;
	}
	if (replicas == REPLICAS_MAX)
		rd.NewTopic_set_config(topic, "min.insync.replicas", "2");
	error = request_topic(k, topic, deadline_ns);
	rd.NewTopic_destroy(topic);
	return !error || error == RD_ERR_EXISTS || not_sent(k, error, a);
}

/* What the server says of the topic, and how many brokers it knows; librdkafka learns it, too. */
static int ask_topic(struct kafka *k, int64_t deadline_ns, int *ret_brokers, int *ret_topic)
{
	const struct rd_metadata *md;
	int error = rd.metadata(k->rk, 0, k->topic, &md, left_ms(deadline_ns));

	if (error)
		return error;
	*k->why = '\0';
	*ret_brokers = md->n_brokers;
	*ret_topic = md->n_topics == 1 ? md->topics[0].error : RD_ERR_UNKNOWN_TOPIC;
	rd.metadata_destroy(md);
	return 0;
}

/* A topic that was just made is not known to all servers at once. */
static bool find_topic(struct kafka *k, int64_t deadline_ns, struct answer *a)
{
	bool made = false;

	for (;;) {
		int brokers, topic;
		int64_t now = clock__now();
		int error = ask_topic(k, deadline_ns, &brokers, &topic);

		if (error)
			return not_sent(k, error, a);
		k->has_topic = !topic;
		if (!topic)
			return true;
		if ((topic != RD_ERR_NO_TOPIC && !made) || now > deadline_ns)
			return not_sent(k, topic, a);
		if (!made && !create_topic(k, brokers, deadline_ns, a))
			return false;
		if (made)
			clock__sleep_until(now + ASK_EVERY_NS);
		made = true;
	}
}

/* --- an add ------------------------------------------------------------------------------------- */

/* Whatever fails here, nothing of the operation has left. */
static bool begin(struct kafka *k, int64_t deadline_ns, struct answer *a)
{
	if (!k->rk) {
		k->rk = make(k, RD_PRODUCER, deadline_ns);
		if (k->rk)
			k->topic = rd.topic_new(k->rk, k->topic_name, NULL);
	}
	if (!k->topic) {
		unmake(k->rk, NULL);
		k->rk = NULL;
		return not_sent(k, 0, a);
	}
	return k->has_topic || find_topic(k, give_up_ns(deadline_ns), a);
}

/* Until its message is reported, which it is soon after it is given up. */
static bool is_reported(struct kafka *k, int64_t deadline_ns)
{
	int64_t give_up = give_up_ns(deadline_ns);

	while (!k->reported && clock__now() < give_up)
		rd.poll(k->rk, left_ms(give_up));
	if (!k->reported)
		rd.purge(k->rk, RD_PURGE_QUEUE | RD_PURGE_INFLIGHT | RD_PURGE_NON_BLOCKING);
	while (!k->reported && clock__now() < deadline_ns)
		rd.poll(k->rk, left_ms(deadline_ns));
	return k->reported;
}

static void store_add(void *store, int64_t value, int64_t deadline_ns, struct answer *a)
{
	struct kafka *k = store;
	enum outcome outcome;
	const char *text;
	char body[24];
	int len = snprintf(body, sizeof(body), "%" PRId64, value);
	void *number;

	if (!begin(k, deadline_ns, a))
		return;
	k->number++;
	k->reported = false;
	atomic_store(&k->sent, 0);
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): a number, which comes back with the report */
	number = (void *)k->number;
	if (rd.produce(k->topic, 0, RD_MSG_COPY, body, (size_t)len, NULL, 0, number)) {
		k->has_topic = false;
		not_sent(k, rd.last_error(), a);
		return;
	}
	if (!is_reported(k, deadline_ns)) /* it may be sent yet */
		return answer__errno(a, -ETIMEDOUT, true);
	outcome = kafka__outcome(k->error, k->status, atomic_load(&k->sent));
	if (k->error == RD_ERR_UNKNOWN_TOPIC || k->error == RD_ERR_NO_TOPIC)
		k->has_topic = false;
	if (outcome == OUTCOME_OK) {
		*k->why = '\0';
		return;
	}
	if (outcome == OUTCOME_FAIL && k->error < 0) {
		not_sent(k, k->error, a);
	} else if (k->error == RD_ERR_PURGED || k->error == RD_ERR_PURGED_IN_FLIGHT) {
		answer__errno(a, -ETIMEDOUT, true);
	} else {
		text = rd.err2str(k->error);
		answer__error(a, outcome, text, strlen(text));
	}
}

/* A log is not asked for one value; experiments do not ask. */
static void store_read(void *store, int64_t value, int64_t deadline_ns, struct answer *a)
{
	(void)store, (void)value, (void)deadline_ns;
	answer__errno(a, -ENOTSUP, false);
	a->refused = true;
}

/* --- the list ----------------------------------------------------------------------------------- */

/* One message: 1 = there are more, 0 = that was the last below @end, or -EIO with @error set. */
static int take(const struct rd_message *m, int64_t end, struct values *ret, int *error)
{
	int64_t v;

	*error = m->error;
	if (m->error == RD_ERR_END && m->offset >= end) /* what is no message is there, too */
		return 0;
	if (m->error)
		return -EIO;
	if (m->offset < end && value__parse(m->payload, m->len, &v))
		if (values__add(ret, v))
			return -EMSGSIZE;
	return m->offset + 1 < end;
}

static int take_all(rd_topic_t *topic, int64_t end, int64_t deadline_ns, struct values *ret,
		    int *error)
{
	int r = 1;

	while (r > 0) {
		struct rd_message *m = NULL;

		if (clock__now() < deadline_ns)
			m = rd.consume(topic, 0, left_ms(deadline_ns));
		if (!m)
			return -ETIMEDOUT;
		r = take(m, end, ret, error);
		rd.message_destroy(m);
	}
	return r;
}

static int consume(rd_t *rk, rd_topic_t *topic, const char *name, int64_t deadline_ns,
		   struct values *ret, int *error)
{
	int64_t begin = 0, end = 0;
	int r;

	*error = rd.query_watermark_offsets(rk, name, 0, &begin, &end, left_ms(deadline_ns));
	if (*error)
		return -EIO;
	if (begin >= end)
		return 0;
	if (rd.consume_start(topic, 0, begin)) {
		*error = rd.last_error();
		return -EIO;
	}
	r = take_all(topic, end, deadline_ns, ret, error);
	rd.consume_stop(topic, 0);
	return r;
}

static int store_list(void *store, int64_t deadline_ns, struct values *ret, char *why,
		      size_t why_size)
{
	struct kafka *k = store;
	rd_t *rk = make(k, RD_CONSUMER, deadline_ns);
	rd_topic_t *topic = rk ? rd.topic_new(rk, k->topic_name, NULL) : NULL;
	struct answer a = {0};
	int error = 0, r = -EIO;

	if (topic)
		r = consume(rk, topic, k->topic_name, deadline_ns, ret, &error);
	if (r == -EIO)
		snprintf(why, why_size, "%s", words(k, rk, error));
	else if (r) {
		answer__errno(&a, r, false);
		snprintf(why, why_size, "%s", a.error);
	}
	unmake(rk, topic);
	return r;
}

/* --- the store -------------------------------------------------------------------------------- */

static int store_open(const char *ip, uint16_t port, const char *name, void **ret_store)
{
	bool v6 = strchr(ip, ':');
	struct kafka *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	snprintf(k->bootstrap, sizeof(k->bootstrap), "%s%s%s:%u", v6 ? "[" : "", ip, v6 ? "]" : "",
		 port);
	kafka__topic(name, k->topic_name, sizeof(k->topic_name));
	*ret_store = k;
	return 0;
}

static void store_close(void *store)
{
	struct kafka *k = store;

	unmake(k->rk, k->topic);
	free(k);
}

const struct store_ops store_kafka = {
	.name = "kafka",
	.port = 9092,
	.load = librdkafka__load,
	.open = store_open,
	.add = store_add,
	.read = store_read,
	.list = store_list,
	.close = store_close,
};
