/* SPDX-License-Identifier: BSD-2-Clause */
/* Causes, and verdicts with their evidence. */

const BAD = ["fail", "error", "warn"];
const VERDICTS = ["fail", "error", "warn", "skip", "pass"];
const results = of("result");

const counts = (f) => VERDICTS.filter((v) => num(obj(f.document.summary)[v]))
	.map((v) => num(obj(f.document.summary)[v]) + " " + v).join(", ");

/* ---- causes ---------------------------------------------------------------------------------------------- */

const cause = (c) => el("div", { class: "card " + (c.severity === "fail" ? "fail" : "warn") },
	el("strong", {}, [c.id, ...list(c.ties).map((t) => obj(t).id)].join(" or ")), ": ", c.title, " ",
	el("span", { class: "dim" }, `(${c.confidence}; explains ${num(c.explains)} of ${plural(num(c.of), "finding")}, in ${plural(num(c.cases), "case")})`),
	terms([["usual mistake", c.mistake], ["clause", c.spec], ["alone", c.alone && el("code", {}, c.alone)],
		["not shown", list(c.missing).map((m) => `${obj(m).rule} in ${obj(m).case}`).join(", ")]]));

function causesOf(f) {
	const all = list(f.document.causes).map(obj), left = list(f.document.unexplained).map(obj).filter((g) => g.severity !== "note");
	const bad = all.filter((c) => c.severity !== "note");
	if (!bad.length && !left.length)
		return f === last(of(f.format)) ? [el("h3", {}, f.name), el("p", {}, "Nothing failed that needs a cause.")] : [];
	return [el("h3", {}, f.name, el("span", { class: "dim" }, "  " + target(f))), bad.map(cause),
		left.length ? [el("p", {}, "No cause is known for:"),
			table(["severity", "rule", "#findings", "#cases", "first in", "commands", "what happened"],
				left.map((g) => [word(g.severity), g.rule, g.findings, g.cases, g.case, g.commands, g.steps]))] : []];
}

/* Of a run: the newest in full. What older ones had is in the history. */
section("causes", "Causes", () => [last(results), ...of("decode")].filter(Boolean).map(causesOf));

/* ---- verdicts -------------------------------------------------------------------------------------------- */

const finding = (f) => el("div", { class: "card " + f.severity },
	word(f.severity), " ", el("code", {}, f.rule), f.title ? ": " + str(f.title) : "",
	terms([["clause", f.spec], ["sent", f.context], ["seen", f.message], ["expected", f.expected], ["actual", f.actual], ["cause", f.cause],
		["host", f.host], ["USB-IF", f.test && f.test !== "none" ? f.test : null], ["why", f.why], ["usual mistake", f.mistake]]));

/* The first of a rule in full; of the others what differs. */
function findingsOf(all) {
	const rules = [...new Set(all.map((f) => str(f.rule)))];
	return rules.map((rule) => {
		const [first, ...more] = all.filter((f) => str(f.rule) === rule);
		return [finding(first), more.length ? table(["again, sent", "seen", "expected", "actual"], more.map((f) => [f.context, f.message, f.expected, f.actual])) : null];
	});
}

/* On paper the first OPEN are shown whole. */
const OPEN = 20;

function testCase(c, i) {
	const findings = list(c.findings).map(obj).filter((f) => f.severity !== "note"), seen = list(c.exchanges).length;
	return el("details", { class: i >= OPEN ? "long" : null },
		el("summary", {}, word(c.verdict), " ", el("code", {}, c.name), " ", c.title,
			el("span", { class: "dim" }, " " + [...new Set(findings.map((f) => str(f.cause)).filter(Boolean))].join(", "))),
		c.reason && el("p", {}, c.reason), findingsOf(findings),
		terms([["clauses", list(c.spec).join(", ")], ["device time", time(num(c.device_ns))], ["notes", list(c.notes).join("; ")],
			["exchanges", seen ? plural(seen, "exchange") + ": see the oscilloscope" : null]]));
}

function byReason(cases) {
	const reasons = new Map();
	for (const c of cases)
		reasons.set(str(c.reason), [...(reasons.get(str(c.reason)) || []), str(c.name)]);
	return [...reasons].map(([reason, names]) => [names.length, reason, names.join(", ")]);
}

function verdictsOf(f) {
	const cases = list(f.document.cases).map(obj), is = (v) => cases.filter((c) => c.verdict === v);
	const fold = (title, rows, heads) => rows.length ? el("details", { class: "long" }, el("summary", {}, title), table(heads, rows)) : null;
	return [el("h3", {}, f.name, el("span", { class: "dim" }, "  " + target(f))),
		el("p", {}, counts(f) || "No case has run.", f.document.profile ? `; profile ${str(f.document.profile)}` : "",
			f.document.device_ns ? `; ${time(num(f.document.device_ns))} of device time` : ""),
		f.document.reason && el("p", {}, word("error"), " stopped: ", f.document.reason),
		cases.filter((c) => BAD.includes(c.verdict)).sort((a, b) => BAD.indexOf(a.verdict) - BAD.indexOf(b.verdict)).map(testCase),
		fold(plural(is("skip").length, "case") + " skipped, by reason", byReason(is("skip")), ["#cases", "reason", "cases"]),
		fold(plural(is("pass").length, "case") + " passed", is("pass").map((c) => [c.name, c.title, list(c.spec).join(", ")]), ["case", "title", "clauses"])];
}

section("verdicts", "Verdicts", () => results.length ? verdictsOf(last(results)) : []);

section("findings", "Captures", () => of("decode").map((f) => {
	const d = f.document, s = obj(d.summary), found = list(s.findings).map(obj);
	return [el("h3", {}, f.name, el("span", { class: "dim" }, "  " + target(f))),
		el("p", {}, `${plural(num(s.exchanges), "exchange")}, ${num(s.bytes)} bytes, busy for ${time(num(s.busy_ns))}`),
		table(["command", "#count", "#failed", "#bytes", "#median", "#95 %", "#most"], list(s.commands).map(obj).map((c) => [c.command, c.count, c.failed, c.bytes,
			time(num(obj(c.latency_ns).median)), time(num(obj(c.latency_ns).p95)), time(num(obj(c.latency_ns).most))])),
		found.length ? table(["severity", "rule", "#findings", "title"], found.map((x) => [word(x.severity), x.rule, x.findings ?? x.count, x.title])) : null];
}));
