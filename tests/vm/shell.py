"""A look into the guest: `shell.py` is a shell in it, `shell.py COMMAND...` runs one command there and ends with its status.

build/mscope is in the guest if it is built. `-p PROGRAM` takes a further program of this machine along.
"""

import argparse
import sys

from conftest import MSCOPE, PROGRAMS
from vm import CONTROLLERS, VM, Stick, VMError


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-p", "--program", action="append", default=[])
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    programs = PROGRAMS + options.program + ([str(MSCOPE)] if MSCOPE.exists() else [])
    interactive = not options.command
    try:
        with VM(programs, sticks=[Stick(name) for name in CONTROLLERS], interactive=interactive) as vm:
            if interactive:
                return vm.process.wait()
            done = vm.run(" ".join(options.command), timeout=3600)
            sys.stdout.buffer.write(done.out)
            sys.stderr.buffer.write(done.err)
            return done.status
    except VMError as error:
        print(f"shell.py: {error}", file=sys.stderr)
        return 70
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
