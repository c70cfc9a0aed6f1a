// SPDX-License-Identifier: GPL-2.0-only
/*
 * kafkamock: librdkafka's mock cluster by hand, for recorder_kafka.sh. It keeps what it is given in memory.
 *
 *   kafkamock FIFO BROKERS TOPIC
 *
 * Says "up PORT" of one broker, then obeys the FIFO, and answers each line with it:
 *   errors CODE N    the next N requests to append are answered with this error, and not done
 *   clear            the next ones are not
 *   leader ID        of the topic's partition 0: a broker from 1
 *   rtt MS           answers are late by this
 *   down, back       all brokers refuse and end connections; no more
 */
#include "recorder/librdkafka.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the store takes for the library's interface is it. */
#define SAME(ours, our, theirs, their) \
	_Static_assert(offsetof(ours, our) == offsetof(theirs, their), #our)
SAME(struct rd_message, error, rd_kafka_message_t, err);
SAME(struct rd_message, payload, rd_kafka_message_t, payload);
SAME(struct rd_message, len, rd_kafka_message_t, len);
SAME(struct rd_message, offset, rd_kafka_message_t, offset);
SAME(struct rd_message, opaque, rd_kafka_message_t, _private);
SAME(struct rd_metadata, n_brokers, rd_kafka_metadata_t, broker_cnt);
SAME(struct rd_metadata, n_topics, rd_kafka_metadata_t, topic_cnt);
SAME(struct rd_metadata, topics, rd_kafka_metadata_t, topics);
SAME(struct rd_metadata_topic, error, rd_kafka_metadata_topic_t, err);
#define IS(ours, theirs) _Static_assert((int)(ours) == (int)(theirs), #ours)
IS(RD_PRODUCER, RD_KAFKA_PRODUCER);
IS(RD_CONSUMER, RD_KAFKA_CONSUMER);
IS(RD_MSG_COPY, RD_KAFKA_MSG_F_COPY);
IS(RD_CREATE_TOPICS, RD_KAFKA_ADMIN_OP_CREATETOPICS);
IS(RD_PURGE_QUEUE, RD_KAFKA_PURGE_F_QUEUE);
IS(RD_PURGE_INFLIGHT, RD_KAFKA_PURGE_F_INFLIGHT);
IS(RD_PURGE_NON_BLOCKING, RD_KAFKA_PURGE_F_NON_BLOCKING);
IS(RD_NO_CONSUMER_CLOSE, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
IS(RD_NOT_PERSISTED, RD_KAFKA_MSG_STATUS_NOT_PERSISTED);
IS(RD_PERSISTED, RD_KAFKA_MSG_STATUS_PERSISTED);
IS(RD_ERR_PURGED_IN_FLIGHT, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT);
IS(RD_ERR_PURGED, RD_KAFKA_RESP_ERR__PURGE_QUEUE);
IS(RD_ERR_ALL_DOWN, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN);
IS(RD_ERR_UNKNOWN_TOPIC, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC);
IS(RD_ERR_END, RD_KAFKA_RESP_ERR__PARTITION_EOF);
IS(RD_ERR_NO_TOPIC, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
IS(RD_ERR_EXISTS, RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS);

#define ERRORS_MAX 10000

static rd_kafka_mock_cluster_t *cluster;
static int brokers;
static const char *topic;

static void push_errors(int code, size_t n)
{
	static rd_kafka_resp_err_t errors[ERRORS_MAX];

	n = n < ERRORS_MAX ? n : ERRORS_MAX;
	for (size_t i = 0; i < n; i++)
		errors[i] = (rd_kafka_resp_err_t)code;
	rd_kafka_mock_push_request_errors_array(cluster, RD_API_PRODUCE, n, errors);
}

static void on_all(rd_kafka_resp_err_t (*f)(rd_kafka_mock_cluster_t *, int32_t))
{
	for (int i = 1; i <= brokers; i++)
		f(cluster, i);
}

static int obey(const char *line)
{
	int a, b;

	if (sscanf(line, "errors %d %d", &a, &b) == 2)
		push_errors(a, (size_t)b);
	else if (!strcmp(line, "clear"))
		rd_kafka_mock_clear_request_errors(cluster, RD_API_PRODUCE);
	else if (sscanf(line, "leader %d", &a) == 1)
		rd_kafka_mock_partition_set_leader(cluster, topic, 0, a);
	else if (sscanf(line, "rtt %d", &a) == 1)
		for (int i = 1; i <= brokers; i++)
			rd_kafka_mock_broker_set_rtt(cluster, i, a);
	else if (!strcmp(line, "down"))
		on_all(rd_kafka_mock_broker_set_down);
	else if (!strcmp(line, "back"))
		on_all(rd_kafka_mock_broker_set_up);
	else
		return -1;
	return 0;
}

int main(int argc, char **argv)
{
	char line[256], why[256];
	rd_kafka_t *rk;
	FILE *in;

	/* both ways: it does not end when a writer does */
	in = argc == 4 ? fopen(argv[1], "r+") : NULL;
	if (!in)
		return 2;
	brokers = atoi(argv[2]);
	topic = argv[3];
	setvbuf(stdout, NULL, _IOLBF, 0);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof(why));
	cluster = rk ? rd_kafka_mock_cluster_new(rk, brokers) : NULL;
	if (!cluster || rd_kafka_mock_topic_create(cluster, topic, 1, brokers))
		return 1;
	rd_kafka_mock_partition_set_leader(cluster, topic, 0, 1);
	snprintf(line, sizeof(line), "%s", rd_kafka_mock_cluster_bootstraps(cluster));
	line[strcspn(line, ",")] = '\0';
	printf("up %s\n", strrchr(line, ':') + 1);
	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		printf("%s%s\n", obey(line) ? "not understood: " : "", line);
	}
	return 0;
}
