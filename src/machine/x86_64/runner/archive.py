"""The archive that the kernel boots with: the boot file, and the program (ustar)."""
import io
import os
import stat
import tarfile

from options import Refused


def member(archive, name, contents, mode, modified):
    header = tarfile.TarInfo(name)
    header.size, header.mode, header.mtime = len(contents), mode, modified
    archive.addfile(header, io.BytesIO(contents))


def read_program(path):
    """Contents and status of the program's file."""
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Refused(f"{path} is not a regular file")
            return file.read(), status
    except IsADirectoryError:
        raise Refused(f"{path} is a directory, not a program") from None
    except OSError as error:
        raise Refused(f"cannot open {path}: {error.strerror}") from None


def boot_fields(options, program, streams):
    """The fields of `.eft/boot`: see boot_file.c."""
    kernel = list(options.kernel)
    if program:
        kernel.append("program=" + program)
    if options.root:
        kernel += ["root=9p", f"root-device={os.stat(options.root).st_dev}"]
    if options.seed is not None:
        kernel.append(f"seed={options.seed}")
    fields = [("option", option) for option in kernel]
    fields += [("argument", argument) for argument in options.arguments]
    fields += [("environment", f"{name}={value}") for name, value in options.environment.items()]
    if options.directory:
        fields.append(("directory", options.directory))
    fields.append(("node", options.host_name))
    fields.append(("user", os.geteuid()))
    fields.append(("group", os.getegid()))
    fields.append(("groups", ",".join(str(group) for group in os.getgroups())))
    fields += [("channel", stream.field()) for stream in streams]
    return b"".join(os.fsencode(f"{word} {value}") + b"\0" for word, value in fields)


def write_archive(path, options, streams):
    program, contents, status = None, b"", None
    if not options.root:
        contents, status = read_program(options.arguments[0])
        base = os.path.basename(options.arguments[0])
        program = "/" + (base if len(os.fsencode(base)) < 100 else "guest")
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT, errors="surrogateescape") as archive:
        member(archive, ".eft/boot", boot_fields(options, program, streams), 0o600, 0)
        if program:
            member(archive, program[1:], contents, (status.st_mode & 0o777) | 0o111,
                   int(status.st_mtime))
