// Below the lanes: the numbers and the reasons, in tables.
(() => {
	const S = R.S, L = R.L, { el, table, card, facts, term, value } = R, $ = id => document.getElementById(id);
	const when = s => R.has(s) ? s.toFixed(3) + ' s' : '\u2013', us = t => R.has(t) ? when(t / 1e6) : '\u2013';
	const pill = (verdict, word) => el('span', { class: 'pill ' + verdict }, R.icon(verdict), word || verdict);

	function faultTables() {
		const faults = S.faults || [], out = [];
		if (faults.length)
			out.push(card('Faults, as the kernel applied them', table(
				[['Fault'], ['Mechanism'], ['Armed', 'n'], ['First packet hit', 'n'], ['Cleared', 'n'], ['Hits']],
				faults.map(f => {
					const hits = Object.keys(f.hits || {}).filter(k => f.hits[k] > 0).map(k => R.count(f.hits[k]) + ' ' + k);
					return [f.name, f.mechanism || '\u2013', when(f.armed_at_s), when(f.first_hit_at_s), when(f.cleared_at_s), hits.join(', ') || 'none'];
				}))));
		if (L.edges.length)
			out.push(card('Edges: which packets each fault met', table(
				[['Fault'], ['From'], ['To'], ['Matched', 'n'], ['Dropped', 'n'], ['First hit', 'n'], ['Last hit', 'n']],
				L.edges.map(e => [e.fault, e.from, e.to, R.count(e.matched),
					[R.count(e.dropped), e.matched ? el('span', { class: 'mute' }, '  ' + R.pct(e.dropped, e.matched)) : null], us(e.first_hit_us), us(e.last_hit_us)]))));
		return out;
	}

	// --- what the checkers say ---
	const CHECK_WORD = { pass: 'holds', fail: 'violated', unknown: 'not decided' };
	const VERB = { add: 'added', read: 'read', write: 'wrote', cas: 'set', inc: 'added', push: 'pushed', pop: 'popped', acquire: 'acquired', release: 'released' };
	const show = v => R.has(v) ? String(v) : 'nothing';
	// One operation of a witness as a sentence.
	function sentence(o, keyed) {
		const who = !R.has(o.client) ? (o.op === 'final' || /final/.test(o.op) ? 'the final read' : 'a client') : 'client ' + o.client + (o.node ? ' at ' + o.node : ''), key = keyed && R.has(o.key) ? ' of key ' + o.key : '';
		const what = /final/.test(o.op) ? 'looked for ' + show(o.value) : o.op === 'cas' ? 'set ' + show(o.expect) + ' to ' + show(o.value) : o.op === 'read' ? 'read ' + show(o.value) :
			(VERB[o.op] || o.op) + ' ' + show(o.value);
		const time = R.has(o.invoke_s) ? (R.has(o.return_s) ? 'between ' + when(o.invoke_s) + ' and ' + when(o.return_s) : 'from ' + when(o.invoke_s) + ' on, without an answer') : '';
		return [el('b', {}, who), ' ' + what + key + (time ? ', ' : ''), el('span', { class: 'mute' }, time)];
	}
	function checks() {
		const all = S.checks || [];
		if (!all.length)
			return null;
		return card('What the clients were told, checked', el('div', { class: 'checks' }, all.map(c => el('div', { class: 'check ' + c.verdict },
			el('header', {}, pill(c.verdict, CHECK_WORD[c.verdict] || c.verdict), el('b', {}, c.name), el('span', { class: 'mute' }, c.check +
				(c.violations > 0 ? ', ' + R.plural(c.violations, 'violation') : ''))),
			c.words ? el('p', {}, c.words) : null,
			(c.witness || []).length ? [el('p', { class: 'mute' }, 'The ', term('witness'), ': these operations show it.'),
				el('ol', { class: 'witness' }, c.witness.map(o => el('li', {}, sentence(o, c.witness.some(x => x.key > 0)))))] : null))));
	}
	function errors() {
		const rows = [].concat(...L.ops.nodes.map(n => n.errors.map(e => [n.node, e.outcome, R.count(e.count), e.error || 'no reason recorded'])));
		return rows.length ? card('Why operations were not acknowledged', table([['Client beside'], ['Outcome'], ['Count', 'n'], ['Error']], rows)) : null;
	}

	// --- herd ---
	const KIND = {
		'cache stampede': 'Many clients fetched the same thing from the origin at once, because the cache had nothing to give them.',
		'retry storm': 'Clients tried again and again what had failed: the servers saw several attempts for each thing wanted.',
		'reconnect flood': 'Connections that had broken were opened again all at once.',
		'connection storm': 'Far more connections were opened than are usual, without a mass break before.'
	};
	const metricName = m => R.metricWord(m.metric) + (m.service || m.workload ? ', ' + (m.service || m.workload) : '');
	function evidence(m) {
		const word = metricName(m), out = [];
		if (m.pbr > 1)
			out.push('the highest instant had ' + R.rate(m.peak_per_s) + ', ' + (+m.pbr.toPrecision(3)) + ' times the usual ' + R.rate(m.baseline_per_s));
		else if (R.has(m.pbr))
			out.push('the peak stayed at the usual level');
		if (m.fano > 3)
			out.push('they came in bunches (Fano ' + (+m.fano.toPrecision(2)) + ', independent clients: 1)');
		if (m.synchrony_r >= 0.2 && R.has(m.synchrony_period_s))
			out.push('in step with a period of ' + R.dur(m.synchrony_period_s) + ' (R ' + m.synchrony_r.toFixed(2) + ')');
		if (m.amplification > 1.05)
			out.push((+m.amplification.toPrecision(3)) + ' attempts for each thing wanted');
		return out.length ? word[0].toUpperCase() + word.slice(1) + ': ' + out.join('; ') + '.' : null;
	}
	function herd() {
		const h = S.herd || {}, m = (h.metrics || []).filter(x => x.peak_per_s > 0), kind = h.kind && h.kind.replace(/_/g, ' ');
		if (!m.length && !kind)
			return null;
		const rate = (x, v) => !R.has(v) ? '\u2013' : x.metric === 'bytes' ? R.rate(v).replace(/\/s$/, 'B/s').replace(/(\d)B/, '$1 B') : R.rate(v);
		const phases = (L.phase || []).filter(p => p && p.sectors && p.sectors.length);
		const said = (h.evidence || []).map(e => typeof e === 'string' ? e : e && e.words && ((/^[a-z]+ /.test(e.words) ? e.words[0].toUpperCase() + e.words.slice(1) : e.words) + '.')).filter(Boolean);
		const words = said.length ? said : m.map(evidence).filter(Boolean);
		const numbers = !m.length ? null : table([['Metric'], [term('baseline', 'Baseline'), 'n'], ['Peak', 'n'], [term('PBR', 'Peak / baseline'), 'n'], [term('Fano factor'), 'n'],
				[term('amplification', 'Amplification'), 'n'], [term('synchrony', 'Period'), 'n'], [term('synchrony', 'Synchrony R'), 'n']],
				m.map(x => [metricName(x), rate(x, x.baseline_per_s), rate(x, x.peak_per_s), value(x.pbr), value(x.fano),
					value(x.amplification), R.has(x.synchrony_period_s) ? R.dur(x.synchrony_period_s) : '\u2013', R.has(x.synchrony_period_s) ? value(x.synchrony_r) : '\u2013']));
		return card('Load after the fault' + (kind ? ': ' + kind : ''), kind ? null : el('p', {}, 'No kind of herd shows.'),
			kind && KIND[kind] ? el('p', { class: 'kind' }, KIND[kind]) : null,
			R.has(h.metastable) ? el('p', {}, h.metastable ? 'The fault was gone and the load kept the system down: ' : 'The system recovered by itself: not ', term('metastable'), '.') : null,
			kind && words.length ? el('ul', { class: 'plain' }, words.map(w => el('li', {}, w))) : null,
			kind || !numbers ? numbers : el('details', {}, el('summary', {}, R.plural(m.length, 'metric')), numbers),
			phases.length ? [el('h3', { class: 'sub' }, 'When in the period they came', R.whatIs('When in the period they came', R.what.phase)), el('div', { class: 'phases' }, phases.map(p => R.phasePlot(Object.assign({ title: metricName(p) }, p))))] : null);
	}

	// --- numbers ---
	const quantiles = q => q && ['p50', 'p90', 'p99', 'p999', 'max'].filter(k => R.has(q[k])).map(k => k + ' ' + R.dur(q[k] / 1e3)).join(' \u00b7 ');
	function operations() {
		const w = S.writes || {}, r = S.reads || {}, lat = S.latency || {};
		const none = !w.attempted;
		return !R.has(w.attempted) ? null : card('Operations', facts((none ? [] : [
			['writes attempted', R.count(w.attempted)], ['acknowledged', R.count(w.acked)], ['failed', R.count(w.failed)],
			[term('unknown outcome'), R.count(w.unknown)], ['in the final read', R.has(w.final) ? R.count(w.final) : 'not read'],
			[term('lost write', 'lost'), R.has(w.lost) ? R.count(w.lost) + (w.lost && w.acked ? '  (' + R.pct(w.lost, w.acked) + ' of acknowledged)' : '') : null],
			['lost, acknowledged', w.lost_window_s && R.has(w.lost_window_s[0]) ? 'from ' + when(w.lost_window_s[0]) + ' to ' + when(w.lost_window_s[1]) : null],
			['lost by side', Object.keys(w.lost_by_side || {}).map(k => R.count(w.lost_by_side[k]) + ' at ' + k.replace(/,/g, ', ')).join('; ')],
			['unknown, yet there', R.has(w.recovered) ? R.count(w.recovered) : null], ['never attempted, yet there', R.has(w.unexpected) ? R.count(w.unexpected) : null],
			['reads answered', R.has(r.ok) ? R.count(r.ok) : null],
			['stale reads', R.has(r.stale) ? R.count(r.stale) + (r.stale ? ', at most ' + R.dur(r.max_staleness_s) + ' old' : '') : null],
			['diverged replicas', R.has(w.diverged) ? (w.diverged ? 'yes' : 'no') : null]]).concat([
			[term('intended latency', 'latency, as intended'), quantiles(lat.intended_ms)], [term('service latency', 'latency, of service'), quantiles(lat.service_ms)],
			['clients sent late by', quantiles(lat.lateness_ms)]])));
	}
	function availability() {
		const a = S.availability || {}, d = v => R.has(v) ? R.dur(v) : null, r = S.recovery || {};
		const list = (a.sides || []).map(s => ['longest gap at ' + s.side.replace(/,/g, ', '), d(s.longest_gap_s)]).concat([
			['new leader after', d(a.t_elect_s)], ['old leader gave up after', d(a.t_stepdown_s)], ['old claim ended, after the heal', d(a.old_claim_end_after_heal_s)],
			['acknowledged everywhere again', d(a.first_ack_everywhere_s)], ['replicas equal again', d(a.replicas_equal_s)], ['all effects gone, after the heal', d(a.heal_tail_s)],
			['goodput back at its baseline', d(r.time_s)],
			['goodput', R.has(r.goodput_baseline_per_s) ? R.rate(r.goodput_baseline_per_s) + ' before' + (R.has(r.goodput_after_per_s) ? ', ' + R.rate(r.goodput_after_per_s) + ' after' : '') : null]]);
		return list.some(f => R.has(f[1])) ? card('Availability', facts(list)) : null;
	}
	function thisRun() {
		const run = L.run;
		return card('This run', facts([
			['replay', el('code', { class: 'replay' }, 'chaos run experiment.yaml')],
			['seed', String(R.has(run.seed) ? run.seed : S.seed)], ['kernel', run.kernel || S.kernel], ['mechanism', run.mechanism],
			['started', run.start], ['duration', R.has(S.duration_s) ? R.dur(S.duration_s) : null],
			['status', run.status ? run.status + (run.restored === true ? ', network restored' : run.restored === false ? ', network NOT restored' : '') : 'the record has no end'],
			['run id', run.run_id]]));
	}
	// The machines of a cluster, each with its own clock; first those of which nothing is known.
	function machines() {
		const c = S.cluster, off = v => R.has(v) ? '\u00b1' + R.dur(v / 1000) : 'not known';
		if (!c || !c.nodes || !c.nodes.length)
			return null;
		const bad = words => el('b', { class: 'lv-error' }, words);
		const record = n => [n.segments > 1 ? n.segments + ' pieces, ' : '', n.status === 'complete' ? 'complete' : bad(n.status || 'it has no end')];
		return card('Nodes of the cluster', R.table([['Node', 'id'], ['Record'], ['Its clock is off by', 'id'], ['Kernel'], ['Mechanism']],
			(c.missing || []).map(n => [n.node, bad('none: ' + n.why), '\u2013', '\u2013', '\u2013'])
				.concat(c.nodes.map(n => [n.node, record(n), off(n.clock_epsilon_ms), n.kernel || '\u2013', n.mechanism || '\u2013']))),
			c.nodes.length > 1 ? el('p', { class: 'mute' }, R.has(c.clock_epsilon_ms) ?
				'Of two nodes at once, only what holds wherever their clocks were is called certain. No clock is further than ' +
					R.dur(c.clock_epsilon_ms / 1000) + ' from the middle of all of them.' :
				'Not all clocks are known: what is told of two nodes at once holds only if they agreed.') : null);
	}
	// Whatever the recorder says about itself; what is missing here makes every other number a lower bound.
	function recorder() {
		const rec = S.recorder || {}, known = ['events', 'lost_events', 'probe_gaps'];
		const lost = rec.lost_events > 0, more = Object.keys(rec).filter(k => known.indexOf(k) < 0 && R.has(rec[k]) && typeof rec[k] !== 'object');
		return card('Health of the record', facts([
			['verdict', R.has(rec.lost_events) ? pill(lost ? 'fail' : 'pass', lost ? 'events are missing' : 'complete') : pill('unknown', 'the record has no end')],
			['events recorded', R.has(rec.events) ? R.count(rec.events) : null], ['events lost', R.has(rec.lost_events) ? R.count(rec.lost_events) : null],
			[term('probe gap', 'probe gaps'), R.has(rec.probe_gaps) ? R.count(rec.probe_gaps) : null]].concat(more.map(k => [k.replace(/_/g, ' '), value(rec[k])]))),
			lost ? el('p', { class: 'mute' }, 'Counts and rates are lower bounds.') : null);
	}
	function notes() {
		return L.notes.length ? card('Notes', el('ul', { class: 'notes' }, L.notes.map(n =>
			el('li', {}, el('span', { class: 'mute' }, us(n.at_us)), el('span', { class: 'lv-' + n.level }, n.level), el('span', {}, n.text))))) : null;
	}

	const cards = list => list.filter(Boolean), cols = list => cards(list).length ? el('div', { class: 'cols' }, cards(list)) : null;
	cards([].concat(checks(), herd(), machines(), cols([operations(), availability(), thisRun(), recorder()]), errors(), faultTables(), notes(), R.glossary()))
		.forEach(n => $('tables').appendChild(n));
})();
