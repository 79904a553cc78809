/* SPDX-License-Identifier: BSD-2-Clause */
/* Charts as SVG: they print sharply, follow light and dark, and each has its numbers in a table below. */

const WIDE = 900, HIGH = 320, LEFT = 70, RIGHT = 20, TOP = 16, BOTTOM = 48;
const SERIES = ["one", "two", "four", "five", "six", "three"];

/* Round numbers that end at or beyond `most`. */
function ticks(most, about) {
	const raw = (most || 1) / about, power = 10 ** Math.floor(Math.log10(raw));
	const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw * .999);
	return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, i) => i * step);
}

function figure(title, svg, legend, heads, rows) {
	return el("figure", {},
		el("figcaption", {}, title), box(svg),
		legend && el("div", { class: "legend" }, legend),
		el("details", { class: "long" }, el("summary", {}, "The numbers"), table(heads, rows)));
}

const key = (name, style) => el("span", {},
	sv("svg", { viewBox: "0 0 26 12", "aria-hidden": "true" }, sv("path", { class: "s " + style, d: "M1 6H25" })), name);

function frame(label, yTicks, yOf, yText, yName) {
	const svg = sv("svg", { class: "chart", viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": label });
	for (const y of yTicks)
		add(svg, [sv("path", { class: "grid", d: `M${LEFT} ${yOf(y)}H${WIDE - RIGHT}` }),
			sv("text", { x: LEFT - 6, y: yOf(y) + 4, "text-anchor": "end" }, yText(y))]);
	add(svg, [sv("path", { class: "axis", d: `M${LEFT} ${TOP}V${HIGH - BOTTOM}H${WIDE - RIGHT}` }),
		sv("text", { class: "dim", x: LEFT, y: TOP - 4 }, yName)]);
	return svg;
}

/* series: { name, style, points: [{ x, y, low, high, text }] }; x counts from 0 along xNames. */
function lines(title, xNames, xName, yName, series, heads, rows) {
	const most = Math.max(1e-9, ...series.flatMap((s) => s.points.map((p) => Math.max(p.y, p.high || 0))));
	const marks = ticks(most, 5), top = last(marks);
	const yOf = (y) => HIGH - BOTTOM - y / top * (HIGH - BOTTOM - TOP);
	const xOf = (x) => LEFT + 24 + (xNames.length > 1 ? x / (xNames.length - 1) * (WIDE - RIGHT - LEFT - 48) : (WIDE - LEFT) / 2);
	const svg = frame(title, marks, yOf, (y) => +y.toPrecision(6), yName);
	const each = Math.ceil(xNames.length / 12);
	xNames.forEach((n, i) => i % each || add(svg, [sv("text", { x: xOf(i), y: HIGH - BOTTOM + 18, "text-anchor": "middle" }, n)]));
	add(svg, [sv("text", { class: "dim", x: (WIDE + LEFT) / 2, y: HIGH - 8, "text-anchor": "middle" }, xName)]);
	for (const s of series) {
		const at = [...s.points].sort((a, b) => a.x - b.x);
		add(svg, [sv("path", { class: "s " + s.style, d: at.map((p, i) => (i ? "L" : "M") + xOf(p.x).toFixed(1) + " " + yOf(p.y).toFixed(1)).join("") })]);
		for (const p of at)
			add(svg, [p.high > p.low && sv("path", { class: "s " + s.style, d: `M${xOf(p.x)} ${yOf(p.low)}V${yOf(p.high)}` }),
				!s.plain && sv("circle", { class: "f " + s.style, cx: xOf(p.x).toFixed(1), cy: yOf(p.y).toFixed(1), r: 4 }, sv("title", {}, p.text))]);
	}
	return figure(title, svg, series.map((s) => key(s.name, s.style)), heads, rows);
}

const sorted = (samples) => [...samples].sort((a, b) => a - b);
const quantile = (s, q) => s[Math.min(s.length - 1, Math.max(0, Math.ceil(q * s.length) - 1))];

/* sets: { name, style, samples } */
function histogram(title, sets) {
	const all = sets.map((s) => ({ ...s, sorted: sorted(s.samples) })).filter((s) => s.sorted.length);
	let least = Math.min(...all.map((s) => s.sorted[0])), most = Math.max(...all.map((s) => last(s.sorted)));
	if (most - least < least * .01) {
		least *= .95;
		most *= 1.05;
	}
	const bins = 60, width = (most - least) / bins || 1;
	for (const s of all) {
		s.bin = new Array(bins).fill(0);
		for (const ns of s.sorted)
			s.bin[Math.min(bins - 1, Math.floor((ns - least) / width))]++;
	}
	const marks = ticks(Math.max(...all.flatMap((s) => s.bin)), 5).filter((y) => y % 1 === 0), top = last(marks);
	const yOf = (y) => HIGH - BOTTOM - y / top * (HIGH - BOTTOM - TOP);
	const xOf = (ns) => LEFT + (ns - least) / (most - least || 1) * (WIDE - LEFT - RIGHT);
	const svg = frame(title, marks, yOf, str, "commands");
	for (const s of all)
		s.bin.forEach((n, i) => n && add(svg, [sv("rect", { class: "f bar " + s.style, x: xOf(least + i * width).toFixed(1), y: yOf(n).toFixed(1),
			width: (xOf(least + width) - LEFT).toFixed(1), height: (HIGH - BOTTOM - yOf(n)).toFixed(1) },
		sv("title", {}, `${s.name}: ${plural(n, "command")} from ${time(least + i * width)} to ${time(least + (i + 1) * width)}`))]));
	for (let i = 0; i <= 6; i++)
		add(svg, [sv("text", { x: LEFT + i / 6 * (WIDE - LEFT - RIGHT), y: HIGH - BOTTOM + 18, "text-anchor": i === 6 ? "end" : "middle" }, time(least + i / 6 * (most - least)))]);
	add(svg, [sv("text", { class: "dim", x: (WIDE + LEFT) / 2, y: HIGH - 8, "text-anchor": "middle" }, "time of a command")]);
	return figure(title, svg, all.map((s) => key(s.name, s.style)),
		["", "#commands", "#least", "#median", "#95 %", "#99 %", "#most"],
		all.map((s) => [s.name, s.sorted.length, time(s.sorted[0]), time(quantile(s.sorted, .5)), time(quantile(s.sorted, .95)),
			time(quantile(s.sorted, .99)), time(last(s.sorted))]));
}
