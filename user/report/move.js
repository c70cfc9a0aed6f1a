// Moving about: mouse, wheel, fingers, keys, and from one lost write to the next.
(() => {
	const A = R.axis, T = R.tl, $ = id => document.getElementById(id), body = $('tlbody');
	const MIN_SPAN = 2000; // us: below it a bin of 10 ms is all there is to see

	function setView(a, b) {
		const len = Math.max(MIN_SPAN, Math.min(A.full[1] - A.full[0], b - a));
		a = Math.max(A.full[0], Math.min(A.full[1] - len, a));
		A.view = [a, a + len];
		T.redraw();
	}
	function zoom(f, t) {
		if (t === undefined)
			t = T.cur !== null && T.cur > A.view[0] && T.cur < A.view[1] ? T.cur : (A.view[0] + A.view[1]) / 2;
		const len = Math.max(MIN_SPAN, (A.view[1] - A.view[0]) * f), part = (t - A.view[0]) / (A.view[1] - A.view[0]);
		setView(t - part * len, t - part * len + len);
	}
	function pan(f) {
		const d = (A.view[1] - A.view[0]) * f;
		setView(A.view[0] + d, A.view[1] + d);
	}
	const all = () => setView(A.full[0], A.full[1]);
	function timeAt(clientX) {
		const r = T.axis.getBoundingClientRect();
		return A.view[0] + Math.max(0, Math.min(1, (clientX - r.left) / r.width)) * (A.view[1] - A.view[0]);
	}
	function onPlot(e) {
		const r = T.axis.getBoundingClientRect();
		return e.clientX >= r.left && e.clientX <= r.right;
	}
	function point(t) {
		T.cur = t;
		T.read();
	}

	// --- one pointer marks or pans, two pinch ---
	const down = new Map();
	let drag = null, pinch = null;
	function startPinch() {
		const [p, q] = [...down.values()];
		drag = null;
		T.brush.style.display = 'none';
		pinch = { view: A.view.slice(), a: p, b: q };
	}
	// What was under each finger stays under it.
	function movePinch() {
		const r = T.axis.getBoundingClientRect(), v = pinch.view, [p, q] = [...down.values()];
		const at = px => v[0] + (px - r.left) / r.width * (v[1] - v[0]), ta = at(pinch.a), tb = at(pinch.b);
		if (Math.abs(p - q) < 8 || Math.abs(tb - ta) < 1)
			return;
		const perPx = (tb - ta) / (q - p), from = ta - (p - r.left) * perPx;
		if (perPx > 0)
			setView(from, from + perPx * r.width);
	}
	body.addEventListener('pointerdown', e => {
		if (e.button !== 0 || !onPlot(e) || e.target.closest('button'))
			return;
		down.set(e.pointerId, e.clientX);
		body.setPointerCapture(e.pointerId);
		if (down.size === 2) {
			startPinch();
			return;
		}
		drag = { x: e.clientX, t: timeAt(e.clientX), view: A.view.slice(), pan: e.shiftKey || e.pointerType === 'touch' };
		body.classList.toggle('panning', drag.pan);
		if (e.pointerType !== 'touch')
			e.preventDefault();
		body.focus({ preventScroll: true });
	});
	body.addEventListener('pointermove', e => {
		if (down.has(e.pointerId))
			down.set(e.pointerId, e.clientX);
		if (pinch && down.size === 2) {
			movePinch();
			return;
		}
		if (drag && drag.pan) {
			const d = (e.clientX - drag.x) / A.W * (drag.view[1] - drag.view[0]);
			setView(drag.view[0] - d, drag.view[1] - d);
			point(timeAt(e.clientX));
			return;
		}
		if (!drag && !onPlot(e)) {
			if (T.cur !== null)
				point(null);
			return;
		}
		T.cur = timeAt(e.clientX);
		if (drag && Math.abs(e.clientX - drag.x) > 4) {
			T.brush.style.display = 'block';
			T.brush.style.left = T.left + Math.min(R.x(drag.t), R.x(T.cur)) + 'px';
			T.brush.style.width = Math.abs(R.x(T.cur) - R.x(drag.t)) + 'px';
		}
		T.read();
	});
	function release(e, keep) {
		down.delete(e.pointerId);
		if (drag && keep && Math.abs(e.clientX - drag.x) <= 4)
			point(timeAt(e.clientX));
		else if (drag && !drag.pan && keep) {
			const t = timeAt(e.clientX);
			setView(Math.min(t, drag.t), Math.max(t, drag.t));
		}
		drag = pinch = null;
		T.brush.style.display = 'none';
		body.classList.remove('panning');
	}
	body.addEventListener('pointerup', e => release(e, true));
	body.addEventListener('pointercancel', e => release(e, false));
	body.addEventListener('pointerleave', () => {
		if (!drag && !pinch && T.cur !== null)
			point(null);
	});
	body.addEventListener('dblclick', e => {
		if (onPlot(e) && !e.target.closest('button'))
			all();
	});
	// A bare wheel scrolls the page, which is longer than the screen; with Ctrl (a trackpad's pinch too) it zooms, sideways it pans.
	body.addEventListener('wheel', e => {
		if (!onPlot(e))
			return;
		if (e.ctrlKey || e.metaKey || e.altKey) {
			e.preventDefault();
			zoom(Math.exp(Math.max(-60, Math.min(60, e.deltaY)) * 0.005), timeAt(e.clientX));
		} else if (Math.abs(e.deltaX) > Math.abs(e.deltaY) || e.shiftKey) {
			e.preventDefault();
			pan((e.deltaX || e.deltaY) / A.W);
		}
	}, { passive: false });

	// --- lost writes: one after the other ---
	const lost = R.lost();
	let which = -1;
	function jump(step) {
		if (!lost.length)
			return;
		which = (which + step + lost.length) % lost.length;
		if (which < 0)
			which = 0;
		const p = lost[which], len = Math.min(A.full[1] - A.full[0], Math.max(2e5, Math.min(A.view[1] - A.view[0], (A.full[1] - A.full[0]) / 12)));
		T.cur = p.at;
		setView(p.at - len / 2, p.at + len / 2);
		T.read();
		const row = [].concat(...T.groups.filter(g => g.id === 'writes').map(g => g.rows)).find(r => r.label === p.node);
		if (row)
			row.canvas.scrollIntoView({ block: 'nearest', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
		const words = (p.n > 1 ? R.count(p.n) + ' writes' : 'A write') + ' acknowledged beside ' + p.node + ' at ' + R.at(p.at, 1e3) + (R.L.to_us >= 6e8 ? '' : ' s') + ', lost later';
		$('lost-words').textContent = words;
		$('say').textContent = words;
		document.documentElement.dataset.lost = which;
	}
	R.jumpLost = jump;
	if (lost.length) {
		$('lost').hidden = false;
		$('lost-words').textContent = R.plural(lost.reduce((s, p) => s + p.n, 0), 'lost write');
		$('lost-next').addEventListener('click', () => jump(1));
		$('lost-prev').addEventListener('click', () => jump(-1));
	}

	const KEYS = {
		'+': () => zoom(0.6), '=': () => zoom(0.6), '-': () => zoom(1 / 0.6), '_': () => zoom(1 / 0.6),
		'0': () => { T.cur = null; all(); }, Escape: () => { T.cur = null; all(); },
		Home: () => setView(A.full[0], A.full[0] + A.view[1] - A.view[0]), End: () => setView(A.full[1] - A.view[1] + A.view[0], A.full[1]),
		ArrowLeft: () => pan(-0.2), ArrowRight: () => pan(0.2), n: () => jump(1), p: () => jump(-1)
	};
	body.addEventListener('keydown', e => {
		if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest('button') && (e.key === 'Enter' || e.key === ' '))
			return;
		const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
		if (step && e.shiftKey) {
			T.cur = T.cur === null ? (A.view[0] + A.view[1]) / 2 : Math.max(A.view[0], Math.min(A.view[1], T.cur + step * (A.view[1] - A.view[0]) / 100));
			T.read();
			T.say();
		} else if (KEYS[e.key]) {
			KEYS[e.key]();
		} else {
			return;
		}
		e.preventDefault();
	});
	$('z-in').addEventListener('click', () => zoom(0.6));
	$('z-out').addEventListener('click', () => zoom(1 / 0.6));
	$('z-all').addEventListener('click', all);

	document.documentElement.dataset.ready = 1;
	const m = /^#t=([\d.]+),([\d.]+)$/.exec(location.hash); // link to a part of the run, in seconds
	if (m)
		setView(m[1] * 1e6, m[2] * 1e6);
})();
