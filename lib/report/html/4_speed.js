/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the time goes, throughput, latency, and two benches compared. */

const benches = of("bench"), paces = of("pace");
const runs = (f) => list(f.document.runs).map(obj).filter((r) => list(r.samples_ns).length || num(obj(r.bytes_per_second).median));
const runName = (r) => [r.op, r.mode, r.order === "random" ? "random" : null, plural(num(r.blocks), "block")].filter(Boolean).join(", ");
/* What a bus cannot carry is no rate: where a document has none, or an old one has such a one. */
const rateOf = (f, r) => {
	const b = obj(r.bytes_per_second), limit = num(obj(list(f.limits)[list(f.document.runs).indexOf(r)]).bytes_per_second);
	return typeof b.median === "number" && !(limit && b.median > limit * 1.0005) ? b : null;
};
const runBytes = (r) => num(r.blocks) * num(r.block_size);
const size = (bytes) => bytes >= 1048576 ? bytes / 1048576 + " MiB" : bytes >= 1024 ? bytes / 1024 + " KiB" : bytes + " B";

/* As the text form has it: what rounds to nothing is no promise. */
function savingOf(x) {
	const { least, most } = obj(x.saves), percent = (part) => Math.round(100 * num(part)) + " %", of = `of ${str(x.op)}s`;
	if (x.id === "bus-bound")
		return `a limit, ${percent(x.share)} of the time ${of}`;
	if (x.limit)
		return `a limit, at most ${percent(most)} of the time ${of}`;
	if (x.id === "host-paced" && num(most) < .005)
		return "a cost of serial reads alone";
	return `fixing it saves ${num(least) < .005 ? "up" : percent(least)} to ${percent(most)} ${of}`;
}

section("time", "Where the time goes", () => paces.map((f) => {
	const d = f.document, found = list(d.diagnosis).map(obj);
	return [el("h3", {}, f.name, el("span", { class: "dim" }, "  " + target(f))),
		d.reason && el("p", {}, word("error"), " stopped: ", d.reason),
		found.map((x) => el("div", { class: "card warn" }, el("strong", {}, x.id), " ",
			el("span", { class: "dim" }, `(${savingOf(x)}; ${x.confidence}${x.tied ? "; tied with the first: which saves more cannot be told" : ""})`),
			terms([["evidence", x.evidence], ["advice", x.advice]]))),
		d.untold && el("p", { class: "dim" }, "Could not be told: ", d.untold),
		table(["#blocks", "#serial", "#queued", "#device and bus", "#bus alone"], list(d.sizes).map(obj).map((z) => [z.blocks,
			...[obj(z.serial).median_ns, obj(z.queued).median_ns, z.device_ns, z.bus_ns].map((ns) => typeof ns === "number" ? time(ns) : "")]))];
}));

/* ---- throughput ------------------------------------------------------------------------------------------ */

/* [mode, points] of a bench, one for each operation, mode and order; and what the bus would allow. */
function throughputOf(f) {
	const sizes = [...new Set(runs(f).map(runBytes))].sort((a, b) => a - b), groups = new Map(), rows = [];
	for (const r of runs(f)) {
		const name = [r.op, r.mode, r.order === "random" ? "random" : null].filter(Boolean).join(", "), b = rateOf(f, r);
		const limit = num(obj(f.limits[list(f.document.runs).indexOf(r)]).bytes_per_second);
		if (!groups.has(name))
			groups.set(name, []);
		const shown = (x) => b && typeof x === "number" ? rate(x) : "";
		if (b)
			groups.get(name).push({ x: sizes.indexOf(runBytes(r)), y: num(b.median) / 1000, low: num(b.low) / 1000, high: num(b.high) / 1000,
				text: `${name}, ${size(runBytes(r))}: ${rate(num(b.median))}`, limit: limit / 1000 });
		rows.push([name, size(runBytes(r)), b ? rate(num(b.median)) : "beyond the bus", shown(obj(b).low), shown(obj(b).high), limit ? rate(limit) : "",
			b && limit ? Math.round(100 * num(b.median) / limit) + " %" : "", r.naks]);
	}
	const series = [...groups].map(([name, points], i) => ({ name, points, style: SERIES[i % 5] }));
	const limits = new Map(series.flatMap((s) => s.points).filter((p) => p.limit).map((p) => [p.x, p.limit]));
	if (limits.size)
		series.push({ name: "the bus allows", style: "three", points: [...limits].map(([x, y]) => ({ x, y, text: `the bus allows ${rate(y * 1000)}` })) });
	return rows.length ? [el("h3", {}, f.name), lines(`Throughput of ${target(f)}`, sizes.map(size), "bytes of a command", "kB/s", series,
		["mode", "#size", "#median", "#low", "#high", "#bus allows", "#of it", "#NAKs"], rows)] : null;
}

section("throughput", "Throughput by transfer size", () => benches.slice(-2).map(throughputOf));

/* ---- latency --------------------------------------------------------------------------------------------- */

section("latency", "Latency", () => {
	const shown = benches.slice(-2).filter((f) => runs(f).some((r) => list(r.samples_ns).length));
	const names = [...new Set(shown.flatMap((f) => runs(f).map(runName)))];
	if (!names.length)
		return [];
	const place = el("div");
	const show = (i) => place.replaceChildren(histogram(`Time of each command: ${names[i]}`, shown.map((f, n) => ({
		name: f.name, style: SERIES[n], samples: runs(f).filter((r) => runName(r) === names[i]).flatMap((r) => list(r.samples_ns).map(num)),
	}))));
	show(0);
	return [el("div", { class: "tools" }, choice("Commands", names, show).node), place];
});

/* ---- two benches ----------------------------------------------------------------------------------------- */

section("comparison", "Comparison", () => {
	const c = obj(data.comparison), percent = (x) => typeof x === "number" ? (x > 0 ? "+" : "") + (100 * x).toFixed(1) + " %" : "";
	if (data.comparison_reason)
		return [el("p", {}, "The last two benches were not compared: ", data.comparison_reason)];
	if (!list(c.runs).length)
		return [];
	const all = list(c.runs).map(obj), most = Math.max(.01, ...all.flatMap((r) => [Math.abs(num(r.low)), Math.abs(num(r.high)), Math.abs(num(r.shift))]));
	const high = 30 + 24 * all.length, xOf = (x) => 500 + x / most * 330;
	const svg = sv("svg", { class: "chart", viewBox: `0 0 ${WIDE} ${high}`, role: "img", "aria-label": "change of the time of a command, by run" },
		sv("path", { class: "axis", d: `M500 20V${high}` }), sv("text", { x: 500, y: 12, "text-anchor": "middle" }, "change of time; left is faster"),
		all.map((r, i) => {
			const y = 34 + 24 * i, style = r.verdict === "slower" ? "six" : r.verdict === "faster" ? "five" : "three";
			return [sv("text", { x: 4, y: y + 4 }, r.name),
				r.low !== null && sv("path", { class: "s " + style, d: `M${xOf(num(r.low))} ${y}H${xOf(num(r.high))}` }),
				sv("circle", { class: "f " + style, cx: xOf(num(r.shift)), cy: y, r: 4 }, sv("title", {}, `${r.name}: ${percent(r.shift)}, ${r.verdict}`))];
		}));
	return [el("p", {}, `${str(obj(c.base).file)} (base) against ${str(c.new_file)} (new): `, word(c.verdict), `; more than ${percent(c.threshold).replace("+", "")} counts.`),
		c.note && el("p", { class: "dim" }, c.note),
		el("figure", {}, el("figcaption", {}, "Change of the time of a command, with its interval"), box(svg)),
		table(["run", "verdict", "#base", "#new", "#change", "#low", "#high", "reason"], all.map((r) => [r.name, r.verdict, time(num(r.base_ns)), time(num(r.new_ns)),
			percent(r.shift), percent(r.low), percent(r.high), r.reason]))];
});
