// Arrivals around a clock whose round is the period that was found: what comes in step stands out.
(() => {
	const { el, svg } = R, SIZE = 270, MID = SIZE / 2, RIM = 92, HOLE = 26;
	const polar = (r, turn) => [MID + r * Math.sin(2 * Math.PI * turn), MID - r * Math.cos(2 * Math.PI * turn)].map(v => v.toFixed(2)).join(' ');

	function wedge(from, to, r) {
		return 'M' + polar(HOLE, from) + 'L' + polar(r, from) + 'A' + r + ' ' + r + ' 0 0 1 ' + polar(r, to) + 'L' + polar(HOLE, to) + 'A' + HOLE + ' ' + HOLE + ' 0 0 0 ' + polar(HOLE, from) + 'Z';
	}
	// The area of a wedge, not its length, is its share.
	function radius(v, top) {
		return Math.sqrt(HOLE * HOLE + (RIM * RIM - HOLE * HOLE) * v / top);
	}
	R.phasePlot = p => {
		const n = p.sectors.length, top = Math.max(1, ...p.sectors), total = p.sectors.reduce((s, v) => s + v, 0), even = total / n;
		let sx = 0, sy = 0;
		p.sectors.forEach((v, i) => {
			sx += v * Math.sin(2 * Math.PI * (i + 0.5) / n);
			sy += v * Math.cos(2 * Math.PI * (i + 0.5) / n);
		});
		const turn = Math.atan2(sx, sy) / (2 * Math.PI), period = p.period_us / 1e6, words = 'R = ' + p.r.toFixed(2) + ' over ' + R.dur(period);
		return el('figure', { class: 'phase' },
			svg('svg', { viewBox: '0 0 ' + SIZE + ' ' + SIZE, role: 'img', 'aria-label': p.metric + ': arrivals by their place in a period of ' + R.dur(period) + ', ' + words },
				svg('circle', { cx: MID, cy: MID, r: RIM, class: 'rim' }), svg('circle', { cx: MID, cy: MID, r: radius(even, top), class: 'even' }),
				p.sectors.map((v, i) => v ? svg('path', { d: wedge(i / n, (i + 0.94) / n, radius(v, top)), class: 'wedge' + (v > 2 * even ? ' high' : '') },
					svg('title', {}, R.dur(i / n * period) + ' to ' + R.dur((i + 1) / n * period) + ': ' + R.count(v))) : null),
				svg('path', { d: 'M' + polar(0, 0) + 'L' + polar(Math.max(4, HOLE * p.r), turn), class: 'hand' }),
				[0, 0.25, 0.5, 0.75].map(q => {
					const [tx, ty] = polar(RIM + 12, q).split(' ');
					return svg('text', { x: tx, y: +ty + 4, 'text-anchor': q === 0.25 ? 'start' : q === 0.75 ? 'end' : 'middle', dx: q === 0.25 ? -8 : q === 0.75 ? 8 : 0 }, R.dur(q * period));
				})),
			el('figcaption', {}, el('b', {}, p.title || p.metric), el('span', {}, words + ', ' + R.plural(total, 'arrival')),
				el('span', { class: 'mute' }, 'The dashed ring is where every wedge would end if clients came independently.')));
	};
})();
