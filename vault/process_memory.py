"""What is in this process's memory stays there: no core dump, no reading by other processes.

It does not stop root on the machine, and swap is the machine's own affair
(docs/operations.md): who reads the memory reads what is cached in it.
"""

import ctypes
import os
import resource
from typing import Final

PR_SET_DUMPABLE: Final = 4
"""Source: prctl(2). 0 also gives /proc/self/mem and its like to root alone."""


def keep_inside() -> None:
    """Call at the start of a process that will hold keys. Not inherited through exec.

    Raises:
        OSError: the system refuses; then do not hold keys here.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "prctl"):  # not Linux: a developer's machine
        return
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
