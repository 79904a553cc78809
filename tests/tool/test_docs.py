# SPDX-License-Identifier: BSD-2-Clause
"""Every command line that the documents show is run, and prints what they show.

In a ```console block (in a manual page, every ``` block), a line "$ COMMAND" is run, and the lines up to the next one are its output,
both streams together; a line "..." stands for any lines. "$ cat FILE" is the other way round: it
makes the file. MSC_GOLDEN_UPDATE=1 writes the output of blocks without "..." anew.
"""
import json
import os
import re
import subprocess

import pytest
from conftest import CONTEXTS, PROGRAM, TOP, UPDATE, SETTINGS, listing

DOCUMENTS = sorted([TOP / "README.md", *TOP.glob("docs/*.md"), *TOP.glob("docs/*.scd")])
BLOCK = {".md": re.compile(r"(^```console\n)(.*?)(^```$)", re.M | re.S),
         ".scd": re.compile(r"(^```\n)(.*?)(^```$)", re.M | re.S)}


def steps(block):
    """(command, output) pairs of a block."""
    parts = re.split(r"^\$ (.*)\n", block, flags=re.M)
    assert parts[0] == "", f"text before the first command: {parts[0]!r}"
    return list(zip(parts[1::2], parts[2::2]))


def matches(shown, got):
    return re.fullmatch(re.escape(shown).replace(re.escape("...\n"), r"(?:.*\n)*?"), got)


class Shell:
    def __init__(self, cwd):
        self.cwd, self.status = cwd, 0
        self.env = {"PATH": f"{os.path.dirname(PROGRAM)}:{os.environ['PATH']}", "HOME": str(cwd),
                    "XDG_STATE_HOME": str(cwd / "state"), "LC_ALL": "C.UTF-8"} | SETTINGS

    def run(self, command):
        if command == "echo $?":
            return f"{self.status}\n"
        done = subprocess.run(["bash", "-c", command], cwd=self.cwd, env=self.env, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        self.status = done.returncode
        return CONTEXTS.sub(b"", done.stdout).decode()


def renew(path, shell):
    def block(m):
        text = ""
        for command, shown in steps(m.group(2)):
            if command.startswith("cat "):
                (shell.cwd / command[4:]).write_text(shown)
            elif "...\n" not in shown:
                shown = shell.run(command)
            else:
                shell.run(command)
            text += f"$ {command}\n{shown}"
        return m.group(1) + text + m.group(3)

    path.write_text(BLOCK[path.suffix].sub(block, path.read_text()))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_what_is_shown_is_what_happens(path, tmp_path):
    if UPDATE:
        renew(path, Shell(tmp_path))
    shell = Shell(tmp_path)
    for block in BLOCK[path.suffix].finditer(path.read_text()):
        shown_steps = steps(block.group(2))
        for i, (command, shown) in enumerate(shown_steps):
            if command.startswith("cat "):
                (tmp_path / command[4:]).write_text(shown)
                continue
            got = shell.run(command)
            assert matches(shown, got), f"$ {command}\n{got}"
            told = i + 1 < len(shown_steps) and shown_steps[i + 1][0] == "echo $?"
            assert told or shell.status in (0, 1), f"$ {command}\nstatus {shell.status}"


def test_manual_pages_name_every_option():
    """A page for each command, with its options and no others."""
    helped = subprocess.run([PROGRAM, "help"], stdout=subprocess.PIPE, check=True).stdout.decode()
    for command in re.findall(r"^  (\w+) ", helped, re.M):
        page = (TOP / "docs" / f"mscope-{command}.1.scd").read_text()
        options = subprocess.run([PROGRAM, "help", command], stdout=subprocess.PIPE,
                                 check=True).stdout.decode()
        has = set(re.findall(r"--([a-z][a-z-]*)", options))
        told = set(re.findall(r"\*--([a-z][a-z-]*)", page))
        assert told == has, command


def told(page):
    """What stands in code in a page of docs/."""
    return set(re.findall(r"`([^`]+)`", (TOP / "docs" / page).read_text()))


def test_each_firmware_has_a_page_with_its_knobs():
    """Those of its own there, with default, choices and words; those of every model in mscope(1)."""
    models = listing("firmware")
    shared = set.intersection(*({k["name"] for k in m["knobs"]} for m in models))
    assert len(shared) > 5
    manual = (TOP / "docs/mscope.1.scd").read_text()
    for name in shared:
        assert f"\n*{name}=*" in manual, name
    for model in models:
        section = (TOP / "docs" / f"{model['name']}.md").read_text().split("## Knobs\n")[1].split("\n## ")[0]
        rows = re.findall(r"^\| `([\w-]+)=([^`]*)` \| (.+) \|$", section, re.M)
        knobs = [(k["name"], k["default"] or "", k["help"] + (": " if k["choices"] else "") +
                  ", ".join(f"`{c}`" for c in k["choices"])) for k in model["knobs"] if k["name"] not in shared]
        assert rows == knobs, model["name"]


def test_every_member_of_a_result_is_told():
    """In docs/results.md, which is mscope-result(5)."""
    common = json.loads((TOP / "docs/schema/common.json").read_text())["$defs"]
    result = json.loads((TOP / "docs/schema/mscope.result-1.json").read_text())
    members = set(result["properties"]) | {m for d in result["$defs"].values() for m in d["properties"]}
    members |= {m for d in ("device", "finding", "cause", "step", "tool") for m in common[d]["properties"]}
    members |= {m for d in common["exchange"]["oneOf"] for m in d["properties"]}
    assert members - told("results.md") == set()
    formats = {f.stem.replace("-", "/") for f in (TOP / "docs/schema").glob("mscope.*.json")}
    assert formats - set(re.findall(r"mscope\.\w+/1", (TOP / "docs/results.md").read_text())) == set()


# What begins a line of a report in text, and the page whose section THE REPORT explains it.
REPORTS = {"bench_text.c": ["bench", "compare"], "series_text.c": ["compare"], "decode_sum.c": ["decode"], "fuzz_text.c": ["fuzz"],
           "pace_text.c": ["pace"], "pace_writing.c": ["pace"], "probe_text.c": ["probe"], "soak_text.c": ["soak"], "text.c": ["check"],
           "text_causes.c": ["check"], "text_parts.c": ["check"], "bring_up.c": ["check"]}
WORDS = re.compile(r'(?:msc_put_row\([^"]*|msc_text_head\([^"]*|msc_text_labelled\([^"]*)"([ \w-]*[\w-]:? *)"|'
                   r'(?:fputs|printf)\((?:\w+, )?"([A-Za-z]+(?: [a-z]+)?) {2,}')


@pytest.mark.parametrize("source", REPORTS)
def test_every_word_that_begins_a_line_is_explained(source):
    where = next(TOP / place / source for place in ("tool", "lib/report") if (TOP / place / source).exists())
    words = {word.strip() for found in WORDS.findall(where.read_text()) for word in found if word.strip()}
    explained = set()
    for command in REPORTS[source]:
        page = (TOP / "docs" / f"mscope-{command}.1.scd").read_text()
        section = page.split("# THE REPORT\n")[1].split("\n# ")[0]
        explained |= set(re.findall(r"\*([^*\n]+)\*", section)) | set(re.findall(r"\b_([^_\n]+)_\b", section))
    assert words - explained == set()
