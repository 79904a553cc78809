/* SPDX-License-Identifier: BSD-2-Clause */
/* Many files of a kind, in the order in which they were named: the oldest first. */

/* A bar for each run, of its verdicts. */
function verdictBars() {
	const most = Math.max(1, ...results.map((f) => VERDICTS.reduce((n, v) => n + num(obj(f.document.summary)[v]), 0)));
	const high = 8 + 24 * results.length, left = 220;
	const svg = sv("svg", { class: "chart", viewBox: `0 0 ${WIDE} ${high}`, role: "img", "aria-label": "verdicts of each run" });
	results.forEach((f, i) => {
		let x = left;
		add(svg, [sv("text", { x: left - 8, y: 20 + 24 * i, "text-anchor": "end" }, f.name.length > 32 ? "…" + f.name.slice(-31) : f.name)]);
		for (const v of VERDICTS) {
			const n = num(obj(f.document.summary)[v]), width = n / most * (WIDE - left - 10);
			if (n)
				add(svg, [sv("rect", { class: v, x: x.toFixed(1), y: 6 + 24 * i, width: width.toFixed(1), height: 18 }, sv("title", {}, `${f.name}: ${n} ${v}`))]);
			x += width;
		}
	});
	return el("figure", {}, el("figcaption", {}, "Verdicts, the oldest run first"), box(svg),
		table(["run", "target", ...VERDICTS.map((v) => "#" + v), "causes"], results.map((f) => [f.name, target(f), ...VERDICTS.map((v) => num(obj(f.document.summary)[v])),
			list(f.document.causes).map((c) => str(obj(c).id)).join(", ")])));
}

/* The cases whose verdict is not the same in all runs that have them. */
function changedCases() {
	const cases = new Map();
	results.forEach((f, i) => list(f.document.cases).map(obj).forEach((c) => {
		if (!cases.has(c.name))
			cases.set(c.name, new Array(results.length).fill(""));
		cases.get(c.name)[i] = str(c.verdict);
	}));
	const rows = [...cases].filter(([, v]) => new Set(v.filter(Boolean)).size > 1);
	if (!rows.length)
		return el("p", {}, "No case changed its verdict.");
	return el("details", { open: rows.length <= 40, class: "long" }, el("summary", {}, plural(rows.length, "case") + " changed the verdict"),
		table(["case", ...results.map((f) => f.name)], rows.map(([name, v]) => [name, ...v.map((x) => x ? word(x) : "")])));
}

function throughputHistory() {
	const names = [...new Set(benches.flatMap((f) => runs(f).map(runName)))], place = el("div");
	if (!names.length)
		return [];
	const show = (i) => {
		const points = benches.flatMap((f, x) => runs(f).filter((r) => runName(r) === names[i] && rateOf(f, r)).map((r) => {
			const b = rateOf(f, r);
			return { x, y: num(b.median) / 1000, low: num(b.low) / 1000, high: num(b.high) / 1000, text: `${f.name}: ${rate(num(b.median))}` };
		}));
		place.replaceChildren(lines(`Throughput over the benches: ${names[i]}`, benches.map((f) => f.name.length > 14 ? "…" + f.name.slice(-13) : f.name), "the oldest first", "kB/s",
			[{ name: names[i], style: "one", points }], ["bench", "#median", "#low", "#high"],
			points.map((p) => [benches[p.x].name, rate(p.y * 1000), rate(p.low * 1000), rate(p.high * 1000)])));
	};
	show(0);
	return [el("div", { class: "tools" }, choice("Run", names, show).node), place];
}

section("history", "History", () => [results.length > 1 ? [verdictBars(), changedCases()] : [], benches.length > 1 ? throughputHistory() : []]);

section("files", "Files", () => [table(["file", "what", "target", "mscope", "command", "#exit status", "ended early"],
	files.map((f) => [f.name, f.format, target(f), obj(f.document.tool).version, list(f.document.argv).join(" "), f.document.exit_status, f.document.reason]))]);

build();
