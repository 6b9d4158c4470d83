"use strict";
/* Draws a Graph on a canvas as high as the window onto it: laid out row by row,
 * only what is at least SMALLEST pixels wide. */
var SMALLEST = 0.3, ROW = 19, FONT = "12px system-ui, sans-serif";
var NAMELESS = "rgb(205,205,210)", FOUND = "#e600e6";

function GraphView(box, canvas, onPoint, onZoom) {
	this.box = box;
	this.canvas = canvas;
	this.spacer = box.querySelector(".spacer");
	this.onPoint = onPoint;
	this.onZoom = onZoom;
	this.graph = null;
	this.zoomed = null;
	this.selected = null;
	this.found = null;
	this.flame = false;
	this.rows = [];
	this.widths = new Map();
	this.listen();
}

GraphView.prototype.show = function (graph) {
	var path = this.zoomed ? pathOf(this.zoomed) : [];

	this.graph = graph;
	this.selected = null;
	this.zoomed = follow(graph, path);
	this.layOut();
};

function pathOf(item) {
	var path = [];

	for (; item.parent; item = item.parent)
		path.unshift(itemText(item));
	return path;
}

/* The item that the texts lead to in this graph, as far as they do. */
function follow(graph, path) {
	var item = graph.root;

	path.every(function (text) {
		var next = graph.childrenOf(item).find(function (c) { return itemText(c) === text; });
		item = next || item;
		return next;
	});
	return item;
}

GraphView.prototype.zoom = function (item) {
	this.zoomed = item || this.graph.root;
	this.selected = null;
	this.layOut();
	this.onZoom(this.zoomed);
};

/* Rows of boxes: the zoomed item's callers, then it and what is below. */
GraphView.prototype.layOut = function () {
	var width = this.box.clientWidth, measure = this.graph.measure, above = [], rows = [];

	for (var item = this.zoomed; item; item = item.parent)
		above.unshift({ item: item, x: 0, w: width });
	above.forEach(function (box) { rows.push([box]); });
	var level = rows[rows.length - 1];
	while (level.length) {
		var next = [];
		for (var i = 0; i < level.length; i++)
			if (level[i].item)
				this.layOutBelow(level[i], next, measure);
		if (next.length)
			rows.push(next);
		level = next;
	}
	this.rows = rows;
	this.nAbove = above.length - 1;
	this.width = width;
	this.spacer.style.height = rows.length * ROW + "px";
	this.box.scrollTop = this.flame ? this.box.scrollHeight : 0;
	this.paint();
};

GraphView.prototype.layOutBelow = function (box, next, measure) {
	var whole = box.item[measure], x = box.x;

	if (whole <= 0)
		return;
	var scale = box.w / whole;
	if (box.w < SMALLEST)
		return;
	var children = this.graph.childrenOf(box.item), k = 0;
	for (; k < children.length; k++) {
		var w = children[k][measure] * scale;
		if (w < SMALLEST)
			break;
		next.push({ item: children[k], x: x, w: w });
		x += w;
	}
	var rest = { bytes: 0, n: 0 };
	for (var i = k; i < children.length; i++) {
		rest.bytes += children[i].bytes;
		rest.n += children[i].n;
	}
	if (rest[measure] * scale >= 1)
		next.push({ item: null, x: x, w: rest[measure] * scale, rest: rest, many: children.length - k, of: box.item });
};

GraphView.prototype.rowTop = function (row) {
	var height = Math.max(this.rows.length * ROW, this.box.clientHeight);

	return (this.flame ? height - (row + 1) * ROW : row * ROW) - this.box.scrollTop;
};

GraphView.prototype.paint = function () {
	var dpr = window.devicePixelRatio || 1, h = this.box.clientHeight, c = this.canvas;
	var style = getComputedStyle(document.body), g = c.getContext("2d");

	if (!this.graph || !this.width)
		return;
	if (c.width !== Math.round(this.width * dpr) || c.height !== Math.round(h * dpr)) {
		c.width = Math.round(this.width * dpr);
		c.height = Math.round(h * dpr);
		c.style.width = this.width + "px";
		c.style.height = h + "px";
	}
	g.setTransform(dpr, 0, 0, dpr, 0, 0);
	g.clearRect(0, 0, this.width, h);
	g.font = FONT;
	g.textBaseline = "middle";
	this.ink = style.getPropertyValue("--ink");
	this.faint = style.getPropertyValue("--faint");
	for (var row = 0; row < this.rows.length; row++) {
		var y = this.rowTop(row);
		if (y <= -ROW || y >= h)
			continue;
		for (var i = 0; i < this.rows[row].length; i++)
			this.paintBox(g, this.rows[row][i], y, row < this.nAbove);
	}
};

GraphView.prototype.colourOf = function (item) {
	if (this.found && item.frame !== NONE && this.found[item.frame])
		return FOUND;
	return item.frame === NONE ? NAMELESS : memory.frames[item.frame].fn.colour;
};

GraphView.prototype.paintBox = function (g, box, y, isAbove) {
	var item = box.item, gap = box.w > 3 ? 1 : box.w > 1 ? 0.4 : 0;

	if (!item) {
		g.fillStyle = this.faint;
		g.fillRect(box.x, y, box.w - gap, ROW - 1);
		this.paintText(g, countText(box.many) + " smaller", box, y, this.ink);
		return;
	}
	var isFound = this.found && item.frame !== NONE && this.found[item.frame];
	g.globalAlpha = isAbove ? 0.55 : this.found && !isFound ? 0.45 : 1;
	g.fillStyle = this.colourOf(item);
	g.fillRect(box.x, y, Math.max(box.w - gap, 0.2), ROW - 1);
	g.globalAlpha = 1;
	var dark = this.found && !isFound || isAbove;
	this.paintText(g, itemText(item), box, y, isFound ? "#fff" : dark ? this.ink : "#15171c");
	if (item === this.selected) {
		g.strokeStyle = this.ink;
		g.lineWidth = 2;
		g.strokeRect(box.x + 1, y + 1, Math.max(box.w - gap - 2, 1), ROW - 3);
	}
};

/* As many characters as fit. */
GraphView.prototype.paintText = function (g, text, box, y, colour) {
	var room = box.w - 9;

	if (room < 16)
		return;
	g.fillStyle = colour;
	var width = this.widthOf(g, text);
	if (width > room) {
		var characters = Array.from(text), keep = Math.floor(characters.length * room / width);
		do
			text = characters.slice(0, keep).join("") + "\u2026";
		while (keep-- > 1 && g.measureText(text).width > room);
		if (keep < 1)
			return;
	}
	g.fillText(text, box.x + 4, y + ROW / 2);
};

GraphView.prototype.widthOf = function (g, text) {
	var width = this.widths.get(text);

	if (width === undefined) {
		width = g.measureText(text).width;
		this.widths.set(text, width);
	}
	return width;
};

GraphView.prototype.boxAt = function (clientX, clientY) {
	var r = this.canvas.getBoundingClientRect(), x = clientX - r.left, y = clientY - r.top, view = this, hit = null;

	this.rows.some(function (row, k) {
		var top = view.rowTop(k);
		if (y < top || y >= top + ROW)
			return false;
		hit = row.find(function (box) { return x >= box.x && x < box.x + box.w; }) || null;
		return true;
	});
	return hit;
};

GraphView.prototype.listen = function () {
	var view = this, box = this.box;

	box.addEventListener("scroll", function () { view.paint(); });
	box.addEventListener("mousemove", function (e) { view.onPoint(view.boxAt(e.clientX, e.clientY), e); });
	box.addEventListener("mouseleave", function (e) { view.onPoint(null, e); });
	box.addEventListener("click", function (e) {
		var hit = view.boxAt(e.clientX, e.clientY);
		box.focus({ preventScroll: true });
		if (hit)
			view.zoom(hit.item || hit.of);
	});
	box.addEventListener("keydown", function (e) { view.onKey(e); });
};

/* Arrows walk over what is drawn, Enter zooms, Escape and Backspace go back. */
GraphView.prototype.onKey = function (e) {
	var out = this.flame ? "ArrowUp" : "ArrowDown", back = this.flame ? "ArrowDown" : "ArrowUp";
	var moves = { ArrowLeft: "left", ArrowRight: "right" };

	moves[out] = "down";
	moves[back] = "up";
	if (moves[e.key])
		this.move(moves[e.key]);
	else if (e.key === "Home")
		this.select(this.zoomed);
	else if (e.key === "Enter" || e.key === " ")
		this.zoom(this.selected || this.zoomed);
	else if (e.key === "Backspace" && this.zoomed.parent)
		this.zoom(this.zoomed.parent);
	else
		return;
	e.preventDefault();
	e.stopPropagation();
};

GraphView.prototype.move = function (way) {
	var at = this.selected, graph = this.graph;

	if (!at)
		return this.select(this.zoomed);
	if (way === "up")
		return this.select(at.parent || at);
	if (way === "down")
		return this.select(this.isDrawn(graph.childrenOf(at)[0]) || at);
	var row = this.rows[at.depth].filter(function (b) { return b.item; });
	var k = row.findIndex(function (b) { return b.item === at; }) + (way === "left" ? -1 : 1);
	return this.select(row[k] ? row[k].item : at);
};

GraphView.prototype.isDrawn = function (item) {
	return item && this.rows[item.depth] && this.rows[item.depth].some(function (b) { return b.item === item; }) ?
		item : null;
};

GraphView.prototype.select = function (item) {
	this.selected = item;
	var top = this.rowTop(item.depth);
	if (top < 0)
		this.box.scrollTop += top;
	else if (top + ROW > this.box.clientHeight)
		this.box.scrollTop += top + ROW - this.box.clientHeight;
	this.paint();
	this.onPoint({ item: item }, null);
};
