# SPDX-License-Identifier: BSD-2-Clause
# Lets the examples of a manual page that scdoc made fit into a terminal of 80 columns: one that is too wide where
# scdoc indents it is indented less, and a line that is wider still is broken, a command so that a shell joins it.
# usage: LC_ALL=C awk -f man-width.awk page.1

BEGIN {
	columns = 80
	usual = 11	# where scdoc puts an example
	least = 2
	widest = columns - least
}

# Columns that a line takes: what is escaped takes one, the bytes after the first of a character take none.
function width(text) {
	gsub(/\\&|[\200-\277]/, "", text)
	gsub(/\\e|\\\\|\\-/, "x", text)
	return length(text)
}

# Where a line of ROOM columns of text can end, outside of what quotes hold together: the last space or comma; of a
# command the last space before an option or a pipe, if there is one. 0: nowhere.
function place(text, room, command,    i, c, quote, at, good) {
	for (i = 1; i < length(text) && width(substr(text, 1, i)) <= room; i++) {
		c = substr(text, i, 1)
		if (command && (c == "'" || c == "\""))
			quote = quote == c ? "" : quote == "" ? c : quote
		if (quote == "" && (c == " " || (!command && c == ",")) && substr(text, 1, i) ~ /[^ ]/) {
			at = i
			if (command && substr(text, i + 1, 1) ~ /[|-]/)
				good = i
		}
	}
	return good ? good : at
}

function put(text,    command, at, lead) {
	command = text ~ /^\$ /
	while (width(lead text) > widest && (at = place(lead text, widest - 2, command)) > length(lead) + 2) {
		text = lead text
		print substr(text, 1, at) (command ? "\\e" : "")
		text = substr(text, at + 1)
		lead = "    "
	}
	print lead text
}

/^\.nf$/ { held = 0; most = 0; example = 1; next }
example && /^\.RS 4$/ { next }
example && /^\.fi$/ {
	indent = columns - most
	indent = indent > usual ? usual : indent < least ? least : indent
	print ".nf\n.RS 4"
	if (indent < usual)
		print ".in " indent
	for (i = 1; i <= held; i++)
		put(lines[i])
	print ".fi"
	example = 0
	next
}
example {
	lines[++held] = $0
	if (width($0) > most)
		most = width($0)
	next
}
{ print }
