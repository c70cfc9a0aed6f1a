// The plots: what is in view of a row, on its own canvas. What is drawn is bounded by bins and pixels, never by operations.
// A row says in `kind` how its series are drawn; its series say in `look` what they mean. New data needs neither new.
(() => {
	const L = R.L;
	// The part of the run in view, in microseconds, and the width of a plot in pixels.
	const A = R.axis = { full: [L.from_us, Math.max(L.to_us, L.from_us + 1000)], view: null, W: 800, ratio: 1 };
	A.view = A.full.slice();
	const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif';

	// --- what series mean: colours by name of a CSS variable; every meaning has a pattern or a place too ---
	const LOOKS = {
		acked: { fill: 'ack', line: 'ack-line' }, lost: { fill: 'bad', hatch: 'white' }, failed: { fill: 'fail' },
		unknown: { fill: 'sunk', hatch: 'unk' }, packets: { fill: 'pkt', line: 'pkt-line' }, dropped: { fill: 'bad', hatch: 'white' },
		syn: { fill: 'syn' }, again: { fill: 'card', hatch: 'syn', line: 'syn' }, rst: { fill: 'cand' }, resent: { fill: 'lat', line: 'lat' },
		intents: { fill: 'ack', line: 'ack-line' }, attempts: { fill: 'warn', hatch: 'white' }, stale: { fill: 'syn' },
		gauge: { fill: 'may', line: 'lead' }, limit: { fill: 'bad' }, p50: { fill: 'lat' }, p99: { fill: 'lat-band' }, max: { fill: 'lat' },
		one: { fill: 'lead' }, two: { fill: 'warn' }, three: { fill: 'ack-line' }, plain: { fill: 'pkt', line: 'pkt-line' }
	};
	R.look = name => LOOKS[name] || LOOKS.plain;
	let palette = {}, hatches = {};
	R.recolour = () => {
		palette = {};
		hatches = {};
	};
	function colour(name) {
		return palette[name] || (palette[name] = name === 'white' ? 'rgba(255,255,255,.42)' :
			getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim() || '#888');
	}
	// Stripes of a colour on nothing, at the canvas' own resolution.
	function hatch(c, name) {
		if (!hatches[name]) {
			const n = 6 * A.ratio, tile = document.createElement('canvas'), p = tile.getContext('2d');
			tile.width = tile.height = Math.max(4, Math.round(n));
			p.scale(tile.width / 6, tile.height / 6);
			p.strokeStyle = colour(name);
			p.lineWidth = 1.4;
			p.beginPath();
			[[-1.5, 1.5, 1.5, -1.5], [0, 6, 6, 0], [4.5, 7.5, 7.5, 4.5]].forEach(l => {
				p.moveTo(l[0], l[1]);
				p.lineTo(l[2], l[3]);
			});
			p.stroke();
			hatches[name] = c.createPattern(tile, 'repeat');
			hatches[name].setTransform(new DOMMatrix().scale(1 / A.ratio));
		}
		return hatches[name];
	}

	// --- helpers ---
	const x = t => (t - A.view[0]) / (A.view[1] - A.view[0]) * A.W;
	const clampX = t => Math.max(-8, Math.min(A.W + 8, x(t)));
	const inView = (a, b) => b > A.view[0] && a < A.view[1];
	function paint(c, look) {
		c.fillStyle = colour(look.fill);
		c.fill();
		if (look.hatch) {
			c.fillStyle = hatch(c, look.hatch);
			c.fill();
		}
		if (look.line) {
			c.strokeStyle = colour(look.line);
			c.lineWidth = 0.8;
			c.stroke();
		}
	}
	// A bar from instant a to b, at least a pixel wide. @o: fill, hatch, stroke (names of colours), dash, r (radius), line (width).
	function box(c, a, b, y, h, o) {
		if (!inView(a, b))
			return;
		const x0 = clampX(a), w = Math.max(1, clampX(b) - x0);
		c.beginPath();
		if (o.r && w > 3)
			c.roundRect(x0, y, w, h, o.r);
		else
			c.rect(x0, y, w, h);
		if (o.fill) {
			c.fillStyle = colour(o.fill);
			c.fill();
		}
		if (o.hatch) {
			c.fillStyle = hatch(c, o.hatch);
			c.fill();
		}
		if (o.stroke) {
			c.setLineDash(o.dash || []);
			c.strokeStyle = colour(o.stroke);
			c.lineWidth = o.line || 1;
			c.stroke();
			c.setLineDash([]);
		}
	}
	function line(c, points, name, width, dash) {
		c.beginPath();
		points.forEach(p => p.move ? c.moveTo(p.x, p.y) : c.lineTo(p.x, p.y));
		c.setLineDash(dash || []);
		c.strokeStyle = colour(name);
		c.lineWidth = width;
		c.stroke();
		c.setLineDash([]);
	}
	function hline(c, a, b, y, name, width, dash) {
		if (inView(a, b))
			line(c, [{ move: 1, x: clampX(a), y }, { x: Math.max(clampX(b), clampX(a) + 1), y }], name, width, dash);
	}
	const widths = new Map(), measure = document.createElement('canvas').getContext('2d');
	measure.font = '600 11.5px ' + FONT;
	function textWidth(s) {
		if (!widths.has(s))
			widths.set(s, measure.measureText(s).width + 1);
		return widths.get(s);
	}
	function text(c, s, px, y, o) {
		c.font = (o.bold === false ? '400 ' : '600 ') + '11.5px ' + FONT;
		c.textAlign = o.align || 'left';
		if (o.halo) {
			c.strokeStyle = colour(o.halo);
			c.lineWidth = 3.5;
			c.lineJoin = 'round';
			c.strokeText(s, px, y);
		}
		c.fillStyle = colour(o.fill);
		c.fillText(s, px, y);
	}
	// The longest of @texts that fits between the instants a and b, at the visible start of the bar.
	function inside(c, a, b, y, texts, o) {
		const x0 = Math.max(0, x(a)) + 7, room = Math.min(A.W, x(b)) - x0 - 5, s = texts.find(t => textWidth(t) <= room);
		if (s !== undefined)
			text(c, s, x0, y, o);
		return s !== undefined;
	}
	function rule(c, y, name) {
		c.fillStyle = colour(name || 'grid');
		c.fillRect(0, Math.round(y), A.W, 1);
	}

	// --- bins ---
	// Bins of at least 3 px: neighbours are merged, aligned to multiples so that panning does not shimmer.
	function bins(binUs, n) {
		const px = A.W * binUs / (A.view[1] - A.view[0]), k = Math.max(1, Math.ceil(3 / px));
		const first = Math.max(0, Math.floor((A.view[0] - L.from_us) / binUs));
		return { k, from: Math.floor(first / k) * k, to: Math.min(n, Math.ceil((A.view[1] - L.from_us) / binUs)), bin: binUs, n };
	}
	function merged(a, i, k) {
		const e = Math.min(a.length, i + k);
		let s = 0;
		for (let j = i; j < e; j++)
			s += a[j];
		return s / (e - i);
	}
	const startX = (b, i) => clampX(L.from_us + i * b.bin), endX = (b, i) => clampX(L.from_us + Math.min(b.n, i + b.k) * b.bin);
	// What a lane's height stands for: the highest bin; unless @whole (peaks are what a herd is about) a few bins that tower over
	// all others are cut off.
	function scale(b, lanes, whole) {
		const v = [];
		lanes.forEach(a => {
			for (let i = b.from; i < b.to; i += b.k) {
				const m = merged(a, i, b.k);
				if (m > 0)
					v.push(m);
			}
		});
		if (!v.length)
			return 0;
		v.sort((p, q) => p - q);
		const top = v[v.length - 1], usual = v[Math.floor(v.length * 0.95)] * 1.5;
		return !whole && v.length >= 20 && top > usual * 1.6 ? usual : top;
	}
	// A step area from y0 of at most h; dir -1 grows up, +1 down. @lift: what it stands on.
	function steps(c, b, a, y0, dir, per, h, lift) {
		let any = false;
		c.beginPath();
		for (let i = b.from; i < b.to; i += b.k) {
			const v = merged(a, i, b.k), base = lift ? Math.min(h, merged(lift, i, b.k) * per) : 0;
			if (v <= 0)
				continue;
			const xa = startX(b, i), top = Math.min(h, base + Math.max(1, v * per));
			c.rect(xa, dir < 0 ? y0 - top : y0 + base, Math.max(1, endX(b, i) - xa), top - base);
			any = true;
		}
		return any;
	}
	// The outline of all that stands on y0.
	function outline(c, b, a, y0, dir, per, h, name) {
		let open = false;
		c.beginPath();
		for (let i = b.from; i < b.to; i += b.k) {
			const v = merged(a, i, b.k), y = v > 0 ? y0 + dir * Math.min(h, Math.max(1, v * per)) : y0;
			if (v > 0 && !open)
				c.moveTo(startX(b, i), y0);
			if (v > 0 || open)
				c.lineTo(startX(b, i), y);
			if (v > 0)
				c.lineTo(endX(b, i), y);
			open = v > 0;
		}
		c.strokeStyle = colour(name);
		c.lineWidth = 0.9;
		c.stroke();
	}
	// A notch where a bar is cut off.
	function notches(c, b, a, y, per, h, dir) {
		let any = false;
		c.beginPath();
		for (let i = b.from; i < b.to; i += b.k) {
			if (merged(a, i, b.k) * per <= h + 0.5)
				continue;
			c.moveTo(startX(b, i) - 1, y + dir * 5);
			c.lineTo(endX(b, i) + 1, y + dir * 3);
			any = true;
		}
		c.strokeStyle = colour('card');
		c.lineWidth = 1.6;
		c.stroke();
		return any;
	}

	// Series of bins: those that grow up stack (or lie `over` the stack), those that go down stack below.
	function drawBars(c, row) {
		const g = row.group, down = row.down, upH = g.hasDown ? Math.round(row.plot * (g.split || 0.62)) : row.plot, downH = row.plot - upH;
		const b = bins(row.bin_us, row.bins), y0 = upH;
		const top = scale(b, g.rows.filter(r => r.up).map(r => r.up), !g.clip), low = g.hasDown ? scale(b, g.rows.filter(r => r.down).map(r => r.down), !g.clip) : 0;
		const per = top ? upH / top : 0, perDown = low ? downH / low : 0, lift = { up: null, down: null };
		row.scaleText = [top ? row.amount(top) : '', low ? row.amount(low) : ''];
		rule(c, 0);
		row.series.forEach(s => {
			const up = s.place !== 'down', key = up ? 'up' : 'down';
			if (s.place === 'none')
				return;
			if (steps(c, b, s.values, y0, up ? -1 : 1, up ? per : perDown, up ? upH : downH, s.over ? null : lift[key])) {
				const k = R.look(s.look);
				paint(c, { fill: k.fill, hatch: k.hatch });
				if (k.line && !lift[key])
					outline(c, b, s.values, y0, up ? -1 : 1, up ? per : perDown, up ? upH : downH, k.line);
			}
			if (!s.over)
				lift[key] = lift[key] ? lift[key].map((v, i) => v + s.values[i]) : s.values;
		});
		let cut = row.up ? notches(c, b, row.up, 0, per, upH, 1) : false;
		cut = (down && notches(c, b, down, row.plot, perDown, downH, -1)) || cut;
		row.cut = cut;
		rule(c, y0 - 0.5, 'mute');
		drawPoints(c, row);
	}
	// Instants as ticks under the plot, one rug for each kind.
	function drawPoints(c, row) {
		let y = row.plot + 2;
		(row.points || []).forEach(p => {
			if (!p.at.length)
				return;
			const name = R.look(p.look).fill;
			c.beginPath();
			c.fillStyle = colour(name);
			p.at.forEach(q => {
				if (!inView(q[0], q[0] + 1))
					return;
				const px = x(q[0]);
				if (p.look === 'stale') {
					c.moveTo(px - 3, y + 3);
					c.lineTo(px, y);
					c.lineTo(px + 3, y + 3);
					c.lineTo(px, y + 6);
				} else {
					c.rect(px - 0.6, y, 1.2, 6);
				}
			});
			c.fill();
			y += 8;
		});
	}

	// Durations on a logarithmic scale, in microseconds: a band from the line to p99, dots, lines.
	function drawLog(c, row) {
		const g = row.group, H = row.plot, b = bins(row.bin_us, row.bins), [e0, e1] = g.decades;
		const yOf = v => H - (Math.log10(Math.max(1, v)) - e0) / (e1 - e0) * H;
		for (let e = e0; e <= e1; e++)
			rule(c, Math.min(H - 1, yOf(10 ** e)));
		const p50 = row.series.find(s => s.look === 'p50');
		row.series.forEach(s => {
			const name = R.look(s.look).fill, pts = [];
			let was = false;
			c.fillStyle = colour(name);
			for (let i = b.from; i < b.to; i += b.k) {
				const [v, m] = pick(s.values, i, b, s.look);
				if (v === null) {
					was = false;
					continue;
				}
				const xa = startX(b, i), xb = endX(b, i);
				if (s.look === 'p99') {
					const low = p50 ? pick(p50.values, i, b, 'p50')[0] : null;
					c.fillRect(xa, yOf(m), xb - xa, Math.max(1, yOf(low === null ? m : low) - yOf(m)));
				} else if (s.look === 'max') {
					c.beginPath();
					c.arc((xa + xb) / 2, Math.max(1.6, yOf(m)), 1.5, 0, 7);
					c.fill();
				} else {
					pts.push({ move: !was, x: xa, y: yOf(v) }, { x: xb, y: yOf(v) });
					was = true;
				}
			}
			if (pts.length)
				line(c, pts, name, 1.8, s.look === 'two' ? [5, 2] : s.look === 'three' ? [2, 2] : null);
		});
	}
	// Of merged bins: the mean for a line, the largest for what must not be hidden.
	function pick(a, i, b, look) {
		let n = 0, s = 0, m = 0;
		for (let j = i; j < Math.min(b.n, i + b.k); j++) {
			if (R.has(a[j])) {
				n++;
				s += a[j];
				m = Math.max(m, a[j]);
			}
		}
		return n ? [look === 'p99' || look === 'max' ? m : s / n, m] : [null, 0];
	}

	// A level that lasts until the next sample, under its limit.
	function drawGauge(c, row) {
		const H = row.plot, s = row.series[0], b = bins(row.bin_us, row.bins), top = Math.max(row.limit || 0, s.peak, 1);
		const per = H * 0.94 / top;
		rule(c, 0);
		row.scaleText = [R.count(top), ''];
		c.beginPath();
		for (let i = b.from; i < b.to; i += b.k) {
			const m = pick(s.values, i, b, 'max')[1], xa = startX(b, i);
			if (m > 0)
				c.rect(xa, H - Math.max(1, m * per), Math.max(1, endX(b, i) - xa), Math.max(1, m * per));
		}
		paint(c, { fill: 'lead' });
		if (row.limit)
			line(c, [{ move: 1, x: 0, y: H - row.limit * per }, { x: A.W, y: H - row.limit * per }], 'bad', 1, [4, 3]);
		rule(c, H - 1, 'mute');
		drawPoints(c, row);
	}

	R.kinds = { bars: drawBars, log: drawLog, gauge: drawGauge };
	Object.assign(R, { x, clampX, inView, box, line, hline, inside, text, textWidth, colour, rule, paintLook: paint });
})();
