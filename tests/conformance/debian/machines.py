"""The machines on which Debian's programs are compared."""
import os

import common

RUNNER = os.path.join(common.BUILD, "eft-qemu")
SECONDS_ON_QEMU = 600
EVERYWHERE = bool(os.environ.get("EFT_ALL"))


def machines(hosted=(1, 4), on_qemu=(1, 4) if EVERYWHERE else ()):
    """(how a test of some name is called there, the start of the command, seconds), each with that
    many CPUs; on QEMU the same root comes through virtio-9p."""
    for cpus in hosted:
        name = "{}" + (f" on {cpus} CPUs" if len(hosted) > 1 else "")
        yield name, [common.SIM, f"--cpus={cpus}"], common.TIMEOUT_SECONDS
    for cpus in on_qemu if os.path.exists(RUNNER) else ():
        yield f"qemu_{cpus}_{{}}", [RUNNER, f"--cpus={cpus}"], SECONDS_ON_QEMU
