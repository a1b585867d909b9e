"""Where the client finds its address and its key, and how a profile is kept."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from orchestrator_client import Client, NotConfigured, Settings
from orchestrator_client.profiles import Profiles


@pytest.fixture
def profiles() -> Profiles:
    kept = Profiles.at()
    kept.keep("work", url="https://work.example", api_key="key-of-work")
    kept.keep("home", url="https://home.example", api_key="key-of-home")
    return kept


def test_arguments_win_over_a_named_profile_over_the_environment_over_the_profile_in_use(
    profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Settings.find() == Settings("https://home.example", "key-of-home")
    monkeypatch.setenv("ORCHESTRATOR_PROFILE", "work")
    assert Settings.find() == Settings("https://work.example", "key-of-work")
    monkeypatch.setenv("ORCHESTRATOR_URL", "https://env.example/")
    monkeypatch.setenv("ORCHESTRATOR_API_KEY", "key-of-env")
    assert Settings.find() == Settings("https://env.example", "key-of-env")
    assert Settings.find(profile="home") == Settings("https://home.example", "key-of-home")
    assert Settings.find(url="https://arg.example", api_key="k") == Settings("https://arg.example", "k")


def test_a_profiles_key_goes_to_no_other_address(profiles: Profiles, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.find(url="https://home.example/").api_key == "key-of-home"
    with pytest.raises(NotConfigured, match="belongs to"):
        Settings.find(url="https://elsewhere.example")
    monkeypatch.setenv("ORCHESTRATOR_URL", "https://elsewhere.example")
    with pytest.raises(NotConfigured, match="belongs to"):
        Settings.find()


def test_without_address_or_key_it_says_what_is_missing() -> None:
    with pytest.raises(NotConfigured, match="orchestrator login"):
        Client()
    with pytest.raises(NotConfigured, match="ORCHESTRATOR_API_KEY"):
        Client("https://somewhere.example")


@pytest.mark.parametrize(
    "url",
    [
        "somewhere.example",
        "ftp://x",
        "https://me:secret@x",
        "https://me:secret@x:port",
        "http://",
        "http://[::",
        "http://xn--.de",
        "https://x?key=secret",
        "https://x/#secret",
    ],
)
def test_an_address_that_is_none_is_refused_without_repeating_a_secret(url: str) -> None:
    with pytest.raises(NotConfigured) as refused:
        Settings(url, "key")
    assert "secret" not in str(refused.value)


def test_a_key_that_would_break_its_header_is_refused() -> None:
    with pytest.raises(NotConfigured) as refused:
        Settings("https://x.example", "key\r\nX-Evil: 1")
    assert "Evil" not in str(refused.value)


def test_profiles_are_readable_by_their_owner_alone(profiles: Profiles) -> None:
    assert stat.S_IMODE(profiles.path.stat().st_mode) == 0o600
    assert [path.name for path in profiles.path.parent.iterdir()] == ["profiles.json"]
    profiles.path.chmod(0o644)
    with pytest.raises(NotConfigured, match="chmod 600"):
        Settings.find()


def test_profiles_are_used_and_removed(profiles: Profiles) -> None:
    profiles.use("work")
    assert (profiles.in_use(), list(profiles.addresses())) == ("work", ["home", "work"])
    profiles.remove("work")
    assert profiles.in_use() is None
    with pytest.raises(NotConfigured, match="No profile is named"):
        profiles.use("work")
    with pytest.raises(NotConfigured, match="No profile is named"):
        Settings.find(profile="work")


@pytest.mark.parametrize("text", ["", "[]", '{"profiles": 3}', "\0"])
def test_a_broken_file_is_an_error_that_names_it(text: str, no_settings_of_the_machine: Path) -> None:
    path = no_settings_of_the_machine
    path.parent.mkdir(parents=True)
    path.touch(mode=0o600)
    path.write_text(text)
    with pytest.raises(NotConfigured, match="can't be read"):
        Settings.find()


def test_a_key_is_not_in_a_settings_repr() -> None:
    assert "secret" not in repr(Settings("https://x.example", "secret"))
