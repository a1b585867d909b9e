"""The instance's variables in terminals: in new ones, in those that run, and gone again when they were taken away."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from guest.config import Config
from guest.environment import BadEnvironment, InstanceEnvironment, base, prepare_shells
from tests.guest.desk import TOKEN, config_for


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = config_for(tmp_path, egress="unix:/nowhere", relay_port=3128)
    prepare_shells(config)
    return config


@pytest.fixture
def terminal(config: Config) -> Iterator[subprocess.Popen[str]]:
    """A shell as a terminal starts it, that runs on while the variables change."""
    shell = subprocess.Popen(
        ["bash", "-i"],
        env=base(config),
        cwd=config.home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        bufsize=1,
        start_new_session=True,
    )
    yield shell
    shell.kill()
    shell.communicate()


def said(shell: subprocess.Popen[str], command: str) -> str:
    assert shell.stdin is not None
    assert shell.stdout is not None
    shell.stdin.write(f"{command}\n")
    return shell.stdout.readline().rstrip("\n")


def test_a_running_terminal_sees_a_change_with_its_next_command(
    config: Config, terminal: subprocess.Popen[str]
) -> None:
    instance = InstanceEnvironment(config)
    assert said(terminal, 'echo "<$COLOUR>"') == "<>"
    instance.change({"COLOUR": "it's blue"})
    assert said(terminal, 'echo "<$COLOUR>"') == "<it's blue>"
    assert said(terminal, "bash -c 'echo $COLOUR'") == "it's blue"
    instance.change({"OTHER": "1"})
    assert said(terminal, 'echo "<$COLOUR$OTHER>"') == "<1>"


def test_a_new_terminal_has_them_from_its_start(config: Config) -> None:
    InstanceEnvironment(config).change({"COLOUR": "blue"})
    done = subprocess.run(
        ["bash", "-ic", "echo $COLOUR"], env=base(config), capture_output=True, text=True, check=True, timeout=10
    )
    assert done.stdout == "blue\n"


def test_only_the_user_may_read_the_variables(config: Config) -> None:
    InstanceEnvironment(config).change({"SECRET": "x"})
    mode = (Path(config.private_dir) / "environment.sh").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_the_users_own_lines_stay_and_ours_come_once(config: Config) -> None:
    bashrc = Path(config.home) / ".bashrc"
    bashrc.write_text(bashrc.read_text() + "alias ll='ls -l'\n")
    prepare_shells(config)
    lines = bashrc.read_text().splitlines()
    assert len(lines) == 2
    assert lines[1] == "alias ll='ls -l'"


@pytest.mark.parametrize("bad", [{"A B": "1"}, {"": "1"}, {"A;rm -rf /": "1"}, {"1A": "1"}, {"A": "\0"}, {"Ä": "1"}])
def test_a_bad_variable_changes_nothing(config: Config, bad: dict[str, str]) -> None:
    instance = InstanceEnvironment(config)
    instance.change({"COLOUR": "blue"})
    with pytest.raises(BadEnvironment):
        instance.change({"OTHER": "1", **bad})
    assert instance.variables == {"COLOUR": "blue"}


def test_children_find_the_proxy_and_no_token(config: Config) -> None:
    variables = base(config, ":7")
    assert variables["DISPLAY"] == ":7"
    assert variables["https_proxy"] == variables["HTTP_PROXY"] == "http://127.0.0.1:3128"
    assert TOKEN not in str(variables)
    assert not variables.keys() & (os.environ.keys() - {"HOME", "LANG", "LOGNAME", "PATH", "SHELL", "USER"}) - {
        "DISPLAY",
        "XDG_RUNTIME_DIR",
        *("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY"),
    }
