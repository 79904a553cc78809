# SPDX-License-Identifier: BSD-2-Clause
"""What comes back, as objects. Each keeps the JSON that it was made of in `document`; times are integer nanoseconds."""
import fnmatch


class Finding:
    """A rule that was broken."""

    def __init__(self, document):
        self.document = document
        self.rule = document["rule"]
        self.severity = document["severity"]        # "note", "warn", "fail"
        self.spec = document["spec"]                # the clause
        self.message = document["message"]
        self.expected = document["expected"]
        self.actual = document["actual"]
        self.context = document["context"]          # the command or request
        self.why = document["why"]                  # why a host cares

    @property
    def text(self):
        """As the program shows it."""
        lines = [f"{self.severity}: {self.rule}: {self.spec}", f"  {self.context}: {self.message}"]
        lines += [f"  {word}: {value}" for word, value in (("expected", self.expected), ("actual", self.actual)) if value]
        return "\n".join(lines)

    def __repr__(self):
        return f"<{self.severity} {self.rule}: {self.message}>"


class Sense:
    """Sense data of a command that the device failed."""

    def __init__(self, document):
        self.document = document
        self.key, self.asc, self.ascq = document["key"], document["asc"], document["ascq"]
        self.text = document["text"]

    def __eq__(self, other):
        """Also of a triple: x.sense == (5, 0x21, 0)."""
        return (self.key, self.asc, self.ascq) == (tuple(other) if isinstance(other, (tuple, list))
                                                   else (other.key, other.asc, other.ascq))

    __hash__ = None

    def __repr__(self):
        return f"<Sense {self.text}>"


class Record:
    """Something that happened on the bus: an exchange, a control request, a port reset. Members of the JSON are attributes."""

    def __init__(self, document, answer=None):
        self.document = document
        answer = answer or {}
        self.kind = document["kind"]
        # From the device, all of it; of what went along with another one, the first 64 bytes.
        self.data = bytes.fromhex(answer.get("data", "" if document.get("direction") == "out" else document.get("data", "")))
        self.findings = [Finding(f) for f in document.get("findings", [])]
        self.others = [of_record(r) for r in answer.get("others", [])]
        self.notes = answer.get("notes", [])

    def __getattr__(self, name):
        try:
            return self.__dict__["document"][name]
        except KeyError:
            raise AttributeError(f"{self.__class__.__name__} has no '{name}'") from None

    @property
    def failures(self):
        """Findings of severity "fail"."""
        return [f for f in self.findings if f.severity == "fail"]

    def found(self, pattern):
        """Findings whose rule matches, as in x.found("bot.csw.*")."""
        return [f for f in self.findings if fnmatch.fnmatchcase(f.rule, pattern)]

    def __repr__(self):
        return f"<{self.kind} {self.document['command']}: {len(self.findings)} findings>"


class Exchange(Record):
    """A command: its CBW, data and CSW. `status` and `residue` are None without a CSW; `data` is every byte."""

    def __init__(self, document, answer=None):
        super().__init__(document, answer)
        answer = answer or {}
        self.cdb = bytes.fromhex(document["cdb"])
        self.wrapper = bytes.fromhex(document["wrapper"] or "")
        self.csw = bytes.fromhex(document["csw"] or "")
        self.sense = Sense(answer["sense"]) if answer.get("sense") else None
        self.recovery = answer.get("recovery")      # what it took before the device answered again

    @property
    def passed(self):
        """A CSW with status 00h."""
        return self.document["status"] == 0

    def __repr__(self):
        return (f"<Exchange {self.document['command']}: status {self.document['status']}, {len(self.data)} bytes, "
                f"{len(self.findings)} findings>")


def of_record(document, answer=None):
    return (Exchange if document["kind"] == "exchange" else Record)(document, answer)


class Unit:
    """A logical unit, as far as it tells: `blocks` and `block_size` are None without a medium."""

    def __init__(self, document):
        self.document = document
        self.lun, self.max_lun, self.ready = document["lun"], document["max_lun"], document["ready"]
        self.blocks, self.block_size = document["blocks"], document["block_size"]
        self.removable, self.write_protected = document["removable"], document["write_protected"]


class Case:
    """One case of a check."""

    def __init__(self, document):
        self.document = document
        self.name, self.title, self.verdict = document["name"], document["title"], document["verdict"]
        self.reason, self.device_ns = document["reason"], document["device_ns"]
        self.findings = [Finding(f) for f in document["findings"]]

    @property
    def text(self):
        """The verdict with its reason and evidence."""
        told = [f.text for f in self.findings if f.severity != "note"]
        return "\n".join([f"{self.verdict}: {self.name}: {self.title}"] + ([self.reason] if self.reason else []) + told)

    def __repr__(self):
        return f"<Case {self.name}: {self.verdict}>"


class Check:
    """An mscope.result/1."""

    def __init__(self, document):
        self.document = document
        self.cases = [Case(c) for c in document["cases"]]
        self.summary, self.causes = document["summary"], document["causes"]
        self.exit_status = document["exit_status"]

    @property
    def passed(self):
        return self.exit_status == 0

    @property
    def failed(self):
        """Cases that failed, or could not be finished."""
        return [c for c in self.cases if c.verdict in ("fail", "error")]

    def case(self, name):
        return next(c for c in self.cases if c.name == name)

    @property
    def text(self):
        """The causes, then each case that failed."""
        causes = [f"cause: {c['id']}: {c['title']} ({c['confidence']})" + "".join(f"\n   or: {t['id']}: {t['title']}" for t in c["ties"])
                  for c in self.causes]
        return "\n".join(causes + [c.text for c in self.failed])


class Bench:
    """An mscope.bench/1."""

    def __init__(self, document):
        self.document = document
        self.runs = document["runs"]
        self.failure = document["failure"]

    def run(self, blocks, mode=None):
        """The run of one size; of the only mode, unless it is named."""
        found = [r for r in self.runs if r["blocks"] == blocks and mode in (None, r["mode"])]
        if len(found) != 1:
            raise LookupError(f"{len(found)} runs of {blocks} blocks" + (f" in mode {mode}" if mode else ""))
        return found[0]

    def bytes_per_second(self, blocks, mode=None):
        """Of the median command; None: without samples, or faster than a bus of the device's speed."""
        rate = self.run(blocks, mode)["bytes_per_second"]
        return rate and rate["median"]


class Comparison:
    """An mscope.compare/1: whether a bench is slower than another, beyond noise."""

    def __init__(self, document):
        self.document = document
        self.verdict = document["verdict"]
        self.runs = document["runs"]
        self.exit_status = document["exit_status"]  # 1 slower, 5 no verdict

    @property
    def slower(self):
        return self.exit_status == 1


class Capture:
    """An mscope.decode/1: what is in a capture."""

    def __init__(self, document):
        self.document = document
        self.exchanges = [of_record(e) for e in document["exchanges"]]
        self.summary = document["summary"]
        self.causes = self.summary["causes"]
        self.exit_status = document["exit_status"]

    @property
    def passed(self):
        return self.exit_status == 0
