"""The private authority: made once, kept, renewed in time, trusted only by who is told to."""

from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from opensqt_actors.simvenue.server.certificates import Certificates, ensure, server_context

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def handshake(certificates: Certificates, host: str, trust: ssl.SSLContext) -> str | None:
    """Both ends of a TLS handshake in memory; the protocol version."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trust.wrap_bio(to_client, to_server, server_hostname=host)
    server = server_context(certificates).wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return client.version()


@pytest.mark.parametrize("host", ["fapi.binance.com", "fstream.binance.com", "ws-fapi.binance.com", "localhost"])
def test_the_real_host_names_are_certified(tmp_path: Path, host: str) -> None:
    certificates = ensure(tmp_path)
    assert handshake(certificates, host, ssl.create_default_context(cafile=str(certificates.ca))) == "TLSv1.3"


def test_another_host_is_not(tmp_path: Path) -> None:
    certificates = ensure(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(certificates, "example.com", ssl.create_default_context(cafile=str(certificates.ca)))


def test_nobody_else_trusts_the_authority(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(ensure(tmp_path), "fapi.binance.com", ssl.create_default_context())


def test_old_protocol_versions_are_refused(tmp_path: Path) -> None:
    assert server_context(ensure(tmp_path)).minimum_version is ssl.TLSVersion.TLSv1_2


def test_private_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    ensure(tmp_path)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("*.key")} == {0o600}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ca.key", "ca.pem", "venue.key", "venue.pem"]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_certificates_are_used_again(tmp_path: Path) -> None:
    ensure(tmp_path, NOW)
    before = contents(tmp_path)
    ensure(tmp_path, NOW + timedelta(days=300))
    assert contents(tmp_path) == before


def test_a_certificate_about_to_expire_is_renewed_under_the_same_authority(tmp_path: Path) -> None:
    ensure(tmp_path, NOW)
    before = contents(tmp_path)
    later = NOW + timedelta(days=340)
    certificates = ensure(tmp_path, later)
    assert contents(tmp_path)["ca.pem"] == before["ca.pem"]
    leaf = x509.load_pem_x509_certificate(certificates.chain.read_bytes())
    assert leaf.not_valid_after_utc > later + timedelta(days=300)


def test_an_expired_authority_is_replaced_with_all_it_signed(tmp_path: Path) -> None:
    ensure(tmp_path, NOW)
    before = contents(tmp_path)
    ensure(tmp_path, NOW + timedelta(days=3640))
    assert all(content != before[name] for name, content in contents(tmp_path).items())


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    certificates = ensure(tmp_path)
    certificates.key.write_text("nonsense")
    handshake(ensure(tmp_path), "fapi.binance.com", ssl.create_default_context(cafile=str(certificates.ca)))
