"""More rights by a setuid program."""

from pathlib import Path

from prelude import escaped

status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
if status["NoNewPrivs"] != "1":
    escaped("a setuid program would give rights")
if int(status["CapEff"], 16) or int(status["CapBnd"], 16):
    escaped("capabilities")
