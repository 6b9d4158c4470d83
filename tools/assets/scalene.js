/* SPDX-License-Identifier: Apache-2.0 */
/* The page of lines: draws the heap, sorts and searches files.  The tables are
 * there without it. */
"use strict";
var page = { ready: false };

function draw(points, wall, peak) {
	var svg = document.getElementById("timeline"), top = 1, path = "M0 100", i, name = "http:" + "//www.w3.org/2000/svg";
	if (!svg || points.length < 2)
		return;
	for (i = 0; i < points.length; i++)
		top = Math.max(top, points[i][1]);
	for (i = 0; i < points.length; i++) {
		var x = 1000 * points[i][0] / wall;
		/* the heap stands until the next point */
		if (i)
			path += "H" + x.toFixed(2);
		path += (i ? "V" : "L" + x.toFixed(2) + " ") + (97 - 92 * points[i][1] / top).toFixed(2);
	}
	var area = document.createElementNS(name, "path"), mark = document.createElementNS(name, "line");
	area.setAttribute("d", path + "V100Z");
	mark.setAttribute("x1", 1000 * peak / wall);
	mark.setAttribute("x2", 1000 * peak / wall);
	mark.setAttribute("y1", 0);
	mark.setAttribute("y2", 100);
	svg.appendChild(area);
	svg.appendChild(mark);
}

function sortFiles(key) {
	var box = document.getElementById("files"), files = Array.prototype.slice.call(box.children);
	files.sort(function (a, b) {
		if (key === "name")
			return a.dataset.name < b.dataset.name ? -1 : 1;
		return b.dataset[key] - a.dataset[key];
	});
	files.forEach(function (file) { box.appendChild(file); });
}

/* Files and lines whose text has the words. */
function search(words) {
	var box = document.getElementById("files"), found = 0;
	words = words.toLowerCase();
	Array.prototype.forEach.call(box.children, function (file) {
		var hit = !words || file.textContent.toLowerCase().indexOf(words) >= 0;
		file.hidden = !hit;
		found += hit;
	});
	document.getElementById("found").textContent = words ? found + " files" : "";
}

function showAll(all) {
	document.body.classList.toggle("all", all);
	document.getElementById("all").textContent = all ? "Only lines with figures" : "All lines";
}

function start() {
	var data = JSON.parse(document.getElementById("data").textContent);
	draw(data.points, data.wall, data.peak);
	document.getElementById("order").addEventListener("change", function () { sortFiles(this.value); });
	document.getElementById("words").addEventListener("input", function () { search(this.value); });
	document.getElementById("all").addEventListener("click", function () {
		showAll(!document.body.classList.contains("all"));
	});
	page.ready = true;
}
start();
