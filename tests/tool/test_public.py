# SPDX-License-Identifier: BSD-2-Clause
"""libmscope.so through ctypes, as an outside program uses it, with lib/mscope.h as the only word."""
import ctypes
import json
import os
import re
import subprocess
import threading

import pytest
from conftest import PROGRAM, TOP

pytestmark = pytest.mark.nosan      # an instrumented library cannot be loaded into this Python
DONE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)
FAULTY = b"sim:reference,fault=residue-zero"


class Check(ctypes.Structure):
    _fields_ = [("profile", ctypes.c_char_p), ("select", ctypes.POINTER(ctypes.c_char_p)),
                ("queued", ctypes.c_int), ("lun", ctypes.c_uint), ("timeout_ns", ctypes.c_int64),
                ("done", DONE), ("user", ctypes.c_void_p)]


@pytest.fixture(scope="module")
def lib():
    lib = ctypes.CDLL(os.path.join(os.path.dirname(PROGRAM), "libmscope.so"))
    lib.mscope_version.restype = lib.mscope_error.restype = ctypes.c_char_p
    lib.mscope_close.restype = lib.mscope_free.restype = None
    lib.mscope_error.argtypes = lib.mscope_close.argtypes = [ctypes.c_void_p]
    lib.mscope_free.argtypes = [ctypes.c_void_p]
    lib.mscope_open.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_char_p, ctypes.c_uint]
    lib.mscope_device.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)]
    lib.mscope_check.argtypes = [ctypes.c_void_p, ctypes.POINTER(Check),
                                 ctypes.POINTER(ctypes.c_void_p)]
    lib.mscope_send.argtypes = [ctypes.c_void_p, ctypes.c_uint, ctypes.c_char_p, ctypes.c_size_t,
                                ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p,
                                ctypes.c_size_t, ctypes.POINTER(ctypes.c_void_p)]
    lib.mscope_ask.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p)]
    lib.mscope_stop.argtypes = [ctypes.c_void_p]
    lib.mscope_stop.restype = None
    return lib


class Target:
    def __init__(self, lib, name, flags=0):
        self.lib, self.m = lib, ctypes.c_void_p()
        self.opened = lib.mscope_open(ctypes.byref(self.m), name, flags)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lib.mscope_close(self.m)

    @property
    def error(self):
        return self.lib.mscope_error(self.m).decode()

    def take(self, function, *args):
        """The status and the document that a function gives."""
        text = ctypes.c_void_p()
        status = function(self.m, *args, ctypes.byref(text))
        document = json.loads(ctypes.string_at(text)) if text else None
        self.lib.mscope_free(text)
        return status, document

    def check(self, **options):
        select = options.pop("select", None)
        if select is not None:
            options["select"] = (ctypes.c_char_p * (len(select) + 1))(*select, None)
        return self.take(self.lib.mscope_check, Check(**options))

    def ask(self, op, **members):
        return self.take(self.lib.mscope_ask, json.dumps({"id": 1, "op": op, **members}).encode())

    def send(self, cdb, room=0, out=b"", lun=0):
        data = ctypes.create_string_buffer(room) if room else None
        status, document = self.take(self.lib.mscope_send, lun, bytes(cdb), len(cdb), data, room,
                                     out or None, len(out))
        return status, document, data.raw if room else b""


def test_version(lib, mscope):
    assert mscope("--version").out == f"mscope {lib.mscope_version().decode()}\n"


def test_only_the_header_is_exported(lib):
    header = set(re.findall(r"^MSC_API .*?(mscope_\w+)\(", (TOP / "lib" / "mscope.h").read_text(), re.M))
    with os.popen(f"nm -D --defined-only {os.path.dirname(PROGRAM)}/libmscope.so") as names:
        hooks = {"__sanitizer_cov_trace_pc", "__sanitizer_cov_trace_pc_guard", "__sanitizer_cov_trace_pc_guard_init"}
        assert {line.split()[2] for line in names} == header | hooks   # lib/base/coverage.h: firmware that it loads calls them


def test_device(lib):
    with Target(lib, b"sim:reference") as t:
        assert t.opened == 0 and t.error == ""
        status, device = t.take(lib.mscope_device)
        assert status == 0 and device["name"] == "sim:reference" and device["simulated"]


def test_open_says_why_not(lib):
    with Target(lib, b"sim:reverence") as t:
        assert t.opened == 2 and "did you mean 'reference'?" in t.error
        assert t.check() == (2, None) and t.error == "the target is not open"
    assert lib.mscope_error(None) == b"out of memory"
    lib.mscope_close(None)
    lib.mscope_free(None)


def test_check_is_what_the_program_says(lib, mscope):
    with Target(lib, FAULTY) as t:
        status, document = t.check()
        assert status == document["exit_status"] == 1 and t.error == ""
    want = mscope.json("check", FAULTY.decode(), status=1)
    want["argv"] = document["argv"] = None
    for cause in want["causes"]:
        assert cause.pop("alone").startswith("mscope check ")
    for cause in document["causes"]:
        assert cause.pop("alone") is None        # a library has no command line
    assert document == want


def test_check_calls_back_and_can_be_stopped(lib):
    names = []

    @DONE
    def done(_, text):
        names.append(json.loads(text)["name"])
        return len(names) == limit

    limit = 3
    with Target(lib, b"sim:reference") as t:
        status, document = t.check(done=done)
        assert status == 1 and document["reason"] and t.error
        assert len(document["cases"]) >= 3
        del names[:]
        limit = None
        status, document = t.check(done=done, select=[b"bot.case01*"], profile=b"spec")
        assert status == 0 and names == [c["name"] for c in document["cases"]]


@pytest.mark.parametrize("options, says", [
    ({"select": [b"bot.cas01"]}, "no scenario called"),
    ({"profile": b"usbfi"}, "no profile called"),
    ({"lun": 16}, "no logical unit above 15"),
])
def test_check_refuses(lib, options, says):
    with Target(lib, b"sim:reference") as t:
        assert t.check(**options) == (2, None)
        assert says in t.error


def test_send(lib):
    with Target(lib, b"sim:reference", 3) as t:             # to write anywhere, for good
        status, document, data = t.send(bytes([0x12, 0, 0, 0, 36, 0]), 36)
        assert status == 0 and document["status"] == 0 and data[8:14] == b"mscope"
        status, document, _ = t.send(bytes(6))
        assert status == 1 and document["status"] == 1     # unit attention
        t.send(bytes([3, 0, 0, 0, 18, 0]), 18)
        block = bytes(range(256)) * 2
        write, read = (bytes([op, 0, 0, 0, 0, 9, 0, 0, 1, 0]) for op in (0x2a, 0x28))
        assert t.send(write, out=block)[0] == 0
        status, document, data = t.send(read, 512)
        assert status == 0 and data == block and document["transferred"] == 512


def test_what_is_written_is_put_back(lib):
    write, read = (bytes([op, 0, 0, 0, 0x3f, 0, 0, 0, 1, 0]) for op in (0x2a, 0x28))
    with Target(lib, b"sim:reference,fill=noise", 1) as t:
        t.send(bytes(6))
        t.send(bytes([3, 0, 0, 0, 18, 0]), 18)
        before = t.send(read, 512)[2]
        status, document, _ = t.send(write, out=bytes(512))
        assert status == 0 and document["status"] == 0 and before != bytes(512)
        assert t.send(read, 512)[2] == before
        assert t.send(bytes([0x2a, 0, 0, 0, 0, 9, 0, 0, 1, 0]), out=bytes(512))[0] == 2
        assert "outside of the scratch" in t.error


def test_send_writes_nothing_unless_allowed(lib):
    with Target(lib, b"sim:reference") as t:
        status, document, _ = t.send(bytes([0x2a, 0, 0, 0, 0, 9, 0, 0, 1, 0]), out=bytes(512))
        assert (status, document) == (2, None) and "MSCOPE_ALLOW_WRITES" in t.error
        assert t.send(b"")[0] == t.send(bytes(17))[0] == t.send(bytes(6), lun=16)[0] == 2


def test_two_targets_are_independent(lib):
    with Target(lib, b"sim:reference") as a, Target(lib, FAULTY) as b:
        for t, status in ((a, 0), (b, 1), (a, 0)):
            assert t.check(select=[b"bot.case05*"])[0] == status


def test_ask_is_what_session_says(lib):
    with Target(lib, b"sim:reference,fill=noise", 1) as t:
        status, answer = t.ask("send", cdb="00 00 00 00 00 00", cbw={"wrapper_length": 30})
        assert status == 0 and answer["exchange"]["wrapper"].count(" ") == 29 and answer["recovery"] == "reset recovery"
        assert t.ask("bench", sizes=[1], count=3)[1]["result"]["format"] == "mscope.bench/1"
        status, answer = t.ask("send", cbd="00")
        assert status == 2 and answer["error"]["message"] == t.error == "send has no member 'cbd'; did you mean 'cdb'?"
        assert t.ask("write", lba=0, out="00" * 512)[0] == 2


def test_what_was_asked_to_be_written_is_put_back(lib):
    """Before the next call that has a session of its own."""
    with Target(lib, b"sim:reference,fill=noise", 1) as t:
        first = t.ask("scratch")[1]["result"]["first_lba"]
        before = t.ask("read", lba=first)[1]["data"]
        assert t.ask("write", lba=first, out="00" * 512)[0] == 0 and t.ask("read", lba=first)[1]["data"] == "00" * 512
        read = bytes([0x28, 0]) + first.to_bytes(4, "big") + bytes([0, 0, 1, 0])
        assert t.send(read, 512)[2].hex() == before


def test_results_may_be_unwanted(lib):
    with Target(lib, FAULTY) as t:
        inquiry = bytes([0x12, 0, 0, 0, 36, 0])
        assert lib.mscope_check(t.m, None, None) == 1 and lib.mscope_device(t.m, None) == 0
        assert lib.mscope_send(t.m, 0, inquiry, 6, None, 36, None, 0, None) == 0
        assert lib.mscope_ask(t.m, b'{"id":1,"op":"unit"}', None) == 0
        assert lib.mscope_ask(t.m, b"{", None) == 2 and "not JSON" in t.error


def test_stop_ends_what_is_under_way(lib):
    """Within a case as well: the bench would take a million commands."""
    with Target(lib, b"sim:reference") as t:
        timer = threading.Timer(0.2, lib.mscope_stop, [t.m])
        timer.start()
        status, answer = t.ask("bench", sizes=[64], count=100000000, mode="serial")
        timer.join()
        assert status != 0 and answer["error"]["kind"] == "interrupted" and answer["result"]["runs"]
        assert t.ask("unit")[0] == 0


def test_one_version_for_all(tmp_path):
    """The header, the library, the program, the Python package, the changelog and, by the same value, pkg-config."""
    header = re.search(r'^#define MSCOPE_VERSION "(.*)"$', (TOP / "lib/mscope.h").read_text(), re.M)[1]
    said = subprocess.run([PROGRAM, "--version"], stdout=subprocess.PIPE, check=True, text=True).stdout
    assert header in said.split()
    assert f"({header}" in (TOP / "debian/changelog").read_text().splitlines()[0]
    assert f'"{header}"' in (TOP / "python/mscope/__init__.py").read_text()
    assert f'"{header}"' in (TOP / "python/pyproject.toml").read_text()
