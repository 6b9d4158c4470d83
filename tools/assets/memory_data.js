"use strict";
/* The data of the page, unpacked: memory.head (JSON), memory.tree and
 * memory.rows; the range, larger and rarer, on demand.  What each column is:
 * tools/render/memory_html_data.h. */
var PEAK = 0, LEAKS = 1, ALL = 2, TEMPORARY = 3;
var IMPORT = 8, INTERPRETER = 16, ORIGIN = 7, ORIGIN_NATIVE = 3;
var NONE = 0xffffffff;

var memory = { head: null, functions: null, frames: null, tree: null, rows: null, range: null };

function bytesOfBase64(text) {
	if (Uint8Array.fromBase64)
		return Uint8Array.fromBase64(text);
	var raw = atob(text), bytes = new Uint8Array(raw.length);
	for (var i = 0; i < raw.length; i++)
		bytes[i] = raw.charCodeAt(i);
	return bytes;
}

/* A promise of the section's bytes; of null when the page has none. */
function unpack(name) {
	var element = document.getElementById("data-" + name);

	if (!element)
		return Promise.resolve(null);
	var packed = bytesOfBase64(element.textContent);
	element.remove();
	var stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
	return new Response(stream).arrayBuffer().then(function (buffer) {
		return { bytes: new Uint8Array(buffer), at: 0 };
	});
}

function readNumber(r) {
	var value = 0, scale = 1, b;

	do {
		b = r.bytes[r.at++];
		value += (b & 127) * scale;
		scale *= 128;
	} while (b > 127);
	return value;
}

function readColumn(r, out) {
	var bytes = r.bytes, at = r.at, n = out.length;

	for (var i = 0; i < n; i++) {
		var b = bytes[at++], value = b & 127, scale = 128;
		while (b > 127) {
			b = bytes[at++];
			value += (b & 127) * scale;
			scale *= 128;
		}
		out[i] = value;
	}
	r.at = at;
	return out;
}

/* 0: the next new number, k: the k-th last one. */
function undoFirstUse(column) {
	var seen = 0;

	for (var i = 0; i < column.length; i++)
		column[i] = column[i] === 0 ? seen++ : seen - column[i];
	return column;
}

function undoDifference(column) {
	for (var i = 1; i < column.length; i++)
		column[i] += column[i - 1];
	return column;
}

function readFunctions(r, strings) {
	var n = readNumber(r), list = [], columns = [];

	for (var c = 0; c < 8; c++)
		columns.push(readColumn(r, new Uint32Array(n)));
	for (var i = 0; i < n; i++)
		list.push({
			name: strings[columns[0][i]], file: strings[columns[1][i]], shown: strings[columns[2][i]],
			firstLine: columns[3][i], flags: columns[4][i],
			colour: "rgb(" + columns[5][i] + "," + columns[6][i] + "," + columns[7][i] + ")"
		});
	return list;
}

function readFrames(r, functions) {
	var n = readNumber(r);
	var of = undoFirstUse(readColumn(r, new Uint32Array(n)));
	var lines = readColumn(r, new Uint32Array(n)), list = [];

	for (var i = 0; i < n; i++) {
		var f = functions[of[i]], place = f.shown + (lines[i] ? ":" + lines[i] : "");
		list.push({ fn: f, line: lines[i], place: place, text: f.shown ? f.name + " (" + place + ")" : f.name });
	}
	return list;
}

/* Preorder: the descendants of i are i + 1 ... end[i] - 1. */
function readNodes(r) {
	var n = readNumber(r);
	var up = readColumn(r, new Uint32Array(n - 1));
	var frameOf = undoFirstUse(readColumn(r, new Uint32Array(n - 1)));
	var tree = {
		n: n, parent: new Uint32Array(n), end: new Uint32Array(n).fill(n), frame: new Uint32Array(n)
	};

	tree.frame[0] = NONE;
	tree.frame.set(frameOf, 1);
	for (var i = 1; i < n; i++) {
		var parent = i - 1;
		for (var k = up[i - 1]; k > 0; k--) {
			tree.end[parent] = i;
			parent = tree.parent[parent];
		}
		tree.parent[i] = parent;
	}
	return tree;
}

function readRows(r) {
	var n = readNumber(r), views = [PEAK, LEAKS, TEMPORARY];
	var rows = {
		length: n,
		node: undoDifference(readColumn(r, new Uint32Array(n))),
		thread: readColumn(r, new Uint32Array(n)),
		allocator: readColumn(r, new Uint8Array(n)),
		flags: readColumn(r, new Uint8Array(n)),
		n: [], bytes: [], variance: []
	};

	rows.n[ALL] = readColumn(r, new Float64Array(n));
	rows.bytes[ALL] = readColumn(r, new Float64Array(n));
	views.forEach(function (view, v) {
		rows.n[view] = readOwn(r, rows, rows.n[ALL], 2 * v);
		rows.bytes[view] = readOwn(r, rows, rows.bytes[ALL], 2 * v);
	});
	[PEAK, LEAKS, ALL].forEach(function (view) {
		rows.variance[view] = readVariance(r, rows);
	});
	return rows;
}

function readOwn(r, rows, all, shift) {
	var out = new Float64Array(all.length);

	for (var i = 0; i < out.length; i++) {
		var how = rows.flags[i] >> shift & 3;
		out[i] = how === 0 ? 0 : how === 1 ? all[i] : readNumber(r);
	}
	return out;
}

/* null where nothing was sampled. */
function readVariance(r, rows) {
	var out = null;

	for (var i = 0; i < rows.length; i++)
		if (rows.flags[i] & 64) {
			var code = readNumber(r);
			out = out || new Float64Array(rows.length);
			out[i] = Math.pow(Math.pow(2, code / 16) - 1, 2);
		}
	return out;
}

function readTree(r) {
	var n = readNumber(r);
	var strings = new TextDecoder().decode(r.bytes.subarray(r.at, r.at + n)).split("\0");

	r.at += n;
	memory.functions = readFunctions(r, strings);
	memory.frames = readFrames(r, memory.functions);
	memory.tree = readNodes(r);
	memory.rows = readRows(r);
}

function readRange(r) {
	var list = [], n = readNumber(r);

	for (var i = 0; i < n; i++) {
		var part = { process: readNumber(r), steps: readNumber(r), span: readNumber(r),
			bytesAll: readNumber(r), bytesLeftOut: readNumber(r), length: readNumber(r) };
		part.row = undoDifference(readColumn(r, new Uint32Array(part.length)));
		part.first = readColumn(r, new Uint16Array(part.length));
		for (var k = 1; k < part.length; k++)
			if (part.row[k] === part.row[k - 1])
				part.first[k] += part.first[k - 1];
		part.life = readColumn(r, new Uint16Array(part.length));
		part.n = readColumn(r, new Float64Array(part.length));
		part.bytes = readColumn(r, new Float64Array(part.length));
		list.push(part);
	}
	memory.range = list;
}

function loadMemory() {
	return unpack("head").then(function (r) {
		memory.head = JSON.parse(new TextDecoder().decode(r.bytes));
		memory.hasRange = !!document.getElementById("data-range");
		return unpack("tree");
	}).then(readTree);
}

var rangeLoading = null;

function loadRange() {
	rangeLoading = rangeLoading || unpack("range").then(function (r) {
		if (r)
			readRange(r);
	});
	return rangeLoading;
}

/* "12.3 MiB", as in the texts. */
function bytesText(n) {
	var names = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"], k = 0, v = Math.abs(n);

	while (k < 5 && v >= (k ? 1023.95 : 1024)) {
		v /= 1024;
		k++;
	}
	return (n < 0 ? "\u2212" : "") + (k ? v.toFixed(1) : String(Math.round(v))) + "\u00a0" + names[k];
}

function countText(n) {
	return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ",");
}

function percentText(part, whole) {
	var v = whole > 0 ? 100 * Math.abs(part) / whole : 0;

	return (part < 0 ? "\u2212" : "") + (v >= 99.95 ? v.toFixed(0) : v >= 0.095 || v === 0 ? v.toFixed(1) : v.toFixed(3)) + "\u00a0%";
}

function timeText(ms) {
	if (ms < 1000)
		return Math.round(ms) + "\u00a0ms";
	if (ms < 120000)
		return (ms / 1000).toFixed(2) + "\u00a0s";
	var s = Math.round(ms / 1000), m = Math.floor(s / 60);
	return m < 120 ? m + "\u00a0min " + s % 60 + "\u00a0s" : Math.floor(m / 60) + "\u00a0h " + m % 60 + "\u00a0min";
}
