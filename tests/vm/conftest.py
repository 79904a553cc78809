"""Fixtures of the tests against the real kernel. One machine serves all tests of a worker; it is booted by the first that asks.

    def test_something(vm, mscope):
        with vm.gadget(speed="full", stall=0) as gadget:
            assert mscope("probe", gadget.target).status == 0

A machine that does not boot fails the tests; nothing is skipped.
"""

import os
from pathlib import Path

import pytest

from vm import CONTROLLERS, VM, Stick, VMError

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
MSCOPE = Path(os.environ.get("MSCOPE", REPOSITORY / "build/mscope"))

# Programs of this machine that tests use in the guest; README.md says which packages they are in.
PROGRAMS = ["sg_inq", "sg_raw", "sg_dd", "sg_readcap", "sg_luns", "sg_turs", "mkfs.fat", "setpriv", "chrt", "usbip", "usbipd",
            "iscsi-test-cu", "dmsetup", "mkfs.ext4", "cmp"]

# Three parts of about the same length: the first worker that is through with one takes the third.
MACHINE = {name: machine for machine, names in {
    "devices": ["test_gadget", "test_iscsi", "test_sticks"],
    "tools": ["test_bench", "test_bench_itself", "test_captures", "test_medium", "test_read"],
}.items() for name in names}


class SharedMachine:
    def __init__(self):
        self.vm = None
        self.failure = None

    def ready(self):
        """The machine in its initial state; booted (again) if there is none or the last test broke it."""
        if self.failure:
            raise VMError(f"(not tried again) {self.failure}")
        try:
            if self.vm:
                self.vm.reset()
        except (VMError, AssertionError):
            self.close()
        if not self.vm:
            self._boot()
        return self.vm

    def close(self):
        if self.vm:
            self.vm.close()
        self.vm = None

    def _boot(self):
        files = [(folder, f"/usr/local/share/mscope/{folder.name}") for folder in [REPOSITORY / "scenarios"] if folder.is_dir()]
        programs = PROGRAMS + ([str(MSCOPE)] if MSCOPE.exists() else [])
        try:
            self.vm = VM(programs, files, [Stick(name) for name in CONTROLLERS])
            self.vm.run("ln -s mscope /usr/local/bin/dread").check()
        except VMError as error:
            self.failure = error
            raise


@pytest.fixture(scope="session")
def shared_machine():
    machine = SharedMachine()
    yield machine
    machine.close()


@pytest.fixture
def vm(shared_machine):
    """The machine: no gadget, usb-storage not loaded, a stick with the serial number `uhci`, `ehci`, `xhci` on each controller."""
    return shared_machine.ready()


@pytest.fixture
def mscope(vm):
    """Call it with the arguments of mscope; answers a Result."""
    assert MSCOPE.exists(), f"{MSCOPE} is not built: run make"
    return lambda *arguments, **options: vm.run(["mscope", *arguments], **options)


@pytest.hookimpl(tryfirst=True)      # before pytest-xdist looks at the groups
def pytest_collection_modifyitems(items):
    """Each machine is a worker of pytest-xdist (with --dist loadgroup), and is booted once."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(f"vm, {MACHINE.get(item.path.stem, 'others')}"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    machine = getattr(item, "funcargs", {}).get("shared_machine")
    if report.failed and machine and machine.vm:
        report.sections.append(("the guest's kernel", _kernel_log(machine.vm)))


def _kernel_log(vm):
    try:
        return vm.run("dmesg | tail -n 40", timeout=20).stdout
    except (VMError, OSError):
        return vm.console_tail()
