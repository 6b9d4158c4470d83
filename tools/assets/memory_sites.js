"use strict";
/* The lines that allocated, as a table: own is what the line itself asked for,
 * total what was asked for below it; recursion counts once. */
var SITES_SHOWN = 100;

function SiteTable(table, more, onChoose) {
	this.table = table;
	this.more = more;
	this.onChoose = onChoose;
	this.order = "bytes";
	this.down = true;
	this.shown = SITES_SHOWN;
	this.found = null;
	this.rows = [];
	this.listen();
}

/* Per frame that is shown: own and total sums. */
function sitesOf(graph) {
	var tree = memory.tree, sums = graph.sums, sites = new Map(), open = new Map(), path = [];

	function siteOf(frame) {
		var site = sites.get(frame);
		if (!site) {
			site = { frame: frame, bytes: 0, n: 0, variance: 0, total: 0, totalN: 0 };
			sites.set(frame, site);
		}
		return site;
	}
	for (var node = 1; node < tree.n; node++) {
		while (path.length && tree.end[path[path.length - 1]] <= node) {
			var left = tree.frame[path.pop()];
			open.set(left, open.get(left) - 1);
		}
		var from = sums.at(node), to = sums.at(tree.end[node]);
		if (from === to) {
			node = tree.end[node] - 1;
			continue;
		}
		var frame = tree.frame[node], k = from;
		path.push(node);
		if (!open.get(frame)) {
			open.set(frame, 0);
			var all = siteOf(frame);
			all.total += sums.bytes[to] - sums.bytes[from];
			all.totalN += sums.n[to] - sums.n[from];
		}
		open.set(frame, open.get(frame) + 1);
		while (k < to && sums.nodes[k] === node)
			k++;
		if (k > from) {
			var shown = graph.shown(node), own = shown ? siteOf(tree.frame[shown]) : null;
			if (own) {
				own.bytes += sums.bytes[k] - sums.bytes[from];
				own.n += sums.n[k] - sums.n[from];
				own.variance += sums.variance ? sums.variance[k] - sums.variance[from] : 0;
			}
		}
	}
	return Array.from(sites.values()).filter(function (s) { return !graph.hidden[s.frame]; });
}

SiteTable.prototype.show = function (graph) {
	this.all = graph.sums.total();
	this.rows = sitesOf(graph);
	this.paint();
};

SiteTable.prototype.valueOf = function (row) {
	return this.order === "name" ? memory.frames[row.frame].text :
		this.order === "average" ? (row.n ? row.bytes / row.n : 0) : row[this.order];
};

SiteTable.prototype.sorted = function () {
	var table = this, way = this.down ? -1 : 1;

	return this.rows.filter(function (r) {
		return !table.found || table.found[r.frame];
	}).sort(function (a, b) {
		var x = table.valueOf(a), y = table.valueOf(b);
		return (x < y ? -way : x > y ? way : 0) || b.total - a.total || a.frame - b.frame;
	});
};

function cell(row, className, text) {
	var td = document.createElement("td");

	td.className = className;
	td.textContent = text;
	row.appendChild(td);
	return td;
}

SiteTable.prototype.paint = function () {
	var rows = this.sorted(), body = document.createElement("tbody"), table = this;
	var largest = rows.reduce(function (m, r) { return Math.max(m, r.bytes); }, 1);

	rows.slice(0, this.shown).forEach(function (r) {
		var f = memory.frames[r.frame], tr = document.createElement("tr"), half = 1.96 * Math.sqrt(r.variance);
		var name = cell(tr, "name", ""), button = document.createElement("button"), place = document.createElement("span");
		button.type = "button";
		button.textContent = f.fn.name;
		button.style.borderLeftColor = f.fn.colour;
		place.className = "place";
		place.textContent = f.place;
		name.append(button, place);
		name.title = f.fn.name + "\n" + f.fn.file + (f.line ? ":" + f.line : "");
		var own = cell(tr, "number own", bytesText(r.bytes));
		own.style.setProperty("--part", 100 * r.bytes / largest + "%");
		own.title = r.bytes ? percentText(r.bytes, table.all.bytes) + " of all" +
			(half ? ", \u00b1 " + bytesText(half) : "") : "";
		cell(tr, "number", bytesText(r.total));
		cell(tr, "number", countText(r.n));
		cell(tr, "number wide", r.n ? bytesText(r.bytes / r.n) : "");
		tr.dataset.frame = r.frame;
		body.appendChild(tr);
	});
	this.table.querySelector("tbody").replaceWith(body);
	this.table.querySelectorAll("th").forEach(function (th) {
		var key = th.querySelector("button").dataset.order;
		th.setAttribute("aria-sort", key !== table.order ? "none" : table.down ? "descending" : "ascending");
	});
	this.more.hidden = rows.length <= this.shown;
	this.more.textContent = "Show more of " + countText(rows.length);
};

SiteTable.prototype.listen = function () {
	var table = this;

	this.table.addEventListener("click", function (e) {
		var order = e.target.closest("[data-order]"), row = e.target.closest("tr[data-frame]");
		if (order) {
			table.down = table.order === order.dataset.order ? !table.down : order.dataset.order !== "name";
			table.order = order.dataset.order;
			table.paint();
		} else if (row) {
			table.onChoose(Number(row.dataset.frame));
		}
	});
	this.more.addEventListener("click", function () {
		table.shown *= 4;
		table.paint();
	});
};
