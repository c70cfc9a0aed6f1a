/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.h: writes what people read into a run folder, from its recorded events alone: summary.json,
 * series.csv, junit.xml, report.html. Files are replaced atomically; events are never touched.
 */
#ifndef CHAOS_REPORT_H
#define CHAOS_REPORT_H

#include "lib/error.h"

#include <jansson.h>

/* Render all of it for @dir. @ret_summary (may be NULL) receives the summary, new reference. */
int report__render(const char *dir, json_t **ret_summary, struct error *err);

/* The summary alone, new reference; nothing is written, so it can be had where nothing can be. */
int report__summary(const char *dir, json_t **ret_summary, struct error *err);

#endif
