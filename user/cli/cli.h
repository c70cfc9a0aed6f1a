/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cli.h: the verbs. One file each (cmd_*.c), chosen by the table in main.c; this room prints, all
 * others return.
 */
#ifndef CHAOS_CLI_H
#define CHAOS_CLI_H

#include "analysis/analysis.h"
#include "experiment/experiment.h"
#include "lib/privilege.h"
#include "lib/cleanup.h"
#include "lib/error.h"
#include "run/run.h"

#include <argp.h>

/* Verbs return an exit status of the contract (run/run.h). argv[0] is "chaos VERB". */
int cmd_run(int argc, char **argv);
int cmd_inject(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_targets(int argc, char **argv);
int cmd_watch(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_clear(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_agent(int argc, char **argv);

/* argp's option keys without a letter. */
enum cli_key {
	KEY_JSON = 0x1000,
	KEY_SEED,
	KEY_ATTACH,
	KEY_HOLD,
	KEY_ALLOW_HOST,
	KEY_FROM,
	KEY_TO,
	KEY_DIRECTION,
	KEY_PORT,
	KEY_PROTO,
	KEY_FOR,
	KEY_L2,
	KEY_ISOLATE,
	KEY_NOT,
	KEY_ALL,
	KEY_INTERVAL,
	KEY_ONCE,
	KEY_SORT,
	KEY_DEVICES,
	KEY_NETNS,
	KEY_COMPARE,
	KEY_CAPTURE,
	KEY_NODE,
	KEY_DIR,
	KEY_LEAD,
	KEY_LISTEN,
	KEY_NAMESPACE,
	KEY_NO_CHAOSMESH,
	KEY_KUBECONFIG,
	KEY_CONTEXT,
	KEY_START_AT,
	KEY_MEMBERS,
	KEY_LIVE,
	KEY_NO_REPORT,
	KEY_WITH_PARENT,
	KEY_REPLACE,
	KEY_KEEP,
};

/* Parse with argp; usage errors exit with EXIT_USAGE. */
void cli__parse(const struct argp *argp, int argc, char **argv, void *input);

/* Print "chaos: " and every line of @err to stderr; returns @status. */
int cli__fail(int status, const struct error *err);

/* "auto", "fq", "tap" -> mode; argp_error() otherwise. */
enum dp_hold_mode cli__hold_mode(struct argp_state *state, const char *arg);
/* "auto", "tcx", "clsact" -> mode; argp_error() otherwise. */
enum dp_attach_mode cli__attach_mode(struct argp_state *state, const char *arg);

/* 0 when the process has the capabilities @needed (lib/privilege.h), else EXIT_USAGE after saying which are missing. */
int cli__need_privileges(uint64_t needed);

/* To look into every namespace, at every BPF program, and at who has them open. */
#define CAPS_CLEAR (CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_SYS_ADMIN) | CAP_BIT(CAP_SYS_PTRACE))

/* privileges.c, for the doctor: which capabilities are there, and what each missing one takes away. */
void cli__print_privileges(void);
json_t *cli__privileges_json(void);

/* All runs, as state__list(); EXIT_RUNTIME where they cannot be listed, which is said. */
struct state_entry;
int cli__list_runs(struct state_entry **ret, size_t *ret_n);

/* Stdout is a terminal that knows colours, and they are wanted. */
bool cli__colour(void);

/* Print @j to stdout, indented, and a newline. */
void cli__print_json(const json_t *j);

/* --seed. */
uint64_t cli__seed(struct argp_state *state, const char *arg);

/* A seed from the kernel's generator. */
uint64_t cli__draw_seed(void);

/* Signals: SIGINT, SIGTERM and SIGHUP set *opts->stop and make opts->wake_fd readable. */
void cli__catch_signals(struct run_options *opts);

/* The summary of a run for people: verdict, findings, expectations, where the report lies. */
void cli__print_summary(const json_t *summary, const char *dir);

/*
 * All that can be known about @e without touching anything: programs, expectations, endpoints. 0 or EXIT_USAGE
 * with @err set.
 */
int cli__precheck(const struct experiment *e, bool allow_host, struct error *err);
/* The same with the pods of the file @members, if it is not NULL (run_options.members). */
int cli__precheck_told(const struct experiment *e, bool allow_host, const char *members,
		       struct error *err);

/* progress.c: live display on a terminal, lines elsewhere. @quiet: nothing at all. */
struct progress;
struct progress *progress__new(bool quiet);
void progress__attach(struct progress *p, struct run_ui *ui);
void progress__free(struct progress *p); /* leaves the terminal clean */

extern bool cli_quiet;

#endif
