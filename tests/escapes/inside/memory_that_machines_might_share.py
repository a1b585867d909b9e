"""Memory that machines might share."""

import ctypes
from pathlib import Path

from prelude import escaped, facts

if ctypes.CDLL(None).shmget(facts["shm_key"], 4096, 0) >= 0:
    escaped("System V memory")
if Path(f"/dev/shm/{facts['abstract']}").exists():
    escaped("POSIX memory")
