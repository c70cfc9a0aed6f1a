# SPDX-License-Identifier: GPL-2.0-only
#
# table.awk: samples (GROUP ROW ROUND VALUE, by tabs) into a table for each group and into JSON, in the file
# `json`. Before the samples of a group comes its line
#
#	#group	NAME	TITLE	UNIT	ZERO	ONE
#
# ZERO: the row that costs nothing of what is measured ("-": 0 does): `net` is the difference to it in
# the same round. ONE: the row whose net is ratio 1. And each target has a line
#
#	#target	TEXT	GROUP	ROW	ROW OR NUMBER	LIMIT	ratio|net|net-ratio|value|growth
#
# which compares: the ROW's net with the other ROW's (net-ratio), their values (ratio), or its own with
# a number in the unit of the group (value). growth: both ROWs are `MORE;LESS`. LIMIT: <= X or >= X.
#
# Runs in mawk and busybox as well.
BEGIN { FS = "\t" }

$1 == "#group" { order[++n_groups] = $2; title[$2] = $3; unit[$2] = $4; zero[$2] = $5; one[$2] = $6; next }
$1 == "#target" { target[++n_targets] = $0; next }
$1 == "#note" { note[++n_notes] = $2; next }
NF == 4 {
	if (!(($1, $2) in samples))
		rows[$1] = rows[$1] (rows[$1] == "" ? "" : FS) $2
	samples[$1, $2]++
	value[$1, $2, $3] = $4
	if ($3 + 0 > last[$1] + 0)
		last[$1] = $3
}

# Into quantile[0], [0.5], [1]: of list[1..n], which it sorts.
function quantiles(n,    i, j, x)
{
	for (i = 2; i <= n; i++) {
		x = list[i]
		for (j = i - 1; j >= 1 && list[j] > x; j--)
			list[j + 1] = list[j]
		list[j + 1] = x
	}
	low = list[1]; high = list[n]
	return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}

function net_at(g, row, round)
{
	return zero[g] == "-" ? value[g, row, round] : value[g, row, round] - value[g, zero[g], round]
}

function both(g, a, b, round)
{
	return ((g, a, round) in value) && (b == "-" || ((g, b, round) in value))
}

# Median over the rounds; `what` as in a target. Sets low and high.
function median(g, what, a, b,    round, n, x)
{
	n = 0
	for (round = 1; round <= last[g]; round++) {
		if (!both(g, a, b, round) || !both(g, a, zero[g], round))
			continue
		if (what == "value")
			list[++n] = value[g, a, round]
		else if (what == "net")
			list[++n] = net_at(g, a, round)
		else {
			x = what == "ratio" ? value[g, b, round] : net_at(g, b, round)
			if (x > 0)
				list[++n] = (what == "ratio" ? value[g, a, round] : net_at(g, a, round)) / x
		}
	}
	low = high = 0
	return n ? quantiles(n) : "none"
}

# How much dearer the first of `MORE;LESS` is than the second, by the same of the peer.
function growth(g, ours, theirs,    a, b, x, y)
{
	split(ours, a, ";")
	split(theirs, b, ";")
	x = median(g, "net-ratio", a[1], a[2])
	y = median(g, "net-ratio", b[1], b[2])
	return x == "none" || y == "none" || y <= 0 ? "none" : x / y
}

function text(s)
{
	gsub(/\\/, "\\\\", s)
	gsub(/"/, "\\\"", s)
	return "\"" s "\""
}

function print_group(g, comma,    n, i, row, names, m, net, net_low, net_high, r)
{
	n = split(rows[g], names, FS)
	printf "\n%s\n  %-42s %10s %10s %10s", title[g], "", unit[g], "min", "max"
	if (zero[g] != "-")
		printf " %10s", "net"
	printf " %8s\n", "ratio"
	printf "%s    {\"name\": %s, \"title\": %s, \"unit\": %s, \"zero\": %s, \"one\": %s, \"rows\": [\n", comma,
		text(g), text(title[g]), text(unit[g]), (zero[g] == "-" ? "null" : text(zero[g])), text(one[g]) >json
	for (i = 1; i <= n; i++) {
		row = names[i]
		net = median(g, "net", row, "-"); net_low = low; net_high = high
		r = median(g, "net-ratio", row, one[g])
		m = median(g, "value", row, "-")
		printf "  %-42s %10.2f %10.2f %10.2f", row, m, low, high
		printf "%s      {\"name\": %s, \"rounds\": %d, \"median\": %.3f, \"min\": %.3f, \"max\": %.3f", \
			(i > 1 ? ",\n" : ""), text(row), samples[g, row], m, low, high >json
		if (zero[g] != "-") {
			printf " %10.2f", net
			printf ", \"net\": %.3f, \"net_min\": %.3f, \"net_max\": %.3f", net, net_low, net_high >json
		}
		if (r == "none") {
			printf " %8s\n", "-"
			printf ", \"ratio\": null}" >json
		} else {
			printf " %8.3f\n", r
			printf ", \"ratio\": %.4f}" , r >json
		}
	}
	printf "\n    ]}" >json
}

function print_target(line, comma,    f, n, m, met, op, limit, what)
{
	n = split(line, f, FS)
	what = f[7]
	split(f[6], op, " ")
	limit = op[2]
	m = median(f[3], what, f[4], what == "value" || what == "net" ? "-" : f[5])
	if (what == "growth")
		m = growth(f[3], f[4], f[5])
	if (m == "none") {
		printf "  %-64s %s\n", f[2], "not measured here"
		printf "%s    {\"target\": %s, \"limit\": %s, \"measured\": null, \"met\": null}", comma, text(f[2]), text(f[6]) >json
		return
	}
	met = op[1] == "<=" ? m <= limit : m >= limit
	printf "  %-64s %s %-6s %9.3f  %s\n", f[2], op[1], limit, m, (met ? "met" : "MISSED")
	printf "%s    {\"target\": %s, \"limit\": %s, \"measured\": %.4f, \"met\": %s}", comma, text(f[2]), text(f[6]), m,
		(met ? "true" : "false") >json
}

END {
	printf "{\n  \"kernel\": %s, \"cpus\": %d,\n  \"notes\": [", text(kernel), cpus >json
	for (i = 1; i <= n_notes; i++)
		printf "%s%s", (i > 1 ? ", " : ""), text(note[i]) >json
	printf "],\n  \"groups\": [\n" >json
	shown = 0
	for (i = 1; i <= n_groups; i++)
		if (rows[order[i]] != "")
			print_group(order[i], shown++ ? ",\n" : "")
	printf "\n  ],\n  \"targets\": [\n" >json
	print "\nTargets"
	for (i = 1; i <= n_targets; i++)
		print_target(target[i], i > 1 ? ",\n" : "")
	printf "\n  ]\n}\n" >json
	for (i = 1; i <= n_notes; i++)
		printf "%s%s\n", (i == 1 ? "\n" : ""), note[i]
}
