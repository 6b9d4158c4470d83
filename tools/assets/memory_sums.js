"use strict";
/* Which rows are meant, and sums over any part of the tree: entries in
 * preorder with running sums, so that a subtree is a difference. */

/* Who gave the memory; the numbers are those of enum fp_allocator. */
var KINDS = {
	heap: function (a) { return a !== 17; },
	python: function (a) { return a >= 2 && a <= 4; },
	malloc: function (a) { return a >= 6 && a <= 13; },
	maps: function (a) { return a === 14 || a === 16; },
	files: function (a) { return a === 17; }
};

function Sums(nodes, n, bytes, variance) {
	this.nodes = nodes;
	this.n = n;
	this.bytes = bytes;
	this.variance = variance;
	this.starts = null;
}

/* The first entry at node or behind. */
Sums.prototype.at = function (node) {
	if (this.starts)
		return this.starts[node];
	var low = 0, high = this.nodes.length;
	while (low < high) {
		var middle = low + high >> 1;
		if (this.nodes[middle] < node)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
};

/* Makes at() a load, for the sums that are asked much. */
Sums.prototype.index = function () {
	var starts = new Uint32Array(memory.tree.n + 1), k = 0;

	for (var node = 0; node <= memory.tree.n; node++) {
		while (k < this.nodes.length && this.nodes[k] < node)
			k++;
		starts[node] = k;
	}
	this.starts = starts;
	return this;
};

/* Adds what lies below node, or is its own, to target. */
Sums.prototype.add = function (node, end, target) {
	var from = this.at(node), to = this.at(end);

	target.bytes += this.bytes[to] - this.bytes[from];
	target.n += this.n[to] - this.n[from];
	if (this.variance)
		target.variance += this.variance[to] - this.variance[from];
	return to > from;
};

Sums.prototype.total = function () {
	var k = this.nodes.length;

	return { bytes: this.bytes[k], n: this.n[k], variance: this.variance ? this.variance[k] : 0 };
};

/* values(i): sets now.bytes, now.n, now.variance of row i. */
function sumRows(wanted, values) {
	var rows = memory.rows, k = 0, nodes = new Uint32Array(rows.length);
	var n = new Float64Array(rows.length + 1), bytes = new Float64Array(rows.length + 1);
	var variance = rows.variance[ALL] ? new Float64Array(rows.length + 1) : null;
	var now = { n: 0, bytes: 0, variance: 0 };

	for (var i = 0; i < rows.length; i++) {
		if (!wanted(i))
			continue;
		values(i, now);
		if (!now.bytes && !now.n)
			continue;
		nodes[k] = rows.node[i];
		n[k + 1] = n[k] + now.n;
		bytes[k + 1] = bytes[k] + now.bytes;
		if (variance)
			variance[k + 1] = variance[k] + now.variance;
		k++;
	}
	return new Sums(nodes.subarray(0, k), n, bytes, variance);
}

function wantedRows(choice) {
	var rows = memory.rows, threads = memory.head.threads, kind = KINDS[choice.kind] || KINDS.heap;

	return function (i) {
		return kind(rows.allocator[i]) &&
			(choice.thread < 0 || rows.thread[i] === choice.thread) &&
			(choice.process < 0 || threads[rows.thread[i]][0] === choice.process);
	};
}

/* The variance of a part of what a row allocated: samples are independent, so
 * it goes with the bytes. */
function partOfVariance(i, bytes) {
	var rows = memory.rows;

	return rows.variance[ALL] && rows.bytes[ALL][i] ? rows.variance[ALL][i] * bytes / rows.bytes[ALL][i] : 0;
}

function sumView(choice, view) {
	var rows = memory.rows, n = rows.n[view], bytes = rows.bytes[view], variance = rows.variance[view];

	return sumRows(wantedRows(choice), function (i, now) {
		now.n = n[i];
		now.bytes = bytes[i];
		now.variance = variance ? variance[i] : partOfVariance(i, bytes[i]);
	});
}

/* Steps of one process that lie in [from, to] ms of the run. */
function stepsOf(part, from, to) {
	var start = memory.head.processes[part.process].start;
	var first = Math.floor((from - start) * part.steps / part.span);
	var last = Math.ceil((to - start) * part.steps / part.span) - 1;

	return { first: Math.max(first, 0), last: Math.min(Math.max(last, first), part.steps - 1), start: start };
}

function endOf(part, i) {
	return part.life[i] ? part.first[i] + part.life[i] - 1 : 0x7fffffff;
}

function partsOf(choice) {
	return (memory.range || []).filter(function (part) {
		return choice.process < 0 || part.process === choice.process;
	});
}

/* The end of the step in which most was live: ms of the run. */
function highWater(choice, parts, from, to) {
	var changes = [], wanted = wantedRows(choice);

	parts.forEach(function (part) {
		var at = new Float64Array(part.steps + 1), seen = stepsOf(part, from, to);
		var before = 0;
		for (var i = 0; i < part.length; i++) {
			if (!wanted(part.row[i]))
				continue;
			at[part.first[i]] += part.bytes[i];
			at[Math.min(endOf(part, i), part.steps)] -= part.bytes[i];
		}
		if (seen.last < 0 || seen.first >= part.steps)
			return;
		var live = 0;
		for (var s = 0; s <= seen.last; s++) {
			live += at[s];
			before += s <= seen.first ? at[s] : 0;
			if (s > seen.first)
				changes.push([seen.start + (s + 1) * part.span / part.steps, at[s]]);
		}
		changes.push([seen.start + (seen.first + 1) * part.span / part.steps, before]);
		changes.push([seen.start + part.span + 1, -live]); /* the process is gone */
	});
	changes.sort(function (a, b) { return a[0] - b[0]; });
	var live = 0, most = -1, when = from;
	changes.forEach(function (c) {
		live += c[1];
		if (live > most) {
			most = live;
			when = c[0];
		}
	});
	return when;
}

/* choice.range is [from, to] in ms of the run.  PEAK: live at the range's high
 * water; LEAKS: allocated in it, live at its end; ALL: allocated in it;
 * TEMPORARY: allocated and freed within one step. */
function sumRange(choice, view) {
	var rows = memory.rows, parts = partsOf(choice), from = choice.range[0], to = choice.range[1];
	var n = new Float64Array(rows.length), bytes = new Float64Array(rows.length);
	var when = view === PEAK ? highWater(choice, parts, from, to) : to;

	parts.forEach(function (part) {
		var steps = stepsOf(part, from, to);
		var at = Math.ceil((when - steps.start) * part.steps / part.span - 1e-6) - 1;
		if (view === PEAK && at >= part.steps)
			return;
		for (var i = 0; i < part.length; i++) {
			var first = part.first[i], end = endOf(part, i), inside = first >= steps.first && first <= steps.last;
			if (view === PEAK ? first <= at && end > at :
			    view === LEAKS ? inside && end > steps.last :
			    view === ALL ? inside : inside && end === first) {
				n[part.row[i]] += part.n[i];
				bytes[part.row[i]] += part.bytes[i];
			}
		}
	});
	var sums = sumRows(wantedRows(choice), function (i, now) {
		now.n = n[i];
		now.bytes = bytes[i];
		now.variance = partOfVariance(i, bytes[i]);
	});
	sums.when = when;
	return sums;
}

function sumsOf(choice, view) {
	return choice.range && memory.range ? sumRange(choice, view) : sumView(choice, view);
}
