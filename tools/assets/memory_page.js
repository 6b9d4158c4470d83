"use strict";
/* The page: controls, what they show, the address.  State is kept in the
 * address as #view=…&…, so that a link leads to what was seen. */
var page = { ready: false, state: null, graph: null, view: null, timeline: null, sites: null, sums: [] };

var VIEWS = [
	{ name: "peak", title: "Peak", what: "live when the heap was largest", inRange: "High water in the range" },
	{ name: "leaked", title: "Left at the end", what: "never freed", inRange: "Allocated in the range, left at its end" },
	{ name: "all", title: "Allocated in all", what: "freed or not", inRange: "Allocated in the range" },
	{ name: "temporary", title: "Temporary", what: "freed at once", inRange: "Freed within a step" }
];
var TOGGLES = ["inverted", "split", "hideImports", "hideInterpreter", "hideNative"];
var BALANCE_COLOURS = { python_small_bytes: "#2a62d4", python_large_bytes: "#5f8fe8", native_bytes: "#e0803a",
	map_bytes: "#d9b23c", arena_free_bytes: "#9db9ee", file_bytes: "#5aa58c", stack_bytes: "#9a6fb8",
	agent_bytes: "#c85a8c", rest_bytes: "#8d95a5", later_bytes: "#b9bec8" };

function byId(id) {
	return document.getElementById(id);
}

function readAddress() {
	var state = { view: VIEWS[memory.head.view].name, measure: "bytes", shape: "icicle", process: -1, thread: -1,
		kind: "heap", search: "", range: null };

	if (memory.head.processes.length === 1)
		state.process = 0;
	TOGGLES.forEach(function (t) { state[t] = false; });
	new URLSearchParams(location.hash.slice(1)).forEach(function (value, key) {
		if (key === "range")
			state.range = value.split("-").map(Number);
		else if (TOGGLES.indexOf(key) >= 0)
			state[key] = value === "1";
		else if (key === "process" || key === "thread")
			state[key] = Number(value);
		else if (key in state)
			state[key] = value;
	});
	if (!memory.head.processes[state.process])
		state.process = -1;
	if (!memory.head.threads[state.thread])
		state.thread = -1;
	if (!VIEWS.some(function (v) { return v.name === state.view; }))
		state.view = "peak";
	if (!memory.hasRange || state.range && !(state.range[1] > state.range[0]))
		state.range = null;
	return state;
}

function writeAddress() {
	var s = page.state, query = new URLSearchParams();

	query.set("view", s.view);
	if (s.measure !== "bytes") query.set("measure", s.measure);
	if (s.shape !== "icicle") query.set("shape", s.shape);
	if (s.process >= 0 && memory.head.processes.length > 1) query.set("process", s.process);
	if (s.thread >= 0) query.set("thread", s.thread);
	if (s.kind !== "heap") query.set("kind", s.kind);
	if (s.search) query.set("search", s.search);
	if (s.range) query.set("range", Math.round(s.range[0]) + "-" + Math.round(s.range[1]));
	TOGGLES.forEach(function (t) { if (s[t]) query.set(t, "1"); });
	try {
		history.replaceState(null, "", "#" + query);
	} catch (error) {
		/* inside a document of another origin the address is not ours to change */
	}
}

function viewIndex() {
	return VIEWS.findIndex(function (v) { return v.name === page.state.view; });
}

/* All that depends on the choice of rows. */
function update() {
	var s = page.state;

	page.sums = VIEWS.map(function (v, i) { return sumsOf(s, i); });
	updateViews();
	updateGraph();
}

function updateGraph() {
	var s = page.state, options = { measure: s.measure, view: viewIndex() };

	TOGGLES.forEach(function (t) { options[t] = s[t]; });
	page.graph = new Graph(s, page.sums[viewIndex()].index(), options);
	page.view.flame = s.shape === "flame";
	document.querySelectorAll("[data-measure], [data-shape]").forEach(function (b) {
		b.setAttribute("aria-pressed", String(b.dataset.measure === s.measure || b.dataset.shape === s.shape));
	});
	TOGGLES.forEach(function (t) { byId(t).setAttribute("aria-pressed", String(s[t])); });
	page.view.show(page.graph);
	updateSearch();
	writeAddress();
	/* the table goes over the whole tree: after the graph is on the screen */
	clearTimeout(page.tableLater);
	page.tableLater = setTimeout(function () {
		page.sites.show(page.graph);
		page.tableReady = true;
	}, 0);
	page.tableReady = false;
	page.view.zoomed && onZoom(page.view.zoomed);
}

function updateViews() {
	var box = byId("views"), s = page.state;

	box.textContent = "";
	VIEWS.forEach(function (v, i) {
		var total = page.sums[i].total(), b = document.createElement("button"), half = 1.96 * Math.sqrt(total.variance);
		var number = document.createElement("b"), what = document.createElement("span"), title = document.createElement("span");
		title.textContent = s.range ? v.inRange : v.title;
		number.textContent = bytesText(total.bytes);
		what.textContent = countText(total.n) + " block" + (Math.round(total.n) === 1 ? "" : "s") +
			(half >= 1 ? ", \u00b1\u00a0" + bytesText(half) : "") + (s.range && i === PEAK && page.sums[i].when !== undefined ?
			", at " + timeText(page.sums[i].when) : s.range ? "" : "; " + whatOf(v, i));
		b.type = "button";
		b.setAttribute("role", "radio");
		b.setAttribute("aria-checked", String(v.name === s.view));
		b.tabIndex = v.name === s.view ? 0 : -1;
		b.dataset.view = v.name;
		b.append(title, number, what);
		box.appendChild(b);
	});
	byId("range-reset").hidden = !s.range;
	byId("range-text").textContent = s.range ? timeText(s.range[0]) + " \u2013 " + timeText(s.range[1]) + leftOutText() :
		memory.hasRange ? "drag to look at a range" : "";
	byId("range-text").title = memory.hasRange ? "" :
		"A range needs the stream of allocations, which is recorded when FIL_PERF_MEMRAY_FORMAT has bin.";
}

function whatOf(v, i) {
	var processes = memory.head.processes;

	if (i === PEAK && page.state.process < 0 && processes.length > 1)
		return "each process at its own peak";
	if (i === TEMPORARY && processes[0].temporary)
		return "freed before " + processes[0].temporary + " more of its thread";
	return v.what;
}

function leftOutText() {
	var all = 0, gone = 0;

	partsOf(page.state).forEach(function (part) {
		all += part.bytesAll;
		gone += part.bytesLeftOut;
	});
	return gone > 0 ? ", without the smallest " + percentText(gone, all) : "";
}

function updateSearch() {
	var s = page.state, out = byId("matched"), found = null;

	out.className = "";
	out.textContent = "";
	if (s.search) {
		try {
			found = matchFrames(new RegExp(s.search, "i"));
			var part = page.graph.matched(page.view.zoomed, found);
			out.textContent = percentText(part[s.measure], page.view.zoomed[s.measure]) + " matched, " +
				(s.measure === "bytes" ? bytesText(part.bytes) : countText(part.n));
		} catch (error) {
			out.className = "bad";
			out.textContent = "not a regular expression";
		}
	}
	page.view.found = found;
	page.view.paint();
	page.sites.found = found;
	if (page.tableReady)
		page.sites.paint();
}

function onZoom(item) {
	byId("unzoom").hidden = item === page.graph.root;
	if (page.state.search)
		updateSearch();
}

/* One text for the tooltip and, on one line, for the keyboard. */
function factsOf(box) {
	var item = box.item, s = page.state, all = page.graph.root, view = VIEWS[viewIndex()];

	if (!item)
		return [countText(box.many) + " frames too narrow to draw",
			bytesText(box.rest.bytes) + ", " + countText(box.rest.n) + " blocks; zoom in to see them"];
	var half = 1.96 * Math.sqrt(item.variance), f = item.frame === NONE ? null : memory.frames[item.frame];
	var facts = [f ? f.fn.name : itemText(item)];
	if (f && f.fn.file)
		facts.push(f.fn.file + (f.line ? ":" + f.line : ""));
	facts.push(bytesText(item.bytes) + (half >= 1 ? " \u00b1 " + bytesText(half) + " (95\u00a0%)" : "") + ", " +
		percentText(item.bytes, all.bytes) + " of " + (s.range ? view.inRange : view.title).toLowerCase());
	facts.push(countText(item.n) + " block" + (Math.round(item.n) === 1 ? "" : "s") + ", " + percentText(item.n, all.n) +
		(item.n >= 1 ? "; " + bytesText(item.bytes / item.n) + " each on average" : ""));
	return facts;
}

function onPoint(box, e) {
	var tip = byId("tip"), facts = box ? factsOf(box) : [];

	byId("details").textContent = facts.join(" \u00b7 ");
	tip.hidden = !box || !e;
	if (tip.hidden)
		return;
	tip.textContent = "";
	facts.forEach(function (text, i) {
		var part = document.createElement(i ? "span" : "b");
		part.textContent = text;
		tip.appendChild(part);
	});
	var x = Math.min(e.clientX + 14, innerWidth - tip.offsetWidth - 8);
	var y = e.clientY + 18 + tip.offsetHeight > innerHeight ? e.clientY - tip.offsetHeight - 10 : e.clientY + 18;
	tip.style.left = Math.max(x, 4) + "px";
	tip.style.top = Math.max(y, 4) + "px";
}
