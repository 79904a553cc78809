# SPDX-License-Identifier: BSD-2-Clause
"""The shell's completion, asked as bash asks it."""
import os
import shutil
import subprocess

import pytest
from conftest import PROGRAM, TOP

SCRIPT = """
source completion/mscope.bash
COMP_LINE=$1 COMP_POINT=${#1}
IFS=$' \\t:=' read -ra COMP_WORDS <<<"$1"
[[ $1 != *[\\ :=] ]] || COMP_WORDS+=("")
COMP_CWORD=$2
_mscope 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize("line, word, expected", [
    ("mscope ch", 1, {"check"}),
    ("mscope list fi", 2, {"firmware"}),
    ("mscope list rules bot.csw.ta", 3, {"bot.csw.tag"}),
    ("mscope check --allow-w", 2, {"--allow-writes"}),
    ("mscope check sim:refer", 3, {"reference"}),
    ("mscope check sim:reference,fault=residue-z", 4, {"residue-zero"}),
    ("mscope check sim:reference --profile in", 5, {"interop"}),
    ("mscope check --select bot.case01.tu", 3, {"bot.case01.tur"}),
    ("mscope read --foll", 2, {"--follow"}),
    ("mscope read sim:ls", 4, {"lsd"}),
    ("mscope help pr", 2, {"probe"}),
    ("mscope check sim:reference --report ju", 5, {"junit"}),
    ("mscope check sim:reference --report junit:READ", 7, {"README.md"}),
    ("mscope bench --format b", 3, {"bmf"}),
])
def test_completion(line, word, expected):
    env = {"PATH": f"{os.path.dirname(PROGRAM)}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", SCRIPT, "bash", line, str(word)], cwd=TOP, env=env,
                          stdout=subprocess.PIPE, check=True)
    assert set(done.stdout.decode().split()) == expected


OTHERS = [
    ("mscope ch", {"check"}),
    ("mscope list fi", {"firmware"}),
    ("mscope list rules bot.csw.ta", {"bot.csw.tag"}),
    ("mscope check --allow-w", {"--allow-writes"}),
    ("mscope check sim:refer", {"sim:reference"}),
    ("mscope check sim:reference,fault=residue-z", {"sim:reference,fault=residue-zero"}),
    ("mscope check sim:reference,variant=subclass-r", {"sim:reference,variant=subclass-rbc"}),
    ("mscope check sim:reference --profile in", {"interop"}),
    ("mscope check --select bot.case01.tu", {"bot.case01.tur"}),
    ("mscope help pr", {"probe"}),
    ("mscope bench --format b", {"bmf"}),
]
# zsh has the candidates, and chooses those that begin as the word does by itself.
SHELLS = {"fish": ["fish", "--no-config", "-c", "source completion/mscope.fish; complete -C $argv[1]"],
          "zsh": ["zsh", "-fc", "source completion/_mscope; print -l -- ${(M)${(f)\"$(_mscope_words ${(z)1})\"}:#${${(z)1}[-1]}*}", "zsh"]}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("line, expected", OTHERS)
def test_completion_of_other_shells(shell, line, expected, tmp_path):
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell}")
    env = {"PATH": f"{os.path.dirname(PROGRAM)}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run([*SHELLS[shell], line], cwd=TOP, env=env, stdout=subprocess.PIPE, check=True)
    assert set(line.split("\t")[0] for line in done.stdout.decode().splitlines()) == expected
