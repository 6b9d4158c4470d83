"use strict";
/* The flame graph's behaviour: search, zoom, details.  No network, no
 * globals of others; state lives in the URL as ?s=SEARCH&x=START&y=DEPTH. */
var graph = null;

function init(evt) {
	graph = {
		root: document.documentElement,
		frames: document.getElementById("frames"),
		details: document.getElementById("details"),
		unzoomButton: document.getElementById("unzoom"),
		searchButton: document.getElementById("search"),
		matched: document.getElementById("matched"),
		groups: [],
		total: 1,
		zoomed: null,
		term: null
	};
	graph.total = Number(graph.frames.getAttribute("total_samples")) || 1;
	var groups = graph.frames.querySelectorAll("g");
	for (var i = 0; i < groups.length; i++)
		graph.groups.push(readGroup(groups[i], i));
	if (fluiddrawing)
		makeFluid();
	listen();
	restore();
}

function readGroup(element, index) {
	var rect = element.querySelector("rect");
	var title = element.querySelector("title").textContent;

	element.setAttribute("tabindex", "0");
	element.setAttribute("role", "button");
	return {
		element: element,
		index: index,
		rect: rect,
		text: element.querySelector("text"),
		title: title,
		/* the bracket with the counts is ours, not the function's */
		name: title.replace(/ \([^(]*\)$/, ""),
		start: Number(rect.getAttribute("fg:x")),
		count: Number(rect.getAttribute("fg:w")),
		y: Number(rect.getAttribute("y")),
		fill: rect.getAttribute("fill")
	};
}

/* The drawing takes the window's width; positions are percentages already. */
function makeFluid() {
	graph.root.removeAttribute("viewBox");
	graph.root.setAttribute("width", "100%");
	resize();
	window.addEventListener("resize", resize);
}

function windowWidth() {
	return graph.root.getBoundingClientRect().width || 1200;
}

function resize() {
	var width = windowWidth();

	graph.frames.setAttribute("width", Math.max(width - 2 * xpad, 10));
	graph.searchButton.setAttribute("x", width - xpad);
	graph.matched.setAttribute("x", width - xpad);
	wrapReasons(width);
	fitHeading(document.getElementById("title"), width, 17 * 0.62, 250);
	fitHeading(document.getElementById("subtitle"), width, fontsize * 0.62, 2 * xpad);
	drawZoom();
}

function fitHeading(element, width, characterWidth, reserved) {
	if (!element)
		return;
	if (element.fullText === undefined)
		element.fullText = element.textContent;
	var room = Math.floor((width - Math.min(reserved, width * 0.45)) / characterWidth);
	element.textContent = cutText(element.fullText, room);
}

/* An empty graph's sentences, broken where the window ends. */
function wrapReasons(width) {
	var room = Math.max(Math.floor((width - 2 * xpad) / (13 * 0.62)), 10);
	var lines = document.querySelectorAll(".why");
	var down = 0;

	lines.forEach(function (line) {
		if (line.fullText === undefined) {
			line.fullText = line.textContent;
			line.fullY = Number(line.getAttribute("y"));
		}
		line.setAttribute("y", line.fullY + down);
		line.textContent = "";
		var rows = [""];
		line.fullText.split(" ").forEach(function (word) {
			var last = rows.length - 1;
			if (rows[last] && rows[last].length + 1 + word.length > room)
				rows.push(word);
			else
				rows[last] += (rows[last] ? " " : "") + word;
		});
		rows.forEach(function (row, i) {
			var part = document.createElementNS("http://www.w3.org/2000/svg", "tspan");
			part.setAttribute("x", xpad);
			part.setAttribute("dy", i ? 16 : 0);
			part.textContent = row;
			line.appendChild(part);
		});
		down += 16 * (rows.length - 1);
	});
	if (!lines.length)
		return;
	if (graph.fullHeight === undefined)
		graph.fullHeight = Number(graph.root.getAttribute("height"));
	graph.root.setAttribute("height", graph.fullHeight + down);
	graph.matched.setAttribute("y", graph.fullHeight + down - 10);
}

function cutText(text, room) {
	var characters = Array.from(text);

	if (characters.length <= room)
		return text;
	return room < 3 ? "" : characters.slice(0, room - 2).join("") + "..";
}

function view() {
	var z = graph.zoomed;
	return z ? { start: z.start, end: z.start + z.count, y: z.y }
		 : { start: 0, end: graph.total, y: -1 };
}

/* Positions of all frames for the frame that is zoomed to. */
function drawZoom() {
	var v = view();
	var span = Math.max(v.end - v.start, 1);
	var width = windowWidth() - 2 * xpad;

	graph.groups.forEach(function (g) {
		var above = g.y < v.y && g.start <= v.start && g.start + g.count >= v.end;
		var within = g.start >= v.start && g.start + g.count <= v.end && g.y >= v.y;
		var isRoot = g.index === 0;

		g.element.classList.toggle("parent", above);
		g.element.classList.toggle("hide", !(above || within || isRoot));
		if (!(above || within || isRoot))
			return;
		var share = above || isRoot ? 1 : g.count / span;
		var at = above || isRoot ? 0 : (g.start - v.start) / span;
		g.rect.setAttribute("x", (100 * at).toFixed(4) + "%");
		g.rect.setAttribute("width", (100 * share).toFixed(4) + "%");
		g.text.setAttribute("x", (100 * (at + 3 / Math.max(width, 1))).toFixed(4) + "%");
		g.text.textContent = cutText(g.name,
			Math.floor((share * width - 4) / (fontsize * fontwidth)));
	});
	graph.unzoomButton.classList.toggle("hide", !graph.zoomed);
}

function zoom(g) {
	graph.zoomed = g && g.index > 0 ? g : null;
	drawZoom();
	remember();
	if (graph.term)
		markMatches();
}

function unzoom() {
	zoom(null);
}

/* Share of the samples in view below a match; a match within a match counts once. */
function markMatches() {
	var expression;
	var spans = [];
	var v = view();

	try {
		expression = new RegExp(graph.term);
	} catch (error) {
		graph.matched.textContent = "not a regular expression";
		return;
	}
	graph.groups.forEach(function (g) {
		var hit = g.index > 0 && expression.test(g.name);

		g.rect.setAttribute("fill", hit ? searchcolor : g.fill);
		if (hit)
			spans.push([Math.max(g.start, v.start), Math.min(g.start + g.count, v.end)]);
	});
	spans.sort(function (a, b) { return a[0] - b[0] || b[1] - a[1]; });
	var sum = 0, end = v.start;
	spans.forEach(function (span) {
		if (span[1] > end) {
			sum += span[1] - Math.max(span[0], end);
			end = span[1];
		}
	});
	graph.matched.textContent =
		"Matched: " + (100 * sum / Math.max(v.end - v.start, 1)).toFixed(2) + "%";
	graph.matched.classList.remove("hide");
	graph.searchButton.classList.add("show");
	graph.searchButton.textContent = "Reset Search";
}

function search(term) {
	graph.term = term;
	markMatches();
	remember();
}

function resetSearch() {
	graph.term = null;
	graph.groups.forEach(function (g) { g.rect.setAttribute("fill", g.fill); });
	graph.matched.textContent = " ";
	graph.searchButton.classList.remove("show");
	graph.searchButton.textContent = "Search";
	remember();
}

function searchPrompt() {
	if (graph.term) {
		resetSearch();
		return;
	}
	var term = window.prompt("Search for a regular expression, for example: ^parse|json", "");
	if (term)
		search(term);
}

function groupOf(target) {
	var element = target && target.closest ? target.closest("#frames > g") : null;

	if (!element)
		return null;
	return graph.groups.find(function (g) { return g.element === element; }) || null;
}

function activate(target) {
	var g = groupOf(target);

	if (g)
		zoom(g);
	else if (target === graph.unzoomButton)
		unzoom();
	else if (target === graph.searchButton)
		searchPrompt();
}

function showDetails(target) {
	var g = groupOf(target);

	graph.details.textContent = g ? nametype + " " + cutText(g.title,
		Math.floor((windowWidth() - 2 * xpad) / (fontsize * 0.62)) - nametype.length - 1) : " ";
}

function listen() {
	[graph.searchButton, graph.unzoomButton].forEach(function (button) {
		button.setAttribute("tabindex", "0");
		button.setAttribute("role", "button");
	});
	window.addEventListener("click", function (e) { activate(e.target); });
	window.addEventListener("mouseover", function (e) { showDetails(e.target); });
	window.addEventListener("focusin", function (e) { showDetails(e.target); });
	window.addEventListener("keydown", function (e) {
		if (e.key === "F3" || ((e.ctrlKey || e.metaKey) && e.key === "f")) {
			e.preventDefault();
			searchPrompt();
		} else if (e.key === "Enter" || e.key === " ") {
			if (groupOf(e.target) || e.target === graph.searchButton ||
			    e.target === graph.unzoomButton) {
				e.preventDefault();
				activate(e.target);
			}
		} else if (e.key === "Escape") {
			if (graph.zoomed)
				unzoom();
			else if (graph.term)
				resetSearch();
		}
	});
}

function remember() {
	var query = [];

	if (graph.zoomed)
		query.push("x=" + graph.zoomed.start, "y=" + graph.zoomed.y);
	if (graph.term)
		query.push("s=" + encodeURIComponent(graph.term));
	try {
		window.history.replaceState(null, "", window.location.pathname +
			(query.length ? "?" + query.join("&") : ""));
	} catch (error) {
		/* inside a document of another origin the address is not ours to change */
	}
}

function restore() {
	var query = new URLSearchParams(window.location.search);
	var x = query.get("x"), y = query.get("y"), s = query.get("s");

	if (x !== null && y !== null)
		graph.zoomed = graph.groups.find(function (g) {
			return g.index > 0 && g.start === Number(x) && g.y === Number(y);
		}) || null;
	drawZoom();
	if (s)
		search(s);
}
