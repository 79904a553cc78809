# SPDX-License-Identifier: BSD-2-Clause
"""labgrid: MscopeDriver binds a USB mass-storage device of a place, here or on an exporter, and gives an mscope.Session.

    targets:
      main:
        resources:
          USBMassStorage:
            match: {ID_SERIAL_SHORT: "0123456789"}
        drivers:
          MscopeDriver: {}

Import this module where labgrid can find it (`imports: [...]` of the environment, or a conftest.py). A device of an exporter
is driven by the mscope that is installed there, over labgrid's own ssh connection.
"""
import shlex
import subprocess

import attr
from labgrid import target_factory
from labgrid.driver.common import Driver
from labgrid.driver.exception import ExecutionError
from labgrid.resource.common import NetworkResource, Resource

from . import errors
from .session import Session


@target_factory.reg_resource
@attr.s(eq=False)
class MscopeTarget(Resource):
    """Any target that mscope can name: sim:..., usbip:HOST/BUSID, usb:..."""
    name_of_target = attr.ib(validator=attr.validators.instance_of(str))


@target_factory.reg_resource
@attr.s(eq=False)
class NetworkMscopeTarget(NetworkResource):
    """The same on another machine, `host`."""
    name_of_target = attr.ib(validator=attr.validators.instance_of(str))


@target_factory.reg_driver
@attr.s(eq=False)
class MscopeDriver(Driver):
    """`session` is the open device while the driver is active; its methods are the driver's, too."""

    bindings = {"device": {"USBMassStorage", "NetworkUSBMassStorage", "MscopeTarget", "NetworkMscopeTarget"}}

    program = attr.ib(default="mscope", validator=attr.validators.instance_of(str))
    allow_writes = attr.ib(default=False, validator=attr.validators.instance_of(bool))
    profile = attr.ib(default=None, validator=attr.validators.optional(attr.validators.instance_of(str)))
    judge = attr.ib(default=True, validator=attr.validators.instance_of(bool))

    def __attrs_post_init__(self):
        super().__attrs_post_init__()
        self.session = None

    def on_activate(self):
        prefix = list(self.device.command_prefix)
        # Behind a prefix a shell reads the words once more.
        name = shlex.quote(self.target_name()) if prefix else self.target_name()
        try:
            self.session = Session(name, command=prefix + [self.program], allow_writes=self.allow_writes,
                                   profile=self.profile, judge=self.judge)
        except errors.Error as why:
            raise ExecutionError(f"{self.device}: {why}") from why

    def on_deactivate(self):
        session, self.session = self.session, None
        session.close()

    def target_name(self):
        """What mscope calls the device that is bound."""
        named = getattr(self.device, "name_of_target", None)
        return named or f"usb:path={self._usb_path()}"

    def _usb_path(self):
        """The port, such as 1-2.3: of what labgrid knows of a device only that is its own."""
        where = f"DEVNAME=bus/usb/{self.device.busnum:03d}/{self.device.devnum:03d}"
        argv = list(self.device.command_prefix)
        argv += ["sh", "-c", shlex.quote(f"grep -lx {where} /sys/bus/usb/devices/*/uevent") if argv else
                 f"grep -lx {where} /sys/bus/usb/devices/*/uevent"]
        found = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if found.returncode:
            raise ExecutionError(f"{self.device}: no USB device at {where}")
        return found.stdout.decode().split()[0].split("/")[-2]

    def __getattr__(self, name):
        session = self.__dict__.get("session")
        if name.startswith("_") or session is None or not hasattr(Session, name):
            raise AttributeError(f"{type(self).__name__} has no '{name}'" + ("" if session else ": it is not active"))
        return getattr(session, name)
