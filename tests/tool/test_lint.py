# SPDX-License-Identifier: BSD-2-Clause
"""Every check of scripts/lint.py finds the offence it is there for, and says where it is.

Each test plants one offence in a copy of the part of the tree that the checks lean on.
"""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.nosan

TOP = Path(__file__).resolve().parents[2]
PARTS = ["Makefile", ".clang-format", "scripts", "lib/base", "lib/mscope.h", "lib/firmware/lsd/core/lsd.h",
         "lib/firmware/lsd/files", "lib/report/html", "lib/report/html_page.h", "tool/windows", "lib/scenario/embedded.h"]
SPDX = "/* SPDX-License-Identifier: BSD-2-Clause */\n"


@pytest.fixture
def tree(tmp_path):
    for part in PARTS:
        source, copy = TOP / part, tmp_path / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, copy)
    return tmp_path


def plant(tree, path, text):
    file = tree / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def lint(tree, *checks):
    env = {k: v for k, v in os.environ.items() if k not in ("BUILD", "CFLAGS", "MAKEFLAGS")}
    return subprocess.run([sys.executable, "scripts/lint.py", *checks], cwd=tree, env=env,
                          capture_output=True, text=True, timeout=120)


def function(name, lines):
    return f"void {name}(void);\n\nvoid {name}(void)\n{{\n" + "\t(void)0;\n" * lines + "}\n"


OFFENCES = {
    "layer above": (
        "layers", "lib/wire/planted.c", SPDX + '\n#include "session/session.h"\n',
        3, "wire may not include session, a layer above it"),
    "scsi may not use the session": (
        "layers", "lib/scsi/planted.h", SPDX + '#include "session/session.h"\n',
        2, "scsi may not include session"),
    "firmware looks behind the peripheral": (
        "layers", "lib/firmware/planted.c", SPDX + '#include "sim/mcu.h"\n#include "sim/bus.h"\n',
        3, "a firmware model includes only sim/mcu.h"),
    "a permit from elsewhere": (
        "gate", "lib/run/planted.c", SPDX + "\nint x = msc_gate_permit(s, p, id, err);\n",
        3, "msc_gate_permit: only lib/medium/"),
    "bytes past the session": (
        "gate", "tool/planted.c", SPDX + "\nint x = msc_submit(t, x, err);\n",
        3, "msc_submit: only lib/session/"),
    "the public header includes ours": (
        "layers", "lib/mscope.h", SPDX + '#include "base/err.h"\n',
        2, "a public header includes no other header of ours"),
    "a header without its path": (
        "layers", "lib/base/planted.c", SPDX + '#include "err.h"\n',
        2, "name a header by its path from lib/"),
    "unknown layer": (
        "layers", "lib/base/planted.c", SPDX + '#include "misc/err.h"\n',
        2, "there is no layer misc"),
    "header needs another": (
        "headers", "lib/base/planted.h",
        SPDX + "#ifndef MSC_BASE_PLANTED_H\n#define MSC_BASE_PLANTED_H\nint msc_f(uint8_t x);\n#endif\n",
        4, "uint8_t"),
    "guard": (
        "headers", "lib/base/planted.h", SPDX + "#ifndef PLANTED_H\n#define PLANTED_H\n#endif\n",
        2, "the include guard is PLANTED_H, expected MSC_BASE_PLANTED_H"),
    "layout": (
        "format", "lib/base/planted.c", SPDX + "\nint msc_f(int a)\n{\n    return a;\n}\n",
        5, "should read: return a;"),
    "licence": (
        "spdx", "tool/planted.c", "int main(void)\n{\n\treturn 0;\n}\n",
        1, "the first line is not"),
    "clock": (
        "clock", "lib/session/planted.c",
        SPDX + '/* usleep(1) */\nconst char *s = "time(NULL)";\nint f(void)\n{\n\treturn time (NULL);\n}\n',
        6, "time: only lib/base/clock.c may call it"),
    "random": (
        "clock", "tool/planted.c", SPDX + "int f(struct x *x)\n{\n\treturn x->time(x) + rand();\n}\n",
        4, "rand: only"),
    "sleep": (
        "clock", "lib/transport/planted.c", SPDX + "int (*f)(void *, void *) = nanosleep;\n",
        2, "nanosleep: only"),
    "mutable global": (
        "globals", "lib/base/planted.c",
        SPDX + "int msc_f(void);\nint msc_f(void)\n{\n\tstatic int calls;\n\n\treturn ++calls;\n}\n",
        5, "calls is mutable (.bss)"),
    "mutable table": (
        "globals", "lib/base/planted.c",
        SPDX + "extern const char *msc_names[];\nconst char *msc_names[] = { \"a\" };\n",
        3, "msc_names is mutable (.data"),
    "long file": (
        "length", "lib/base/planted.c", SPDX + "\n" * 500,
        1, "501 lines, more than 500"),
    "long function": (
        "length", "lib/base/planted.c", SPDX + function("msc_planted", 61),
        4, "msc_planted has 61 lines, more than 60"),
    "stale permission": (
        "length", "scripts/long.allow", "# comment\nlib/base/gone.c it was long once\n",
        2, "lib/base/gone.c is not long, or not there"),
    "permission without a reason": (
        "length", "scripts/long.allow", "lib/base/gone.c\n",
        1, "lib/base/gone.c is named without a reason"),
    "list without definition": (
        "lists", "lib/judge/rule.list", "RULE(planted_one)\n",
        1, "RULE(planted_one): msc_rule_planted_one is defined nowhere in lib/judge/"),
    "cppcheck": (
        "cppcheck", "lib/base/planted.c",
        SPDX + "int msc_f(void);\nint msc_f(void)\n{\n\tint a[2] = { 0 };\n\n\treturn a[2];\n}\n",
        7, "arrayIndexOutOfBounds"),
    "spelling": (
        "spelling", "lib/base/planted.c", SPDX + "/* The " + "recie" + "ved" + " length. */\n",
        2, "received"),
}


@pytest.mark.parametrize("name", OFFENCES)
def test_offence_is_found(tree, name):
    check, path, text, line, message = OFFENCES[name]
    plant(tree, path, text)
    if check == "globals":
        # All but the dictionary, which a part of the tree cannot make; the check asks for the library only.
        subprocess.run(["make", "-s", "CFLAGS=-g", "build/libbase.a"], cwd=tree, check=True)
        (tree / "build/libmscope.a").touch()
    done = lint(tree, check)
    found = [x for x in done.stdout.splitlines() if x.startswith(f"{path}:")]
    assert len(found) == 1, done.stdout + done.stderr
    assert found[0].startswith(f"{path}:{line}: [{check}] ")
    assert message in found[0]
    assert done.returncode == 1
    assert re.search(r"^lint: \d+ offences? in 1 check$", done.stdout, re.M)


def test_definition_without_list_is_found(tree):
    plant(tree, "lib/judge/rule.list", "RULE(listed)\n")
    plant(tree, "lib/judge/planted.c", SPDX + "const struct msc_rule msc_rule_listed = {\n};\n"
          "const struct msc_rule msc_rule_forgotten = {\n};\n")
    done = lint(tree, "lists")
    assert done.stdout.startswith(
        "lib/judge/planted.c:4: [lists] msc_rule_forgotten has no line RULE(forgotten) in "
        "lib/judge/rule.list\n"), done.stdout


def test_malformed_manual_page_is_found(tree):
    plant(tree, "docs/planted.1.scd", "planted(1)\n")
    plant(tree, "build/man/planted.1", ".TH planted 1\n.SH NAME\nplanted \\- x\n.NOSUCH\n")
    done = lint(tree, "man")
    assert "build/man/planted.1:4: [man] " in done.stdout


def test_permission_is_heeded(tree):
    plant(tree, "scripts/long.allow",
          "lib/base/planted.c a table\nlib/base/planted.c:msc_planted a switch\n")
    plant(tree, "lib/base/planted.c", SPDX + function("msc_planted", 501))
    assert "planted" not in lint(tree, "length").stdout


def test_what_is_not_built_is_not_clean(tree):
    done = lint(tree, "globals")
    assert done.returncode == 1 and "is not built" in done.stdout


def test_all_checks_run_after_an_offence(tree):
    plant(tree, "lib/wire/planted.c", 'int f;\n#include "session/session.h"\n')
    done = lint(tree, "layers", "spdx")
    assert [re.search(r"\[(\w+)\]", x).group(1) for x in done.stdout.splitlines()
            if x.startswith("lib/wire/planted.c")] == ["layers", "spdx"]


def test_unknown_check_is_a_usage_error(tree):
    done = lint(tree, "nosuch")
    assert done.returncode == 2 and "'nosuch'" in done.stderr


ALIGNED = SPDX + """
#define MSC_CSW_FIELDS(F)                          \\
	F(le32, signature, 0,  "dCSWSignature")    \\
	F(u8,   status,    12, "bCSWStatus")

enum msc_code { MSC_OK, MSC_E_USAGE,
		MSC_E_NOTFOUND };

struct msc_reader { const uint8_t *p, *end; };

struct msc_clock_ops {
	const char *name;                       /* "real" or "virtual" */
	void       (*wait)(struct msc_clock *);  /* blocks */
};

static const char *name(int x)
{
	if (x > 3) x = 3;
	else       x++;
	switch (x) {
	case 1:  return "one";
	case 10: return "ten";
	default: return "?";
	}
}

const struct msc_rule msc_rule_bot_csw_tag = {
	.id       = "bot.csw.tag",
	.severity = { .spec = MSC_FAIL, .usbif = MSC_FAIL },
	.judge    = csw_tag,
};

static const uint8_t cdb[] = {
	0x28, 0x00,
	0x00, 0x00, 0x00, 0x00,
};
"""


def test_layout_by_hand_is_left_alone(tree):
    plant(tree, "lib/base/planted.c", ALIGNED)
    assert "planted" not in lint(tree, "format").stdout
    subprocess.run([sys.executable, "scripts/format.py"], cwd=tree, check=True, capture_output=True)
    assert (tree / "lib/base/planted.c").read_text() == ALIGNED


def test_sloppy_columns_are_not(tree):
    sloppy = SPDX + "\nint msc_f(int a)\n{\n\tint   bee = a;\n\n\treturn bee  + a;\n}\n"
    plant(tree, "lib/base/planted.c", sloppy)
    subprocess.run([sys.executable, "scripts/format.py"], cwd=tree, check=True, capture_output=True)
    want = re.sub("  +", " ", sloppy)
    assert (tree / "lib/base/planted.c").read_text() == want
