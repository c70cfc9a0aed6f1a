'use strict';
// Names and messages come from users: they reach the page through textContent and attributes of our own only.
const R = { errors: [] };
window.addEventListener('error', (e) => {
	R.errors.push(String(e.message) + ' @' + e.lineno);
	document.documentElement.dataset.errors = R.errors.length;
	document.documentElement.dataset.error = R.errors[0];
});
document.documentElement.dataset.errors = 0;

(() => {
	const data = JSON.parse(document.getElementById('data').textContent);
	R.S = data.summary;
	if (R.S && R.S.herd && R.S.herd.kind === 'none')
		R.S.herd.kind = null; // watched, and nothing to tell
	R.L = data.lanes;

	function add(node, kids) {
		kids.forEach((k) => {
			if (k === null || k === undefined || k === false)
				return;
			if (Array.isArray(k))
				add(node, k);
			else
				node.appendChild(typeof k === 'object' ? k : document.createTextNode(String(k)));
		});
		return node;
	}
	R.el = (tag, attrs, ...kids) => {
		const n = document.createElement(tag);
		Object.keys(attrs || {}).forEach((a) => {
			if (attrs[a] !== null && attrs[a] !== undefined)
				n.setAttribute(a, attrs[a]);
		});
		return add(n, kids);
	};
	R.svg = (tag, attrs, ...kids) => {
		const n = document.createElementNS('http://www.w3.org/2000/svg', tag);
		Object.keys(attrs || {}).forEach((a) => {
			if (attrs[a] !== null && attrs[a] !== undefined)
				n.setAttribute(a, attrs[a]);
		});
		return add(n, kids);
	};

	// --- words for numbers ---
	R.has = (v) => v !== null && v !== undefined && !Number.isNaN(v);
	R.count = (n) => {
		if (!R.has(n))
			return '\u2013';
		return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',');
	};
	// Three significant figures: 0.62 s is 620 ms, 22.5 s, 75 s is 1 min 15 s.
	R.dur = (s) => {
		if (!R.has(s))
			return '\u2013';
		const a = Math.abs(s), sign = s < 0 ? '\u2212' : '';
		if (a === 0)
			return '0\u00a0s';
		if (a < 1e-3)
			return sign + +(a * 1e6).toPrecision(3) + '\u00a0\u00b5s';
		if (a < 0.9995)
			return sign + +(a * 1e3).toPrecision(3) + '\u00a0ms';
		if (a < 120)
			return sign + (a < 9.995 ? a.toFixed(2) : a.toFixed(1)) + '\u00a0s';
		if (a < 7200)
			return sign + Math.floor(a / 60) + '\u00a0min ' + Math.round(a % 60) + '\u00a0s';
		return sign + Math.floor(a / 3600) + '\u00a0h ' + Math.round(a % 3600 / 60) + '\u00a0min';
	};
	// An instant of the run, given the step between what is told apart.
	R.at = (us, stepUs) => {
		const s = us / 1e6, d = stepUs >= 1e6 ? 0 : Math.min(6, Math.ceil(-Math.log10(stepUs / 1e6) - 1e-9));
		if (R.L.to_us >= 6e8) {
			const m = Math.floor(Math.abs(s) / 60), r = (Math.abs(s) % 60).toFixed(d);
			return (s < 0 ? '\u2212' : '') + m + ':' + (parseFloat(r) < 10 ? '0' : '') + r;
		}
		return s.toFixed(d).replace('-', '\u2212');
	};
	R.rate = (v) => {
		if (v >= 1e6)
			return +(v / 1e6).toPrecision(3) + ' M/s';
		if (v >= 1e4)
			return +(v / 1e3).toPrecision(3) + ' k/s';
		return (v === 0 ? '0' : v < 10 ? +v.toFixed(1) : Math.round(v)) + '/s';
	};
	R.pct = (part, whole) => {
		if (!whole)
			return null;
		const p = 100 * part / whole;
		return (p > 0 && p < 0.1 ? '<0.1' : p >= 99.95 && part < whole ? '>99.9' : p < 10 ? p.toFixed(1) : p.toFixed(p >= 99.5 ? 0 : 1)) + '\u00a0%';
	};
	R.plural = (n, one, many) => R.count(n) + ' ' + (n === 1 ? one : many || one + 's');

	R.icon = (verdict) => {
		const d = { pass: 'M3 8.5 6.5 12 13 4.5', fail: 'M4 4 12 12M12 4 4 12', unknown: 'M5 5.6C5 1.9 11 1.9 11 5.6 11 8 8 8 8 10.2M8 12.6V13.6' }[verdict];
		return R.svg('svg', { viewBox: '0 0 16 16', 'aria-hidden': 'true' },
			R.svg('path', { d: d, fill: 'none', stroke: 'currentColor', 'stroke-width': 2.4, 'stroke-linecap': 'round', 'stroke-linejoin': 'round' }));
	};

	// --- tables ---
	R.value = (v) => {
		if (!R.has(v))
			return '\u2013';
		if (typeof v === 'number')
			return Number.isInteger(v) ? R.count(v) : String(+v.toPrecision(4));
		return typeof v === 'object' ? JSON.stringify(v) : String(v);
	};

	R.table = (cols, rows) => {
		return R.el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Table' }, R.el('table', {},
			R.el('thead', {}, R.el('tr', {}, cols.map((c) => {
				return R.el('th', { scope: 'col', class: c[1] || null }, c[0]);
			}))),
			R.el('tbody', {}, rows.map((r) => {
				return R.el('tr', {}, r.map(function (v, i) { return R.el('td', { class: cols[i][1] || null }, v); }));
			}))));
	};

	R.card = (title, ...kids) => R.el('section', { class: 'card' }, R.el('h2', {}, title), ...kids);
	R.facts = (list) => R.el('dl', { class: 'facts' }, list.filter(f => R.has(f[1]) && f[1] !== '').map(f => [R.el('dt', {}, f[0]), R.el('dd', {}, f[1])]));
	R.metricWord = (m) => ({ syn: 'connection attempts', attempts: 'attempts', requests: 'requests', bytes: 'bytes', origin: 'origin fetches' })[m] || m;

	// --- theme: the system's until the reader chooses ---
	const query = window.matchMedia('(prefers-color-scheme: dark)');
	let chosen = null;
	try { chosen = localStorage.getItem('chaos-theme'); } catch (e) { chosen = null; }
	if (location.hash === '#dark' || location.hash === '#light')
		chosen = location.hash.slice(1);
	function theme() {
		const t = chosen === 'dark' || chosen === 'light' ? chosen : query.matches ? 'dark' : 'light';
		document.documentElement.dataset.theme = t;
		document.getElementById('theme').textContent = t === 'dark' ? 'Light theme' : 'Dark theme';
		if (R.tl)
			R.tl.theme();
	}
	document.getElementById('theme').addEventListener('click', () => {
		chosen = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
		try { localStorage.setItem('chaos-theme', chosen); } catch (e) { /* a file:// page may have no storage */ }
		theme();
	});
	if (query.addEventListener)
		query.addEventListener('change', theme);
	theme();
})();
