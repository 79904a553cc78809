# SPDX-License-Identifier: BSD-2-Clause
"""A bad scenario fails the build: the program is linked anew, with other scenarios, beside the one under test."""
import os
import pathlib
import shutil
import subprocess

import pytest
from conftest import PROGRAM, TOP

BAD = """# one line before
name: bad.key
title: a key that is none
spec: [BOT 1.0 5.1]
steps:
  - kommand: { test_unit_ready: {} }
"""


@pytest.fixture
def link(tmp_path):
    """Links with these scenario files; the objects and their flags are those of the build under test."""
    built = pathlib.Path(PROGRAM).parent
    if not (built / "flags").exists():
        pytest.skip("there are no objects beside the program")
    copy = tmp_path / "build"
    shutil.copytree(built, copy, copy_function=shutil.copy2,
                    ignore=shutil.ignore_patterns("tests", "man", "corpus", "*.so*", "dist"))
    compiler, flags = (built / "flags").read_text().rstrip("\n").split(" ", 1)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}

    def run(*files):
        return subprocess.run(["make", "-s", f"BUILD={copy}", f"YAML={' '.join(map(str, files))}", f"CC={compiler}",
                               f"ALL_CFLAGS={flags}", f"{copy}/mscope"], cwd=TOP, env=env, timeout=300,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT), copy / "mscope"

    return run


def test_a_bad_scenario_fails_the_build(link, tmp_path):
    good = "scenarios/scsi/" + sorted(p.name for p in (TOP / "scenarios/scsi").glob("*.yaml"))[0]
    bad = tmp_path / "bad.yaml"
    bad.write_text(BAD)
    done, program = link(good, bad)
    said = done.stdout.decode()
    assert done.returncode != 0 and not program.exists()
    assert f"{bad}:6:" in said and "kommand" in said
    bad.write_text(BAD.replace("kommand", "command"))
    done, program = link(good, bad)
    assert done.returncode == 0, done.stdout.decode()
    assert b"bad.key" in subprocess.run([program, "list", "scenarios"], stdout=subprocess.PIPE).stdout


def test_a_program_of_another_machine_is_not_asked(tmp_path):
    other = tmp_path / "other"
    other.write_bytes(b"\x7fELF\2\1\1" + bytes(9) + b"\2\0\xf3\0" + bytes(100))
    other.chmod(0o755)
    done = subprocess.run(["scripts/check-embedded.sh", other], cwd=TOP, stderr=subprocess.PIPE)
    assert done.returncode == 0 and b"not checked" in done.stderr and other.exists()
