// The lanes: groups of rows, made of what analysis__lanes() gives. A group is {id, title, what, legend, rows}; a row is
// {label, sub, kind, h, series ...} and says in words what it shows: as a whole (rest) and at an instant (at).
(() => {
	const L = R.L, sum = a => a.reduce((p, v) => p + v, 0), spanAt = (list, t) => list.find(s => s[0] <= t && t < s[1]);
	const rate = (n, binUs) => R.rate(n / (binUs / 1e6));
	const MAIN = 58, SMALL = 42;

	// --- rows of series in bins ---
	function addUp(row, place) {
		const own = row.series.filter(s => (s.place === 'down' ? 'down' : s.place || 'up') === place);
		if (!own.length)
			return null;
		const out = new Array(row.bins).fill(0), over = new Array(row.bins).fill(0);
		own.forEach(s => s.values.forEach((v, i) => {
			if (s.over)
				over[i] = Math.max(over[i], v || 0);
			else
				out[i] += v || 0;
		}));
		return out.map((v, i) => Math.max(v, over[i]));
	}
	function binAt(row, t) {
		const i = Math.floor((t - L.from_us) / row.bin_us);
		return i >= 0 && i < row.bins ? i : -1;
	}
	const isBad = s => (s.look === 'lost' || s.look === 'dropped');
	function barsRow(row) {
		row.bins = row.series[0].values.length;
		row.series.forEach(s => { s.total = R.has(s.total) ? s.total : sum(s.values); });
		row.up = addUp(row, 'up');
		row.down = addUp(row, 'down');
		row.amount = v => rate(v, row.bin_us);
		const words = list => list.map(p => p[0] + ' ' + p[1].name).join(', ');
		row.rest = row.rest || (() => {
			const [first, ...more] = row.series, rest = more.filter(s => s.total > 0);
			return [R.count(first.total) + ' ' + first.name, words(rest.map(s => [R.count(s.total), s])) || null, rest.some(isBad)];
		});
		row.at = row.at || (t => {
			const i = binAt(row, t);
			if (i < 0)
				return ['\u2013'];
			const [first, ...more] = row.series, rest = more.filter(s => s.values[i] > 0);
			return [rate(first.values[i], row.bin_us) + ' ' + first.name, words(rest.map(s => [rate(s.values[i], row.bin_us), s])) || null, rest.some(isBad)];
		});
		return row;
	}
	function logRow(row) {
		const d = v => R.dur(v / 1e6);
		row.bins = row.series[0].values.length;
		row.rest = row.rest || (() => {
			const middle = v => v.filter(R.has).sort((p, q) => p - q)[Math.floor(v.filter(R.has).length / 2)];
			const [first, ...more] = row.series.map(s => s.name + ' ' + d(middle(s.values)));
			return [first, more.join(', ') ? more.join(', ') + ' (median bins)' : null];
		});
		row.at = t => {
			const i = binAt(row, t), on = i < 0 ? [] : row.series.filter(s => R.has(s.values[i]));
			return on.length ? [on[0].name + ' ' + d(on[0].values[i]), on.slice(1).map(s => s.name + ' ' + d(s.values[i])).join(', ')] : [row.none || 'nothing measured'];
		};
		return row;
	}
	function gaugeRow(row) {
		const s = row.series[0];
		row.bins = s.values.length;
		s.peak = s.values.reduce((m, v) => Math.max(m, v || 0), 0);
		const over = sum((row.points || []).map(p => sum(p.at.map(q => q[1]))));
		// without points the limit is no room that can be full, but what is right
		const room = (row.points || []).length > 0, bad = v => row.limit && (room ? v >= row.limit : v > row.limit);
		row.rest = () => ['at most ' + R.count(s.peak) + (room && row.limit ? ' of ' + R.count(row.limit) : '') + ' ' + s.name,
			!room ? null : over ? R.plural(over, 'overflow') : 'never overflowed', room ? over > 0 : bad(s.peak)];
		row.at = t => {
			const i = binAt(row, t);
			return [i < 0 || !R.has(s.values[i]) ? '\u2013' : R.count(s.values[i]) + ' ' + s.name,
				room && row.limit ? 'of ' + R.count(row.limit) : null, bad(s.values[i])];
		};
		return row;
	}
	const DETAIL = ['connections', 'resent', 'times', 'queues', 'drops', 'resets'];
	const MAKE = { bars: barsRow, log: logRow, gauge: gaugeRow };

	// What every row of a group shares: its legend, its scale, whether anything grows down.
	function finish(g) {
		const seen = new Map();
		g.rows = g.rows.filter(r => !MAKE[r.kind] || (r.series.length && r.series[0].values.length));
		if (!g.rows.length)
			return null;
		g.rows.forEach(r => {
			r.group = g;
			if (MAKE[r.kind])
				MAKE[r.kind](r);
			(r.series || []).concat(r.points || []).forEach(s => {
				if (s.total !== 0 && s.place !== 'none' && !seen.has(s.look) && (!s.at || s.at.length))
					seen.set(s.look, s);
			});
		});
		g.hasDown = g.rows.some(r => r.down && r.down.some(v => v > 0));
		g.legend = g.legend || [...seen.values()].map(s => R.key(s.look, s.name, !!s.at, g.rows[0].kind));
		g.rows.forEach(r => {
			const rugs = (r.points || []).filter(p => p.at.length).length;
			r.plot = r.plot || (g.rows.length > 6 ? SMALL : MAIN);
			r.h = r.h || r.plot + 8 * rugs + (rugs ? 2 : 0);
			r.gap = R.has(r.gap) ? r.gap : r.kind === 'log' ? 14 : 8;
		});
		decades(g);
		// many rows of detail that explain nothing by themselves can wait until they are asked for
		g.folded = g.rows.length > 5 && DETAIL.indexOf(g.id) >= 0 && !(R.S.herd || {}).kind;
		return g;
	}
	function decades(g) {
		const rows = g.rows.filter(r => r.kind === 'log');
		let lo = Infinity, hi = 1;
		rows.forEach(r => r.series.forEach(s => s.values.forEach(v => {
			if (R.has(v)) {
				hi = Math.max(hi, v);
				lo = Math.min(lo, Math.max(1, v));
			}
		})));
		if (lo === Infinity)
			return;
		const e0 = Math.floor(Math.log10(lo)), e1 = Math.max(e0 + 1, Math.ceil(Math.log10(hi) - 1e-9));
		g.decades = [e0, e1];
		rows.forEach(r => {
			r.marks = [];
			for (let e = e0; e <= e1; e += e1 - e0 > 3 ? 2 : 1)
				r.marks.push([r.plot - (e - e0) / (e1 - e0) * r.plot, R.dur(10 ** (e - 6)).replace(/\.0+(?=\D)/, '')]);
		});
	}

	// --- faults and roles ---
	function faultGroup() {
		return { id: 'faults', title: 'Faults', legend: [
			R.swatch('fault', 'on'), L.faults.some(f => f.windows.some(w => !w.applied)) ? R.swatch('planned', 'planned, not applied') : null,
			L.faults.some(f => f.windows.some(w => R.has(w.first_hit_us))) ? R.swatch('hit', 'first packet hit') : null],
			rows: L.faults.map(f => ({
				label: f.name, sub: f.mechanism, kind: 'fault', fault: f, h: 24, gap: 4,
				rest() {
					const on = f.windows.filter(w => w.applied);
					return [!on.length ? 'not applied' : f.dropped > 0 ? R.count(f.dropped) + ' packets dropped' :
						'on for ' + R.dur(sum(on.map(w => w.to_us - w.from_us)) / 1e6)];
				},
				at(t) {
					const w = f.windows.find(v => v.from_us <= t && t < v.to_us);
					return [w ? (w.applied ? 'on for ' + R.dur((t - w.from_us) / 1e6) : 'planned') : 'off'];
				}
			})) };
	}
	function roleGroup(res) {
		const word = res.system === 'etcd' ? 'term' : 'epoch', over = res.overlaps.filter(o => o.certain);
		const spans = name => res.nodes.some(n => n.spans.some(s => s[2] === name));
		const may = res.nodes.some(n => n.claims.some(c => c.out_to_us - c.out_from_us > c.to_us - c.from_us));
		const rows = res.nodes.map(n => ({
			label: n.node, sub: hostOf(n.node), kind: 'role', node: n, res, over, word, h: hostOf(n.node) ? 34 : 28, gap: 0,
			rest() {
				const led = sum(n.claims.map(c => c.to_us - c.from_us)), s = n.spans[n.spans.length - 1];
				return [led ? 'led ' + R.dur(led / 1e6) : !n.samples ? 'no sample' : res.leads ? 'never led' : s && s[4] ? s[4] : 'names nobody'];
			},
			at(t) {
				const s = spanAt(n.spans, t), gap = spanAt(n.gaps, t), epoch = s && R.has(s[3]) ? ', ' + word + ' ' + s[3] : '';
				if (!s || (gap && s[2] !== 'error'))
					return ['no valid sample'];
				if (!res.leads && s[2] !== 'error')
					return [(s[4] || 'names nobody') + epoch];
				const role = s[2] === 'leader' ? 'leads' : s[2] === 'follower' ? 'follows' + (s[4] ? ' ' + s[4] : '') : s[2] === 'error' ? 'no answer' : s[2];
				return [role + epoch, null, over.some(o => o.from_us <= t && t < o.to_us && o.nodes.indexOf(n.node) >= 0)];
			}
		}));
		if (res.overlaps.length)
			rows.unshift({ label: '', kind: 'overlap', res, over, word, h: 18, gap: 0, rest: () => [''], at: () => [''] });
		return { id: res.leads ? 'roles' : 'views', title: (res.leads ? 'Who says it leads: ' : 'Whom each takes for the leader: ') + res.resource,
			rows, legend: [
				res.leads ? R.swatch('lead', 'claims to lead') : R.swatch('may', 'its view, a bar for each'),
				may ? R.swatch('maylead', 'may claim (between samples)') : null, over.length ? R.swatch('two', 'two lead at once') : null,
				res.leads ? R.swatch('follow', 'follows') : null, spans('candidate') ? R.swatch('candidate', 'candidate') : null,
				spans('error') ? R.swatch('error', 'no answer') : null, res.nodes.some(n => n.gaps.length) ? R.swatch('gap', 'no valid sample') : null] };
	}

	// The machine of a cluster that a pod was on.
	function hostOf(node) {
		const on = (L.hosts || {})[node];
		return on ? 'on ' + on.join(', then ') : null;
	}
	// Where the cut put a node, in a word or two.
	function sideOf(node) {
		const cut = L.faults.find(f => f.sides.length > 1), side = cut && cut.sides.find(s => s.indexOf(node) >= 0);
		if (!side)
			return null;
		return side.length === 1 ? 'cut off alone' : side.length > 4 ? 'with ' + (side.length - 1) + ' others' :
			'with ' + side.filter(n => n !== node).join(', ');
	}
	function writeGroup() {
		const plain = L.ops.checked === false;
		return { id: 'writes', title: (plain ? 'Requests' : 'Writes') + ', by the node that the client is beside', split: 0.6, clip: true, rows: L.ops.nodes.map(n => ({
			label: n.node, sub: [hostOf(n.node), sideOf(n.node)], kind: 'bars', bin_us: L.ops.bin_us,
			series: [{ name: 'acknowledged', look: 'acked', values: n.acked, total: n.acked_total },
				{ name: 'acknowledged, later lost', look: 'lost', values: n.lost, total: n.lost_total, over: true },
				{ name: 'failed', look: 'failed', values: n.failed, total: n.failed_total, place: 'down' },
				{ name: 'of unknown outcome', look: 'unknown', values: n.unknown, total: n.unknown_total, place: 'down' },
				{ name: 'stale reads', look: 'stale', values: n.stale, total: n.stale_total, place: 'none' }],
			points: [{ look: 'lost', name: 'lost writes, when acknowledged', at: n.lost_points }, { look: 'stale', name: 'stale reads', at: n.stale_points }],
			rest() {
				const bad = n.failed_total + n.unknown_total;
				return [R.count(n.acked_total) + ' acknowledged', n.lost_total ? R.count(n.lost_total) + ' of them lost' : bad ?
					R.count(bad) + ' failed or unknown' : plain ? 'none failed' : 'none lost, none failed', n.lost_total > 0];
			}
		})) };
	}
	function latencyGroup() {
		const l = L.latency, q = (R.S.latency || {}), any = a => a && a.some(R.has);
		function row(label, sub, p, sums) {
			const of = k => l[p + k + '_us'] || [];
			return { label, sub, kind: 'log', bin_us: l.bin_us, plot: 64, none: 'none answered',
				series: [{ name: 'p99', look: 'p99', values: of('p99') }, { name: 'max', look: 'max', values: of('max') }, { name: 'p50', look: 'p50', values: of('p50') }].filter(s => any(s.values)),
				rest: () => [R.has(sums.p50) ? 'p50 ' + R.dur(sums.p50 / 1e3) : '\u2013',
					R.has(sums.p99) ? 'p99 ' + R.dur(sums.p99 / 1e3) + (R.has(sums.max) ? ', max ' + R.dur(sums.max / 1e3) : '') : null] };
		}
		return { id: 'latency', title: 'Latency of answered operations', rows: [
			row('as intended', 'from due time', '', q.intended_ms || {}), row('of service', 'from the send', 'service_', q.service_ms || {})
		].filter(r => r.series.length) };
	}
	function trafficGroup() {
		const T = L.traffic;
		return { id: 'traffic', title: 'Traffic at each node', split: 0.7, rows: T.nodes.map(n => ({
			label: n.node, sub: hostOf(n.node), kind: 'bars', bin_us: T.bin_us, plot: SMALL,
			series: [{ name: 'packets', look: 'packets', values: n.packets, total: n.packets_total },
				{ name: 'dropped by the fault', look: 'dropped', values: n.dropped, total: n.dropped_total, over: true },
				{ name: 'SYN sent', look: 'syn', values: n.syn, total: n.syn_total, place: 'down' }],
			rest: () => [R.count(n.packets_total) + ' packets', R.count(n.dropped_total) + ' dropped, ' + R.count(n.syn_total) + ' SYN', false]
		})) };
	}

	const lanes = test => (L.groups || []).filter(g => test(g.id));
	R.groups = () => [faultGroup()].concat(L.roles.map(roleGroup), lanes(id => id === 'wire'), [writeGroup()], lanes(id => id === 'attempts'),
		[latencyGroup()], lanes(id => id !== 'attempts' && id !== 'wire'), [trafficGroup()]).map(finish).filter(Boolean);
	// Every instant at which something was acknowledged that was lost later, in order.
	R.lost = () => [].concat(...L.ops.nodes.map(n => n.lost_points.map(p => ({ at: p[0], n: p[1], node: n.node })))).sort((a, b) => a.at - b.at);
})();
