# SPDX-License-Identifier: BSD-2-Clause
"""The shell's completion, asked as bash asks it."""
import os
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
