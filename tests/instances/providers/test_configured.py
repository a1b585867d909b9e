"""What an operator's file of providers becomes, and what is said where it is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from instances.providers import registry
from instances.providers.base import CanRest, Refused, SeesLate
from orchestrator import providers

TEXT = """
[aws-frankfurt]
driver = "ec2"
boot_within_s = 240
region = "eu-central-1"
subnets = ["subnet-1", "subnet-2"]
security_groups = ["sg-1"]
sizes = { "t3.small" = 2048 }
[aws-frankfurt.flavours.ubuntu]
image = "ami-1"

[aws-ohio]
driver = "ec2"
region = "us-east-2"
profile = "another-account"
deployment = "its-own-name"
sizes = { "t3.small" = 2048 }
[aws-ohio.flavours.browser]
image = "ami-2"
"""
DEFAULTS = {"ec2": {"deployment": "production", "bootstrap_url": "https://platform.example/api/system/bootstrap"}}


@pytest.fixture(autouse=True)
def as_configured() -> Iterator[None]:
    yield
    registry.configure(settings.PROVIDERS)


def _read(folder: Path, text: str) -> dict[str, dict[str, object]]:
    path = folder / "providers.toml"
    path.write_text(text)
    return providers.read(path, defaults=DEFAULTS)


def test_several_regions_and_accounts_are_several_entries(tmp_path: Path) -> None:
    registry.configure(_read(tmp_path, TEXT))
    frankfurt, ohio = registry.provider("aws-frankfurt"), registry.provider("aws-ohio")
    assert isinstance(frankfurt, CanRest) and isinstance(frankfurt, SeesLate)
    assert [driver.capabilities() for driver in (frankfurt, ohio)] == [{"ubuntu": "ok"}, {"browser": "ok"}]
    assert [registry.boot_within_s(name) for name in ("aws-frankfurt", "aws-ohio", "nobody")] == [240, 0, 0]


def test_an_entrys_own_options_go_before_the_deployments(tmp_path: Path) -> None:
    entries = _read(tmp_path, TEXT)
    assert entries["aws-frankfurt"]["options"]["deployment"] == "production"
    assert entries["aws-ohio"]["options"]["deployment"] == "its-own-name"


@pytest.mark.parametrize(
    "text",
    [
        "driver = 'ec2'",
        "[one]\nregion = 'x'",
        "[one]\ndriver = 'nobodys'",
        "[local]\ndriver = 'ec2'",
        "[one",
        "[one]\ndriver = 1",
    ],
)
def test_a_file_that_makes_no_sense_ends_the_start(tmp_path: Path, text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="PROVIDERS_FILE"):
        _read(tmp_path, text)


def test_a_missing_file_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="PROVIDERS_FILE"):
        providers.read(tmp_path / "none.toml", defaults={})


def test_an_option_that_nobody_knows_is_refused_when_the_driver_is_asked_for(tmp_path: Path) -> None:
    registry.configure(_read(tmp_path, TEXT.replace("profile =", "profil =")))
    with pytest.raises(Refused, match="profil"):
        registry.provider("aws-ohio")
