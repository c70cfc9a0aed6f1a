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
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API_PRODUCE 0
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
	rd_kafka_mock_push_request_errors_array(cluster, API_PRODUCE, n, errors);
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
		rd_kafka_mock_clear_request_errors(cluster, API_PRODUCE);
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
