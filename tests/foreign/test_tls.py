"""Connections with TLS: certificates are loaded once for all of them, and again when their file was replaced."""

import concurrent.futures
import gc
import shutil
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from abilities import needs_openssl
from assemblyai_calls import client_of, name_of, raised
from fake_assemblyai import FakeAssemblyAI

pytestmark = needs_openssl


def certificate(folder: Path) -> Path:
    """A new certificate of this machine, signed by itself, and its key in one file."""
    made = folder / "both.pem"
    options = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    options += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(made), "-out", str(folder / "certificate.pem")]
    subprocess.run(["openssl", "req", *options], check=True, capture_output=True)
    made.write_bytes(made.read_bytes() + (folder / "certificate.pem").read_bytes())
    return made


@pytest.fixture
def secure(api: FakeAssemblyAI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeAssemblyAI:
    """The fake API behind TLS, with a certificate that REQUESTS_CA_BUNDLE names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    api._server.socket = context.wrap_socket(api._server.socket, server_side=True)
    api.base_url = api.base_url.replace("http:", "https:")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "certificate.pem"))
    return api


def trusting() -> list[ssl.SSLContext]:
    gc.collect()
    return [each for each in gc.get_objects() if isinstance(each, ssl.SSLContext) and each.get_ca_certs()]


def test_the_connections_of_all_threads_share_the_certificates(secure: FakeAssemblyAI) -> None:
    before = trusting()  # of other tests' clients, which may live still
    client, together = client_of(secure), threading.Barrier(3)

    def check() -> None:
        client.check()
        together.wait(30)  # so that each has its own thread

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(check) for _ in range(3)]:
            done.result()
        made = [each for each in trusting() if not any(each is old for old in before)]
        assert len(made) == 1


def test_a_trusted_certificate_of_another_host_is_refused_and_nothing_is_sent(secure: FakeAssemblyAI) -> None:
    error = raised(client_of(secure.base_url.replace("127.0.0.1", "localhost")).check)

    assert (name_of(error), error.refused) == ("Blocked(api)", True)
    assert "no secure connection to localhost" in error.message
    assert not secure.requests


def test_certificates_that_were_replaced_count_from_the_next_connection_on(
    secure: FakeAssemblyAI, tmp_path: Path
) -> None:
    bundle, own = tmp_path / "certificate.pem", tmp_path / "own.pem"
    shutil.copy(bundle, own)
    (tmp_path / "other").mkdir()
    certificate(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "certificate.pem", bundle)
    client = client_of(secure)

    error = raised(client.check)
    assert (name_of(error), error.refused) == ("Blocked(api)", True)
    assert "no secure connection" in error.message

    shutil.copy(own, bundle)
    client.check()
