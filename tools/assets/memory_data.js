// Data of the memory page: compressed columns (memory_html_data.h) into typed arrays.
"use strict";
const Memory = {};

Memory.inflate = async function (id) {
	const text = document.getElementById(id).textContent;
	const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
	if (typeof DecompressionStream === "undefined")
		throw new Error("this browser is too old for the page: it has no DecompressionStream");
	const inflating = new DecompressionStream("deflate"), writer = inflating.writable.getWriter();
	const parts = [], reader = inflating.readable.getReader();
	writer.write(bytes).catch(() => 0);
	writer.close().catch(() => 0);
	let n = 0;
	for (let got = await reader.read(); !got.done; got = await reader.read()) {
		parts.push(got.value);
		n += got.value.length;
	}
	const whole = new Uint8Array(n);
	for (let i = 0, at = 0; i < parts.length; at += parts[i++].length)
		whole.set(parts[i], at);
	return whole;
};

Memory.Reader = class {
	constructor(bytes) { this.bytes = bytes; this.at = 0; }
	get more() { return this.at < this.bytes.length; }
	number() {
		let value = 0, scale = 1, byte;
		do {
			byte = this.bytes[this.at++];
			value += (byte & 127) * scale;
			scale *= 128;
		} while (byte & 128);
		return value;
	}
	column(n, type = Float64Array) {
		const values = new type(n);
		for (let i = 0; i < n; i++)
			values[i] = this.number();
		return values;
	}
};

Memory.readStrings = function (r) {
	const n = r.number(), decoder = new TextDecoder(), strings = [];
	const end = r.at + n;
	while (r.at < end) {
		const stop = r.bytes.indexOf(0, r.at);
		strings.push(decoder.decode(r.bytes.subarray(r.at, stop)));
		r.at = stop + 1;
	}
	return strings;
};

// "0: the next new one, k: the k-th last one"
Memory.byFirstUse = function (r, n) {
	const values = new Uint32Array(n);
	let seen = 0;
	for (let i = 0; i < n; i++) {
		const back = r.number();
		values[i] = back ? seen - back : seen++;
	}
	return values;
};

Memory.readTree = function (bytes) {
	const r = new Memory.Reader(bytes), t = { strings: Memory.readStrings(r) };
	const nf = r.number();
	t.functions = { n: nf };
	for (const name of ["name", "file", "shortFile", "line", "flags", "red", "green", "blue"])
		t.functions[name] = r.column(nf, Uint32Array);
	const nFrames = r.number();
	t.frameFunction = Memory.byFirstUse(r, nFrames);
	t.frameLine = r.column(nFrames, Uint32Array);
	const n = t.n = r.number();
	t.parent = new Uint32Array(n);
	const depth = t.depth = new Uint32Array(n), path = [0];
	for (let i = 1; i < n; i++) {
		depth[i] = depth[i - 1] + 1 - r.number();
		t.parent[i] = path[depth[i] - 1];
		path[depth[i]] = i;
	}
	t.frame = new Uint32Array(n);
	t.frame.set(Memory.byFirstUse(r, Math.max(0, n - 1)), n > 0 ? 1 : 0);
	Memory.readRows(r, t);
	return t;
};

Memory.readRows = function (r, t) {
	const n = t.rows = r.number();
	t.rowNode = r.column(n, Uint32Array);
	for (let i = 1; i < n; i++)
		t.rowNode[i] += t.rowNode[i - 1];
	t.rowThread = r.column(n, Uint32Array);
	t.rowAllocator = r.column(n, Uint8Array);
	const flags = r.column(n, Uint8Array);
	const all = { n: r.column(n), bytes: r.column(n) };
	const own = [0, 2, 4].map(shift => {
		const view = { n: new Float64Array(n), bytes: new Float64Array(n) };
		for (const key of ["n", "bytes"])
			for (let i = 0; i < n; i++) {
				const how = flags[i] >> shift & 3;
				view[key][i] = how === 2 ? r.number() : how === 1 ? all[key][i] : 0;
			}
		return view;
	});
	t.views = [own[0], own[1], all, own[2]];
	const variance = [0, 1, 2].map(() => {
		const values = new Float64Array(n);
		for (let i = 0; i < n; i++)
			if (flags[i] & 64)
				values[i] = (2 ** (r.number() / 16) - 1) ** 2;
		return values;
	});
	t.variance = [variance[0], variance[1], variance[2], null];
};

Memory.readRanges = function (bytes) {
	const r = new Memory.Reader(bytes), ranges = [];
	while (r.more) {
		const range = { process: r.number(), steps: r.number(), span: r.number(), leftOut: r.number() };
		const n = range.n = r.number();
		range.row = new Uint32Array(n);
		range.birth = new Uint8Array(n);
		range.end = new Uint8Array(n);
		range.count = new Float64Array(n);
		range.bytes = new Float64Array(n);
		for (let i = 0, row = 0; i < n; i++) {
			range.row[i] = row += r.number();
			range.birth[i] = r.number();
			range.end[i] = r.number();
			range.count[i] = r.number();
			range.bytes[i] = r.number();
		}
		ranges.push(range);
	}
	return ranges;
};

Memory.size = function (bytes) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB"], sign = bytes < 0 ? "-" : "";
	let value = Math.abs(bytes), unit = 0;
	for (; value >= 1024 && unit < 4; unit++)
		value /= 1024;
	return sign + (unit ? value.toFixed(value < 10 ? 2 : 1) : Math.round(value)) + " " + units[unit];
};
