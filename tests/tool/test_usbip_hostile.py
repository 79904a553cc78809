# SPDX-License-Identifier: BSD-2-Clause
"""Peers that do not keep to USB/IP, on both ends: a word about it, the right exit status, and whoever else is there is served as
before. No crash, no hang, no memory without bounds."""
import itertools
import random
import signal
import socket
import struct
import threading

import pytest
from usbip import (DEVLIST, GET_DEVICE, IMPORT, RET_SUBMIT, RET_UNLINK, SET_CONFIGURATION, Client, Proxy, Serve, op, submit, take,
                   unlink)

GET_HUGE = bytes.fromhex("800600010000ffff")


# ---- clients that a server must bear -------------------------------------------------------------

def spoken(data, imports="1-1"):
    """A client that says this, and then only listens."""
    def act(port):
        with Client(port, imports) as client:
            try:
                client.say(data)
            except ConnectionError:
                pass
            assert client.is_closed()
    return act


def twice(port):
    with Client(port, "1-1") as client:
        client.control(1, SET_CONFIGURATION)
        client.say(2 * submit(5, 1, 13))
        assert client.is_closed()


def flood(port):
    """More URBs than anybody has, on an endpoint where nothing comes."""
    with Client(port, "1-1") as client:
        client.control(1, SET_CONFIGURATION)
        spoken_whole = b"".join(submit(seqnum, 1, 512) for seqnum in range(2, 4000))
        with pytest.raises(ConnectionError):
            for _ in range(100):
                client.say(spoken_whole)


def hoard(port):
    """Asks for more room than there is."""
    with Client(port, "1-1") as client:
        client.control(1, SET_CONFIGURATION)
        client.say(b"".join(submit(seqnum, 1, 16 << 20) for seqnum in range(2, 7)))
        assert client.is_closed()


HOSTILE_CLIENTS = [
    ("an old version", spoken(op(IMPORT, 0x0106), None), "speaks USB/IP 0106, and not 0111"),
    ("an unknown question", spoken(op(0x8007), None), "asks what nobody knows (command code 8007)"),
    ("no question", spoken(b"GET / HTTP/1.1\r\n\r\n", None), "speaks USB/IP 4745"),
    ("an unknown command", spoken(struct.pack(">5I", 7, 1, 0x10002, 0, 0) + bytes(28)), "sends the command 0x7"),
    ("an answer", spoken(struct.pack(">5I", 3, 1, 0x10002, 0, 0) + bytes(28)), "sends the command 0x3"),
    ("another device", spoken(submit(1, 0, 18, setup=GET_DEVICE, devid=0x10003)), "URB 1 is for another device (devid)"),
    ("an unlink of another", spoken(unlink(1, 1, devid=0)), "URB 1 is for another device (devid)"),
    ("endpoint 16", spoken(submit(1, 16, 18)), "URB 1 is for an endpoint that cannot be"),
    ("endpoint -1", spoken(submit(1, 0xffffffff, 18)), "URB 1 is for an endpoint that cannot be"),
    ("a third direction", spoken(submit(1, 1, 18, direction=2)), "URB 1 is for an endpoint that cannot be"),
    ("isochronous", spoken(submit(1, 1, 18, packets=8)), "URB 1 is isochronous"),
    ("a negative length", spoken(submit(1, 1, 0xffffffff)), "URB 1 is too long"),
    ("two ways at once", spoken(submit(1, 0, 18, direction=0, setup=GET_DEVICE) + bytes(18)),
     "URB 1 goes the other way than its bmRequestType"),
    ("a seqnum twice", twice, "URB 5 has the seqnum of one that is under way"),
    ("a flood", flood, "is one too many under way"),
    ("a hoard", hoard, "is one too many under way"),
]


@pytest.mark.parametrize("act, says", [pytest.param(a, s, id=n) for n, a, s in HOSTILE_CLIENTS])
def test_clients_that_break_the_protocol(mscope, tmp_path, act, says):
    with Serve(tmp_path, "sim:reference") as serve:
        act(serve.port)
        serve.wait_for(says)
        assert "Reference Disk" in mscope("probe", serve.target()).out
        assert serve.stop(signal.SIGTERM) == -signal.SIGTERM


def test_clients_that_leave_early(mscope, tmp_path):
    """At every byte of a conversation."""
    talk = [op(IMPORT) + b"1-1".ljust(32, b"\0"), submit(1, 0, 18, setup=GET_DEVICE), submit(2, 0, 0, 0, setup=SET_CONFIGURATION),
            submit(3, 2, 31, 0) + bytes(31), submit(4, 1, 512), unlink(5, 4)]
    whole = b"".join(talk)
    with Serve(tmp_path, "sim:reference") as serve:
        for length in range(0, len(whole), 7):
            with socket.create_connection(("127.0.0.1", serve.port)) as client:
                client.sendall(whole[:length])
        serve.wait_for("has left in the middle of a sentence")
        serve.wait_for_the_device()
        assert "Reference Disk" in mscope("probe", serve.target()).out


def test_clients_that_talk_nonsense(mscope, tmp_path):
    """From a seed, behind an import and without one."""
    chance = random.Random(1)
    with Serve(tmp_path, "sim:reference", "sim:hostile") as serve:
        for i in range(200):
            with socket.create_connection(("127.0.0.1", serve.port)) as client:
                if i % 4:
                    client.sendall(op(IMPORT) + f"1-{i % 2 + 1}".encode().ljust(32, b"\0"))
                noise = bytearray(submit(i, i % 3, i % 600, i % 2, GET_DEVICE) * 3 + unlink(i, i))
                for _ in range(chance.randrange(6)):
                    noise[chance.randrange(len(noise))] = chance.randrange(256)
                client.sendall(noise[:chance.randrange(len(noise))])
        assert "Reference Disk" in mscope("probe", serve.target()).out


def test_too_many_clients(mscope, tmp_path):
    """They have places for a while, and no device."""
    with Serve(tmp_path, "sim:reference") as serve, Client(serve.port, "1-1") as first:
        idle = [socket.create_connection(("127.0.0.1", serve.port)) for _ in range(70)]
        serve.wait_for("turned away: 64 clients are enough")
        assert first.control(1, GET_DEVICE, 18)[2] == 0
        serve.wait_for("takes too long to ask")
        for client in idle:
            client.close()
        first.close()
        serve.wait_until(lambda: "given the device back" in serve.said())
        assert "Reference Disk" in mscope("probe", serve.target()).out


def test_a_client_that_does_not_listen(mscope, tmp_path):
    """Its answers pile up to a bound, and the device of another is not kept waiting."""
    with Serve(tmp_path, "sim:reference", "sim:reference") as serve, Client(serve.port, "1-1") as deaf:
        deaf.socket.settimeout(0.5)
        with pytest.raises((TimeoutError, ConnectionError)):
            while True:
                deaf.say(b"".join(submit(seqnum, 0, 18, setup=GET_DEVICE) for seqnum in range(1, 500)))
        assert "Reference Disk" in mscope("probe", serve.target(2)).out


def test_unlinks(tmp_path):
    """Of what is under way, of what has ended, of what never was; a seqnum may be used again."""
    reset = struct.pack(">i", -104)
    with Serve(tmp_path, "sim:reference") as serve, Client(serve.port, "1-1") as client:
        assert client.control(1, SET_CONFIGURATION)[:3] == (RET_SUBMIT, 1, 0)
        for _ in range(2):
            client.submit(2, 1, 512)
            client.say(unlink(3, 2))
            assert client.answer() == (RET_UNLINK, 3, *struct.unpack(">i", reset), 0)
        for victim in (1, 99):
            client.say(unlink(4, victim))
            assert client.answer() == (RET_UNLINK, 4, 0, 0)


# ---- servers that a client must bear --------------------------------------------------------------

def one_answer(answer, then=b""):
    """A server that says this to the first question, and closes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def act():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                take(client, 8)
                client.sendall(answer + then)
    threading.Thread(target=act, daemon=True).start()
    return listener


FACTS = bytes(256) + b"1-1".ljust(32, b"\0") + struct.pack(">3I3H6B", 1, 2, 3, 1, 2, 3, 0, 0, 0, 1, 1, 1)

FIRST_ANSWERS = [
    ("nothing", b"", "no answer|closed the connection"),
    ("half a header", op(3)[:5], "the server closed the connection"),
    ("no USB/IP", b"HTTP/1.1 400 Bad Request", "this is no USB/IP server"),
    ("another answer", op(5) + bytes(4), "this is no USB/IP server"),
    ("an old version", op(3, 0x0106) + FACTS, "the server speaks USB/IP 1.0.6, and mscope 1.1.1"),
    ("a refusal", op(3, status=1), "the server does not export the device (status 1)"),
    ("busy", op(3, status=2), "somebody else has imported the device"),
    ("broken", op(3, status=3), "the server says that the device fails"),
    ("half a device", op(3) + FACTS[:100], "the server closed the connection"),
    ("a device, and no more", op(3) + FACTS, "the server closed the connection"),
]


@pytest.mark.parametrize("answer, says", [pytest.param(a, s, id=n) for n, a, s in FIRST_ANSWERS])
def test_first_answers(mscope, answer, says):
    with one_answer(answer) as listener:
        p = mscope("probe", f"usbip:127.0.0.1:{listener.getsockname()[1]}/1-1", status=3)
    assert any(text in p.err for text in says.split("|")) or "reset by peer" in p.err, p.err
    assert p.err.count("\n") == 1


def word(at, value):
    """An answer with another number at this place of its header."""
    def spoil(header, data):
        return header[:at] + struct.pack(">I", value & 0xffffffff) + header[at + 4:] + data
    return spoil


BAD_ANSWERS = [
    ("an unknown command", word(0, 9), "does not keep to USB/IP: 0x9 is no answer to an URB"),
    ("a command", word(0, 1), "does not keep to USB/IP: 0x1 is no answer to an URB"),
    ("another seqnum", word(4, 0x7777), "URB 30583 is answered, and was not asked for or has ended"),
    ("an unlink that nobody asked for", word(0, RET_UNLINK), "is answered, and was not asked for"),
    ("too much", word(24, 0x7fffffff), "has 2147483647 bytes, and room for"),
    ("a negative length", word(24, -1), "has 4294967295 bytes, and room for"),
    ("twice", lambda header, data: 2 * (header + data), "is answered, and was not asked for or has ended"),
    ("a torn header", lambda header, data: (header + data)[:20], "the server closed the connection in the middle of an answer"),
    ("nothing more", lambda header, data: b"", "the server closed the connection"),
    ("noise", lambda header, data: b"\xa5" * 4096, "does not keep to USB/IP"),
]


@pytest.mark.parametrize("deaf, status", [(3, 0), (4, 3)])
def test_a_device_that_is_deaf_at_first(mscope, tmp_path, deaf, status):
    """It is imported anew for each of four tries, as a port is reset on the bus."""
    imports = itertools.count()

    def spoil(number, header, data):
        refuses = number == 2 and next(imports) < deaf
        return word(20, -32)(word(24, 0)(header, b"")[:48], b"") if refuses else header + data

    with Serve(tmp_path, "sim:reference") as serve, Proxy(serve.port, spoil) as proxy:
        p = mscope("probe", f"usbip:127.0.0.1:{proxy.port}/1-1", status=status)
        assert serve.said().count("has imported the device") == 4
    assert ("cannot be enumerated: configuration descriptor: STALL" in p.err) == (status == 3)


@pytest.mark.parametrize("when", [0, 3, 9])
@pytest.mark.parametrize("bad, says", [pytest.param(b, s, id=n) for n, b, s in BAD_ANSWERS])
def test_bad_answers(mscope, tmp_path, bad, says, when):
    """To the first URB of the enumeration, to a later one, and to one of the exchanges."""
    state = {"ends": False}

    def spoil(number, header, data):
        if state["ends"]:
            return None
        if number == when:
            spoilt = bad(header, data)
            state["ends"] = len(spoilt) < 48 + len(data)
            if state["ends"] and not spoilt:
                return None
            return spoilt
        return header + data

    with Serve(tmp_path, "sim:reference") as serve, Proxy(serve.port, spoil) as proxy:
        p = mscope("probe", f"usbip:127.0.0.1:{proxy.port}/1-1", status=3)
        # An answer too many may come when the last one that was asked for has been taken: then only the end is seen.
        assert says in p.err or "the device went away" in p.err, p.err
        assert p.err.count("\n") == 1, p.err
        serve.wait_for_the_device()
        assert "Reference Disk" in mscope("probe", serve.target()).out


@pytest.mark.parametrize("status, by_itself", [(1, True), (2, False)])
def test_a_device_that_does_not_come_back(mscope, tmp_path, status, by_itself):
    """After a port reset: the case that asked for it fails, unless it is not the device's doing."""
    with Serve(tmp_path, "sim:reference") as serve, \
            Proxy(serve.port, lambda n, header, data: header + data, imports=1, refusal=status) as proxy:
        document = mscope.json("check", f"usbip:127.0.0.1:{proxy.port}/1-1", "--select", "usb.descriptor.*", status=3)
    found = [f["message"] for c in document["cases"] for f in c["findings"] if f["rule"] == "usb.reset.enumerates"]
    assert found == ["after a port reset the device did not come back"] * by_itself
    assert "did not come back after a port reset" in document["reason"]


def test_a_server_that_falls_silent(mscope, tmp_path):
    """It neither answers nor gives back what is unlinked: the wait for that has an end too."""
    with Serve(tmp_path, "sim:reference") as serve, Proxy(serve.port, lambda n, header, data: header + data if n < 9 else b"") as proxy:
        p = mscope("check", f"usbip:127.0.0.1:{proxy.port}/1-1", "--select", "scsi.ready*", "--timeout", "100ms", status=3)
        assert "the server does not give a cancelled transfer back" in p.err


def test_a_late_answer_to_what_was_unlinked(mscope, tmp_path):
    """Linux's server may say first that there was nothing to unlink, and then answer: it is not taken for another's."""
    held = []

    def spoil(number, header, data):
        if struct.unpack(">I", header[:4])[0] == RET_UNLINK:
            late = b"".join(held)
            held.clear()
            return header[:20] + bytes(28) + late
        if number == 12:
            held.append(header + data)
            return b""
        return header + data

    with Serve(tmp_path, "sim:reference") as serve, Proxy(serve.port, spoil) as proxy:
        p = mscope("check", f"usbip:127.0.0.1:{proxy.port}/1-1", "--select", "scsi.ready*", "--select", "scsi.inquiry*", "--timeout",
                   "2s", "-vv", status=1)
        assert "time-out" in p.err and "does not keep" not in p.err
