/* SPDX-License-Identifier: BSD-2-Clause */
/* What a page is made of. Text of a device, a file or a document becomes text nodes and attributes, never
 * markup: nothing here sets innerHTML. A document may hold anything; what is not of its kind is empty. */
"use strict";

const list = (x) => Array.isArray(x) ? x : [];
const obj = (x) => x && typeof x === "object" && !Array.isArray(x) ? x : {};
const num = (x) => typeof x === "number" && isFinite(x) ? x : 0;
const str = (x) => x === null || x === undefined ? "" : typeof x === "object" ? JSON.stringify(x) : String(x);
const plural = (n, word) => n + " " + word + (n === 1 ? "" : "s");

function add(parent, children) {
	for (const c of children.flat(9))
		if (c !== null && c !== undefined && c !== false)
			parent.append(c instanceof Node ? c : str(c));
	return parent;
}

function make(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes || {}))
		if (value !== null && value !== undefined && value !== false)
			node.setAttribute(name, str(value));
	return add(node, children);
}

const el = (tag, attributes, ...children) => make(document.createElement(tag), attributes, children);
const sv = (tag, attributes, ...children) =>
	make(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

/* Rows of [term, text]; those without a text are left out. */
const terms = (rows) => el("dl", {}, rows.filter((r) => r[1] !== null && r[1] !== undefined && r[1] !== "")
	.map((r) => [el("dt", {}, r[0]), el("dd", {}, r[1])]));

/* What may be wider than a narrow screen scrolls in a box of its own; the page never does. */
const box = (node) => el("div", { class: "box" }, node);

/* Heads that begin with '#' are of columns of numbers. */
function table(heads, rows) {
	const right = heads.map((h) => h[0] === "#");
	const cell = (tag, text, i) => el(tag, { class: right[i] ? "n" : null, scope: tag === "th" ? "col" : null }, text);
	return box(el("table", {},
		el("thead", {}, el("tr", {}, heads.map((h, i) => cell("th", h.replace(/^#/, ""), i)))),
		el("tbody", {}, rows.map((row) => el("tr", {}, row.map((text, i) => cell("td", text, i)))))));
}

const word = (verdict) => el("span", { class: "word " + str(verdict).replace(/\W/g, "") }, verdict);

function choice(label, names, chosen) {
	const select = el("select", {}, names.map((n, i) => el("option", { value: i }, n)));
	select.addEventListener("change", () => chosen(+select.value));
	return { node: el("label", {}, label, " ", select), select };
}

/* "1.234 ms": four digits and a unit. */
function time(ns) {
	const a = Math.abs(ns), unit = a < 1e3 ? [1, "ns"] : a < 1e6 ? [1e3, "µs"] : a < 1e9 ? [1e6, "ms"] : [1e9, "s"];
	return +(ns / unit[0]).toPrecision(4) + " " + unit[1];
}

const rate = (bytes) => (bytes / 1000).toFixed(bytes < 1e5 ? 1 : 0) + " kB/s";

/* ---- the page -------------------------------------------------------------------------------------------- */

const data = JSON.parse(document.getElementById("data").textContent);
const files = list(data.files).map((f, i) => ({
	index: i, name: str(f.name), document: obj(f.document), limits: list(f.limits),
	format: str(obj(f.document).format).replace(/^mscope\.|\/1$/g, ""),
}));
const of = (format) => files.filter((f) => f.format === format);
const target = (f) => str(obj(f.document.target).name) || str(f.document.capture) || "none was opened";
const last = (all) => all[all.length - 1];
const sections = [];

/* A part of the page, in the order of the files of this program; nothing for no parts. */
function section(id, title, fill) {
	sections.push({ id, title, fill });
}

function build() {
	const main = document.querySelector("main"), nav = document.querySelector("nav");
	for (const s of sections) {
		let parts;
		try {
			parts = list(s.fill()).flat(9).filter(Boolean);
		} catch (e) {
			parts = [el("p", { class: "broken" }, "This part cannot be shown, a document is not as it should be: ", e.message)];
		}
		if (!parts.length)
			continue;
		nav.append(el("a", { href: "#" + s.id }, s.title));
		main.append(el("section", { id: s.id, "aria-label": s.title }, el("h2", {}, s.title), parts));
	}
	/* On paper nothing can be opened; what is long stays closed. */
	const closed = [];
	window.addEventListener("beforeprint", () => {
		for (const d of document.querySelectorAll("details:not([open]):not(.long)")) {
			closed.push(d);
			d.open = true;
		}
	});
	window.addEventListener("afterprint", () => closed.splice(0).forEach((d) => { d.open = false; }));
}
