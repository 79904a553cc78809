# SPDX-License-Identifier: BSD-2-Clause
# A page of docs/*.md as the source of a manual page, for scdoc. Tables become lists of terms: the first cell
# is the term, the others say what it is.
# usage: awk -v page='mscope-scenario(5)' -f md-to-scd.awk docs/scenarios.md

# Code and links into what scdoc has; the rest is text. Emphasis by stars is the same in both, once it is one star.
function inline(text,    out, at, c, code, bold) {
	gsub(/\*\*/, "*", text)
	while (text != "") {
		c = substr(text, 1, 1)
		if (c == "`" && (at = index(substr(text, 2), "`")) > 1) {
			code = substr(text, 2, at - 1)
			gsub(/[\\*_]/, "\\\\&", code)
			out = out (bold ? code : "*" code "*")
			text = substr(text, at + 2)
		} else if (c == "[" && match(text, /^\[[^]]*\]\([^)]*\)/)) {
			at = index(text, "]")
			text = substr(text, 2, at - 2) substr(text, RLENGTH + 1)
		} else {
			if (c == "*" && (bold || (text ~ /^\*[^ *][^*]*\*/))) {
				bold = !bold
			} else if (c == "_" || c == "\\" || c == "*")
				c = "\\" c
			out = out c
			text = substr(text, 2)
		}
	}
	return out
}

# A paragraph or an item is read to its end first: code may go over lines.
function flush() {
	if (held != "")
		print lead (lead == "" ? line(inline(held)) : inline(held))
	held = lead = ""
}

# What would be markup at the beginning of a line.
function line(text) {
	return text ~ /^[.!'|\[\]#+]/ ? "\\" text : text
}

function trim(text) {
	gsub(/^[ \t]+|[ \t]+$/, "", text)
	return text
}

function row(text,    cells, n, i, said) {
	sub(/^\|/, "", text)
	sub(/\|[ \t]*$/, "", text)
	n = split(text, cells, "|")
	if (rows++ == 0) {
		for (i = 1; i <= n; i++)
			heads[i] = trim(cells[i])
		return
	}
	if (trim(cells[1]) ~ /^:?-+:?$/)
		return
	for (i = 2; i <= n; i++) {
		if (trim(cells[i]) == "")
			continue
		said = said (said == "" ? "" : "; ") (n > 2 && heads[i] != "" ? heads[i] ": " : "") trim(cells[i])
	}
	if (trim(cells[1]) == "")
		return
	print line(inline(trim(cells[1])))
	print "\t" (said == "" ? "(no more to say)" : line(inline(said)))
	print ""
}

/^```/ {
	flush()
	rows = 0
	fenced = !fenced
	print "```"
	next
}
fenced { print; next }
(/^(    |\t)[^ \t]/ && held == "") || (indented && /^(    |\t)/) {
	if (!indented)
		print "```"
	indented = 1
	sub(/^(    |\t)/, "")
	print
	next
}
indented {
	indented = 0
	print "```"
	if ($0 != "")
		print ""
}
/^\|/ { flush(); row($0); next }
{ rows = 0 }
/^# / {
	title = substr($0, 3)
	name = page
	sub(/\(.*/, "", name)
	print page "\n\n# NAME\n\n" name " - " tolower(substr(title, 1, 1)) inline(substr(title, 2)) "\n\n# DESCRIPTION"
	next
}
/^##+ / {
	flush()
	depth = index($0, " ") - 1
	text = inline(substr($0, depth + 2))
	print substr("######", 1, depth - 1) " " (depth == 2 ? toupper(text) : text)
	next
}
/^$/ { flush(); print ""; next }
/^[0-9]+\. / { flush(); lead = ". "; held = $0; sub(/^[0-9]+\. /, "", held); next }
/^[-*] / { flush(); lead = "- "; held = substr($0, 3); next }
{ held = held (held == "" ? "" : " ") trim($0) }
END {
	flush()
	if (indented)
		print "```"
	print "\n# SEE ALSO\n\n*mscope*(1)"
}
