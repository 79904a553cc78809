# SPDX-License-Identifier: BSD-2-Clause
"""USB/IP as the tests speak it: "mscope serve" in the background, a client that says what it is told to,
and a proxy between a client and a server that spoils answers."""
import contextlib
import itertools
import re
import socket
import struct
import subprocess
import threading

from conftest import PROGRAM, heed_signals

IMPORT, DEVLIST = 0x8003, 0x8005
SUBMIT, UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
SECONDS = 120       # longer than anything takes, on a busy machine too


class Serve:
    """The server. `port` is where it listens, `said()` what it has printed on standard error."""

    def __init__(self, tmp_path, *targets, args=("-v",)):
        self.errors = tmp_path / "serve.err"
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen([PROGRAM, "serve", *targets, "--listen", "127.0.0.1:0", *args],
                                            stdout=subprocess.PIPE, stderr=errors, cwd=tmp_path, text=True,
                                            preexec_fn=heed_signals)
        self.shown = ""
        while not (found := re.search(r"^serving at \S+ port (\d+)$", self.shown, re.M)):
            line = self.process.stdout.readline()
            assert line, self.said()
            self.shown += line
        self.port = int(found.group(1))

    def target(self, number=1):
        return f"usbip:127.0.0.1:{self.port}/1-{number}"

    def said(self):
        return self.errors.read_text()

    def wait_until(self, condition):
        pause = threading.Event()
        for _ in range(SECONDS * 20):
            if condition():
                return
            assert self.process.poll() is None, self.said()
            pause.wait(0.05)
        raise AssertionError(f"it never came true\n{self.said()}")

    def wait_for(self, text):
        """Until it has said so."""
        self.wait_until(lambda: text in self.said())

    def wait_for_the_device(self):
        """Until it is nobody's: behind a proxy the server learns later than the client that a connection has ended."""
        self.wait_until(lambda: self.said().count("has imported the device") == self.said().count("has given the device back"))

    def stop(self, number):
        """Sends the signal; the exit status."""
        self.process.send_signal(number)
        return self.process.wait(SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def take(connection, count):
    """Exactly so many bytes."""
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise EOFError(f"{len(data)} of {count} bytes")
        data += more
    return data


def op(code, version=0x0111, status=0):
    return struct.pack(">HHI", version, code, status)


def submit(seqnum, ep, length, direction=1, setup=bytes(8), devid=0x10002, packets=0xffffffff, flags=0):
    return struct.pack(">10I", SUBMIT, seqnum, devid, direction, ep, flags, length, 0, packets, 0) + setup


def unlink(seqnum, victim, devid=0x10002):
    return struct.pack(">6I", UNLINK, seqnum, devid, 0, 0, victim) + bytes(24)


GET_DEVICE = bytes.fromhex("8006000100001200")
SET_CONFIGURATION = bytes.fromhex("0009010000000000")


class Client:
    """A connection to a server; it says anything."""

    def __init__(self, port, imports=None):
        self.socket = socket.create_connection(("127.0.0.1", port), SECONDS)
        self.reads = set()      # the seqnums whose answers carry data
        if imports:
            assert self.ask(imports) == 0
            self.take(312)

    def ask(self, busid):
        """Imports a device; the status of the answer."""
        self.say(op(IMPORT) + busid.encode().ljust(32, b"\0"))
        version, code, status = struct.unpack(">HHI", self.take(8))
        assert (version, code) == (0x0111, 3)
        return status

    def say(self, data):
        self.socket.sendall(data)

    def take(self, count):
        return take(self.socket, count)

    def submit(self, seqnum, ep, length, direction=1, data=b"", **other):
        if direction:
            self.reads.add(seqnum)
        self.say(submit(seqnum, ep, length, direction, **other) + data)

    def answer(self):
        """(command, seqnum, status, data or actual_length) of the next one."""
        command, seqnum, status, actual = struct.unpack(">2I12xii20x", self.take(48))
        carries = command == RET_SUBMIT and seqnum in self.reads
        return command, seqnum, status, self.take(actual) if carries else actual

    def control(self, seqnum, setup, length=0):
        self.submit(seqnum, 0, length, setup[0] >> 7, setup=setup)
        return self.answer()

    def is_closed(self):
        """The server has closed the connection; what it still said is thrown away."""
        with contextlib.suppress(ConnectionError):
            while self.socket.recv(1 << 16):
                pass
        return True     # else the time-out of the socket has raised

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


class Proxy:
    """Stands between a client and a server. `spoil(number, header, data)` sees each answer to an URB, counted from 0, and returns
    the bytes to send instead; None: it sends nothing more, and closes. After `imports` of them an import is answered by
    `refusal`, its status."""

    def __init__(self, port, spoil, imports=None, refusal=0):
        self.server, self.spoil, self.imports, self.refusal = port, spoil, imports, refusal
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.reads = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                if self.imports == 0:
                    threading.Thread(target=self._quietly, args=(self._refuse, client, client), daemon=True).start()
                    continue
                self.imports = self.imports and self.imports - 1
                server = socket.create_connection(("127.0.0.1", self.server))
                for work in (self._forth, self._back):
                    threading.Thread(target=self._quietly, args=(work, client, server), daemon=True).start()

    def _quietly(self, work, client, server):
        with contextlib.suppress(OSError, EOFError):
            work(client, server)
        for end in (client, server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _refuse(self, client, _):
        code, = struct.unpack(">2xH4x", take(client, 8))
        client.sendall(op(code & 0x7fff, status=self.refusal) if code == IMPORT else op(code & 0x7fff) + bytes(4))

    def _forth(self, client, server):
        server.sendall(take(client, 40))
        while True:
            header = take(client, 48)
            command, seqnum, direction, length = struct.unpack(">2I4xI8xI20x", header)
            data = b""
            if command == SUBMIT and direction:
                self.reads.add(seqnum)
            elif command == SUBMIT:
                data = take(client, length)
            server.sendall(header + data)

    def _back(self, client, server):
        head = take(server, 8)
        client.sendall(head + (take(server, 312) if head[4:] == bytes(4) else b""))
        for number in itertools.count():
            header = take(server, 48)
            command, seqnum, actual = struct.unpack(">2I16xI20x", header)
            data = take(server, actual) if command == RET_SUBMIT and seqnum in self.reads else b""
            bad = self.spoil(number, header, data)
            if bad is None:
                return
            client.sendall(bad)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.listener.close()
