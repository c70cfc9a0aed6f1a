// SPDX-License-Identifier: GPL-2.0-only
#include "lib/chain.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static int check(double p, const char *name, struct error *err)
{
	if (p >= 0 && p <= 1)
		return 0;
	return err__set(err, -EINVAL, "%s is %g; expected a probability from 0 to 1", name, p);
}

/* Two states, 0 and 1. */
static struct loss_chain two_states(double to_1, double to_0, double loss_0, double loss_1)
{
	return (struct loss_chain){
		.n = 2,
		.move = {{1 - to_1, to_1}, {to_0, 1 - to_0}},
		.loss = {loss_0, loss_1},
	};
}

int chain__correlated(double p, double rho, struct loss_chain *ret, struct error *err)
{
	int r = check(p, "the loss probability", err);

	if (r)
		return r;
	if (!(rho >= 0 && rho < 1))
		return err__set(err, -EINVAL,
				"the correlation is %g; expected at least 0 and less than 1", rho);
	/* With p = 1 the chain would begin with a few that are not lost. */
	if (p == 1)
		*ret = two_states(1, 0, 0, 1);
	else
		*ret = two_states(p * (1 - rho), (1 - p) * (1 - rho), 0, 1);
	return 0;
}

int chain__burst(double p, double mean_burst, struct loss_chain *ret, struct error *err)
{
	int r = check(p, "the loss probability", err);
	double least;

	if (r)
		return r;
	if (p == 1)
		return err__set(
			err, -EINVAL,
			"bursts with a loss probability of 1 have no end; expected less than 1");
	least = fmax(1, p / (1 - p));
	/* p / (1 - p) may miss a whole number by a rounding: 0.9 and bursts of 9 are right. */
	if (!(mean_burst >= least * (1 - 1e-9)) || isinf(mean_burst))
		return err__set(
			err, -EINVAL,
			"the mean burst is %g packets; with a loss probability of %g expected "
			"at least %g",
			mean_burst, p, least);
	mean_burst = fmax(mean_burst, least);
	*ret = two_states(fmin(p / (mean_burst * (1 - p)), 1), 1 / mean_burst, 0, 1);
	return 0;
}

int chain__gemodel(double p, double r, double h, double k, struct loss_chain *ret,
		   struct error *err)
{
	const struct {
		double p;
		const char *name;
	} all[] = {{p, "p"}, {r, "r"}, {h, "h"}, {k, "k"}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int code = check(all[i].p, all[i].name, err);

		if (code)
			return code;
	}
	*ret = two_states(p, r, 1 - k, 1 - h);
	return 0;
}

static int check_sum(double a, double b, const char *names, struct error *err)
{
	/* Decimal fractions that add up to 1 may miss it by a rounding. */
	if (a + b <= 1 + 1e-9)
		return 0;
	return err__set(err, -EINVAL, "%s is %g; expected at most 1", names, a + b);
}

int chain__four_states(const struct four_states *p, struct loss_chain *ret, struct error *err)
{
	const struct {
		double p;
		const char *name;
	} all[] = {{p->p13, "p13"},
		   {p->p31, "p31"},
		   {p->p32, "p32"},
		   {p->p23, "p23"},
		   {p->p14, "p14"}};
	int r = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && !r; i++)
		r = check(all[i].p, all[i].name, err);
	if (!r)
		r = check_sum(p->p13, p->p14, "p13 + p14", err);
	if (!r)
		r = check_sum(p->p31, p->p32, "p31 + p32", err);
	if (r)
		return r;
	*ret = (struct loss_chain){
		.n = 4,
		.move =
			{
				{fmax(1 - p->p13 - p->p14, 0), 0, p->p13, p->p14},
				{0, 1 - p->p23, p->p23, 0},
				{p->p31, p->p32, fmax(1 - p->p31 - p->p32, 0), 0},
				{1, 0, 0, 0},
			},
		.loss = {0, 0, 1, 1},
	};
	return 0;
}

/* @m = @m * @m, each row scaled to 1 again: the rounding of 60 squarings must not add up. */
static void square(double m[CHAIN_STATES][CHAIN_STATES], unsigned int n)
{
	double old[CHAIN_STATES][CHAIN_STATES];

	memcpy(old, m, sizeof(old));
	for (unsigned int i = 0; i < n; i++) {
		double sum = 0;

		for (unsigned int j = 0; j < n; j++) {
			m[i][j] = 0;
			for (unsigned int k = 0; k < n; k++)
				m[i][j] += old[i][k] * old[k][j];
			sum += m[i][j];
		}
		for (unsigned int j = 0; j < n; j++)
			m[i][j] /= sum;
	}
}

/*
 * The share of time in each state, in the long run from state 0. The chain that stays where it is
 * every other time has the same shares and no period, so its powers converge; 2^64 steps are more than
 * the rarest move that 32-bit draws know. Works also where parts of the chain are never left.
 */
static void shares(const struct loss_chain *c, double ret[CHAIN_STATES])
{
	double m[CHAIN_STATES][CHAIN_STATES] = {0};

	for (unsigned int i = 0; i < c->n; i++)
		for (unsigned int j = 0; j < c->n; j++)
			m[i][j] = (c->move[i][j] + (i == j)) / 2;
	for (int i = 0; i < 64; i++)
		square(m, c->n);
	memcpy(ret, m[0], sizeof(m[0]));
}

double chain__ratio(const struct loss_chain *c)
{
	double w[CHAIN_STATES], ratio = 0;

	shares(c, w);
	for (unsigned int i = 0; i < c->n; i++)
		ratio += w[i] * c->loss[i];
	return ratio;
}

/* The share of packets that are lost and followed by one that is lost (@again) or delivered. */
static double pairs(const struct loss_chain *c, int again)
{
	double w[CHAIN_STATES], share = 0;

	shares(c, w);
	for (unsigned int i = 0; i < c->n; i++)
		for (unsigned int j = 0; j < c->n; j++)
			share += w[i] * c->loss[i] * c->move[i][j] *
				 (again ? c->loss[j] : 1 - c->loss[j]);
	return share;
}

double chain__mean_burst(const struct loss_chain *c)
{
	double ratio = chain__ratio(c);

	/* As many bursts as ends of bursts. */
	return ratio > 0 ? ratio / pairs(c, 0) : 0;
}

double chain__autocorrelation(const struct loss_chain *c)
{
	double ratio = chain__ratio(c), variance = ratio * (1 - ratio);

	/* 1 - ratio is a rounding or nothing when all are lost. */
	return variance > 1e-15 * ratio ? (pairs(c, 1) - ratio * ratio) / variance : 0;
}

void chain__thresholds(const struct loss_chain *c, uint64_t move[CHAIN_STATES][CHAIN_STATES - 1],
		       uint64_t lost[CHAIN_STATES])
{
	for (unsigned int i = 0; i < CHAIN_STATES; i++) {
		double sum = 0;

		for (unsigned int j = 0; j < CHAIN_STATES - 1; j++) {
			sum += c->move[i][j];
			/* Past the last state nothing is left, however the sum was rounded. */
			move[i][j] = i < c->n && j + 1 < c->n
					     ? (uint64_t)llrint(ldexp(fmin(sum, 1), 32))
					     : 1ULL << 32;
		}
		lost[i] = i < c->n ? (uint64_t)llrint(ldexp(c->loss[i], 32)) : 0;
	}
}
