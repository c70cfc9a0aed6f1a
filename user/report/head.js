// The verdict, one sentence that says it all, the findings, the expectations and the key numbers: all from summary.json.
(() => {
	const S = R.S, L = R.L, { el, table, value } = R, $ = (id) => document.getElementById(id);
	const get = (path) => {
		return path.split('.').reduce((o, k) => R.has(o) ? o[k] : undefined, S);
	};
	const verdict = S.verdict || 'unknown';

	// --- header ---
	function headline() {
		const ex = S.expectations || [], n = { pass: 0, fail: 0, unknown: 0 };
		ex.forEach(function (e) { n[e.verdict] = (n[e.verdict] || 0) + 1; });
		if (!ex.length)
			return 'No expectation was stated' + (verdict === 'unknown' && (S.verdict_reasons || []).length ? ', and: ' + S.verdict_reasons.join('; ') : '') + '.';
		if (n.fail)
			return R.count(n.fail) + ' of ' + R.plural(ex.length, 'expectation') + ' failed' +
				(n.unknown ? ', ' + R.count(n.unknown) + ' could not be decided' : '') + '.';
		if (n.unknown)
			return R.count(n.unknown) + ' of ' + R.plural(ex.length, 'expectation') + ' could not be decided.';
		return ex.length === 1 ? 'The expectation held.' : ex.length === 2 ? 'Both expectations held.' : 'All ' + R.count(ex.length) + ' expectations held.';
	}

	// What a reader tells the next one: who led at once for how long, and what it cost.
	function oneLine() {
		const res = (get('split_brain.resources') || []).filter(r => r.must_overlap_s > 0), w = S.writes || {}, parts = [];
		const herd = ((S.herd || {}).metrics || []).filter(m => m.pbr > 1 && m.metric !== 'bytes').sort((a, b) => b.pbr - a.pbr)[0];
		res.slice(0, 2).forEach(r => {
			const lane = L.roles.find(x => x.resource === r.resource), names = [];
			((lane && lane.overlaps) || []).filter(o => o.certain).forEach(o => o.nodes.forEach(n => names.indexOf(n) < 0 && names.push(n)));
			parts.push((names.length > 1 && names.length < 5 ? names.slice(0, -1).join(', ') + ' and ' + names[names.length - 1] + (names.length === 2 ? ' both' : ' all') :
				'Several nodes') + ' claimed ' + r.resource + ' for ' + R.dur(r.must_overlap_s));
		});
		if (w.lost > 0)
			parts.push(R.count(w.lost) + ' of ' + R.count(w.acked) + ' acknowledged writes were lost');
		if (S.herd && S.herd.metastable === true)
			parts.push('the system stayed overloaded after the fault was gone (metastable)');
		else if (S.herd && S.herd.kind && herd)
			parts.push('a ' + S.herd.kind.replace(/_/g, ' ') + ' of ' + R.count(herd.pbr) + ' times the usual rate of ' + R.metricWord(herd.metric) + ' followed');
		if (!parts.length)
			return null;
		if (!res.length) // a name of a node keeps its case
			parts[0] = parts[0][0].toUpperCase() + parts[0].slice(1);
		return parts.join('; ') + '.';
	}

	function header() {
		const run = L.run, head = $('head'), findings = S.findings || [], line = oneLine();
		document.title = (run.name || 'run') + ': ' + verdict;
		$('when').textContent = [run.start, run.tool].filter(Boolean).join('  \u00b7  ');
		const left = el('div', { style: 'display:grid;gap:14px;align-content:start' },
			el('div', { class: 'title' },
				el('span', { class: 'badge ' + verdict }, R.icon(verdict), verdict.toUpperCase()),
				el('div', {}, el('h1', {}, run.name || 'unnamed run'), el('div', { class: 'why' }, headline()))),
			run.status && run.status !== 'complete' ?
				el('p', { class: 'banner' }, 'The run is not complete: ' + run.status + (run.reason ? ', ' + run.reason : '') + '.') : null,
			line ? el('p', { class: 'lead' }, line) : null,
			findings.length ? el('ul', { class: 'findings' }, findings.map((f, i) => el('li', { class: i || line ? null : 'lead' }, f))) : null);
		head.appendChild(left);
		if (!(S.expectations || []).length && run.description) {
			left.appendChild(el('p', { class: 'desc' }, run.description));
		} else if ((S.expectations || []).length) {
			head.classList.add('two');
			head.appendChild(el('div', { class: 'exp' }, expectations(),
				run.description ? el('p', { class: 'desc' }, run.description) : null));
		}
	}

	function measured(e) {
		const seconds = { s: 1, ms: 1e-3, us: 1e-6 }[e.unit];
		if (typeof e.value !== 'number')
			return value(e.value);
		return seconds ? R.dur(e.value * seconds) : value(e.value) + (e.unit === 'per_s' ? '/s' : '');
	}

	function expectations() {
		const why = S.expectations.some((e) => e.reason);
		return [el('h2', { style: 'margin-bottom:10px' }, 'Expectations'),
			table([['Verdict'], ['Expected'], ['Measured', 'n']].concat(why ? [['Why']] : []), S.expectations.map((e) => {
				return [el('span', { class: 'pill ' + e.verdict }, R.icon(e.verdict), e.verdict),
					el('code', {}, e.expr), measured(e)].concat(why ? [e.reason || ''] : []);
			}))];
	}

	// --- tiles: label, number, words; bad and good are also said in the words ---
	const LEVEL = [
		'No two nodes led at once.',
		'Two nodes claimed to lead, but they did not both serve.',
		'Stale reads were served meanwhile.',
		'Both sides accepted writes.',
		'Acknowledged writes were lost or diverged.',
		'The split went on after the network was back.'];

	function tile(label, v, words, tone) {
		return el('div', { class: 'tile ' + (R.has(v) ? tone || '' : 'none') },
			el('dt', { title: label }, label), el('dd', { class: 'v' }, R.has(v) ? v : 'not measured'),
			words ? el('dd', { class: 'w' }, words) : null);
	}
	const seconds = (s) => R.has(s) ? R.dur(s) : null;
	const tone = (bad, good) => bad ? 'bad' : good ? 'good' : '';
	function largest(list) {
		return list.filter(R.has).reduce((a, b) => a === null || b > a ? b : a, null);
	}

	// The peak of what rose most, and what made it.
	function ofHerd() {
		const m = ((S.herd || {}).metrics || []).filter(x => x.metric !== 'bytes' && (x.pbr > 1.5 || x.amplification > 1.2 || x.synchrony_r >= 0.2)), out = [];
		const most = key => m.filter(x => R.has(x[key])).sort((p, q) => q[key] - p[key])[0];
		const pbr = most('pbr'), amp = most('amplification'), step = m.filter(x => R.has(x.synchrony_period_s)).sort((p, q) => q.synchrony_r - p.synchrony_r)[0];
		const of = x => R.metricWord(x.metric) + (x.service ? ' to ' + x.service : x.workload ? ' of ' + x.workload : '');
		if (!S.herd || !S.herd.kind)
			return out;
		if (pbr)
			out.push(tile('Highest peak', '\u00d7\u2009' + (pbr.pbr >= 100 ? R.count(pbr.pbr) : +pbr.pbr.toPrecision(3)), R.rate(pbr.peak_per_s) + ' ' + of(pbr) + '; ' + R.rate(pbr.baseline_per_s) + ' are usual.', tone(S.herd.kind, false)));
		if (amp && amp.amplification > 1.2)
			out.push(tile('Amplification', '\u00d7\u2009' + +amp.amplification.toPrecision(3), 'More ' + of(amp) + ' while the fault lasted than undisturbed.', tone(true, false)));
		if (step && step.synchrony_r >= 0.2)
			out.push(tile('Clients in step', R.dur(step.synchrony_period_s), 'is the period; R = ' + step.synchrony_r.toFixed(2) + ', where 1 is all at once.'));
		if (S.herd.metastable === true)
			out.push(tile('Metastable', 'yes', 'The load kept the system down after the fault was gone.', 'bad'));
		return out;
	}

	// In a cluster each time is of a clock of its own.
	function clocks() {
		const off = get('cluster.clock_epsilon_ms');
		return R.has(off) && off > 0 ? ', with clocks that are off by up to ' + R.dur(off / 1e3) : '';
	}

	function tiles() {
		const res = get('split_brain.resources') || [], w = S.writes || {}, a = S.availability || {};
		const lv = get('split_brain.level'), level = R.has(lv) ? parseInt(String(lv).replace('L', ''), 10) : null;
		const must = largest(res.map((r) => r.must_overlap_s));
		const may = largest(res.map((r) => r.may_overlap_s));
		const outlived = largest(res.map((r) => r.outlived_heal_s));
		const same = res.some((r) => r.same_epoch === true);
		const out = [];

		const herdTiles = ofHerd();

		if (L.roles.length || !herdTiles.length) {
			out.push(tile('Split-brain level', R.has(level) ? 'L' + level : null,
				R.has(level) ? LEVEL[level] : 'No role was watched.', tone(level >= 2, level === 0)));
			out.push(tile('Two leaders at once', seconds(must),
				R.has(must) ? (same ? 'In the same term: a protocol violation. ' : '') +
					(must > 0 ? 'Certain' + clocks() + '; at most ' + R.dur(may) + '.' : may > 0 ? 'Not certain; at most ' + R.dur(may) + '.' : 'Never.') : null,
				tone(must > 0 && level >= 2, must === 0)));
		}
		if (R.has(w.lost) || w.acked > 0 || !herdTiles.length) {
			const side = Object.keys(w.lost_by_side || {}).filter((k) => w.lost_by_side[k]);
			out.push(tile('Writes lost', R.has(w.lost) ? [R.count(w.lost), w.lost && w.acked ? el('small', {}, R.pct(w.lost, w.acked)) : null] : null,
				R.has(w.lost) ? 'of ' + R.count(w.acked) + ' acknowledged' + (w.lost && side.length ? ', by ' + side.join(' and ').replace(/,/g, ', ') : '') + '.' :
					!R.has(w.acked) ? 'No workload ran.' : R.count(w.acked) + ((S.checks || []).some((c) => c.check === 'set') ?
						' writes acknowledged; no final read.' : ' writes acknowledged, none to a set.'),
				tone(w.lost > 0, w.lost === 0)));
		}
		out.push(...herdTiles);
		if (R.has(a.t_elect_s) || res.length)
			out.push(tile('New leader after', seconds(a.t_elect_s),
				R.has(a.t_stepdown_s) ? 'Counted from the cut; the old one gave up after ' + R.dur(a.t_stepdown_s) + '.' :
					R.has(a.t_elect_s) ? 'From the cut to the first claim of another node.' : 'No other node came to lead.'));
		if (R.has(outlived) || res.length)
			out.push(tile('Split outlived heal by', seconds(outlived),
				outlived > 1 ? 'Two leaders after the network was back.' : outlived > 0 ? 'Two leaders until just after.' : R.has(outlived) ? 'It ended with the network.' : null, tone(outlived > 1, outlived === 0)));
		(a.sides || []).forEach((s, i) => {
			if (i < 4)
				out.push(tile('Longest gap, ' + s.side.replace(/,/g, ', '), seconds(s.longest_gap_s), 'Without an acknowledgement on this side.'));
		});
		if (S.recovery && (R.has(S.recovery.time_s) || R.has(w.acked)))
			out.push(tile('Recovery', seconds(S.recovery.time_s), R.has(S.recovery.goodput_after_per_s) && R.has(S.recovery.goodput_baseline_per_s) ?
				'Goodput ' + R.rate(S.recovery.goodput_baseline_per_s) + ' before, ' + R.rate(S.recovery.goodput_after_per_s) + ' after.' :
				R.has(S.recovery.time_s) ? 'From the heal to the baseline.' : null));
		out.forEach(function (t) { $('tiles').appendChild(t); });
		function fit() {
			// as many columns as fit, in rows of nearly equal length
			const most = Math.max(2, Math.floor($('tiles').clientWidth / 152)), rows = Math.ceil(out.length / most);
			$('tiles').style.setProperty('--cols', Math.ceil(out.length / rows));
		}
		fit();
		window.addEventListener('resize', fit);
		window.addEventListener('beforeprint', function () { $('tiles').style.setProperty('--cols', Math.ceil(out.length / 2)); });
		window.addEventListener('afterprint', fit);
	}

	header();
	tiles();
})();
