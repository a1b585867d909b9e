"""Where a webhook may not lead: when it is written down, when it is connected to, and when it is sent on."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from common import outbound
from common.networks import Policy
from instances import telling
from tests import make
from tests.webhook_receiver import Receiver, receiving

REFUSED = [
    "http://127.0.0.1/",
    "https://127.0.0.1/",
    "https://localhost/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[fd00:ec2::254]/",
    "https://10.0.0.1/",
    "https://192.168.1.1/",
    "https://172.16.0.1/",
    "https://100.64.0.1/",
    "https://0.0.0.0/",
    "https://[64:ff9b::7f00:1]/",
    "https://224.0.0.1/",
    "http://93.184.216.34/",
    "https://93.184.216.34:25/",
    "https://user:pass@93.184.216.34/",
    "ftp://93.184.216.34/",
    "file:///etc/passwd",
    "gopher://93.184.216.34/",
    "//93.184.216.34/",
    "https:///path",
    "https://93.184.216.34:99999/",
    "https://93.184.216.34/\r\nX-Injected: 1",
    "https://ex ample.com/",
    "javascript:alert(1)",
    "",
]


@pytest.fixture
def client(db: None) -> Any:
    return make.client(make.site())


@pytest.mark.parametrize("url", REFUSED)
def test_such_an_address_is_refused_when_it_is_written_down(client: Any, url: str) -> None:
    answer = client.post("/api/webhooks", {"url": url})
    assert answer.status_code == 400, answer.content
    assert "url" in answer.json()["details"]["fields"]
    good = client.post("/api/webhooks", {"url": "https://93.184.216.34/"}).json()
    assert client.patch(f"/api/webhooks/{good['id']}", {"url": url}).status_code == 400


class Names:
    """A resolver whose answers a test gives, one after the other; the last one stays."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        self.asked += 1
        address = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Where we connected to; nothing really is."""
    made: list[Any] = []

    def connect(address: Any, **_: Any) -> socket.socket:
        made.append(address)
        raise OSError("not in a test")

    monkeypatch.setattr(outbound.socket, "create_connection", connect)
    return made


def test_a_name_that_means_something_else_by_now_is_refused_when_it_is_connected_to(
    client: Any, connected: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names("93.184.216.34", "169.254.169.254")
    monkeypatch.setattr(outbound.socket, "getaddrinfo", names)
    hook = client.post("/api/webhooks", {"url": "https://rebinds.example.com/"}).json()
    client.post(f"/api/webhooks/{hook['id']}/ping")
    telling.run()
    (ping,) = client.get(f"/api/webhooks/{hook['id']}/deliveries").json()["results"]
    assert ping["status"] == "given_up" and "not on the public internet" in ping["tries"][0]["error"]
    assert connected == []


def test_the_address_that_was_checked_is_the_one_connected_to(
    connected: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names("93.184.216.34", "127.0.0.1")
    monkeypatch.setattr(outbound.socket, "getaddrinfo", names)
    target = outbound.target_of("https://rebinds.example.com/")
    with pytest.raises(outbound.Failed):
        outbound.post(target, b"", {}, policy=Policy(), deadline_s=2)
    assert (names.asked, connected) == (1, [("93.184.216.34", 443)])


def test_a_redirect_is_an_answer_and_leads_nowhere(client: Any, settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with receiving() as first, receiving() as second:
        for location in (second.url, "http://169.254.169.254/latest/meta-data/"):
            first.answer, first.headers = lambda _: 302, {"Location": location}
            hook = client.post("/api/webhooks", {"url": first.url}).json()
            client.post(f"/api/webhooks/{hook['id']}/ping")
            telling.run()
            (ping,) = client.get(f"/api/webhooks/{hook['id']}/deliveries").json()["results"]
            assert ping["status"] == "given_up"
            assert ping["tries"][0]["status"] == 302 and "not followed" in ping["tries"][0]["error"]
        assert (len(first.heard), len(second.heard)) == (2, 0)


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[Receiver]:
    """A receiver whose certificate is for hooks.example.com, and which `ca.pem` vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example.com")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example.com")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    with receiving(context=context) as receiver:
        yield receiver


def test_tls_is_checked_by_the_name_although_an_address_is_connected_to(
    tls: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound.socket, "getaddrinfo", Names("127.0.0.1"))
    here = Policy(["127.0.0.0/8"])
    right = outbound.target_of(f"https://hooks.example.com:{tls.port}/x?y=1")
    wrong = outbound.target_of(f"https://other.example.com:{tls.port}/")
    with pytest.raises(outbound.Failed, match="TLS"):
        outbound.post(right, b"{}", {}, policy=here, deadline_s=5)
    monkeypatch.setattr(outbound, "_trust", lambda: ssl.create_default_context(cafile=str(tmp_path / "ca.pem")))
    with pytest.raises(outbound.Failed, match="TLS"):
        outbound.post(wrong, b"{}", {}, policy=here, deadline_s=5)
    assert outbound.post(right, b"{}", {}, policy=here, deadline_s=5) == 204
    (heard,) = tls.heard
    assert (heard.path, heard.headers["host"]) == ("/x?y=1", f"hooks.example.com:{tls.port}")


def test_a_machine_and_a_webhook_are_kept_in_by_the_same_rule() -> None:
    everywhere = Policy()
    assert everywhere.admits("93.184.216.34") and not everywhere.allows("93.184.216.34")
    company = Policy(["10.1.0.0/16"])
    assert company.admits("10.1.2.3") and company.allows("10.1.2.3") and not company.admits("10.2.0.1")
