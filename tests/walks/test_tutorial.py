"""The tutorial, done as it is written: its pieces of Python are one program, and what it promises happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.services import OUTSIDE
from tests.stack import Stack

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorial.md"


@pytest.mark.stack
def test_the_tutorials_agent_fills_the_form(stack: Stack, tmp_path: Path) -> None:
    pieces = re.findall(r"^```python\n(.*?)^```", TUTORIAL.read_text(), re.MULTILINE | re.DOTALL)
    program = tmp_path / "form_agent.py"
    program.write_text("\n".join(pieces))
    ran = subprocess.run(
        [sys.executable, program, stack.state_dir / "credentials.json"],
        cwd=tmp_path,
        env=OUTSIDE,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "sent: /thanks/?name=Ada+%C5%81ovelace&guests=2&vegan=on" in ran.stdout
    assert "plan: completed 100 %" in ran.stdout
    for name in ("form.png", "filled.png", "sent.png"):
        assert Image.open(tmp_path / name).size == (1280, 800)
