"""A virtual machine with Debian's own kernel, USB controllers, and a way to run commands in it.

    with VM(programs=["build/mscope", "sg_inq"], sticks=[Stick("uhci")]) as vm:
        vm.kernel_driver(False)
        done = vm.run(["mscope", "probe", "usb:serial=uhci"])
        with vm.gadget(speed="full", stall=0) as gadget:
            job = vm.start(["mscope", "check", gadget.target])
            gadget.unplug()
            assert job.wait().status == 3

Every wait is bounded. Whatever goes wrong with the machine itself raises VMError, with the end of its console in the message; what a
command does wrong is in its result. qemu ends with the process that started it, however that one ends.
"""

import itertools
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import initramfs
import kernel
from vm_usb import CONTROLLERS, Gadget, Stick, block_pattern, devices, stick_device  # noqa: F401 (offered from here)

BOOT_SECONDS = 120          # about 6 are needed; the rest is for a busy machine
COMMAND_SECONDS = 120
WAIT_SECONDS = 60           # a few are needed
ANSWER_SECONDS = 120        # beyond a command's own time, for the agent to answer


class VMError(Exception):
    """The machine did not do its part: it failed to boot, died or hung."""


class CommandTimeout(VMError):
    """A command took longer than it was given; it was killed. `result` is what it had printed by then."""

    def __init__(self, message, result):
        super().__init__(message)
        self.result = result


class CommandFailed(AssertionError):
    """A command that had to succeed did not."""


@dataclass
class Result:
    """What a command did: exact exit status (128 + N after signal N) and exact bytes."""
    command: str
    status: int
    out: bytes
    err: bytes

    @property
    def stdout(self):
        return self.out.decode(errors="replace")

    @property
    def stderr(self):
        return self.err.decode(errors="replace")

    def check(self):
        """Return the result itself if the status is 0."""
        if self.status != 0:
            raise CommandFailed(f"status {self.status} from: {self.command}\n{self.stdout}{self.stderr}")
        return self


class VM:
    def __init__(self, programs=(), files=(), sticks=(), memory=1024, interactive=False):
        """Boot. `programs` are names or paths of host programs, `files` pairs (host path, guest path); see initramfs.build."""
        self.process = None
        self._ids = itertools.count(1)
        self._jobs = {}
        self._programs = {os.path.basename(program) for program in programs}
        self._sticks = {stick.controller: stick for stick in sticks}
        self._folder = Path(tempfile.mkdtemp(prefix="mscope-vm-"))
        self._console = self._folder / "console.log"
        try:
            self._agent, agent = socket.socketpair()
            self._monitor, monitor = socket.socketpair()
            with agent, monitor:
                self._launch(programs, files, memory, interactive, agent.fileno(), monitor.fileno())
            if not interactive:
                self._wait_ready()
        except BaseException:
            self.close()
            raise

    # Commands

    def run(self, command, timeout=COMMAND_SECONDS, stdin=b""):
        """Run a shell command (a string) or a program (a list of words) to its end. A string is a script for busybox's sh."""
        job = self.start(command, stdin)
        return job.wait(timeout)

    def start(self, command, stdin=b"", stdout=None):
        """Start a command in the background. Give a list, not a string, where signals matter: then they reach the program itself.
        `stdout` is a file in the guest for what there is too much of."""
        if isinstance(command, str):
            text = command
            script = f"{text}\n".encode()
        else:
            text = shlex.join(map(str, command))
            # By its path, because busybox's shell prefers its own programs to others of the same name.
            folder = "/usr/local/bin/" if command[0] in self._programs else ""
            script = f"exec {folder}{text}{f' >{stdout}' if stdout else ''}\n".encode()
        number = next(self._ids)
        self._ask(f"start {number} {len(script)} {len(stdin)}", script + stdin)
        self._jobs[number] = Job(self, number, text)
        return self._jobs[number]

    def push(self, data, guest_path):
        """Put bytes, or the file at a Path, into the guest."""
        if isinstance(data, Path):
            data = data.read_bytes()
        path, folder = shlex.quote(str(guest_path)), shlex.quote(os.path.dirname(guest_path) or ".")
        self.run(f"mkdir -p {folder} && cat >{path}", stdin=data).check()

    def pull(self, guest_path):
        """The bytes of a file in the guest."""
        return self.run(["cat", guest_path]).check().out

    # USB

    def devices(self):
        """Every USB device but the root hubs."""
        return devices(self)

    def device(self, serial):
        """The device with this serial number, or None."""
        return next((device for device in self.devices() if device.serial == serial), None)

    def wait_device(self, serial, disks=None, seconds=WAIT_SECONDS):
        """Wait until the device is there, configured and, unless `disks` is None, the kernel has looked at so many disks of it."""
        def look():
            device = self.device(serial)
            ready = device and device.drivers and (disks is None or len(device.disks) == disks)
            return device if ready and all(self._attached(disk) for disk in device.disks) else None
        return self.wait_for(look, f"the device {serial} with {disks or 'no'} disks", seconds)

    def _attached(self, disk):
        """Has the kernel read the partition table? A disk is in /sys well before that."""
        return "Attached" in self.run(f"dmesg | grep -F '[{disk}]' | tail -n 1").stdout

    def wait_gone(self, serial, seconds=WAIT_SECONDS):
        self.wait_for(lambda: self.device(serial) is None, f"the device {serial} to go", seconds)

    def wait_for(self, condition, what, seconds=WAIT_SECONDS):
        """Call `condition` until it answers something true, and return that."""
        deadline = time.monotonic() + seconds
        while not (answer := condition()):
            if time.monotonic() > deadline:
                raise VMError(f"waited {seconds} s for {what}\n{self.console_tail()}")
            time.sleep(0.05)
        return answer

    def kernel_driver(self, loaded):
        """Load or unload usb-storage. With it, wait until every device has its disk."""
        if not loaded:
            self.run("[ ! -d /sys/module/uas ] || rmmod uas; [ ! -d /sys/module/usb_storage ] || rmmod usb_storage").check()
            return
        self.run("modprobe usb_storage delay_use=0").check()
        for serial in self._sticks:
            if self.device(serial):
                self.wait_device(serial, disks=1)

    def has_kernel_driver(self):
        return self.run("[ -d /sys/module/usb_storage ]").status == 0

    def gadget(self, **settings):
        """Make the Linux gadget; the settings are those of guest/gadget (speed, stall, removable, ro, luns, backing, size, format,
        file, udc). file=None is a drive without a medium. An earlier gadget is taken down first. Use it in a `with`."""
        return Gadget(self, settings)

    def unplug_stick(self, controller):
        """Pull a stick of QEMU's."""
        self.qmp("device_del", id=f"stick-{controller}")
        self.wait_gone(controller)

    def plug_stick(self, controller, **properties):
        """Put it back, with what was on it; with further properties of QEMU's device."""
        def add():
            try:
                return self.qmp("device_add", **stick_device(controller), **properties) is not None
            except VMError as error:
                if "Permission conflict" not in str(error):     # QEMU has not let go of the disk yet
                    raise
        self.wait_for(add, f"QEMU to take the stick {controller} back")
        return self.wait_device(controller)

    # The machine

    def qmp(self, command, **arguments):
        """One command to QEMU itself."""
        self._monitor.settimeout(ANSWER_SECONDS)
        request = {"execute": command, "arguments": arguments}
        self._monitor.sendall(json.dumps(request).encode() + b"\n")
        while True:
            answer = json.loads(self._qmp_lines.readline() or '{"error": "QEMU is gone"}')
            if "error" in answer:
                raise VMError(f"{command}: {answer['error']}")
            if "return" in answer:
                return answer["return"]

    def reset(self):
        """Back to the state after booting: no job, no gadget, no usb-storage, every stick plugged in."""
        for job in list(self._jobs.values()):
            job.signal("KILL")
            job.forget()
        self.run("gadget down").check()
        self.kernel_driver(False)
        present = {device.serial for device in self.devices()}
        for serial in set(self._sticks) - present:
            self.plug_stick(serial)

    def console(self):
        try:
            return self._console.read_text(errors="replace").replace("\r", "")
        except OSError:
            return ""

    def console_tail(self, lines=120):
        said = self._qemu_said()
        return ("--- end of the guest's console ---\n" + "\n".join(self.console().splitlines()[-lines:]) +
                (f"\n--- QEMU said ---\n{said}" if said else ""))

    def close(self):
        """End it. Never fails, may be called again."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()
        for name in ("_qmp_lines", "_agent", "_monitor"):
            if hasattr(self, name):
                getattr(self, name).close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def _launch(self, programs, files, memory, interactive, agent, monitor):
        try:
            archive = self._folder / "initramfs.cpio"
            initramfs.build(archive, [_find(program) for program in programs], files)
            vmlinuz = kernel.fetch() / "vmlinuz"
        except (kernel.KernelError, OSError, subprocess.SubprocessError) as error:
            raise VMError(f"cannot prepare the guest: {error}") from error
        line = "console=ttyS0 loglevel=5 panic=-1 mitigations=off" + (" mscope.shell" if interactive else "")
        command = [
            "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", str(memory),
            "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
            "-kernel", vmlinuz, "-initrd", archive, "-append", line,
            "-device", "virtio-serial-pci", "-chardev", f"socket,id=agent,fd={agent}",
            "-device", "virtserialport,chardev=agent,name=mscope.agent",
            "-chardev", f"socket,id=monitor,fd={monitor}", "-mon", "chardev=monitor,mode=control",
            "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile=",
        ]
        if interactive:
            command += ["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]
        else:
            command += ["-serial", f"file:{self._console}"]
        for stick in self._sticks.values():
            command += stick.options(self._folder)
        # setpriv makes the kernel kill QEMU if this process dies without a chance to do it.
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], pass_fds=[agent, monitor],
                                        stdin=None if interactive else subprocess.DEVNULL, stderr=self._log(interactive),
                                        stdout=None if interactive else subprocess.DEVNULL, start_new_session=not interactive)
        self._qmp_lines = self._monitor.makefile("r")

    def _log(self, interactive):
        return None if interactive else open(self._folder / "qemu.log", "wb")

    def _qemu_said(self):
        try:
            return (self._folder / "qemu.log").read_text(errors="replace")
        except OSError:
            return ""

    def _wait_ready(self):
        try:
            self._answer(BOOT_SECONDS)
        except VMError as error:
            raise VMError(f"the guest did not boot: {error}") from error
        self._monitor.settimeout(ANSWER_SECONDS)
        self._qmp_lines.readline()      # the greeting
        self.qmp("qmp_capabilities")
        for file in [*self._folder.glob("*.cpio"), *self._folder.glob("*.img")]:
            file.unlink()               # QEMU has them; so nothing large is left behind, however this ends
        for serial in self._sticks:
            self.wait_device(serial)

    def _ask(self, request, payload=b"", seconds=0):
        """Send one request and return (word, status, out, err)."""
        try:
            self._agent.settimeout(ANSWER_SECONDS)
            self._agent.sendall(request.encode() + b"\n" + payload)
        except OSError as error:
            raise VMError(f"the guest takes no command: {error}\n{self.console_tail()}") from error
        try:
            return self._answer(seconds + ANSWER_SECONDS)
        except BaseException:
            self.close()        # a later answer could not be told from this one's rest
            raise

    def _answer(self, seconds):
        deadline = time.monotonic() + seconds
        line = b""
        while not line.endswith(b"\n"):
            line += self._receive(1, deadline)
        word, status, out, err = line.decode().split()
        return word, int(status), self._receive(int(out), deadline), self._receive(int(err), deadline)

    def _receive(self, count, deadline):
        data = bytearray()
        while len(data) < count:
            try:
                self._agent.settimeout(max(0.01, deadline - time.monotonic()))
                chunk = self._agent.recv(min(count - len(data), 1 << 20))
            except TimeoutError as error:
                raise VMError(f"the guest does not answer\n{self.console_tail()}") from error
            except OSError as error:
                raise VMError(f"the guest is gone: {error}\n{self.console_tail()}") from error
            if not chunk:
                raise VMError(f"the guest is gone\n{self.console_tail()}")
            data += chunk
        return bytes(data)


class Job:
    """A command in the background."""

    def __init__(self, vm, number, command):
        self._vm = vm
        self._number = number
        self._command = command

    def running(self):
        return self._vm._ask(f"wait {self._number} 0 -")[0] == "running"

    def signal(self, name):
        """Send a signal, by name without SIG: "INT", "TERM", "KILL"."""
        self._vm._ask(f"kill {self._number} {name} -")

    def forget(self):
        self._vm._ask(f"forget {self._number} - -")
        self._vm._jobs.pop(self._number, None)

    def wait(self, timeout=COMMAND_SECONDS):
        """Wait for the end and return the Result. After `timeout` seconds kill it and raise CommandTimeout."""
        answer = self._vm._ask(f"wait {self._number} {max(1, int(timeout))} -", seconds=timeout)
        in_time = answer[0] == "done"
        if not in_time:
            self.signal("KILL")
            answer = self._vm._ask(f"wait {self._number} 5 -", seconds=5)
        self.forget()
        result = Result(self._command, *answer[1:])
        if not in_time:
            raise CommandTimeout(f"still running after {timeout} s: {self._command}\n{result.stdout}{result.stderr}\n"
                                 f"{self._vm.console_tail()}", result)
        return result


def _find(program):
    found = shutil.which(program)
    if not found:
        raise VMError(f"there is no program {program} on this machine; README.md lists the packages")
    return found
