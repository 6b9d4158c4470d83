"use strict";
/* Resident memory and heap over time, the peak marked; a range is dragged on
 * it.  Times are ms since the first process's start. */
var PAD = { left: 8, right: 8, top: 18, bottom: 20 };

function Timeline(canvas, onRange) {
	this.canvas = canvas;
	this.onRange = onRange;
	this.range = null;
	this.series = null;
	this.from = 0;
	this.to = 1;
	this.listen();
}

/* Values of one process at any time: the last point's, 0 before and after. */
function valueAt(process, name, when, hint) {
	var t = process.t, k = hint.k;

	when -= process.start;
	while (k < t.length && t[k] <= when)
		k++;
	hint.k = k;
	return k && when <= t[t.length - 1] ? process[name][k - 1] : 0;
}

/* processes: those that are meant; of several the sums are drawn. */
Timeline.prototype.show = function (processes) {
	var times = [], series = { t: [], rss: [], heap: [], python: [] };

	processes.forEach(function (p) {
		p.t.forEach(function (t) { times.push(p.start + t); });
	});
	times.sort(function (a, b) { return a - b; });
	var step = Math.max(Math.floor(times.length / 4000), 1);
	times = times.filter(function (t, i) { return processes.length === 1 || i % step === 0 || i === times.length - 1; });
	series.t = times;
	["rss", "heap", "python"].forEach(function (name) {
		series[name] = new Array(times.length).fill(0);
		processes.forEach(function (p) {
			var hint = { k: 0 };
			times.forEach(function (t, i) { series[name][i] += valueAt(p, name, t, hint); });
		});
	});
	this.series = series;
	this.from = times.length ? times[0] : 0;
	this.to = times.length ? Math.max(times[times.length - 1], this.from + 1) : 1;
	this.peaks = processes.length === 1 && processes[0].peak ?
		[{ when: processes[0].start + processes[0].peak_when, bytes: processes[0].peak }] : peakOf(series);
	this.most = 1;
	series.rss.concat(series.heap, this.peaks.map(function (p) { return p.bytes; })).forEach(function (v) {
		this.most = Math.max(this.most, v);
	}, this);
	this.paint();
};

function peakOf(series) {
	var best = 0;

	series.heap.forEach(function (v, i) { best = v > series.heap[best] ? i : best; });
	return series.t.length ? [{ when: series.t[best], bytes: series.heap[best] }] : [];
}

Timeline.prototype.x = function (when) {
	return PAD.left + (when - this.from) / (this.to - this.from) * (this.width - PAD.left - PAD.right);
};

Timeline.prototype.when = function (x) {
	var share = (x - PAD.left) / (this.width - PAD.left - PAD.right);

	return this.from + Math.min(Math.max(share, 0), 1) * (this.to - this.from);
};

Timeline.prototype.y = function (bytes) {
	return this.height - PAD.bottom - bytes / this.most * (this.height - PAD.top - PAD.bottom);
};

Timeline.prototype.paint = function () {
	var c = this.canvas, dpr = window.devicePixelRatio || 1, g = c.getContext("2d");
	var style = getComputedStyle(document.body), line = this;

	this.width = c.clientWidth;
	this.height = c.clientHeight;
	if (!this.series || !this.width)
		return;
	c.width = Math.round(this.width * dpr);
	c.height = Math.round(this.height * dpr);
	g.setTransform(dpr, 0, 0, dpr, 0, 0);
	g.font = "11px system-ui, sans-serif";
	this.colour = function (name) { return style.getPropertyValue("--" + name); };
	this.paintGrid(g);
	this.paintArea(g, "rss", null, "rss");
	this.paintArea(g, "heap", "heap-fill", "heap");
	this.paintArea(g, "python", "python-fill", null);
	this.peaks.forEach(function (p) { line.paintPeak(g, p); });
	this.paintRange(g);
};

/* 1, 2 or 5 times a power of ten, of about this many. */
function niceStep(span, many) {
	var raw = span / many, base = Math.pow(10, Math.floor(Math.log10(raw || 1)));

	return base * (raw / base > 5 ? 10 : raw / base > 2 ? 5 : raw / base > 1 ? 2 : 1);
}

Timeline.prototype.paintGrid = function (g) {
	var step = niceStep(this.to - this.from, Math.max(this.width / 110, 2));
	var bottom = this.height - PAD.bottom;

	g.strokeStyle = this.colour("line");
	g.fillStyle = this.colour("soft");
	g.lineWidth = 1;
	g.textAlign = "center";
	g.textBaseline = "top";
	for (var t = Math.ceil(this.from / step) * step; t <= this.to; t += step) {
		var x = Math.round(this.x(t)) + 0.5, text = timeText(t - 0);
		g.beginPath();
		g.moveTo(x, PAD.top);
		g.lineTo(x, bottom);
		g.stroke();
		if (x > 24 && x < this.width - 24)
			g.fillText(text, x, bottom + 5);
	}
	g.beginPath();
	g.moveTo(PAD.left, bottom + 0.5);
	g.lineTo(this.width - PAD.right, bottom + 0.5);
	g.stroke();
};

Timeline.prototype.paintArea = function (g, name, fill, stroke) {
	var s = this.series, values = s[name], self = this, bottom = this.height - PAD.bottom;

	if (!s.t.length)
		return;
	g.beginPath();
	values.forEach(function (v, i) {
		g[i ? "lineTo" : "moveTo"](self.x(s.t[i]), self.y(v));
	});
	if (stroke) {
		g.strokeStyle = this.colour(stroke);
		g.lineWidth = 1.5;
		g.stroke();
	}
	if (fill) {
		g.lineTo(this.x(s.t[s.t.length - 1]), bottom);
		g.lineTo(this.x(s.t[0]), bottom);
		g.fillStyle = this.colour(fill);
		g.fill();
	}
};

Timeline.prototype.paintPeak = function (g, peak) {
	var x = this.x(peak.when), text = "peak " + bytesText(peak.bytes) + " at " + timeText(peak.when);

	g.strokeStyle = this.colour("peak");
	g.fillStyle = this.colour("peak");
	g.lineWidth = 1.5;
	g.setLineDash([4, 3]);
	g.beginPath();
	g.moveTo(x, PAD.top);
	g.lineTo(x, this.height - PAD.bottom);
	g.stroke();
	g.setLineDash([]);
	g.beginPath();
	g.arc(x, this.y(peak.bytes), 3.5, 0, 7);
	g.fill();
	var half = g.measureText(text).width / 2 + 2;
	g.textAlign = "center";
	g.textBaseline = "top";
	g.fillText(text, Math.min(Math.max(x, half), this.width - half), 2);
};

Timeline.prototype.paintRange = function (g) {
	if (!this.range)
		return;
	var a = this.x(this.range[0]), b = this.x(this.range[1]), bottom = this.height - PAD.bottom;
	g.fillStyle = this.colour("shade");
	g.fillRect(0, PAD.top, a, bottom - PAD.top);
	g.fillRect(b, PAD.top, this.width - b, bottom - PAD.top);
	g.fillStyle = this.colour("accent");
	[a, b].forEach(function (x) {
		g.fillRect(x - 1, PAD.top, 2, bottom - PAD.top);
		g.fillRect(x - 3, (PAD.top + bottom) / 2 - 9, 6, 18);
	});
};

Timeline.prototype.setRange = function (range) {
	if (range) {
		range = [Math.max(Math.min(range[0], range[1]), this.from), Math.min(Math.max(range[0], range[1]), this.to)];
		if (range[1] - range[0] < (this.to - this.from) / 2000)
			range = null;
	}
	this.range = range;
	this.paint();
};

/* Drag makes a range, its ends can be dragged; a click takes it away. */
Timeline.prototype.listen = function () {
	var line = this, c = this.canvas, anchor = null, moved = false;

	function whenOf(e) {
		return line.when(e.clientX - c.getBoundingClientRect().left);
	}
	c.addEventListener("pointerdown", function (e) {
		var x = e.clientX - c.getBoundingClientRect().left;
		if (!memory.hasRange || e.button)
			return;
		c.setPointerCapture(e.pointerId);
		moved = false;
		anchor = whenOf(e);
		if (line.range && Math.abs(line.x(line.range[0]) - x) < 8)
			anchor = line.range[1];
		else if (line.range && Math.abs(line.x(line.range[1]) - x) < 8)
			anchor = line.range[0];
	});
	c.addEventListener("pointermove", function (e) {
		if (anchor === null)
			return;
		moved = moved || Math.abs(line.x(anchor) - line.x(whenOf(e))) > 3;
		if (moved)
			line.setRange([anchor, whenOf(e)]);
	});
	c.addEventListener("pointerup", function () {
		if (anchor === null)
			return;
		anchor = null;
		if (!moved)
			line.setRange(null);
		line.onRange(line.range);
	});
	c.addEventListener("pointercancel", function () { anchor = null; });
	c.addEventListener("keydown", function (e) { line.onKey(e); });
};

/* Arrows move the range, with Shift its end; Escape takes it away. */
Timeline.prototype.onKey = function (e) {
	var span = this.to - this.from, step = span / 50, way = e.key === "ArrowLeft" ? -1 : e.key === "ArrowRight" ? 1 : 0;

	if (!memory.hasRange || !(way || e.key === "Escape"))
		return;
	e.preventDefault();
	if (e.key === "Escape" && this.range) {
		e.stopPropagation();
		this.setRange(null);
	} else if (way) {
		var r = this.range || [this.from, this.from + span / 10];
		this.setRange(e.shiftKey ? [r[0], r[1] + way * step] : [r[0] + way * step, r[1] + way * step]);
	}
	this.onRange(this.range);
};
