# SPDX-License-Identifier: BSD-2-Clause
"""A conversation with `mscope session`."""
import json
import os
import shlex
import subprocess
import tempfile

from . import errors
from .results import Bench, Capture, Check, Comparison, Exchange, Unit, of_record


def _hex(data):
    """Bytes as the conversation has them; text is taken to be hex already."""
    return data if isinstance(data, str) else bytes(data).hex()


def _ns(seconds):
    return None if seconds is None else round(seconds * 1e9)


def _texts(value):
    return None if value is None else [value] if isinstance(value, str) else list(value)


class Session:
    """An open device. One thread at a time; close it, or use `with`.

    target      as the program takes it: "sim:reference", "usb:0525:a4a5", "usbip:HOST/1-1"; None: MSCOPE_TARGET
    ssh         a host where the device and the program are; `ssh` has to get there without a question
    command     instead: the words that run the program, such as ["sudo", "mscope"]; None: $MSCOPE, or "mscope"
    allow_writes, allow_unsafe, profile, queued
                as the options of the program; allow_unsafe may be a list of operation codes
    timeout     seconds that a phase may take
    judge       raise FindingError as soon as an exchange breaks a rule, and CheckError where cases fail
    options     further options of `mscope session`
    """

    def __init__(self, target=None, *, ssh=None, command=None, allow_writes=False, allow_unsafe=False, profile=None,
                 queued=False, timeout=None, judge=False, options=()):
        self.judge, self.notes, self._id, self._status = judge, [], 0, None
        self._told = tempfile.TemporaryFile()
        words = ["session"] + ([target] if target else []) + list(options)
        words += ["--allow-writes"] if allow_writes else []
        if allow_unsafe:
            words += ["--allow-unsafe" + ("" if allow_unsafe is True else "=" + ",".join(f"{c:02x}" for c in allow_unsafe))]
        words += ["--profile", profile] if profile else []
        words += ["--queued"] if queued else []
        words += ["--timeout", f"{_ns(timeout)}ns"] if timeout else []
        program = list(command) if command else ["mscope" if ssh else os.environ.get("MSCOPE", "mscope")]
        argv = ["ssh", "-T", ssh, "--", shlex.join(program + words)] if ssh else program + words
        try:
            self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._told)
        except OSError as why:
            self._told.close()
            raise errors.TargetError(f"cannot run {argv[0]}: {why.strerror}", "file", 4) from why
        try:
            self.info = self.ask("target")["result"]
        except BaseException:
            self._end()
            raise
        self.target = self.info["target"]       # what the host knows of the device
        self.name = self.target["name"]

    # ---- the conversation ----

    @property
    def closed(self):
        return self._process.poll() is not None

    @property
    def stderr(self):
        """All that the program has said beside its answers."""
        if not self._told.closed:
            self._told.seek(0)
            self._all_told = self._told.read().decode(errors="replace")
        return self._all_told

    def ask(self, op, **members):
        """One request as mscope-session(1) has it, and its answer. Members that are None are left out."""
        self._id += 1
        request = {"id": self._id, "op": op, **{k: v for k, v in members.items() if v is not None}}
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except (OSError, ValueError):
            line = b""
        if not line.endswith(b"\n"):
            raise self._ended()
        answer = json.loads(line)
        self.notes += answer.get("notes", [])
        if "error" in answer:
            raise errors.of_answer(answer)
        return answer

    def _ended(self):
        """Why there is no answer."""
        if not self._process.stdout.closed:
            self._process.stdout.close()
        status = self._process.wait()
        said = self.stderr.strip().splitlines()
        said = said[-1] if said else f"the program has ended with status {status}"
        kinds = {2: errors.UsageError, 3: errors.TargetError}
        return kinds.get(status, errors.EndedError)(said.replace("mscope: ", "", 1), "ended", status)

    def _end(self):
        for stream in (self._process.stdin, self._process.stdout):
            try:
                stream.close()
            except OSError:
                pass
        self._process.wait()
        self.stderr         # pylint: disable=pointless-statement
        self._told.close()

    def close(self):
        """Puts back what was written, and gives the device back."""
        try:
            if not self.closed and not self._process.stdin.closed:
                self.ask("close")
        finally:
            self._end()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            self.close()
        except errors.Error:
            if kind is None:
                raise

    def __repr__(self):
        return f"<mscope.Session {self.name}>"

    # ---- exchanges ----

    def _exchange(self, judge, op, **members):
        answer = self.ask(op, **members)
        x = of_record(answer["exchange"], answer)
        if (self.judge if judge is None else judge) and x.failures:
            raise errors.FindingError(x)
        return x

    def command(self, cdb, data_in=None, data_out=None, *, lun=None, timeout=None, raw=None, judge=None) -> Exchange:
        """A command in an honest CBW. cdb: bytes, or hex text. data_in: so many bytes; data_out: these. With neither, what the
        command means. One that fails is followed by REQUEST SENSE, see `sense`, unless raw."""
        return self._exchange(judge, "command", cdb=_hex(cdb), **{"in": data_in}, lun=lun, timeout_ns=_ns(timeout), raw=raw,
                              out=None if data_out is None else _hex(data_out))

    def send(self, cdb="00 00 00 00 00 00", data_in=None, data_out=None, *, cbw=None, timeout=None, raw=None,
             judge=None) -> Exchange:
        """The same with lies: cbw={"tag": 0, "signature": 1, "length": 512, "direction": "in", "flags": 0, "lun": 3,
        "cb_length": 6, "fill": 255, "wrapper_length": 30, "wrapper_fill": 0}, each of them optional."""
        return self._exchange(judge, "send", cdb=_hex(cdb), **{"in": data_in}, cbw=cbw or {}, timeout_ns=_ns(timeout), raw=raw,
                              out=None if data_out is None else _hex(data_out))

    def read(self, lba, blocks=1, *, lun=None, timeout=None, raw=None, judge=None) -> Exchange:
        """READ(10), or READ(16) where the address needs it."""
        return self._exchange(judge, "read", lba=lba, blocks=blocks, lun=lun, timeout_ns=_ns(timeout), raw=raw)

    def write(self, lba, data, *, lun=None, timeout=None, raw=None, judge=None) -> Exchange:
        """WRITE(10) or WRITE(16) of whole blocks within scratch(). What was there is put back by close(), or by a check."""
        return self._exchange(judge, "write", lba=lba, out=_hex(data), lun=lun, timeout_ns=_ns(timeout), raw=raw)

    def control(self, request_type, request, *, value=None, index=None, length=None, data=None, judge=None):
        """A control request: length bytes from the device, or data to it."""
        return self._exchange(judge, "control", request_type=request_type, request=request, value=value, index=index,
                              length=length, out=None if data is None else _hex(data))

    def reset(self, kind="recovery"):
        """"recovery": BOT 1.0, 5.3.4, and whether it succeeded; "port": the record of a port reset."""
        answer = self.ask("reset", kind=kind)
        return answer["result"]["recovered"] if "result" in answer else of_record(answer["exchange"], answer)

    # ---- what is known ----

    def unit(self, lun=None):
        """The unit, asked as hosts do; unit attentions are read away."""
        return Unit(self.ask("unit", lun=lun)["result"])

    def scratch(self, lun=None):
        """(first_lba, blocks) that may be written; they are saved now. RefusedError without allow_writes."""
        result = self.ask("scratch", lun=lun)["result"]
        return result["first_lba"], result["blocks"]

    def inquiry(self, lun=None):
        """Vendor, product and revision, as text."""
        data = self.command("12 00 00 00 24 00", 36, lun=lun, judge=False).data
        return tuple("".join(chr(c) if 32 <= c < 127 else "." for c in data[a:b]).strip() for a, b in ((8, 16), (16, 32), (32, 36)))

    # ---- whole runs ----

    def _check(self, judge, op, **members):
        check = Check(self.ask(op, **members)["result"])
        if (self.judge if judge is None else judge) and not check.passed:
            raise errors.CheckError(check)
        return check

    def check(self, *select, exclude=None, profile=None, queued=None, lun=None, timeout=None, allow_eject=None,
              judge=None) -> Check:
        """Conformance scenarios: name globs, tags, clauses; all, unless some are named."""
        return self._check(judge, "check", select=_texts(select or None), exclude=_texts(exclude), profile=profile,
                           queued=queued, lun=lun, timeout_ns=_ns(timeout), allow_eject=allow_eject)

    def run(self, text, *select, name=None, exclude=None, profile=None, queued=None, lun=None, timeout=None,
            allow_eject=None, judge=None) -> Check:
        """Scenarios of one's own: the text of a scenario file."""
        return self._check(judge, "run", text=text, name=name, select=_texts(select or None), exclude=_texts(exclude),
                           profile=profile, queued=queued, lun=lun, timeout_ns=_ns(timeout), allow_eject=allow_eject)

    def cases(self, *select, text=None, name=None, exclude=None):
        """What check(), or run() of a text, would run: a dict for each, with name, title, spec, tags, writes."""
        return self.ask("cases", select=_texts(select or None), text=text, name=name, exclude=_texts(exclude))["result"]["cases"]

    def bench(self, sizes=None, *, transfer=None, mode=None, count=None, duration=None, random=None, warm_up=None, lun=None,
              timeout=None) -> Bench:
        """Throughput and latency. sizes: blocks per command; mode: "serial", "queued", "both"; transfer: "read", "write"."""
        return Bench(self.ask("bench", sizes=sizes, transfer=transfer, mode=mode, count=count, duration_ns=_ns(duration),
                              random=random, warm_up=warm_up, lun=lun, timeout_ns=_ns(timeout))["result"])

    def pace(self, sizes=None, *, mode=None, count=None, lba=None, lun=None, timeout=None):
        """Where the time goes: an mscope.pace/1, as a dict."""
        return self.ask("pace", sizes=sizes, mode=mode, count=count, lba=lba, lun=lun, timeout_ns=_ns(timeout))["result"]

    def compare(self, base, new, threshold=None, force=None) -> Comparison:
        """Whether `new` is slower than `base`, two benches or their documents; threshold is a fraction, 0.05 unless given."""
        base, new = (b.document if isinstance(b, Bench) else b for b in (base, new))
        return Comparison(self.ask("compare", base=base, new=new, threshold=threshold, force=force)["result"])

    def decode(self, capture, *, profile=None, only=None, lun=None, device=None, since=None, until=None) -> Capture:
        """A capture file, where mscope runs, judged: `only` lists "failed", "slow" or "writes"; times are of the capture."""
        return Capture(self.ask("decode", capture=str(capture), profile=profile, only=only, lun=lun, device=device,
                                from_ns=_ns(since), to_ns=_ns(until))["result"])
