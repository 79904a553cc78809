# SPDX-License-Identifier: BSD-2-Clause
"""pytest: a fixture `dut`, and scenario files as tests.

    pytest --mscope-target usb:0525:a4a5 tests/ scenarios/

Every test that takes `dut` runs on each target that is named. Under pytest-xdist all tests of one target are done by one
worker, one after the other, so that nobody else talks to the device meanwhile.
"""
import os
import re

import pytest

from . import errors
from .session import Session

NO_TARGET = "no device: give --mscope-target, or set MSCOPE_TARGET"
NO_WRITES = "writes to the medium; give --mscope-allow-writes to allow it"
SCENARIO = re.compile(r"^(?:- +)?name: *\S+", re.M), re.compile(r"^ *steps:", re.M)


class Devices:
    """The open devices of this process; each is opened when it is first needed."""

    def __init__(self, config):
        self.config, self.open, self._reader = config, {}, None

    def get(self, target):
        session = self.open.get(target)
        if session is None or session.closed:
            session = self.open[target] = Session(
                target, ssh=self.config.getoption("mscope_ssh"), profile=self.config.getoption("mscope_profile"),
                allow_writes=self.config.getoption("mscope_allow_writes"), judge=True)
            session.unit()
            session.firmware = " ".join(session.inquiry())
        return session

    def reader(self):
        """What reads scenario files; it needs a target, and drives none."""
        if self._reader is None:
            self._reader = Session("sim:reference")
        return self._reader

    def close(self):
        """False: what some test wrote could not be put back."""
        good = True
        for session in (*self.open.values(), self._reader):
            try:
                if session is not None:
                    session.close()
            except errors.Error as why:
                self.config.issue_config_time_warning(UserWarning(f"{session}: {why}"), 1)
                good = False
        return good


DEVICES = pytest.StashKey[Devices]()


def targets(config):
    given = config.getoption("mscope_target") or []
    return given or ([os.environ["MSCOPE_TARGET"]] if os.environ.get("MSCOPE_TARGET") else [])


def pytest_addoption(parser):
    group = parser.getgroup("mscope", "USB mass-storage devices under test")
    group.addoption("--mscope-target", action="append", dest="mscope_target", metavar="TARGET",
                    help="a device, such as usb:0525:a4a5 or sim:reference; may be repeated")
    group.addoption("--mscope-allow-writes", action="store_true", dest="mscope_allow_writes",
                    help="run what writes: a scratch range is saved, and put back")
    group.addoption("--mscope-profile", dest="mscope_profile", metavar="NAME", help="spec, usbif (the default), interop")
    group.addoption("--mscope-ssh", dest="mscope_ssh", metavar="HOST", help="the host where the devices and mscope are")


def pytest_configure(config):
    config.stash[DEVICES] = Devices(config)
    config.addinivalue_line("markers", "needs_writes: the test writes; it is skipped without --mscope-allow-writes")
    config.addinivalue_line("markers", "xdist_group(name): tests of one device go to one worker of pytest-xdist")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """One worker for each device, unless somebody has chosen how tests are spread."""
    if getattr(config.option, "numprocesses", None) and config.getoption("dist", "no") in ("no", "load"):
        config.option.dist = "loadgroup"
    if getattr(config, "workerinput", {}).get("mscope_groups"):
        config.option.loadgroup = True


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """A worker is told by the command line alone, which does not say so."""
    node.workerinput["mscope_groups"] = node.config.option.dist == "loadgroup"


def pytest_unconfigure(config):
    if DEVICES in config.stash:
        config.stash[DEVICES].close()


def device_params(config):
    found = targets(config)
    if not found:
        return [pytest.param(None, marks=pytest.mark.skip(reason=NO_TARGET), id="no-device")]
    return [pytest.param(t, marks=pytest.mark.xdist_group(t), id=t) for t in found]


def pytest_generate_tests(metafunc):
    defined = getattr(metafunc, "_arg2fixturedefs", {}).get("dut", ())
    if "dut" in metafunc.fixturenames and (not defined or len(defined) == 1):   # more: the tests have one of their own
        metafunc.parametrize("dut", device_params(metafunc.config), indirect=True)


@pytest.fixture
def dut(request):
    """The device under test, an open mscope.Session: a broken rule fails the test, unless judge=False."""
    session = request.config.stash[DEVICES].get(request.param)
    tell_device(request.node, session)
    return session


def tell_device(node, session):
    """In JUnit: which device and firmware this was."""
    node.user_properties += [("device", session.name), ("firmware", session.firmware)]


def pytest_runtest_setup(item):
    if item.get_closest_marker("needs_writes") and not item.config.getoption("mscope_allow_writes"):
        pytest.skip(NO_WRITES)


# ---- scenario files ----

def pytest_collect_file(file_path, parent):
    if file_path.suffix not in (".yaml", ".yml"):
        return None
    try:
        text = file_path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return ScenarioFile.from_parent(parent, path=file_path) if all(p.search(text) for p in SCENARIO) else None


class ScenarioFile(pytest.File):
    def collect(self):
        text = self.path.read_text(encoding="utf-8")
        try:
            cases = self.config.stash[DEVICES].reader().cases(text=text, name=str(self.path))
        except errors.Error as why:
            raise self.CollectError(str(why)) from why
        for param in device_params(self.config):
            for case in cases:
                item = ScenarioItem.from_parent(self, name=f"{case['name']}[{param.id}]", case=case, text=text,
                                                target=param.values[0])
                for mark in param.marks:
                    item.add_marker(mark)
                if case["writes"]:
                    item.add_marker(pytest.mark.needs_writes)
                yield item


class ScenarioItem(pytest.Item):
    """One case on one device."""

    def __init__(self, *, case, text, target, **kw):
        super().__init__(**kw)
        self.case, self.text, self.target = case, text, target

    def runtest(self):
        session = self.config.stash[DEVICES].get(self.target)
        tell_device(self, session)
        self.user_properties.append(("scenario", self.case["name"]))
        check = session.run(self.text, self.case["name"], name=str(self.path), judge=False)
        case = check.case(self.case["name"])
        if case.verdict == "skip":
            pytest.skip(case.reason)
        if case.verdict == "warn":
            self.add_report_section("call", "mscope", case.text)
        if not check.passed:
            raise errors.CheckError(check)

    def repr_failure(self, excinfo, style=None):
        """What the device did, not where this plugin has noticed it."""
        if isinstance(excinfo.value, (errors.CheckError, errors.Error)):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, 0, self.name
