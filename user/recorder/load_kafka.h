/* SPDX-License-Identifier: GPL-2.0-only */
/* load_kafka.h: the pure parts of load_kafka.c, for tests. */
#ifndef CHAOS_RECORDER_LOAD_KAFKA_H
#define CHAOS_RECORDER_LOAD_KAFKA_H

#include "recorder/load_internal.h"

/* Of a message by its delivery report, librdkafka's error and status, and by how often a request with it has left. */
enum outcome kafka__outcome(int error, int status, unsigned int sent);
/* Of the workload @name: what Kafka takes for a name, 249 characters. */
void kafka__topic(const char *name, char *buf, size_t size);
/* Of a new topic, where there are so many brokers. */
int kafka__replicas(int brokers);

#endif
