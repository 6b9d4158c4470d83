"use strict";
/* The page's head and controls, and its start. */

function showHead() {
	var h = memory.head, mode = byId("mode"), sampled = h.processes.some(function (p) { return p.sampled; });
	var lines = h.lines.split("\n"), command = lines.find(function (l) { return l.indexOf("command: ") === 0; });

	byId("label").textContent = h.title || h.label || "filperf";
	byId("command").textContent = command ? command.slice(9) : "";
	byId("lines").textContent = h.lines.trim();
	mode.textContent = sampled ? "Python sampled, the rest exact" : "exact";
	mode.title = lines.filter(function (l) { return /^(mode|cost): /.test(l); }).join("\n");
	if (lines.some(function (l) { return /^(lost|damage): /.test(l); })) {
		mode.textContent += "; something was lost";
		mode.classList.add("warn");
	}
	showProcesses();
	var notes = [];
	if (h.folded)
		notes.push(countText(h.folded) + " stacks with at most " + (100 * h.folded_share).toPrecision(2) +
			"\u00a0% of any view are counted at their callers, to keep this file small. Sums are whole.");
	if (h.processes.some(function (p) { return p.stream_stopped; }))
		notes.push("The stream of allocations stopped before the end (FIL_PERF_MAX_CAPTURE_MB or a full disk): " +
			"ranges of time know nothing of what came later; the views of the whole run do.");
	if (h.processes.some(function (p) { return p.frozen; }))
		notes.push("What the interpreter frees while it ends is not counted as freed by the program.");
	byId("note").textContent = notes.join(" ");
}

function option(select, value, text) {
	var o = document.createElement("option");

	o.value = value;
	o.textContent = text;
	select.appendChild(o);
}

function showProcesses() {
	var list = memory.head.processes, select = byId("process");

	byId("process-label").hidden = list.length < 2;
	option(select, -1, "all " + list.length);
	list.forEach(function (p, i) {
		option(select, i, p.title + " (" + p.pid + "), " + bytesText(p.peak));
	});
	select.value = page.state.process;
}

function showThreads() {
	var select = byId("thread"), seen = {}, s = page.state;

	memory.rows.thread.forEach(function (t) { seen[t] = true; });
	select.textContent = "";
	option(select, -1, "all");
	Object.keys(seen).forEach(function (t) {
		if (s.process < 0 || memory.head.threads[t][0] === s.process)
			option(select, t, memory.head.threads[t][1]);
	});
	select.value = s.thread;
	if (select.selectedIndex < 0)
		select.value = s.thread = -1;
}

/* The balance of the process that is meant, or of the one with the largest. */
function showBalance() {
	var list = memory.head.processes, p = list[page.state.process];

	if (!p)
		p = list.reduce(function (a, b) { return b.hwm > a.hwm ? b : a; }, list[0]);
	var items = p.balance.filter(function (i) { return i[2] !== 0; }), bar = byId("balance"), out = byId("balance-list");
	bar.textContent = out.textContent = "";
	byId("balance-box").hidden = !items.length;
	byId("hwm").textContent = bytesText(p.hwm) + (list.length > 1 ? " of " + p.title + " (" + p.pid + ")" : "");
	items.forEach(function (item) {
		var li = document.createElement("li"), dot = document.createElement("i"), b = document.createElement("b");
		var colour = BALANCE_COLOURS[item[0]] || "transparent";
		dot.style.background = item[2] > 0 ? colour : "none";
		b.textContent = bytesText(item[2]);
		li.append(dot, item[1] + " ", b, " " + percentText(item[2], p.hwm));
		out.appendChild(li);
		if (item[2] <= 0)
			return;
		var part = document.createElement("i");
		part.style.cssText = "flex:" + item[2] + " 0 0;background:" + colour;
		part.title = item[1] + ": " + bytesText(item[2]);
		bar.appendChild(part);
	});
	bar.setAttribute("aria-label", items.map(function (i) { return i[1] + " " + bytesText(i[2]); }).join(", "));
}

function showTimeline() {
	var s = page.state, list = memory.head.processes;
	var meant = s.process < 0 ? list : [list[s.process]];

	byId("timeline-box").hidden = !meant.some(function (p) { return p.t.length > 1; });
	document.body.classList.toggle("can-drag", memory.hasRange);
	page.timeline.show(meant);
	page.timeline.setRange(s.range);
	s.range = page.timeline.range;
}

function fitGraph() {
	var box = byId("graph"), top = box.getBoundingClientRect().top + scrollY, room = innerHeight;

	if (document.body.dataset.start === "graph")
		room -= top + 60;
	else
		room = Math.min(room * 0.7, 620);
	box.style.height = Math.max(room, 260) + "px";
	byId("sites-box").style.maxHeight = byId("graph-box").offsetHeight + "px";
}

function setRange(range) {
	page.state.range = range;
	if (!range || memory.range)
		return update();
	byId("range-text").textContent = "unpacking\u2026";
	loadRange().then(function () {
		page.state.range = page.timeline.range;
		update();
	}, fail);
}

function setSearch(text) {
	page.state.search = text;
	byId("search").value = text;
	updateSearch();
	writeAddress();
}

function chooseFrame(frame) {
	setSearch("^" + memory.frames[frame].text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&") + "$");
}

function reset() {
	if (page.view.zoomed !== page.graph.root)
		page.view.zoom(page.graph.root);
	else if (page.state.search)
		setSearch("");
	else if (page.state.range)
		resetRange();
}

function resetRange() {
	page.timeline.setRange(null);
	setRange(null);
}

function listenToViews() {
	var box = byId("views");

	function choose(view) {
		page.state.view = view;
		updateViews();
		updateGraph();
	}
	box.addEventListener("click", function (e) {
		var b = e.target.closest("[data-view]");
		if (b)
			choose(b.dataset.view);
	});
	box.addEventListener("keydown", function (e) {
		var way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
		if (!way)
			return;
		e.preventDefault();
		choose(VIEWS[(viewIndex() + way + VIEWS.length) % VIEWS.length].name);
		box.querySelector("[aria-checked=true]").focus();
	});
}

function listenToTools() {
	byId("tools").addEventListener("click", function (e) {
		var b = e.target.closest("button");
		if (!b)
			return;
		if (b.dataset.measure)
			page.state.measure = b.dataset.measure;
		else if (b.dataset.shape)
			page.state.shape = b.dataset.shape;
		else if (TOGGLES.indexOf(b.id) >= 0)
			page.state[b.id] = !page.state[b.id];
		else
			return;
		updateGraph();
	});
	byId("thread").addEventListener("change", function () {
		page.state.thread = Number(this.value);
		update();
	});
	byId("kind").addEventListener("change", function () {
		page.state.kind = this.value;
		update();
	});
	byId("process").addEventListener("change", function () {
		page.state.process = Number(this.value);
		page.state.range = null;
		showThreads();
		showBalance();
		showTimeline();
		update();
	});
	byId("search").addEventListener("input", function () { setSearch(this.value); });
	byId("unzoom").addEventListener("click", function () { page.view.zoom(page.graph.root); });
	byId("range-reset").addEventListener("click", resetRange);
	byId("about-button").addEventListener("click", function () {
		byId("about").hidden = !byId("about").hidden;
		this.setAttribute("aria-expanded", String(!byId("about").hidden));
		fitGraph();
	});
}

function listenToWindow() {
	var later = 0;

	addEventListener("resize", function () {
		clearTimeout(later);
		later = setTimeout(function () {
			fitGraph();
			page.timeline.paint();
			page.view.layOut();
		}, 60);
	});
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () {
		page.timeline.paint();
		page.view.paint();
	});
	addEventListener("keydown", function (e) {
		var typing = /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName || "");
		if (e.key === "/" && !typing || e.key === "F3" || (e.ctrlKey || e.metaKey) && e.key === "f") {
			e.preventDefault();
			byId("search").focus();
			byId("search").select();
		} else if (e.key === "Escape") {
			if (e.target === byId("search"))
				setSearch("");
			else
				reset();
		}
	});
}

function hideUseless() {
	var flags = memory.functions.reduce(function (all, f) {
		return all | (f.flags & (IMPORT | INTERPRETER)) | ((f.flags & ORIGIN) === ORIGIN_NATIVE ? 1 : 0);
	}, 0);
	var files = memory.rows.allocator.indexOf(17) >= 0;

	byId("hideImports").hidden = !(flags & IMPORT);
	byId("hideInterpreter").hidden = !(flags & INTERPRETER);
	byId("hideNative").hidden = !(flags & 1);
	byId("kind").querySelector("[value=files]").hidden = !files;
	byId("thread").parentNode.hidden = byId("split").hidden = byId("thread").options.length < 3;
}

function fail(error) {
	byId("sorry").hidden = false;
	byId("sorry").textContent = "This page could not be shown: " + error.message + ". It needs Chromium 80, " +
		"Firefox 113, Safari 16.4 or newer. The same figures as text: filperf memory table.";
}

function start() {
	page.state = readAddress();
	page.view = new GraphView(byId("graph"), byId("graph").querySelector("canvas"), onPoint, onZoom);
	page.timeline = new Timeline(byId("timeline"), setRange);
	page.sites = new SiteTable(byId("sites"), byId("more"), chooseFrame);
	showHead();
	showThreads();
	showBalance();
	hideUseless();
	byId("kind").value = page.state.kind;
	byId("search").value = page.state.search;
	showTimeline();
	fitGraph();
	listenToViews();
	listenToTools();
	listenToWindow();
	return (page.state.range ? loadRange() : Promise.resolve()).then(function () {
		update();
		fitGraph();
		page.view.layOut();
		page.ready = true;
	});
}

if (typeof DecompressionStream === "undefined")
	fail(new Error("this browser cannot unpack its data"));
else
	loadMemory().then(start).catch(fail);
