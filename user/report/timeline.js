// The lanes on one time axis: built once, drawn for what is in view. Only rows on the screen are drawn at once; others when
// they come into it.
(() => {
	const L = R.L, A = R.axis, { el, x } = R, body = document.getElementById('tlbody'), root = document.documentElement.dataset;
	const T = R.tl = { cur: null, groups: [], printing: false };
	const PRINT_W = 786;
	let queued = false, frame = 0;

	// --- building the page once ---
	const backdrop = el('canvas', { class: 'backdrop', 'aria-hidden': 'true' }), atBox = el('div', { class: 'at' });
	const axis = T.axis = el('canvas', { class: 'plot axisplot', 'aria-hidden': 'true' });
	const cursor = el('div', { class: 'cursor' }), where = el('i', {});
	T.brush = el('div', { class: 'brush' });

	const seen = window.IntersectionObserver ? new IntersectionObserver(list => {
		list.forEach(e => { e.target.row.seen = e.isIntersecting; });
		if (list.some(e => e.isIntersecting && e.target.row.drawn !== frame))
			redraw(true);
	}, { rootMargin: '300px' }) : null;

	function buildRow(r) {
		const subs = [].concat(r.sub).filter(Boolean);
		const marks = (r.marks || []).map(m => el('span', { class: 'mark tick', style: 'top:' + m[0] + 'px' }, m[1]));
		r.mark = el('span', { class: 'mark' });
		r.foot = el('span', { class: 'mark', style: 'top:' + ((r.plot || r.h) - 10) + 'px' });
		r.canvas = el('canvas', { class: 'plot', style: 'height:' + r.h + 'px', role: 'img' });
		r.canvas.row = r;
		r.out = el('div', { class: 'val' });
		r.seen = !seen;
		if (seen)
			seen.observe(r.canvas);
		return el('div', { class: 'row3 lane k-' + r.kind + (r.h < 30 ? ' low' : ''), style: 'margin-bottom:' + r.gap + 'px;min-height:' + r.h + 'px' },
			el('div', { class: 'lab', title: [r.label].concat(subs).join(', ') }, el('span', { class: 'nm' }, r.label), r.h > 30 ? subs.map(s => el('span', { class: 'sub' }, s)) : null, r.mark, r.foot, marks),
			r.canvas, r.out);
	}
	function buildGroup(g, i) {
		const id = 'g' + i, rows = el('div', { class: 'rows', id }, g.rows.map(buildRow));
		const fold = el('button', { type: 'button', class: 'fold', 'aria-expanded': String(!g.folded), 'aria-controls': id },
			el('span', { class: 'chev', 'aria-hidden': 'true' }), g.title, g.folded ? el('span', { class: 'more' }, R.plural(g.rows.length, 'lane')) : null);
		g.cut = el('span', { class: 'cutkey', hidden: '' }, 'a notched bar goes off the scale');
		fold.addEventListener('click', () => {
			const open = fold.getAttribute('aria-expanded') !== 'true';
			fold.setAttribute('aria-expanded', String(open));
			g.node.classList.toggle('folded', !open);
			redraw();
		});
		g.node = el('section', { class: 'grp g-' + g.id + (g.folded ? ' folded' : ''), 'aria-label': g.title },
			el('header', {}, el('h3', {}, fold, R.whatIs(g.title, g.what || R.what[g.id])), el('div', { class: 'legend', 'aria-hidden': 'true' }, g.legend, g.cut)), rows);
		return g.node;
	}
	function build() {
		body.append(backdrop, el('div', { class: 'axis' },
			el('div', { class: 'row3' }, el('div', { class: 'name' }, L.to_us >= 6e8 ? 'run time, min:s' : 'run time, s'), axis, atBox),
			el('div', { class: 'where' }, where)));
		T.groups = R.groups();
		T.groups.forEach((g, i) => body.appendChild(buildGroup(g, i)));
		body.append(cursor, T.brush);
	}

	// --- the axis, and what runs through all lanes ---
	function ticks() {
		const want = (A.view[1] - A.view[0]) / Math.max(2, A.W / 95), p = 10 ** Math.floor(Math.log10(want));
		let step = [1, 2, 5, 10].map(m => m * p).find(s => s >= want) || 10 * p;
		if (L.to_us >= 6e8 && want > 1e7)
			step = [15e6, 30e6, 60e6, 120e6, 300e6, 600e6, 1800e6, 3600e6, 7200e6, 14400e6].find(s => s >= want) || step;
		const out = [];
		for (let t = Math.ceil(A.view[0] / step - 1e-9) * step; t <= A.view[1] + step * 1e-6; t += step)
			out.push(t);
		return { list: out, step };
	}
	// The instants of a cut are lines through all lanes; other faults are shaded, and named once.
	const edges = [].concat(...L.faults.map(f => {
		const cut = f.parts.indexOf('partition') >= 0;
		return [].concat(...f.windows.filter(w => w.applied).map((w, i) => [
			cut || !i ? { t: w.from_us, s: cut ? 'cut' : f.name, rank: cut ? 0 : 2, line: cut } : null,
			cut && w.to_us < A.full[1] ? { t: w.to_us, s: 'heal', rank: 1, line: true } : null])).filter(Boolean);
	})).sort((a, b) => a.rank - b.rank || a.t - b.t);

	// Shades, lines of the grid and of the cut: the same at every height.
	function behind(c, h, tk) {
		L.faults.forEach(f => f.windows.forEach(w => {
			if (w.applied)
				R.box(c, w.from_us, w.to_us, 0, h, { fill: 'fault-band' });
		}));
		c.fillStyle = R.colour('grid');
		tk.list.forEach(t => c.fillRect(Math.round(x(t)), 0, 1, h));
		c.fillStyle = R.colour('fault');
		c.globalAlpha = 0.55;
		let last = -9;
		edges.filter(e => e.line).map(e => x(e.t)).sort((a, b) => a - b).forEach(p => {
			if (p > -1 && p < A.W + 1 && p - last >= 3) {
				last = p;
				c.fillRect(Math.round(p), 0, 1, h);
			}
		});
		c.globalAlpha = 1;
	}
	// A canvas of @h CSS pixels, cleared; one of a print is fine enough for paper.
	function page(canvas, h) {
		const c = canvas.getContext('2d'), w = Math.round(A.W * A.ratio), high = Math.max(1, Math.round(h * A.ratio));
		if (canvas.width !== w || canvas.height !== high) {
			canvas.width = w;
			canvas.height = high;
		}
		c.setTransform(A.ratio, 0, 0, A.ratio, 0, 0);
		c.clearRect(0, 0, A.W, h);
		return c;
	}
	function drawAxis(tk) {
		const c = page(axis, 42), taken = [];
		if (T.printing)
			behind(c, 42, tk);
		tk.list.forEach(t => {
			const s = R.at(t, tk.step), w = R.textWidth(s) / 2;
			R.text(c, s, Math.max(w, Math.min(A.W - w, x(t))), 36, { fill: 'mute', align: 'center', halo: 'card', bold: false });
		});
		edges.forEach(e => {
			const p = x(e.t), s = e.s + ' ' + R.at(e.t, Math.min(1e5, tk.step / 10)), w = R.textWidth(s) + 8, a = p + w > A.W ? p - w : p;
			if (p < -1 || p > A.W + 1 || taken.some(o => a < o[1] && o[0] < a + w))
				return;
			taken.push([a, a + w]);
			R.text(c, s, a + 4, 14, { fill: 'fault' });
		});
	}

	// --- drawing ---
	function drawRow(r, tk) {
		const c = page(r.canvas, r.h);
		if (T.printing)
			behind(c, r.h, tk);
		R.kinds[r.kind](c, r);
		r.drawn = frame;
		const marks = r.scaleText || ['', ''];
		if (r.mark.textContent !== marks[0])
			r.mark.textContent = marks[0];
		if (r.foot.textContent !== marks[1])
			r.foot.textContent = marks[1];
	}
	function place() {
		const b = axis.getBoundingClientRect(), o = body.getBoundingClientRect();
		T.left = b.left - o.left;
		if (!T.printing) {
			A.W = Math.max(120, b.width);
			backdrop.style.left = T.left + 'px';
			backdrop.style.width = A.W + 'px';
		}
	}
	// @all: rows that are not on the screen too, at once.
	function draw(all) {
		queued = false;
		const t0 = performance.now(), ratio = T.printing ? 3 : Math.min(3, window.devicePixelRatio || 1);
		if (ratio !== A.ratio) {
			A.ratio = ratio;
			R.recolour();
		}
		frame++;
		place();
		const tk = ticks(), back = page(backdrop, 1);
		if (!T.printing)
			behind(back, 1, tk);
		drawAxis(tk);
		let lanes = 0, cut = 0;
		T.groups.forEach(g => {
			const folded = g.node.classList.contains('folded') && !T.printing;
			g.rows.forEach(r => {
				lanes += r.kind !== 'overlap';
				if (!folded && (r.seen || all === true || T.printing))
					drawRow(r, tk);
			});
			cut = g.rows.some(r => r.cut);
			if (g.cut.hidden === cut)
				g.cut.hidden = !cut;
		});
		const whole = A.view[0] <= A.full[0] && A.view[1] >= A.full[1], len = A.full[1] - A.full[0];
		where.style.display = whole ? 'none' : 'block';
		where.style.left = 100 * (A.view[0] - A.full[0]) / len + '%';
		where.style.width = 100 * (A.view[1] - A.view[0]) / len + '%';
		['z-all', 'z-out'].forEach(id => { document.getElementById(id).disabled = whole; });
		read();
		root.lanes = lanes;
		root.view = Math.round(A.view[0]) + ',' + Math.round(A.view[1]);
		root.drawMs = (performance.now() - t0).toFixed(1);
	}
	function redraw() {
		if (!queued) {
			queued = true;
			requestAnimationFrame(() => draw());
		}
	}

	// The reading: every lane's value at the cursor, or its total when there is none.
	function read() {
		const on = T.cur !== null && T.cur >= A.view[0] && T.cur <= A.view[1] && !T.printing;
		atBox.replaceChildren(on ? el('span', {}, 'at ', el('b', {}, R.at(T.cur, Math.max(1e3, (A.view[1] - A.view[0]) / 2000)) + (L.to_us >= 6e8 ? '' : ' s'))) : el('span', {}, 'whole run'));
		cursor.style.display = on ? 'block' : 'none';
		if (on)
			cursor.style.left = T.left + x(T.cur) + 'px';
		T.groups.forEach(g => g.rows.forEach(r => {
			const v = on ? r.at(T.cur) : r.rest(), text = v[0] + (v[1] ? ', ' + v[1] : '');
			if (text === r.text)
				return;
			const two = v[1] && r.h > 30, bad = v[2] === true;
			r.text = text;
			r.out.title = text;
			r.canvas.setAttribute('aria-label', r.label + ': ' + text);
			r.out.replaceChildren(el('span', { class: bad && !two ? 'bad' : null }, two || !v[1] ? v[0] : text));
			if (two)
				r.out.appendChild(el('span', { class: 'sub' + (bad ? ' bad' : '') }, v[1]));
		}));
	}
	T.say = () => {
		document.getElementById('say').textContent = 'At ' + R.at(T.cur, 1e4) + ' seconds. ' + T.groups.filter(g => !g.node.classList.contains('folded'))
			.map(g => g.title + ': ' + g.rows.filter(r => r.label).map(r => r.label + ' ' + r.text).join('; ')).join('. ');
	};
	T.read = read;
	T.redraw = redraw;
	T.theme = () => {
		R.recolour();
		redraw();
	};

	// A print is about this wide, in the light theme, with every lane unfolded; the plots stretch to what the paper has.
	let theme = null;
	window.addEventListener('beforeprint', () => {
		theme = root.theme;
		root.theme = 'light';
		T.printing = true;
		A.W = PRINT_W;
		R.recolour();
		draw(true);
	});
	window.addEventListener('afterprint', () => {
		root.theme = theme || root.theme;
		T.printing = false;
		R.recolour();
		draw();
	});

	build();
	draw(true);
	if (window.ResizeObserver)
		new ResizeObserver(redraw).observe(body);
	else
		window.addEventListener('resize', redraw);
	R.draw = () => draw(true); // at once: tests need not wait for a frame
})();
