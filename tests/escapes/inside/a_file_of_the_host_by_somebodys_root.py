"""A file of the host by somebody's root."""

from pathlib import Path

from prelude import facts, reads

for name in ("root", "cwd"):
    for way in Path("/proc").glob(f"[0-9]*/{name}"):
        reads(f"{way}{facts['file']}")
