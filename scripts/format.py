# SPDX-License-Identifier: BSD-2-Clause
"""Lays the C sources out with clang-format, and leaves alone what an author laid out on purpose:

  * columns: runs of spaces that line a word up with one in a line nearby, or set off a comment;
  * macro definitions, and line breaks inside initialisers and enumerations;
  * short "case X: return y;" and "if (x) y();", on one line or on two.

usage: format.py [--check] [FILE...]    (every C file of lib, tool, tests and examples by default)
"""
import difflib
import functools
import glob
import hashlib
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

WIDTH = 100
BRACE = re.compile(r"=\s*\{(\s*/\*.*\*/)?\s*$")
ONE_LINE = re.compile(r"struct \w+ \{.*\};$")
ENUM = re.compile(r"\s*(typedef )?enum\b[^;(]*\{")
OTHER_TASTE = ("{BasedOnStyle: InheritParentConfig, AllowShortCaseLabelsOnASingleLine: false,"
               " AllowShortIfStatementsOnASingleLine: AllIfsAndElse,"
               " AllowShortEnumsOnASingleLine: true}")


def sources():
    return sorted(f for d in ("lib", "tool", "tests", "examples") for e in "ch"
                  for f in glob.glob(f"{d}/**/*.{e}", recursive=True))


def clang_format(path, text, style):
    done = subprocess.run(["clang-format", f"--style={style}", f"--assume-filename={path}"],
                          input=text, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"clang-format: {done.stderr.strip()}")
    return done.stdout.split("\n")


def squeeze(line):
    """The line with its inner runs of spaces made single; its indentation counts."""
    indent = re.match(r"\s*", line).group()
    return indent + re.sub(r"\s+", " ", line[len(indent):])


def edges(line):
    """The columns where words of the line begin and end."""
    line = line.expandtabs(8)
    return ({m.start() for m in re.finditer(r"\S+", line)},
            {m.end() for m in re.finditer(r"[^\s,]+", line)})


def is_aligned(lines, i):
    """Every wide gap in lines[i] puts its next word in line with one of a line nearby that has
    the same indentation."""
    begins, ends = set(), set()
    indent = re.match(r"\s*", lines[i]).group()
    for j in range(max(0, i - 4), min(len(lines), i + 5)):
        if j != i and (re.match(rf"{indent}\S", lines[j]) or lines[i].endswith("\\")):
            b, e = edges(lines[j])
            begins |= b
            ends |= e
    line = lines[i].expandtabs(8).rstrip()
    line = re.sub(r'"(\\.|[^"\\])*"', lambda m: "s" * len(m.group()), line)
    line = re.sub(r"\s+/\*.*\*/$", "", line)
    body = len(line) - len(line.lstrip())
    return all(m.start(1) in begins or m.end(1) in ends
               for m in re.finditer(r"(?<=\S) {2,}([^\s,]+)", line) if m.start() >= body)


def regions(lines):
    """For each line: is it part of a macro definition, an initialiser, an enumeration, or a
    struct on one line?"""
    out, macro, depth = [], False, 0
    for line in lines:
        macro = macro or bool(re.match(r"\s*#\s*define\b", line))
        inside = depth > 0 and not re.match(r"\t*\}", line) or depth > 1
        out.append(macro or inside or bool(ENUM.match(line) or ONE_LINE.match(line)))
        macro = macro and line.endswith("\\")
        if depth:
            code = re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])+\'|/\*.*?\*/', "", line)
            depth = max(0, depth + code.count("{") - code.count("}"))
        elif BRACE.search(line) or (ENUM.match(line) and "}" not in line):
            depth, out[-1] = 1, True
    return out


KNOWN = "build/laid-out"        # a line for each text that needs no change: laying out takes a second a file


@functools.cache
def rules():
    """What the answer depends on besides the text."""
    files = [open(f, "rb").read() for f in (__file__, ".clang-format")]
    return b"".join(files) + subprocess.run(["clang-format", "--version"], capture_output=True, check=True).stdout


@functools.cache
def known():
    try:
        return set(open(KNOWN, encoding="ascii").read().split())
    except OSError:
        return set()


def remember(key):
    os.makedirs(os.path.dirname(KNOWN), exist_ok=True)
    with open(KNOWN, "a", encoding="ascii") as f:
        f.write(key + "\n")


def layout(path, text):
    """The text as it should be: each step may move what the columns of the next lean on."""
    def key():
        return hashlib.sha256(rules() + path.encode() + b"\0" + text.encode()).hexdigest()

    if key() in known():
        return text
    for _ in range(8):
        before, text = text, layout_once(path, text)
        if text == before:
            remember(key())
            break
    return text


def layout_once(path, text):
    old = text.split("\n")
    new = clang_format(path, text, "file")
    if old == new:
        return text
    other = clang_format(path, text, OTHER_TASTE)
    left_alone = regions(old)
    fits = [len(line.expandtabs(8)) <= WIDTH for line in old]
    squeezed = [squeeze(line) for line in old]

    def differ(theirs):
        theirs = [squeeze(line) for line in theirs]
        return difflib.SequenceMatcher(None, squeezed, theirs, autojunk=False).get_opcodes()

    tasteful = set()
    for op, i1, i2, j1, j2 in differ(other):
        if op == "equal":
            tasteful.update(range(i1, i2))

    out = []
    for op, i1, i2, j1, j2 in differ(new):
        mine, theirs = old[i1:i2], new[j1:j2]
        if op == "equal":
            out += [m if m == t or (fits[i1 + k] and m == m.rstrip() and is_aligned(old, i1 + k))
                    else t for k, (m, t) in enumerate(zip(mine, theirs))]
        elif (all(fits[i1:i2]) and mine and "".join("".join(mine).replace("\\", "").split())
              == "".join("".join(theirs).replace("\\", "").split())
              and all(left_alone[i] or i in tasteful for i in range(i1, i2))):
            out += mine
        else:
            out += theirs
    return "\n".join(out)


def examine(path):
    """(text, the text as it should be)"""
    with open(path, encoding="utf-8", newline="") as f:
        text = f.read()
    return text, layout(path, text)


def offences(paths):
    """(path, line, what it should be) for the first line that is wrong in each file."""
    with ThreadPoolExecutor(2) as pool:
        for path, (text, want) in zip(paths, pool.map(examine, paths)):
            pairs = enumerate(zip(text.split("\n") + [""], want.split("\n") + [""]), 1)
            if text != want:
                line, want_line = next((n, w) for n, (t, w) in pairs if t != w)
                yield path, line, want_line


def main(args):
    check = "--check" in args
    paths = [a for a in args if a != "--check"] or sources()
    if check:
        bad = list(offences(paths))
        for path, line, want in bad:
            print(f"{path}:{line}: should read: {want}")
        return bool(bad)
    with ThreadPoolExecutor(2) as pool:
        for path, (text, want) in zip(paths, pool.map(examine, paths)):
            if text != want:
                with open(path, "w", encoding="utf-8", newline="") as f:
                    f.write(want)
                print(f"formatted {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
