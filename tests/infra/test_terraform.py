"""The machines' network and rights at AWS: sound, applied to moto, and good for making a machine in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from infra.embedded.paths import CHECKOUT
from instances.providers import registry
from instances.providers.base import Power
from orchestrator import providers
from tests.instances.providers.ec2_cloud import KEYS, REGION, Cloud, cloud
from tests.instances.providers.test_ec2 import SPEC

IMAGE = "ami-12c6146b"
VARIABLES = {"deployment": "tests", "images": json.dumps({"ubuntu": IMAGE}), "trusted_arns": '["arn:aws:iam::1:root"]'}
TO_MOTO = """
provider "aws" {{
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  endpoints {{
    ec2 = "{url}"
    iam = "{url}"
    sts = "{url}"
  }}
}}
"""

pytestmark = pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")


class Terraform:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(CHECKOUT / "infra/terraform/aws", folder, dirs_exist_ok=True)

    def __call__(self, *arguments: str) -> str:
        variables = {f"TF_VAR_{name}": value for name, value in VARIABLES.items()}
        ended = subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env=os.environ | KEYS | variables | {"TF_IN_AUTOMATION": "1"},
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout


@pytest.fixture(scope="module")
def account() -> Iterator[Cloud]:
    with cloud() as one, pytest.MonkeyPatch.context() as environment:
        for name, value in KEYS.items():
            environment.setenv(name, value)
        yield one


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    return Terraform(tmp_path_factory.mktemp("terraform"))


@pytest.fixture(scope="module")
def initialised(terraform: Terraform) -> Terraform:
    place = os.environ.get("TF_PLUGIN_DIR")
    try:
        terraform("init", "-backend=false", "-input=false", *([f"-plugin-dir={place}"] if place else []))
    except AssertionError:
        pytest.skip("the provider of terraform is out of reach: name a folder with it in TF_PLUGIN_DIR")
    return terraform


def test_it_is_written_as_terraform_writes_it(terraform: Terraform) -> None:
    assert terraform("fmt", "-check", "-diff") == ""


def test_what_it_makes_takes_machines_and_lets_nobody_in(
    initialised: Terraform, account: Cloud, tmp_path: Path
) -> None:
    (initialised.folder / "moto_override.tf").write_text(TO_MOTO.format(url=account.url))
    initialised("validate")
    initialised("apply", "-auto-approve", "-input=false")
    (groups, policy) = _groups(account), _policy(account)
    assert all(not group["IpPermissions"] for group in groups) and len(groups) == 2
    assert {tuple(_allowed(group)) for group in groups} == {(), (80, 443)}
    assert {action for statement in policy for action in _list(statement["Action"])} == {
        *("ec2:DescribeInstances", "ec2:RunInstances", "ec2:CreateTags"),
        *("ec2:StartInstances", "ec2:StopInstances", "ec2:TerminateInstances"),
    }
    path = tmp_path / "providers.toml"
    path.write_text(initialised("output", "-raw", "providers_toml"))
    defaults = {"ec2": {"bootstrap_url": "https://platform.example", "endpoint_url": account.url}}
    ((name, entry),) = providers.read(path, defaults=defaults).items()
    driver = registry._build(name, entry)
    handle = driver.create(SPEC, token="made-1")
    assert driver.inspect(handle).power is Power.UP
    driver.destroy(handle)
    initialised("destroy", "-auto-approve", "-input=false")


def _groups(account: Cloud) -> list[dict]:
    (vpc,) = account.ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["tests-machines"]}])["Vpcs"]
    of_it = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    return account.ec2.describe_security_groups(Filters=of_it)["SecurityGroups"]


def _allowed(group: dict) -> list[int]:
    return sorted(rule["FromPort"] for rule in group["IpPermissionsEgress"])


def _policy(account: Cloud) -> list[dict]:
    iam = boto3.client("iam", region_name=REGION, endpoint_url=account.url)
    (policy,) = iam.list_policies(Scope="Local")["Policies"]
    version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
    return version["PolicyVersion"]["Document"]["Statement"]


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
