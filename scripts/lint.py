# SPDX-License-Identifier: BSD-2-Clause
"""Checks what the compiler does not. Each offence is one line, FILE:LINE: [CHECK] MESSAGE.

usage: lint.py [CHECK...]      (all of them by default; run it in the project's directory)

"globals" and "man" look at what was built (BUILD=build); "headers" compiles with CFLAGS.
"""
import glob
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import format as layout                 # scripts/format.py

BUILD = os.environ.get("BUILD", "build")
CFLAGS = shlex.split(os.environ.get("CFLAGS", ""))
SPDX = "/* SPDX-License-Identifier: BSD-2-Clause */"

# From the top down: a layer may include itself and what stands after it.
LAYERS = ["report", "fuzz", "run", "scenario", "judge", "soak", "timing", "medium", "direct", "capture",
          "session", "record", "transport", "firmware", "sim", "stats", "scsi", "wire", "base"]
PUBLIC = ("mscope.h", "mscope_firmware.h")  # any layer may include them; they include none
FIRMWARE_MAY = ("sim/mcu.h", "firmware/", "wire/", "base/", *PUBLIC)

CLOCK = "lib/base/clock.c"
CLOCK_CALL = re.compile(r"(?<![\w.>])(clock_gettime|clock_nanosleep|gettimeofday|nanosleep|usleep"
                        r"|(?:time|sleep|rand|srand|random|srandom)(?=\s*\())(?!\w)")
SIGNALS = "lib/firmware/external/guard.c"   # what a signal handler finds belongs to no object
PROCESS = "lib/base/isolate.c"              # what a process knows of the one that watches it
COVERAGE = "lib/base/coverage.c"            # what functions of a given name and no argument are given
LONG_FILE, LONG_FUNCTION = 500, 60
CHECKS = {}


def check(function):
    CHECKS[function.__name__] = function
    return function


def find(*patterns):
    return sorted(f for p in patterns for f in glob.glob(p, recursive=True))


def c_files():
    return find(*(f"{d}/**/*.{e}" for d in ("lib", "tool", "tests", "examples") for e in "ch"))


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def numbered(path):
    return list(enumerate(read(path).split("\n"), 1))


def code_only(text):
    """The text with comments and strings blanked, line by line as before."""
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(\\.|[^"\\\n])*"|\'(\\.|[^\'\\\n])+\'',
                  lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)


def run(*command):
    """The output of a command, both streams, and its exit status."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace")
    return done.stdout, done.returncode


def located(output, default):
    """(file, line, message) for each diagnostic of a compiler-like tool."""
    for line in output.split("\n"):
        m = re.match(r"(?:\w+: )?(?:\./)?([^\s:]+):(\d+):(?:\d+:)? *(.*)", line)
        if m and not m.group(3).startswith("note:"):
            yield m.group(1), int(m.group(2)), m.group(3)
        elif line and not m and "error" in line:
            yield default, 1, line


@check
def layers():
    """A layer includes only what is below it."""
    for path in find("lib/*", "lib/*/**/*.[ch]"):
        if os.path.isdir(path) and os.path.basename(path) not in LAYERS:
            yield path, 0, "no such layer; LAYERS in scripts/lint.py has the list"
            continue
        layer = path.split("/")[1]
        if os.path.isdir(path) or (layer not in LAYERS and layer not in PUBLIC):
            continue
        for n, line in numbered(path):
            m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not m or m.group(1) in PUBLIC:
                continue
            other = m.group(1)
            top = other.split("/")[0]
            if layer in PUBLIC:
                yield path, n, f'"{other}": a public header includes no other header of ours'
            elif "/" not in other:
                yield path, n, f'"{other}": name a header by its path from lib/'
            elif top not in LAYERS:
                yield path, n, f'"{other}": there is no layer {top}'
            elif LAYERS.index(top) < LAYERS.index(layer):
                yield path, n, f'"{other}": {layer} may not include {top}, a layer above it'
            elif layer == "firmware" and path.endswith(".c") and not other.startswith(FIRMWARE_MAY):
                yield path, n, (f'"{other}": a firmware model includes only sim/mcu.h, '
                                'firmware/, wire/ and base/')


@check
def headers():
    """Each header compiles alone, under either compiler, and has the guard that its path gives."""
    flags = ["-std=gnu11", "-D_GNU_SOURCE", "-Ilib", "-I.", "-Wall", "-Wextra", "-Wpedantic",
             "-Werror", *CFLAGS, "-fsyntax-only", "-x", "c", "-"]

    def compile_alone(path):
        for compiler in ("gcc", "clang"):
            done = subprocess.run([compiler, *flags], input=f'#include "{path}"\n', text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode:
                default = (path, 0, "does not compile alone")
                where, n, message = next(located(done.stdout, path), default)
                return where, n, f"{compiler}: {message}"
        return None

    with ThreadPoolExecutor(2) as pool:
        yield from filter(None, pool.map(compile_alone, find("lib/**/*.h", "tool/*.h")))
    for path in find("lib/*/**/*.h"):
        want = "MSC_" + re.sub(r"\W", "_", path.removeprefix("lib/")).upper()
        m = re.search(r"^#ifndef (\w+)\n#define \1$", read(path), re.M)
        if not m or m.group(1) != want:
            n = read(path)[:m.start()].count("\n") + 1 if m else 1
            yield path, n, f"the include guard is {m.group(1) if m else 'missing'}, expected {want}"


@check
def format():
    """The sources are laid out as "make format" lays them out."""
    for path, n, want in layout.offences(c_files()):
        yield path, n, f'run "make format"; should read: {want.strip() or "(nothing)"}'


@check
def spdx():
    """Each C file begins with its licence."""
    for path in c_files():
        if read(path).split("\n", 1)[0] != SPDX:
            yield path, 1, f"the first line is not {SPDX}"


@check
def clock():
    """Nothing asks for the time, sleeps or draws a random number but the clock."""
    for path in find("lib/**/*.[ch]", "tool/*.[ch]"):
        if path == CLOCK:
            continue
        for n, line in enumerate(code_only(read(path)).split("\n"), 1):
            for m in CLOCK_CALL.finditer(line):
                yield path, n, f"{m.group(1)}: only {CLOCK} may call it; use the target's clock"


@check
def globals():
    """No variable of the library is both global, or static, and mutable, but what signal handlers need, what a process knows
    of the one that watches it, and what the functions that instrumented code calls are given."""
    if not os.path.exists(f"{BUILD}/libmscope.a"):
        yield f"{BUILD}/libmscope.a", 0, "is not built"
        return
    source_of = {f"{BUILD}/{c[:-2]}.o": c for c in find("lib/*/**/*.c") + ["scenarios.c"]
                 if c not in (SIGNALS, PROCESS, COVERAGE)}
    built = [o for o in source_of if os.path.exists(o)]
    for block in run("size", "-A", *built)[0].split("\n\n"):
        sections = [name for name, size in re.findall(r"^(\.\S+)\s+(\d+)", block, re.M)
                    if int(size) and re.match(r"\.(data|bss|tdata|tbss)\b(?!\.rel\.ro)", name)]
        if not sections:
            continue
        obj = block.split()[0]
        found = False
        # NAME|VALUE|CLASS|TYPE|SIZE|LINE|SECTION, a tab and FILE:LINE
        for symbol in run("nm", "-l", "-f", "sysv", obj)[0].split("\n"):
            field = [f.strip() for f in symbol.split("|")]
            if len(field) == 7 and field[6].split("\t")[0] in sections and field[3] != "SECTION":
                section, _, where = field[6].partition("\t")
                line = where.rpartition(":")[2] or 0
                found = True
                yield source_of[obj], line, f"{field[0].split('.')[0]} is mutable ({section})"
        if not found:
            yield source_of[obj], 0, f"{' '.join(sections)} is not empty"


def calls():
    """For each C file of the library: the files whose functions it calls, with one of them each."""
    defined, wanted = {}, {}
    for source in find("lib/*/**/*.c"):
        obj = f"{BUILD}/{source[:-2]}.o"
        if not os.path.exists(obj):
            continue
        wanted[source] = set()
        for line in run("nm", "-g", obj)[0].split("\n"):
            kind, _, name = line[17:].partition(" ")
            if kind == "T":
                defined[name] = source
            elif kind == "U":
                wanted[source].add(name)
    return {s: {defined[n]: n for n in sorted(names) if defined.get(n, s) != s}
            for s, names in wanted.items()}


def rings(graph):
    """The sets of files of which each reaches every other: Tarjan's algorithm."""
    index, low, stack, found = {}, {}, [], []

    def visit(v):
        index[v] = low[v] = len(index)
        stack.append(v)
        for w in graph[v]:
            if w not in index:
                visit(w)
            if w in stack:
                low[v] = min(low[v], low[w])
        if low[v] == index[v]:
            found.append([stack.pop()])
            while found[-1][-1] != v:
                found[-1].append(stack.pop())

    for v in graph:
        if v not in index:
            visit(v)
    return [sorted(ring) for ring in found if len(ring) > 1]


@check
def circles():
    """Files that call each other, in whatever roundabout way, are named in scripts/circles.allow."""
    allowed = {}
    for n, line in numbered("scripts/circles.allow"):
        files, _, reason = line.partition(":")
        if line.strip() and not line.startswith("#"):
            allowed[tuple(sorted(files.split()))] = n
            if not reason.strip():
                yield "scripts/circles.allow", n, "no reason is given"
    graph = calls()
    for ring in rings(graph):
        if allowed.pop(tuple(ring), None):
            continue
        how = [f"{os.path.basename(a)} calls {graph[a][b]} of {os.path.basename(b)}"
               for a in ring for b in ring if b in graph[a]]
        yield ring[0], 0, f"{' '.join(ring)}: a circle: {'; '.join(how)}"
    for files, n in allowed.items():
        yield "scripts/circles.allow", n, f"{' '.join(files)}: is no circle"


@check
def length():
    """Long files and long functions are named, with a reason, in scripts/long.allow."""
    allowed = {}
    for n, line in numbered("scripts/long.allow"):
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.partition(" ")
            if reason.strip():
                allowed[name] = n
            else:
                yield "scripts/long.allow", n, f"{name} is named without a reason"

    def is_new(name):
        return allowed.pop(name, None) is None

    for path in c_files() + find("scripts/*", "tests/**/*.py"):
        if os.path.isdir(path):
            continue
        lines = read(path).split("\n")
        if len(lines) - 1 > LONG_FILE and is_new(path):
            yield path, 1, f"{len(lines) - 1} lines, more than {LONG_FILE}"
        if path[-2:] not in (".c", ".h"):
            continue
        start = None
        for i, line in enumerate(lines):
            if line == "{":
                start = i
            elif line.startswith("}") and start is not None:
                head = "\n".join(lines[max(0, start - 8):start])
                names = re.findall(r"^[^\s#/].*?(\w+)\(", head, re.M)
                name = names[-1] if names else "?"
                if i - start - 1 > LONG_FUNCTION and is_new(f"{path}:{name}"):
                    yield path, start, (f"{name} has {i - start - 1} lines, "
                                        f"more than {LONG_FUNCTION}")
                start = None
    for name, n in allowed.items():
        yield "scripts/long.allow", n, f"{name} is not long, or not there"


@check
def lists():
    """KIND(NAME) in a .list file has its definition beside it, and each definition its line."""
    for path in find("lib/*/**/*.list", "tool/*.list"):
        where = os.path.dirname(path)
        text = {f: code_only(read(f)) for f in find(f"{where}/**/*.c")}
        rows = [(n, *m.groups()) for n, line in numbered(path)
                if (m := re.match(r"([A-Z]\w*)\((\w+)\)", line))]
        for kind in sorted({k for _, k, _ in rows}):
            prefix = "cmd_" if where == "tool" else f"msc_{kind.lower()}_"
            begins = re.compile(rf"^const struct \w+ {prefix}(\w+)\s*=", re.M)
            defined = {m.group(1): (f, t[:m.start(1)].count("\n") + 1)
                       for f, t in text.items() for m in begins.finditer(t)}
            names = [x for _, k, x in rows if k == kind]
            for n, k, name in rows:
                if k == kind and names.count(name) > 1:
                    yield path, n, f"{kind}({name}) is there twice"
                if k == kind and name not in defined:
                    yield path, n, f"{kind}({name}): {prefix}{name} is defined nowhere in {where}/"
            for name, (f, n) in sorted(defined.items()):
                if name not in names and where != "tool":
                    yield f, n, f"{prefix}{name} has no line {kind}({name}) in {path}"


# What makes bytes leave, or allows them to: who may call it.
GATED = [(re.compile(r"\bmsc_gate_permit\("), ("lib/medium/", "lib/session/gate")),
         (re.compile(r"\bmsc_(submit|transfer|command)\("), ("lib/session/", "lib/transport/"))]


@check
def gate():
    """Permits to write come from lib/medium alone; nothing is submitted but by a session."""
    for path in find("lib/**/*.[ch]", "tool/*.[ch]"):
        for n, line in enumerate(code_only(read(path)).split("\n"), 1):
            for call, allowed in GATED:
                if call.search(line) and not path.startswith(allowed):
                    yield path, n, f"{call.search(line).group()[:-1]}: only {', '.join(allowed)} may call it"


@check
def cppcheck():
    """cppcheck's warnings, less those in scripts/cppcheck.suppress."""
    if not find("lib/*/**/*.c", "tool/*.c"):
        return
    output, _ = run("cppcheck", "-q", "-j2", "--std=c11", "--inline-suppr",
                    "--enable=warning,performance,portability",
                    "--suppressions-list=scripts/cppcheck.suppress", "-Ilib",
                    "--template={file}:{line}: {message} ({id})", "lib", "tool")
    for path, n, message in located(output, "scripts/cppcheck.suppress"):
        yield path, n, message


@check
def spelling():
    """codespell's dictionary of common misspellings, less the words in scripts/spell.allow."""
    words = ",".join(x for _, x in numbered("scripts/spell.allow") if x and not x.startswith("#"))
    places = find("lib", "tool", "scripts", "scenarios", "docs", "tests", "udev", "*.md",
                  "Makefile")
    output, _ = run("codespell", "-L", words or "none", "-S",
                    "*.pcap,*.pcapng,*.bin,*.img,*.pyc,*/corpus/*", *places)
    for path, n, message in located(output, "scripts/spell.allow"):
        yield path, n, message


@check
def man():
    """The manual pages are well-formed."""
    for page in find("docs/*.scd"):
        built = f"{BUILD}/man/{os.path.basename(page)[:-4]}"
        if not os.path.exists(built):
            yield page, 0, f"{built} is not built"
            continue
        for _, n, message in located(run("mandoc", "-Tlint", "-W", "warning", built)[0], page):
            if "skipping paragraph macro" not in message:       # scdoc writes them everywhere
                yield built, n, message


def main(names):
    unknown = [n for n in names if n not in CHECKS]
    if unknown:
        print(f"lint: no check {unknown[0]!r}; there are: {' '.join(CHECKS)}", file=sys.stderr)
        return 2
    count = 0
    for name in names or CHECKS:
        for path, line, message in CHECKS[name]():
            print(f"{path}:{line}: [{name}] {message}", flush=True)
            count += 1
    ran = len(names) or len(CHECKS)
    print(f"lint: {count or 'no'} offence{'s' * (count != 1)} in {ran} check{'s' * (ran != 1)}")
    return bool(count)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
