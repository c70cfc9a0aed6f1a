#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
# timed
#
# keepalived 2.2.7, advertisements each second, VRRP cut from 8 to 16 s: two holders from 2.2-3.6 s
# after the cut (3 s and a skew after the last advertisement) until the first advertisement after the heal.
. "$(dirname "$0")/lib.sh"

run_experiment keepalived-dual-vip
is "its expectation fails" 1 "$status"
sound
r='.split_brain.resources[0]'
holds "L1: two holders" '.split_brain.level == "L1"' .split_brain.level
holds "n2 takes the address 2.2-4.2 s after the cut" \
	"$r.claims | map(select(.node == \"n2\")) | (.[0].from_s - 8 | . >= 2.2 and . <= 4.2)" "$r.claims"
holds "n2 yields within 1.5 s after the heal" \
	"$r.claims | map(select(.node == \"n2\")) | .[-1].to_s - 16 | . >= -0.1 and . <= 1.5" "$r.claims"
# A node that was not sampled for a moment has several claims; only one that a sample denied has ended.
holds "n1 never lets go" \
	"$r.claims | map(select(.node == \"n1\")) | .[0].from_s < 1 and all(.ended == false)" "$r.claims"
holds "n2 lets go once" "$r.claims | map(select(.node == \"n2\" and .ended)) | length == 1" "$r.claims"
holds "both held it for 4-7 s" "$r.must_overlap_s | . >= 4 and . <= 7" "$r.must_overlap_s"
holds "VRRP has no epoch" "$r.claims | all(.epoch == null)" "$r.claims"
holds "two senders of one router are seen on the wire" \
	'.findings | any(startswith("Two senders of VRRP router 51 (vip) were on the wire at once for "))' .findings
holds "and the address announced from another MAC address" \
	'.findings | any(startswith("The address 192.0.2.100 was announced from another MAC address "))' .findings
check "n2 saw n1 send all along, though the fault drops it" jq -s -e '[.[] | select(.type == "vrrp_sender" and
	.node == "n2" and .source == "10.99.0.1" and .event == "stopped")] | length == 1 and .[0].adverts >= 20' "$run/events.jsonl"

finish
