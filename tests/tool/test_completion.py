# SPDX-License-Identifier: BSD-2-Clause
"""The completion of shells: what the program offers, and what bash, zsh and fish make of it."""
import os
import re
import shutil
import subprocess

import pytest
from conftest import PROGRAM, TOP, listing

# Each is given all lines, and prints a head and the candidates of each.
SHELLS = {
    # As bash calls it: what is put back is what follows the last colon or '=', where words are broken too.
    "bash": ["bash", "-c", """
source completion/mscope.bash
for line; do
	COMP_LINE=$line COMP_POINT=${#line} last=${line##* }
	printf -- '== %s\\n' "$line"
	if [[ $line == dread* ]]; then _dread; else _mscope; fi
	printf '%s\\n' "${COMPREPLY[@]/#/${last%"${last##*[:=]}"}}"
done
""", "bash"],
    # What _mscope hands to zsh, of which zsh shows those that begin as the word does.
    "zsh": ["zsh", "-fc", """
compadd() { local word on=; for word; do [[ -n $on ]] && print -r -- "$pre$word"; [[ $word == -- ]] && on=1; done }
compset() { pre=$2; cur=${cur#$2} }
_files() { local f; for f in $cur*(N); do print -r -- "$pre$f"; done }
source completion/_mscope
for line; do
	pre= cur=${line##* }
	words=(${(s: :)line})
	CURRENT=$#words
	print -r -- "== $line"
	_mscope | while read -r word; do [[ $word != ${line##* }* ]] || print -r -- $word; done
done
""", "zsh"],
    "fish": ["fish", "--no-config", "-c", """
source completion/mscope.fish
for line in $argv
	echo "== $line"
	complete -C $line | string split -f 1 \\t
end
"""],
}

LINES = [
    ("mscope ch", {"check"}),
    ("mscope list fi", {"firmware"}),
    ("mscope list rules bot.csw.ta", {"bot.csw.tag"}),
    ("mscope check --allow-w", {"--allow-writes"}),
    ("mscope check sim:refer", {"sim:reference"}),
    ("mscope check sim:reference,fault=residue-z", {"sim:reference,fault=residue-zero"}),
    ("mscope check sim:reference,variant=subclass-r", {"sim:reference,variant=subclass-rbc"}),
    ("mscope check sim:reference,luns=2,case", {"sim:reference,luns=2,case5="}),
    ("mscope check sim:reference,luns=2,case5=p", {"sim:reference,luns=2,case5=pad"}),
    ("mscope check sim:stm32,stage=y", {"sim:stm32,stage=yield"}),
    ("mscope check sim:reference --profile in", {"interop"}),
    ("mscope check sim:reference -p in", {"interop"}),
    ("mscope check --select bot.case01.tu", {"bot.case01.tur"}),
    ("mscope check --select TD1.1", {"TD1.1", "TD1.10", "TD1.11", "TD1.12", "TD1.13", "TD1.14", "TD1.15", "TD1.16", "TD1.17",
                                     "TD1.18", "TD1.19"}),
    ("mscope check --exclude bot.case01.tu", {"bot.case01.tur"}),
    ("mscope check sim:reference --report ju", {"junit"}),
    ("mscope check sim:reference --report junit:READ", {"junit:README.md"}),
    ("mscope check sim:reference --waive READ", {"README.md"}),
    ("mscope check sim:reference --color=al", {"--color=always"}),
    ("mscope run sim:reference READ", {"README.md"}),
    ("mscope bench --format b", {"bmf"}),
    ("mscope bench sim:reference --mode qu", {"queued"}),
    ("mscope send sim:reference --direction o", {"out"}),
    ("mscope read --foll", {"--follow"}),
    ("mscope help pr", {"probe"}),
    ("dread --foll", {"--follow"}),
]


def environment(home):
    return {"PATH": f"{os.path.dirname(PROGRAM)}:{os.environ['PATH']}", "HOME": str(home)}


@pytest.mark.nosan
@pytest.mark.parametrize("shell", SHELLS)
def test_completion(shell, tmp_path):
    assert shutil.which(shell), f"{shell} is not installed: scripts/deps.sh test"
    done = subprocess.run([*SHELLS[shell], *(line for line, _ in LINES)], cwd=TOP, env=environment(tmp_path),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    got = {}
    for line in done.stdout.decode().splitlines():
        if line.startswith("== "):
            got[line[3:]] = found = set()
        elif line:
            found.add(line)
    assert got == dict(LINES), done.stderr.decode()


def offered(*words):
    out = subprocess.run([PROGRAM, "--complete", *words], stdout=subprocess.PIPE, check=True).stdout.decode()
    return {line.split("\t")[0] for line in out.splitlines()}


def test_what_there_is_is_offered():
    """Every command, its options, every scenario, fault, variant and knob, by the tables alone."""
    helped = subprocess.run([PROGRAM, "help"], stdout=subprocess.PIPE, check=True).stdout.decode()
    commands = set(re.findall(r"^  (\w+) ", helped, re.M))
    assert offered("") == offered("help", "") == commands
    for command in commands:
        options = subprocess.run([PROGRAM, "help", command], stdout=subprocess.PIPE, check=True).stdout.decode()
        assert offered(command, "-") == set(re.findall(r"^  (?:-\w, |    )(--[a-z-]+)", options, re.M)), command
    assert {s["name"] for s in listing("scenarios")} <= offered("check", "--select", "")
    for knob, kind in (("fault", "faults"), ("variant", "variants")):
        assert offered("probe", f"sim:lsd,{knob}=") == {f"sim:lsd,{knob}={e['name']}" for e in listing(kind)}
    for model in listing("firmware"):
        name = model["name"]
        assert offered("check", f"sim:{name},") == {f"sim:{name},{k['name']}=" for k in model["knobs"]}


def test_what_cannot_be_completed_offers_nothing():
    assert offered("nosuch", "") == offered("check", "--lun", "") == offered("send", "sim:lsd", "--", "1") == set()
    assert offered() == set()
