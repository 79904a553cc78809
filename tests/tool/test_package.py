# SPDX-License-Identifier: BSD-2-Clause
"""debian/ against what is built: "make deb" itself takes minutes, and is run by hand."""
import fnmatch
import re
import subprocess

import pytest
from conftest import TOP

pytestmark = pytest.mark.nosan
DEBIAN = TOP / "debian"


def test_every_file_that_is_installed_is_in_one_package(tmp_path):
    rules = (DEBIAN / "rules").read_text()
    places = re.search(r"^PLACES = ((?:.*\\\n)*.*)", rules, re.M).group(1).replace("\\\n", " ").split()
    places = [p.replace("$(DEB_HOST_MULTIARCH)", "x86_64-linux-gnu") for p in places]
    subprocess.run(["make", "-o", "all", f"DESTDIR={tmp_path}", *places, "install"], cwd=TOP, check=True,
                   stdout=subprocess.DEVNULL)
    wanted = {p.name[:-len(".install")]: p.read_text().split() for p in DEBIAN.glob("*.install")}
    packages = re.findall(r"^Package: (\S+)", (DEBIAN / "control").read_text(), re.M)
    assert set(wanted) == set(packages)
    pages = list((tmp_path / "usr/share/doc/mscope").glob("*.md"))
    links = {(page, link) for page in pages for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())}
    assert len(links) > 20
    assert {link for page, link in links if not (page.parent / link).exists()} == set()
    used = set()
    for path in tmp_path.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            continue
        name = str(path.relative_to(tmp_path))
        hits = [(package, pattern) for package, patterns in wanted.items() for pattern in patterns
                if fnmatch.fnmatchcase(name, pattern)]
        assert len({package for package, _ in hits}) == 1, f"{name}: {hits}"
        used.update(hits)
    for program in (tmp_path / "usr/bin").iterdir():        # a shell looks for the file of the command's name
        for place in ("bash-completion/completions/{}", "fish/vendor_completions.d/{}.fish"):
            assert (tmp_path / "usr/share" / place.format(program.name)).is_file()
    assert used == {(package, pattern) for package, patterns in wanted.items() for pattern in patterns}


def test_it_is_this_version_and_needs_what_the_build_needs():
    version = re.search(r'^#define MSCOPE_VERSION "(.*)"', (TOP / "lib/mscope.h").read_text(), re.M).group(1)
    assert (DEBIAN / "changelog").read_text().startswith(f"mscope ({version}) ")
    control = (DEBIAN / "control").read_text()
    needs = re.search(r"^Build-Depends: ((?:.*,\n)*.*)", control, re.M).group(1)
    deps = re.search(r'^build="([^"]*)"', (TOP / "scripts/deps.sh").read_text(), re.M).group(1).split()
    always = {"build-essential", "gcc", "make", "pkg-config"}     # pkgconf is what pkg-config has become
    assert set(deps) - always <= set(re.findall(r"[a-z][\w.+-]+", needs))
    soname = re.search(r"^SONAME  := (\S+)", (TOP / "Makefile").read_text(), re.M).group(1)
    assert f"usr/lib/*/{soname}\n" in (DEBIAN / "libmscope0.install").read_text()
    for path in re.findall(r"\S+", (DEBIAN / "libmscope-dev.examples").read_text()):
        assert (TOP / path).is_dir()


def test_the_first_line_of_the_readme_needs_no_make():
    """On a fresh Debian there is none: scripts/deps.sh installs it, and is a shell script."""
    lines = re.search(r"^## Two commands\n(.*?)^## ", (TOP / "README.md").read_text(), re.M | re.S).group(1)
    commands = [re.split(r"\s{2,}", line.strip())[0] for line in re.findall(r"^    \S.*", lines, re.M)]
    assert commands == ["scripts/deps.sh build && make demo", "make check"]
    script = (TOP / "scripts/deps.sh").read_text()
    assert script.startswith("#!/bin/sh\n") and re.search(r'^build="[^"]*\bmake\b', script, re.M)
