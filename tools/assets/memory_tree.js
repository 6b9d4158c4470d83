"use strict";
/* The tree that is drawn, made where it is looked at: an item is a set of
 * nodes with one frame below one item, its children are found when asked for. */

function hiddenFrames(options) {
	var hidden = new Uint8Array(memory.frames.length);

	memory.frames.forEach(function (f, i) {
		var flags = f.fn.flags;
		hidden[i] = (options.hideImports && flags & IMPORT) || (options.hideInterpreter && flags & INTERPRETER) ||
			(options.hideNative && (flags & ORIGIN) === ORIGIN_NATIVE) ? 1 : 0;
	});
	return hidden;
}

function makeItem(parent, frame, label) {
	return {
		parent: parent, frame: frame, label: label, depth: parent ? parent.depth + 1 : 0,
		bytes: 0, n: 0, variance: 0, children: null,
		sums: parent ? parent.sums : null, nodes: [], weights: null
	};
}

function itemText(item) {
	return item.label || memory.frames[item.frame].text;
}

/* A graph over sums: measure is "bytes" or "n". */
function Graph(choice, sums, options) {
	this.choice = choice;
	this.sums = sums;
	this.options = options;
	this.measure = options.measure;
	this.hidden = hiddenFrames(options);
	this.root = makeItem(null, NONE, options.inverted ? "everything, by the line that allocated" : "everything");
	this.root.sums = sums;
	Object.assign(this.root, sums.total());
	if (options.split)
		this.splitByThread();
	else if (options.inverted)
		this.addLeaves(this.root, sums);
	else
		this.root.nodes = [0];
}

/* A root below the root for each thread, with sums of its own. */
Graph.prototype.splitByThread = function () {
	var graph = this, seen = {}, choice = this.choice;

	memory.rows.thread.forEach(function (t) { seen[t] = true; });
	this.root.children = [];
	Object.keys(seen).forEach(function (t) {
		var thread = memory.head.threads[t], process = memory.head.processes[thread[0]];
		if (choice.thread >= 0 && choice.thread !== Number(t))
			return;
		var sums = sumsOf(Object.assign({}, choice, { thread: Number(t) }), graph.options.view);
		var item = makeItem(graph.root, NONE, thread[1] +
			(memory.head.processes.length > 1 && process ? " of " + process.title + " (" + process.pid + ")" : ""));
		Object.assign(item, sums.total());
		item.sums = sums;
		if (!item.bytes && !item.n)
			return;
		if (graph.options.inverted)
			graph.addLeaves(item, sums);
		else
			item.nodes = [0];
		graph.root.children.push(item);
	});
	this.order(this.root.children);
};

Graph.prototype.order = function (items) {
	var measure = this.measure;

	items.sort(function (a, b) {
		return b[measure] - a[measure] || (itemText(a) < itemText(b) ? -1 : 1);
	});
	return items;
};

/* The node, or its nearest caller that is shown; 0: none. */
Graph.prototype.shown = function (node) {
	while (node && this.hidden[memory.tree.frame[node]])
		node = memory.tree.parent[node];
	return node;
};

/* Inverted: item stands for nodes[i] with weights[i] each. */
Graph.prototype.addWeight = function (item, where, node, bytes, n, variance) {
	var at = where.get(node);

	if (at === undefined) {
		at = item.nodes.length;
		where.set(node, at);
		item.nodes.push(node);
		item.weights = item.weights || { bytes: [], n: [], variance: [] };
		item.weights.bytes.push(0);
		item.weights.n.push(0);
		item.weights.variance.push(0);
	}
	item.weights.bytes[at] += bytes;
	item.weights.n[at] += n;
	item.weights.variance[at] += variance;
};

Graph.prototype.addLeaves = function (item, sums) {
	var where = new Map();

	for (var k = 0; k < sums.nodes.length; k++)
		this.addWeight(item, where, this.shown(sums.nodes[k]), sums.bytes[k + 1] - sums.bytes[k],
			sums.n[k + 1] - sums.n[k], sums.variance ? sums.variance[k + 1] - sums.variance[k] : 0);
	item.leaves = true; /* the children are the nodes themselves, not their callers */
	item.weights = item.weights || { bytes: [], n: [], variance: [] };
};

Graph.prototype.childrenOf = function (item) {
	if (!item.children)
		item.children = this.order(item.weights ? this.callersOf(item) : this.calledBy(item));
	return item.children;
};

Graph.prototype.callersOf = function (item) {
	var tree = memory.tree, groups = new Map(), w = item.weights;

	for (var k = 0; k < item.nodes.length; k++) {
		var node = item.leaves ? item.nodes[k] : this.shown(tree.parent[item.nodes[k]]);
		if (!node && !(item.leaves))
			continue;
		var frame = tree.frame[node], group = groups.get(frame);
		if (!group) {
			group = makeItem(item, frame, node ? null : "[no frame]");
			group.where = new Map();
			groups.set(frame, group);
		}
		this.addWeight(group, group.where, node, w.bytes[k], w.n[k], w.variance[k]);
		group.bytes += w.bytes[k];
		group.n += w.n[k];
		group.variance += w.variance[k];
	}
	groups.forEach(function (group) { group.where = null; });
	return Array.from(groups.values());
};

Graph.prototype.calledBy = function (item) {
	var tree = memory.tree, groups = new Map(), hidden = this.hidden, sums = item.sums;
	var todo = item.nodes.slice();

	while (todo.length) {
		var node = todo.pop(), end = tree.end[node];
		for (var child = node + 1; child < end; child = tree.end[child]) {
			if (sums.at(child) === sums.at(tree.end[child]))
				continue;
			var frame = tree.frame[child];
			if (hidden[frame]) {
				todo.push(child);
				continue;
			}
			var group = groups.get(frame);
			if (!group) {
				group = makeItem(item, frame, null);
				groups.set(frame, group);
			}
			group.nodes.push(child);
			sums.add(child, tree.end[child], group);
		}
	}
	return Array.from(groups.values());
};

/* Frames whose text the expression finds; null for none wanted. */
function matchFrames(expression) {
	var found = new Uint8Array(memory.frames.length);

	memory.frames.forEach(function (f, i) {
		found[i] = expression.test(f.text) ? 1 : 0;
	});
	return found;
}

/* What of item lies in stacks with a match, itself and its callers in the
 * drawing included. */
Graph.prototype.matched = function (item, found) {
	var tree = memory.tree, sum = { bytes: 0, n: 0, variance: 0 }, graph = this;

	function isFound(node) {
		return node && found[tree.frame[node]] && !graph.hidden[tree.frame[node]];
	}
	for (var up = item; up; up = up.parent)
		if (up.frame !== NONE && found[up.frame])
			return { bytes: item.bytes, n: item.n };
	if (item === this.root && this.options.split) {
		item.children.forEach(function (child) {
			var part = graph.matched(child, found);
			sum.bytes += part.bytes;
			sum.n += part.n;
		});
		return sum;
	}
	if (item.weights) {
		item.nodes.forEach(function (node, k) {
			for (var at = node; at; at = tree.parent[at])
				if (isFound(at)) {
					sum.bytes += item.weights.bytes[k];
					sum.n += item.weights.n[k];
					return;
				}
		});
		return sum;
	}
	item.nodes.forEach(function (node) {
		var at = node, end = tree.end[node];
		while (at < end) {
			if (isFound(at)) {
				item.sums.add(at, tree.end[at], sum);
				at = tree.end[at];
			} else {
				at++;
			}
		}
	});
	return sum;
};
