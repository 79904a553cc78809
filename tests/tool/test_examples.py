# SPDX-License-Identifier: BSD-2-Clause
"""The examples for users of the library and for CI, as a user has them: with what "make install" puts there."""
import os
import re
import shutil
import subprocess

import pytest
from conftest import TOP, Mscope

EXAMPLES = TOP / "examples"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A prefix with an installed mscope, of what is built already."""
    prefix = tmp_path_factory.mktemp("prefix")
    subprocess.run(["make", "-o", "all", f"PREFIX={prefix}", "install"], cwd=TOP, check=True, stdout=subprocess.DEVNULL)
    return prefix


@pytest.fixture(scope="module")
def gate(installed, tmp_path_factory):
    place = tmp_path_factory.mktemp("library")
    shutil.copytree(EXAMPLES / "library", place, dirs_exist_ok=True)
    env = os.environ | {"PKG_CONFIG_PATH": str(installed / "lib/pkgconfig"), "CFLAGS": "-Werror -std=c11 -pedantic"}
    subprocess.run(["make", "-C", place, "gate"], env=env, check=True, stdout=subprocess.DEVNULL)
    return place / "gate"


@pytest.mark.nosan
@pytest.mark.parametrize("args, status, out, err", [
    (["sim:reference", "bot.case0*"], 0, "unit 0: mscope   Reference Disk  \n0 failed, by mscope 0.1.0\n", ""),
    (["sim:reference,fault=residue-zero", "bot.case05.read10"], 1,
     "unit 0: mscope   Reference Disk  \nfailed: bot.case05.read10\n1 failed, by mscope 0.1.0\n", ""),
    (["sim:reference", "nosuch"], 2, "unit 0: mscope   Reference Disk  \n", "gate: no scenario called 'nosuch'"),
    (["usb:dead:beef"], 3, "", "gate: usb:dead:beef: no such device"),
    ([], 2, "", "usage: gate TARGET [SCENARIOS]\n"),
])
def test_a_program_in_c(gate, installed, args, status, out, err):
    done = subprocess.run([gate, *args], env={"LD_LIBRARY_PATH": str(installed / "lib")}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (done.returncode, done.stdout.decode()) == (status, out)
    assert done.stderr.decode().startswith(err)


@pytest.mark.nosan
def test_what_is_installed_is_all_that_users_are_told_of(installed):
    for path in ("share/man/man1/mscope.1", "share/man/man5/mscope-scenario.5", "share/man/man5/mscope-result.5",
                 "share/man/man7/mscope-stm32.7", "share/doc/mscope/guide.md", "share/doc/mscope/schema/common.json",
                 "share/doc/mscope/70-mscope-quiet.rules.example", "lib/udev/rules.d/60-mscope.rules", "bin/dread"):
        assert (installed / path).exists(), path
    assert not list(installed.glob("lib/udev/rules.d/*quiet*"))
    for page in (installed / "share/man").glob("man?/*"):
        for name, section in re.findall(r"\\fB(mscope[\w-]*)\\fR\((\d)\)", page.read_text().replace("\\-", "-")):
            assert (installed / f"share/man/man{section}/{name}.{section}").exists(), f"{page.name}: {name}({section})"


@pytest.mark.parametrize("file", ["github.yml", "gitlab-ci.yml"])
def test_the_jobs_of_ci(mscope, file):
    """Their commands, on the target that stands there: green, and red for a firmware that is worse."""
    text = (EXAMPLES / "ci" / file).read_text()
    target = re.search(r"MSCOPE_TARGET: (\S+)", text).group(1)
    commands = re.findall(r"^ +(?:run:|-) mscope (.+)$", text, re.M)
    assert [c.split()[0] for c in commands] == ["check", "bench"]
    (mscope.cwd / "known.yaml").write_text("[]\n")
    mscope("bench", target, "--mode", "serial", "--blocks", "1,8,64", "--json", "base.json", "-q")
    for command in commands:
        mscope(*command.split(), env={"MSCOPE_TARGET": target})
    mscope(*commands[0].split(), env={"MSCOPE_TARGET": f"{target},fault=residue-zero"}, status=1)
    mscope(*commands[1].split(), env={"MSCOPE_TARGET": f"{target},card-read=1ms"}, status=1)
