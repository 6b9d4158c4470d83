// The memory page: figures per row -> a tree -> canvas, table, timeline.
"use strict";
(async function () {
	const $ = id => document.getElementById(id);
	const head = JSON.parse($("head").textContent), ROW = 18, IMPORT = 8, INTERPRETER = 16;
	const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
	let tree, ranges, root, zoomed, hits = [], sort = "own", chosen = null, matcher = null;

	$("title").textContent = (head.label ? head.label + ": " : "") + "memory";
	document.title = $("title").textContent;
	$("lines").textContent = head.lines.trim() + (head.folded ? `\n${head.folded} small stacks are added to their callers` : "");
	try {
		tree = Memory.readTree(await Memory.inflate("tree"));
		ranges = Memory.readRanges(await Memory.inflate("spans"));
	} catch (error) {
		$("detail").textContent = "The data cannot be read: " + error.message;
		return;
	}

	function addOption(value, text) {
		const option = document.createElement("option");
		option.value = value;
		option.textContent = text;
		$("process").append(option);
	}
	addOption(-1, head.processes.length === 1 ? "the only one" : "all");
	head.processes.forEach((p, i) => head.processes.length > 1 && addOption(i, `${p.title} (${p.pid})`));
	const processOfRow = row => (head.threads[tree.rowThread[row]] || {}).process;
	const shownProcess = () => head.processes[Math.max(0, +$("process").value)];
	const rangeOf = () => ranges.find(r => r.process === Math.max(0, +$("process").value));

	// figures ------------------------------------------------------------------
	function rangeFigures() {
		const n = new Float64Array(tree.rows), bytes = new Float64Array(tree.rows), r = rangeOf();
		if (!r || !chosen)
			return { n, bytes };
		const first = Math.floor(chosen[0] * r.steps), last = Math.min(r.steps - 1, Math.floor(chosen[1] * r.steps));
		let at = last, kept = $("view").value === "4";
		if (!kept) {
			const sums = new Float64Array(r.steps + 1);
			for (let i = 0; i < r.n; i++) {
				sums[r.birth[i]] += r.bytes[i];
				if (r.end[i] < r.steps)
					sums[r.end[i]] -= r.bytes[i];
			}
			let sum = 0, most = -1;
			for (let s = 0; s <= last; s++) {
				sum += sums[s];
				if (s >= first && sum > most) {
					most = sum;
					at = s;
				}
			}
		}
		for (let i = 0; i < r.n; i++)
			if (r.birth[i] <= at && r.end[i] > at && (!kept || r.birth[i] >= first)) {
				n[r.row[i]] += r.count[i];
				bytes[r.row[i]] += r.bytes[i];
			}
		return { n, bytes };
	}

	function isHidden(frame) {
		const flags = tree.functions.flags[tree.frameFunction[frame]];
		return ($("imports").checked && flags & IMPORT) || ($("interpreter").checked && flags & INTERPRETER);
	}

	const nameOf = frame => {
		const f = tree.frameFunction[frame], file = tree.strings[tree.functions.shortFile[f]], line = tree.frameLine[frame];
		return tree.strings[tree.functions.name[f]] + (file ? ` (${file}${line ? ":" + line : ""})` : "");
	};

	function child(node, key, frame, label) {
		let c = node.map.get(key);
		if (!c) {
			c = { map: new Map(), frame, label, bytes: 0, n: 0, own: 0, ownN: 0, variance: 0, parent: node };
			node.map.set(key, c);
		}
		return c;
	}

	// A tree of what the settings show; rows whose figures are 0 make no node.
	function build() {
		const view = +$("view").value, figures = view < 4 ? tree.views[view] : rangeFigures();
		const variance = view < 4 ? tree.variance[view] : null, process = +$("process").value;
		const inverted = $("inverted").checked, threads = $("threads").checked, stack = [];
		root = { map: new Map(), label: "all", bytes: 0, n: 0, own: 0, ownN: 0, variance: 0, parent: null };
		for (let row = 0; row < tree.rows; row++) {
			const bytes = figures.bytes[row], n = figures.n[row];
			if ((!bytes && !n) || (process >= 0 && processOfRow(row) !== process))
				continue;
			stack.length = 0;
			for (let node = tree.rowNode[row]; node; node = tree.parent[node])
				if (!isHidden(tree.frame[node]))
					stack.push(tree.frame[node]);
			if (!inverted)
				stack.reverse();
			let at = root;
			const add = () => { at.bytes += bytes; at.n += n; at.variance += variance ? variance[row] : 0; };
			add();
			if (threads) {
				const thread = tree.rowThread[row];
				at = child(at, "t" + thread, -1, "thread " + ((head.threads[thread] || {}).name || thread));
				add();
			}
			for (const frame of stack) {
				at = child(at, frame, frame, null);
				add();
			}
			const leaf = inverted && stack.length ? stack[0] : stack[stack.length - 1];
			at.own += bytes;
			at.ownN += n;
			at.leaf = leaf;
		}
		zoomed = root;
		fillTable();
		draw();
	}

	const value = node => $("by").value === "bytes" ? node.bytes : node.n;
	const text = node => node.label || nameOf(node.frame);
	const shown = v => $("by").value === "bytes" ? Memory.size(v) : Math.round(v).toLocaleString("en") + " allocations";
	function describe(node) {
		const share = value(root) ? 100 * value(node) / value(root) : 0;
		const error = node.variance ? ` ± ${Memory.size(1.96 * Math.sqrt(node.variance))} (95 %)` : "";
		return `${text(node)}: ${Memory.size(node.bytes)}${error}, ${Math.round(node.n).toLocaleString("en")} allocations, ${share.toFixed(2)} %` +
			(node.own ? `; itself ${Memory.size(node.own)}` : "");
	}

	// graph --------------------------------------------------------------------
	function sized(canvas, height) {
		const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth;
		canvas.width = width * ratio;
		canvas.height = height * ratio;
		canvas.style.height = height + "px";
		const g = canvas.getContext("2d");
		g.scale(ratio, ratio);
		return [g, width];
	}
	function colour(node) {
		if (node.frame === undefined || node.frame < 0)
			return "#9aa0ab";
		const f = tree.functions, i = tree.frameFunction[node.frame];
		return `rgb(${f.red[i]},${f.green[i]},${f.blue[i]})`;
	}
	const isMatch = node => matcher && matcher.test(text(node));
	function deepest(node, width) {
		let most = 0;
		for (const c of node.map.values())
			if (value(c) / value(zoomed) * width > 0.3)
				most = Math.max(most, 1 + deepest(c, width));
		return most;
	}
	function draw() {
		const width = $("graph").clientWidth, above = [];
		for (let node = zoomed; node.parent; node = node.parent)
			above.unshift(node.parent);
		const levels = above.length + 1 + (value(zoomed) ? deepest(zoomed, width) : 0), height = Math.max(60, levels * ROW + 4);
		const [g, w] = sized($("graph"), height), flame = $("as").value === "flame";
		let matched = 0;
		hits = [];
		g.font = "12px system-ui, sans-serif";
		g.textBaseline = "middle";
		const put = (node, x, wide, level, faded, inMatch) => {
			const y = flame ? height - (level + 1) * ROW - 2 : level * ROW + 2, match = isMatch(node);
			g.globalAlpha = faded ? 0.5 : 1;
			g.fillStyle = match ? css("--match") : colour(node);
			g.fillRect(x, y, Math.max(0.3, wide - 0.4), ROW - 1);
			g.globalAlpha = 1;
			if (wide > 28) {
				g.fillStyle = match ? "#fff" : css("--frame");
				g.save();
				g.beginPath();
				g.rect(x, y, wide - 3, ROW);
				g.clip();
				g.fillText(text(node), x + 3, y + ROW / 2);
				g.restore();
			}
			hits.push({ node, x, y, wide });
			if (match && !inMatch)
				matched += value(node);
			return inMatch || match;
		};
		const below = (node, x, level, inMatch) => {
			const sorted = [...node.map.values()].sort((a, b) => text(a) < text(b) ? -1 : 1);
			for (const c of sorted) {
				const wide = value(c) / value(zoomed) * w;
				if (wide > 0.3) {
					const now = put(c, x, wide, level, false, inMatch);
					below(c, x, level + 1, now);
				} else if (matcher && !inMatch) {
					matched += matchedBelow(c);
				}
				x += wide;
			}
		};
		if (!value(root)) {
			g.fillStyle = css("--dim");
			g.fillText("Nothing to show: no " + $("view").selectedOptions[0].textContent + " was recorded" +
				(+$("view").value > 3 ? "; drag over the timeline to choose a range" : ""), 8, 30);
		} else {
			above.forEach((node, level) => put(node, 0, w, level, true, false));
			const now = put(zoomed, 0, w, above.length, false, false);
			below(zoomed, 0, above.length + 1, now);
		}
		$("matched").textContent = matcher ? `matched ${(value(zoomed) ? 100 * matched / value(zoomed) : 0).toFixed(1)} %` : "";
	}
	function matchedBelow(node) {
		if (isMatch(node))
			return value(node);
		let sum = 0;
		for (const c of node.map.values())
			sum += matchedBelow(c);
		return sum;
	}
	const hitAt = e => {
		const box = $("graph").getBoundingClientRect(), x = e.clientX - box.left, y = e.clientY - box.top;
		return hits.find(h => x >= h.x && x < h.x + h.wide && y >= h.y && y < h.y + ROW);
	};
	function zoom(node) {
		zoomed = node;
		$("detail").textContent = describe(node);
		draw();
	}
	$("graph").onmousemove = e => {
		const hit = hitAt(e);
		if (hit)
			$("detail").textContent = $("graph").title = describe(hit.node);
	};
	$("graph").onclick = e => { const hit = hitAt(e); if (hit) zoom(hit.node); };
	$("graph").onkeydown = e => {
		const sorted = node => [...node.map.values()].sort((a, b) => value(b) - value(a));
		let to = null;
		if (e.key === "Escape" || e.key === "Home")
			to = root;
		else if (e.key === "ArrowDown" || e.key === "Backspace")
			to = zoomed.parent;
		else if (e.key === "ArrowUp" || e.key === "Enter")
			to = sorted(zoomed)[0];
		else if ((e.key === "ArrowLeft" || e.key === "ArrowRight") && zoomed.parent) {
			const all = sorted(zoomed.parent), at = all.indexOf(zoomed);
			to = all[at + (e.key === "ArrowRight" ? 1 : -1)];
		}
		if (to) {
			e.preventDefault();
			zoom(to);
		}
	};

	// table --------------------------------------------------------------------
	function fillTable() {
		const sites = new Map(), body = $("sites").tBodies[0];
		const visit = (node, path) => {
			const site = node.frame >= 0 ? node.frame : -1;
			let row = null, first = false;
			if (site >= 0) {
				row = sites.get(site);
				if (!row)
					sites.set(site, row = { node, name: nameOf(site), own: 0, total: 0, count: 0 });
				first = !path.has(site);
				if (first) {
					row.total += node.bytes;
					path.add(site);
				}
				row.own += node.own;
				row.count += node.ownN;
			}
			for (const c of node.map.values())
				visit(c, path);
			if (first)
				path.delete(site);
		};
		visit(root, new Set());
		const rows = [...sites.values()].filter(r => !matcher || matcher.test(r.name))
			.sort((a, b) => sort === "name" ? (a.name < b.name ? -1 : 1) : b[sort] - a[sort]).slice(0, 200);
		body.replaceChildren(...rows.map(r => {
			const tr = document.createElement("tr");
			for (const cell of [Memory.size(r.own), Memory.size(r.total), Math.round(r.count).toLocaleString("en"), r.name]) {
				const td = document.createElement("td");
				td.textContent = cell;
				tr.append(td);
			}
			tr.onclick = () => { zoom(r.node); $("graph").scrollIntoView({ block: "nearest" }); };
			return tr;
		}));
		for (const th of $("sites").tHead.rows[0].cells)
			th.classList.toggle("sorted", th.dataset.by === sort);
	}
	for (const th of $("sites").tHead.rows[0].cells)
		th.onclick = () => { sort = th.dataset.by; fillTable(); };

	// timeline and balance -------------------------------------------------------
	function drawTimeline() {
		const p = shownProcess(), [g, w] = sized($("timeline"), 110);
		if (!p || p.points.length < 6)
			return;
		const points = p.points, n = points.length / 3, span = points[(n - 1) * 3] || 1;
		let most = p.peak;
		for (let i = 0; i < n; i++)
			most = Math.max(most, points[i * 3 + 1], points[i * 3 + 2]);
		const x = ms => ms / span * w, y = bytes => 104 - bytes / most * 94;
		const line = (offset, stroke, fill) => {
			g.beginPath();
			for (let i = 0; i < n; i++)
				g.lineTo(x(points[i * 3]), y(points[i * 3 + offset]));
			g.strokeStyle = stroke;
			g.lineWidth = 1.5;
			g.stroke();
			if (fill) {
				g.lineTo(w, 104);
				g.lineTo(0, 104);
				g.globalAlpha = 0.2;
				g.fillStyle = stroke;
				g.fill();
				g.globalAlpha = 1;
			}
		};
		line(1, css("--rss"), false);
		line(2, css("--heap"), true);
		g.fillStyle = g.strokeStyle = css("--mark");
		g.setLineDash([4, 3]);
		g.beginPath();
		g.moveTo(x(p.peak_ms), 4);
		g.lineTo(x(p.peak_ms), 104);
		g.stroke();
		g.setLineDash([]);
		g.font = "12px system-ui, sans-serif";
		const right = x(p.peak_ms) > w / 2;
		g.textAlign = right ? "right" : "left";
		g.fillText(`peak ${Memory.size(p.peak)} after ${(p.peak_ms / 1000).toFixed(2)} s`, x(p.peak_ms) + (right ? -5 : 5), 14);
		g.textAlign = "left";
		if (chosen) {
			g.globalAlpha = 0.18;
			g.fillRect(chosen[0] * w, 0, (chosen[1] - chosen[0]) * w, 110);
			g.globalAlpha = 1;
		}
		const from = chosen ? chosen[0] * span : 0, to = chosen ? chosen[1] * span : span;
		let low = Infinity, high = 0;
		for (let i = 0; i < n; i++)
			if (points[i * 3] >= from && points[i * 3] <= to) {
				low = Math.min(low, points[i * 3 + 2]);
				high = Math.max(high, points[i * 3 + 2]);
			}
		$("range").textContent = (chosen ? `range ${(from / 1000).toFixed(2)} to ${(to / 1000).toFixed(2)} s` : "drag over the timeline to choose a range") +
			(high ? `: heap ${Memory.size(low)} to ${Memory.size(high)}` : "") + "; grey: resident, green: heap" +
			(rangeOf() ? "" : "; no stream was recorded, so a range has no stacks");
	}
	function drawBalance() {
		const p = shownProcess(), strip = document.createElement("div"), list = document.createElement("ul");
		const colours = ["#2f6fde", "#6da2ff", "#1d8a4e", "#7bc47f", "#c2571a", "#e0a458", "#8a8f99", "#9a3fb5", "#555b66", "#b94a6c", "#4aa3a3"];
		if (!p)
			return;
		strip.className = "strip";
		Object.entries(p.balance).forEach(([name, bytes], i) => {
			if (!bytes)
				return;
			const part = document.createElement("i"), item = document.createElement("li"), box = document.createElement("b");
			part.style.cssText = `width:${Math.max(0, 100 * bytes / p.hwm)}%;background:${colours[i % colours.length]}`;
			part.title = `${name}: ${Memory.size(bytes)}`;
			box.style.background = colours[i % colours.length];
			item.append(box, part.title);
			strip.append(part);
			list.append(item);
		});
		$("balance").replaceChildren(strip, list);
	}
	let dragging = null;
	const share = e => {
		const box = $("timeline").getBoundingClientRect();
		return Math.min(1, Math.max(0, (e.clientX - box.left) / box.width));
	};
	$("timeline").onpointerdown = e => { dragging = share(e); $("timeline").setPointerCapture(e.pointerId); };
	$("timeline").onpointermove = e => {
		if (dragging === null)
			return;
		chosen = [Math.min(dragging, share(e)), Math.max(dragging, share(e))];
		drawTimeline();
	};
	$("timeline").onpointerup = e => {
		const to = share(e);
		chosen = Math.abs(to - dragging) > 0.004 ? [Math.min(dragging, to), Math.max(dragging, to)] : null;
		dragging = null;
		if (chosen && rangeOf() && +$("view").value < 4)
			$("view").value = "5";
		if (!chosen && +$("view").value > 3)
			$("view").value = "0";
		drawTimeline();
		build();
	};

	for (const id of ["view", "inverted", "threads", "imports", "interpreter"])
		$(id).onchange = build;
	$("process").onchange = () => { chosen = null; drawBalance(); drawTimeline(); build(); };
	$("by").onchange = $("as").onchange = draw;
	$("reset").onclick = () => zoom(root);
	$("search").oninput = () => {
		try {
			matcher = $("search").value ? new RegExp($("search").value, "i") : null;
		} catch (error) {
			$("matched").textContent = "no regular expression yet";
			return;
		}
		draw();
		fillTable();
	};
	window.onresize = () => { drawTimeline(); draw(); };
	window.matchMedia("(prefers-color-scheme: dark)").onchange = window.onresize;
	drawBalance();
	drawTimeline();
	build();
	window.memoryPage = { nameOf: text, get root() { return root; }, get zoomed() { return zoomed; }, get hits() { return hits; } };
})();
