// Faults and roles: bars with words in them.
(() => {
	const L = R.L, A = R.axis, { x, box, hline, inside } = R;

	function describe(f) {
		const sides = (f.sides || []).map(s => s.join(' ')).join('  |  '), what = f.parts.join(' + ');
		return [f.name + ': ' + what + (sides ? '  ' + sides : ''), f.name + ': ' + what, f.name];
	}
	R.kinds.fault = (c, row) => {
		const f = row.fault;
		f.windows.forEach(w => {
			if (!w.applied) {
				box(c, w.from_us, w.to_us, 2.5, 19, { stroke: 'fault', dash: [4, 3], r: 3 });
				inside(c, w.from_us, w.to_us, 16, ['planned, not applied', 'not applied'], { fill: 'fault', bold: false });
				return;
			}
			box(c, w.from_us, w.to_us, 2, 20, { fill: 'fault', r: 3 });
			inside(c, w.from_us, w.to_us, 16, describe(f), { fill: 'fault-ink' });
			if (R.has(w.first_hit_us) && R.inView(w.first_hit_us, w.first_hit_us + 1)) {
				const p = x(w.first_hit_us);
				R.line(c, [{ move: 1, x: p, y: 23 }, { x: p, y: 13 }, { move: 1, x: p - 3, y: 16.5 }, { x: p, y: 13 }, { x: p + 3, y: 16.5 }], 'ink', 1.3);
			}
		});
	};

	// What a Sentinel says: whom it holds for the master, in which epoch.
	function drawView(c, n, word) {
		n.spans.forEach(s => {
			const bad = s[2] === 'error';
			box(c, s[0], s[1], 5, 16, bad ? { fill: 'card', hatch: 'fail', stroke: 'fail', line: 0.7 } : { fill: 'may', stroke: 'card', line: 1.5, r: 3 });
			if (!bad && s[4])
				inside(c, s[0], s[1], 17, (R.has(s[3]) ? [s[4] + ', ' + word + ' ' + s[3]] : []).concat([s[4]]), { fill: 'ink', bold: false });
		});
	}
	function drawSpan(c, s, word) {
		if (s[2] === 'follower')
			hline(c, s[0], s[1], 13, 'idle', 3);
		else if (s[2] === 'error')
			box(c, s[0], s[1], 7, 12, { fill: 'card', hatch: 'fail', stroke: 'fail', line: 0.7 });
		else if (s[2] === 'candidate')
			hline(c, s[0], s[1], 13, 'cand', 3, [5, 3]);
		else if (s[2] !== 'leader')
			hline(c, s[0], s[1], 13, 'idle', 2, [1, 4]);
		if (s[2] === 'candidate')
			inside(c, s[0], s[1], 9, (R.has(s[3]) ? ['candidate, ' + word + ' ' + s[3]] : []).concat('candidate'), { fill: 'mute', bold: false });
	}
	function drawClaim(c, k, over, word) {
		box(c, k.out_from_us, k.out_to_us, 4, 18, { fill: 'may', r: 3 });
		box(c, k.from_us, k.to_us, 4, 18, { fill: 'lead', r: 3 });
		over.forEach(o => {
			const a = Math.max(o.from_us, k.from_us), b = Math.min(o.to_us, k.to_us);
			if (b > a)
				box(c, a, b, 4, 18, { fill: 'bad', hatch: 'white' });
		});
		const words = R.has(k.epoch) ? ['leads, ' + word + ' ' + k.epoch, word + ' ' + k.epoch, String(k.epoch)] : ['leads'];
		let from = Math.max(k.from_us, A.view[0]), red = over.find(o => o.from_us <= from + 1 && from < o.to_us);
		// not across the end of a red part
		if (red && x(red.to_us) - x(from) < R.textWidth(words[0]) + 14 && x(k.to_us) - x(red.to_us) > R.textWidth(words[0])) {
			from = red.to_us;
			red = null;
		}
		inside(c, from, k.to_us, 17, words, { fill: red ? 'bad-ink' : 'lead-ink', halo: red ? 'bad' : 'lead' });
	}
	R.kinds.role = (c, row) => {
		const { node: n, res, word } = row, over = row.over.filter(o => o.nodes.indexOf(n.node) >= 0);
		row.over.forEach(o => box(c, o.from_us, o.to_us, 0, row.h, { fill: 'bad-band' }));
		if (!res.leads) {
			drawView(c, n, word);
			return;
		}
		n.spans.forEach(s => drawSpan(c, s, word));
		n.gaps.forEach(p => {
			box(c, p[0], p[1], 5, 16, { stroke: 'mute', dash: [2, 2] });
			inside(c, p[0], p[1], 17, ['no valid sample', '?'], { fill: 'mute', halo: 'card', bold: false });
		});
		n.claims.forEach(k => drawClaim(c, k, over, word));
	};
	// How long two led at once, above the roles.
	R.kinds.overlap = (c, row) => {
		let free = 0;
		row.res.overlaps.forEach(o => {
			if (!o.certain && row.over.some(p => o.from_us < p.to_us && p.from_us < o.to_us))
				return;
			box(c, o.from_us, o.to_us, 0, row.h, o.certain ? { fill: 'bad-band' } : { stroke: 'bad', dash: [2, 3] });
			if (!R.inView(o.from_us, o.to_us))
				return;
			const d = R.dur((o.to_us - o.from_us) / 1e6), two = R.plural(o.nodes.length, 'leader') + ' at once';
			const words = o.certain ? [two + (o.same_epoch ? ' in the same ' + row.word : '') + ' for ' + d, two + ', ' + d, d] : ['perhaps ' + two, '?'];
			// beside a band that is too narrow for words, where there is room
			const at = Math.max(x(o.to_us) + 5, free), w = R.textWidth(words[0]), next = row.res.overlaps.find(p => p.from_us >= o.to_us);
			if (inside(c, o.from_us, o.to_us, 13, words, { fill: 'bad' })) {
				free = x(o.to_us);
			} else if (at < x(o.to_us) + 6 && at + w < (next ? Math.min(A.W, x(next.from_us)) : A.W)) {
				R.text(c, words[0], at, 13, { fill: 'bad' });
				free = at + w + 8;
			}
		});
	};
})();
