/* SPDX-License-Identifier: BSD-2-Clause */
/* The oscilloscope: lanes of host, bus and device of one exchange, zoomable with keys, buttons and the mouse.
 *
 * A pace document says where everything was on the bus, and what the medium and the ticks were doing. Of an exchange of a run or a capture the host's
 * transfers and the number of NAKs are known; what a transfer costs on the wire is reckoned, and placed as late
 * as its completion allows. */

const LANES = ["host", "bus", "medium", "device", "ticks"];
const KINDS = { cbw: "CBW", data: "data", csw: "CSW", all: "CBW, data, CSW", nak: "NAK", wait: "wait for the end of the frame", works: "the device works", transfers: "it sends or receives",
	tick: "a tick of the device",
	other: "another request", bad: "no answer: STALL, time-out, error" };

/* What is to be seen, in one sentence: the shares of the bus. */
function shares(t) {
	const end = num(t.end_ns), bus = list(t.spans).map(obj).filter((s) => s.lane === "bus");
	const part = (...kinds) => Math.round(100 * bus.filter((s) => kinds.includes(s.kind)).reduce((sum, s) => sum + num(s.to_ns) - num(s.from_ns), 0) / end);
	const asks = part("nak"), waits = part("wait");
	return end ? `. Of ${time(end)} the bus carries packets for ${part("cbw", "data", "csw")} %${asks ? `, asks a device that has nothing yet for ${asks} %` : ""}`
		+ (waits ? `, and is quiet for ${waits} % until the host sees at a frame's end that a transfer is over.` : ".") : "";
}

const ofTimeline = (f, t) => ({
	sentence: shares(t),
	name: `${f.name}: a read of ${plural(num(t.blocks), "block")}, ${str(t.mode)}`, end: num(t.end_ns), exact: t.exact === true,
	spans: list(t.spans).map(obj).map((s) => ({ lane: str(s.lane), kind: str(s.kind), from: num(s.from_ns), to: num(s.to_ns), text: KINDS[s.kind] })),
});

/* What so many bytes cost on the wire: whole packets. */
const wire = (packet, bytes) => Math.max(1, Math.ceil(bytes / packet.bytes)) * packet.overhead_ns + bytes * packet.byte_ns;

function ofExchange(f, x, name) {
	const zero = num(x.time_ns), spans = [], device = obj(f.document.target);
	const packet = { bytes: num(x.max_packet) || num(device.max_packet_in), ...obj(obj(data.packets)[str(x.speed || device.speed)]) };
	for (const s of list(x.steps).map(obj)) {
		const from = num(s.submitted_ns) - zero, to = num(s.completed_ns) - zero, kind = KINDS[s.phase] ? s.phase : "other";
		const good = s.outcome === "done", text = `${kind === "other" ? str(s.phase) : KINDS[kind]}, ${num(s.actual)} of ${plural(num(s.asked), "byte")}, ${str(s.outcome)}`;
		const busy = packet.byte_ns && packet.bytes && good && kind !== "other" ? Math.min(to - from, wire(packet, num(s.actual))) : 0;
		spans.push({ lane: "host", kind: good ? kind : "bad", from, to, text });
		if (num(s.naks))
			spans.push({ lane: "bus", kind: "nak", from, to: to - busy, text: plural(num(s.naks), "NAK") },
				{ lane: "device", kind: "works", from, to: to - busy, text: KINDS.works });
		if (busy)
			spans.push({ lane: "bus", kind, from: to - busy, to, text: `${text}, ${time(busy)} on the wire` },
				{ lane: "device", kind: "transfers", from: to - busy, to, text: KINDS.transfers });
	}
	return { name, end: Math.max(num(x.took_ns), ...spans.map((s) => s.to)), exact: false, spans };
}

function views() {
	const all = paces.flatMap((f) => [f.document.timeline, ...list(f.document.timelines)].filter(Boolean).map((t) => ofTimeline(f, obj(t))));
	const exchange = (f, x, where) => x.kind === "exchange" && list(x.steps).length && all.push(ofExchange(f, x, `${where}: ${str(x.command)}`));
	for (const f of of("decode"))
		list(f.document.exchanges).map(obj).forEach((x) => exchange(f, x, `${f.name} ${num(x.index)}`));
	for (const f of results.slice(-1))
		for (const c of list(f.document.cases).map(obj).filter((c) => list(c.exchanges).length))
			list(c.exchanges).map(obj).forEach((x, i) => exchange(f, x, `${str(c.name)} ${i + 1}`));
	return all.filter((v) => v.end > 0 && v.spans.length);
}

function scope(all) {
	const left = 60, right = 10, lane = 46, gap = 12, top = 10, wide = WIDE - left - right;
	const svg = sv("svg", { class: "scope chart", tabindex: 0, role: "application", "aria-roledescription": "oscilloscope",
		"aria-label": "Plus and minus zoom, left and right move, Home shows all, Page Up and Page Down choose the exchange" });
	const told = el("p", { "aria-live": "polite", class: "range" }), kinds = el("p", { class: "legend" });
	let view = all[0], lanes = [], high = 0, from = 0, to = view.end, drag = null;
	const xOf = (ns) => left + (ns - from) / (to - from) * wide;
	const nsOf = (e) => from + Math.min(1, Math.max(0, ((e.clientX - svg.getBoundingClientRect().left) / svg.getBoundingClientRect().width * WIDE - left) / wide)) * (to - from);

	/* What no other span of its lane covers of s, from its first such part on: there is room for its name. */
	function free(s) {
		const others = view.spans.filter((o) => o !== s && o.lane === s.lane && o.to > s.from && o.from < s.to);
		return [Math.max(s.from, ...others.filter((o) => o.from <= s.from).map((o) => o.to)),
			Math.min(s.to, ...others.filter((o) => o.from > s.from).map((o) => o.from))].map((ns) => Math.min(left + wide, Math.max(left, xOf(ns))));
	}

	function bar(s) {
		const a = Math.max(left, xOf(s.from)), b = Math.min(left + wide, xOf(s.to)), y = top + lanes.indexOf(s.lane) * (lane + gap);
		if (b < left || a > left + wide || !lanes.includes(s.lane))
			return null;
		const label = s.kind === "nak" || s.kind === "other" || s.kind === "bad" ? s.text : KINDS[s.kind];
		const width = 7 * str(label).length, [c, d] = b - a > width ? free(s) : [a, a];
		return [sv("rect", { class: KINDS[s.kind] ? s.kind : "other", x: a.toFixed(2), y: y + 4, width: Math.max(1, b - a).toFixed(2), height: lane - 8 },
			sv("title", {}, `${s.text}: ${time(s.from)} to ${time(s.to)}, ${time(s.to - s.from)}`)),
		d - c > width && sv("text", { class: s.kind === "nak" ? "in nak" : "in", x: ((c + d) / 2).toFixed(1), y: y + lane / 2 + 4, "text-anchor": "middle", "pointer-events": "none" }, label)];
	}

	function draw() {
		const marks = ticks(to - from, 6);
		lanes = LANES.filter((name) => view.spans.some((s) => s.lane === name));
		high = top + lanes.length * (lane + gap) + 26;
		svg.setAttribute("viewBox", `0 0 ${WIDE} ${high}`);
		svg.replaceChildren(sv("defs", {}, sv("pattern", { id: "nak", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
			sv("path", { d: "M0 0V6", stroke: "currentColor", "stroke-width": 3 }))));
		add(svg, lanes.map((name, i) => [sv("rect", { class: "lane", x: left, y: top + i * (lane + gap), width: wide, height: lane }),
			sv("text", { x: 4, y: top + i * (lane + gap) + lane / 2 + 4 }, name)]));
		add(svg, marks.slice(0, -1).map((d) => [sv("path", { class: "grid", d: `M${xOf(from + d)} ${top}V${high - 24}` }),
			sv("text", { x: xOf(from + d), y: high - 8, "text-anchor": "middle" }, d || from ? time(from + d) : "0")]));
		add(svg, view.spans.map(bar));
		if (drag)
			add(svg, [sv("rect", { class: "drag", x: xOf(Math.min(...drag)), y: top, width: Math.abs(xOf(drag[0]) - xOf(drag[1])), height: high - 34 })]);
		svg.dataset.from = from;
		svg.dataset.to = to;
		told.textContent = `${view.name}: ${time(from)} to ${time(to)} of ${time(view.end)}${view.exact ? "" : "; bus positions are estimated"}${str(view.sentence)}`;
		kinds.replaceChildren(...[...new Set(view.spans.map((s) => s.kind))].map((k) => el("span", {},
			sv("svg", { class: "scope", viewBox: "0 0 26 12", "aria-hidden": "true" }, sv("rect", { class: KINDS[k] ? k : "other", width: 26, height: 12 })), KINDS[k] || k)));
	}

	function range(a, b) {
		const span = Math.min(view.end, Math.max(10, b - a));
		from = Math.min(Math.max(0, a), view.end - span);
		to = from + span;
		draw();
	}
	const zoom = (by) => range((from + to) / 2 - (to - from) * by / 2, (from + to) / 2 + (to - from) * by / 2);
	const move = (by) => range(from + (to - from) * by, to + (to - from) * by);
	const choose = (i) => {
		view = all[Math.min(all.length - 1, Math.max(0, i))];
		chosen.select.value = all.indexOf(view);
		range(0, view.end);
	};
	const chosen = choice("Exchange", all.map((v) => v.name), choose);
	const keys = { "+": () => zoom(.5), "=": () => zoom(.5), "-": () => zoom(2), ArrowLeft: () => move(-.25), ArrowRight: () => move(.25), Home: () => range(0, view.end),
		"0": () => range(0, view.end), PageDown: () => choose(all.indexOf(view) + 1), PageUp: () => choose(all.indexOf(view) - 1) };

	svg.addEventListener("keydown", (e) => {
		if (!keys[e.key] || e.ctrlKey || e.metaKey || e.altKey)
			return;
		e.preventDefault();
		keys[e.key]();
	});
	svg.addEventListener("pointerdown", (e) => { drag = [nsOf(e), nsOf(e)]; svg.setPointerCapture(e.pointerId); });
	svg.addEventListener("pointermove", (e) => { if (drag) { drag[1] = nsOf(e); draw(); } });
	svg.addEventListener("pointerup", () => {
		const d = drag;
		drag = null;
		if (d && Math.abs(d[0] - d[1]) > (to - from) / 100)
			range(Math.min(...d), Math.max(...d));
		else
			draw();
	});
	/* A finger moved the page instead. */
	svg.addEventListener("pointercancel", () => { drag = null; draw(); });
	const button = (text, label, act) => {
		const b = el("button", { type: "button", "aria-label": label }, text);
		b.addEventListener("click", act);
		return b;
	};
	draw();
	return [el("div", { class: "tools" }, chosen.node, button("+", "zoom in", keys["+"]), button("−", "zoom out", keys["-"]), button("←", "earlier", keys.ArrowLeft),
		button("→", "later", keys.ArrowRight), button("all", "show all", keys.Home)), el("figure", {}, box(svg), kinds), told,
	el("p", { class: "dim screen" }, "In the picture: + and - zoom, ← and → move, Home shows all, Page Up and Page Down choose the exchange; a stretch that is dragged fills it.")];
}

section("scope", "Oscilloscope", () => {
	const all = views();
	return all.length ? scope(all) : [];
});
