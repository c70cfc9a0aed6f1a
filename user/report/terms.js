// What words and lanes mean, on demand at the place where they stand; all of it once more at the end of the page.
(() => {
	const el = R.el;
	const TERMS = R.terms = {
		'epoch': 'A number that a system raises each time it chooses a leader (etcd and Raft: term; Redis: configuration epoch; PostgreSQL: timeline). Two leaders in different epochs happen for a moment when one has not yet heard of the other; two in the same epoch break the protocol.',
		'split brain': 'Two nodes hold themselves for the leader of the same thing at the same time. L0: never. L1: two claimed, but they did not both serve. L2: stale reads were served. L3: both sides took writes. L4: acknowledged writes were lost or replicas differ. L5: it went on after the network was back.',
		'lost write': 'A write that the server acknowledged to the client, and that is in no final read after the network was whole again.',
		'unknown outcome': 'No answer came (a timeout, a broken connection): the operation may have happened or not. It counts neither as done nor as failed.',
		'intended latency': 'From the moment at which the operation was due, not from when it was sent. A client that waits for a slow server sends late: this wait belongs to what a user sees.',
		'service latency': 'From the send of the request to its answer: what the server and the network took.',
		'p50, p99': 'Half (p50) or 99 of 100 (p99) of the operations took at most so long.',
		'SYN': 'The first packet of a TCP connection: one for each attempt to connect. A SYN sent again is the same attempt: nobody had answered.',
		'RST': 'A packet that ends or refuses a TCP connection at once.',
		'retransmit': 'A TCP segment that is sent again because nobody confirmed it.',
		'accept queue': 'Connections that the kernel has established and the server has not yet accepted. When it is full (backlog), new ones are dropped.',
		'PBR': 'Peak to baseline ratio: the highest bin after the fault over the mean before it. 1: nothing happened; 10: ten times the usual load in one instant.',
		'Fano factor': 'How bunched arrivals are: the variance of the counts per bin over their mean. Independent arrivals (Poisson) give 1; clients that come together give much more.',
		'synchrony': 'Whether clients come in step. R is 0 when arrivals are spread evenly over a period T and 1 when all come at the same point of it. The period names the timer that did it: clients that all retry every 3 s give T = 3 s.',
		'amplification': 'Attempts for each thing that a user wanted once. 1: no retries; 3: the servers see three times the load that was meant.',
		'metastable': 'The fault is gone and the system stays broken, because the load that the fault caused (retries, empty caches) keeps it so.',
		'baseline': 'The part of the run before the first fault: what is usual.',
		'heal': 'The moment at which the network is whole again: the last fault of the cut is cleared.',
		'probe gap': 'A time in which a node was not asked for its role often enough: what it claimed then is not known.',
		'witness': 'The smallest set of operations that shows a violation: they cannot all be true of one correct system.'
	};
	R.what = {
		faults: 'When each fault was in force, as the kernel applied it, not as it was planned. The arrow is the first packet that met it. Its time is shaded through all lanes below.',
		roles: 'Each node was asked again and again which role it holds. A solid bar: it surely claimed to lead (two samples say so); a pale edge: it may have, between two samples. Red: two nodes claimed at once. The number is the epoch or term.',
		views: 'Whom each watcher (a Sentinel) takes for the leader, and in which epoch.',
		writes: 'Operations that change something, at the instant at which the client got its answer. Above the line: acknowledged; red: acknowledged, and yet missing at the end. Below the line: refused, or without an answer.',
		latency: 'How long answered operations took: the line is the median, the band reaches to p99, dots are the slowest of each bin. The scale is logarithmic: each line is ten times the one below.',
		traffic: 'Packets in and out of each node. Red: dropped by a fault. Below the line: SYN, attempts of this node to open a connection.',
		attempts: 'Each thing that a client wants once is an intent; it may need several attempts. What stands on the first attempts are retries: load that nobody asked for.',
		phase: 'Arrivals after the fault, laid around a clock whose round is the period found. When all wedges are alike, clients come independently; a few long wedges mean that they come together, again and again.'
	};

	// --- one tip for the page ---
	const tip = el('div', { class: 'tip', id: 'tip', role: 'note', hidden: '' });
	let owner = null;
	document.body.appendChild(tip);
	function hide() {
		if (!owner)
			return;
		owner.setAttribute('aria-expanded', 'false');
		owner.removeAttribute('aria-describedby');
		owner = null;
		tip.hidden = true;
	}
	function show(button, title, words) {
		hide();
		tip.replaceChildren(el('b', {}, title), el('p', {}, words));
		tip.hidden = false;
		const r = button.getBoundingClientRect(), w = Math.min(380, window.innerWidth - 24);
		tip.style.width = w + 'px';
		tip.style.left = Math.max(12, Math.min(r.left, window.innerWidth - w - 12)) + window.scrollX + 'px';
		const below = r.bottom + 8 + tip.offsetHeight < window.innerHeight || r.top < tip.offsetHeight + 16;
		tip.style.top = (below ? r.bottom + 8 : r.top - tip.offsetHeight - 8) + window.scrollY + 'px';
		button.setAttribute('aria-expanded', 'true');
		button.setAttribute('aria-describedby', 'tip');
		owner = button;
	}
	function opener(button, title, words) {
		button.addEventListener('click', e => {
			e.stopPropagation();
			if (owner === button)
				hide();
			else
				show(button, title, words);
		});
		return button;
	}
	document.addEventListener('click', e => {
		if (!tip.contains(e.target))
			hide();
	});
	document.addEventListener('keydown', e => {
		if (e.key === 'Escape')
			hide();
	}, true);
	window.addEventListener('resize', hide);

	// A word that explains itself; @shown: how it stands in the text.
	R.term = (name, shown) => {
		if (!TERMS[name])
			return shown || name;
		return opener(el('button', { type: 'button', class: 'term', 'aria-expanded': 'false' }, shown || name), name, TERMS[name]);
	};
	R.whatIs = (title, words) => !words ? null :
		opener(el('button', { type: 'button', class: 'whatis', 'aria-expanded': 'false', 'aria-label': 'What is this: ' + title }, '?'), title, words);
	R.glossary = () => el('details', { class: 'card gloss', id: 'glossary' }, el('summary', {}, el('h2', {}, 'Words used here')),
		el('dl', {}, Object.keys(TERMS).map(t => el('div', {}, el('dt', {}, t), el('dd', {}, TERMS[t])))));

	// --- legends: small pictures of what is drawn ---
	const svg = R.svg, pic = (...kids) => svg('svg', { width: 18, height: 12, 'aria-hidden': 'true' }, ...kids), key = (p, s) => el('span', {}, p, s);
	const rect = (fill, h, more) => svg('rect', Object.assign({ x: 0, y: 6 - h / 2, width: 18, height: h, rx: 2, fill: 'var(--' + fill + ')' }, more || {}));
	const stripes = name => svg('path', { d: 'M1 12 7 0M7 12 13 0M13 12 18 2', stroke: name === 'white' ? 'rgba(255,255,255,.6)' : 'var(--' + name + ')', 'stroke-width': 1.5 });
	const stroke = (d, name, w, dash) => svg('path', { d, stroke: 'var(--' + name + ')', 'stroke-width': w, 'stroke-dasharray': dash || null, fill: 'none' });
	const PICS = {
		fault: () => [rect('fault', 12)], planned: () => [svg('rect', { x: .5, y: .5, width: 17, height: 11, rx: 2, fill: 'none', stroke: 'var(--fault)', 'stroke-dasharray': '3 2' })],
		hit: () => [stroke('M9 1V11M6 4 9 1 12 4', 'ink', 1.4)], lead: () => [rect('lead', 12)], may: () => [rect('may', 12)],
		maylead: () => [rect('may', 12), svg('rect', { x: 5, y: 0, width: 8, height: 12, fill: 'var(--lead)' })], two: () => [rect('bad', 12), stripes('white')],
		follow: () => [rect('idle', 3, { rx: 0 })], candidate: () => [stroke('M0 6H18', 'cand', 3, '4 3')], error: () => [rect('card', 11, { stroke: 'var(--fail)' }), stripes('fail')],
		gap: () => [svg('rect', { x: .5, y: 1.5, width: 17, height: 9, fill: 'none', stroke: 'var(--mute)', 'stroke-dasharray': '2 2' })]
	};
	R.swatch = (name, words) => key(pic(...PICS[name]()), words);
	// Of a series: @rug: it stands as ticks under the plot.
	R.key = (look, words, rug, kind) => {
		const k = R.look(look);
		if (rug)
			return key(pic(look === 'stale' ? svg('path', { d: 'M3 6 6 3 9 6 6 9ZM10 6 13 3 16 6 13 9Z', fill: 'var(--' + k.fill + ')' }) : stroke('M3 2V10M8 2V10M11 2V10M15 2V10', k.fill, 1.3)), words);
		if (look === 'max')
			return key(pic(...[3, 9, 15].map((x, i) => svg('circle', { cx: x, cy: 4 + i % 2 * 4, r: 1.7, fill: 'var(--lat)' }))), words);
		if (kind === 'log' && look !== 'p99')
			return key(pic(stroke('M0 6H18', k.fill, 2.2, look === 'two' ? '5 2' : look === 'three' ? '2 2' : null)), words);
		return key(pic(rect(k.fill, 11, k.line ? { stroke: 'var(--' + k.line + ')', 'stroke-width': .8 } : null), k.hatch ? stripes(k.hatch) : null), words);
	};
})();
