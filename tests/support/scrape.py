"""A process's metrics, as Prometheus would read them."""

from __future__ import annotations

import socket
import urllib.request
from collections import defaultdict

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

HOST = "127.0.0.1"


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def samples(port: int) -> list[Sample]:
    """All of them, with their labels."""
    with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def scrape(port: int) -> dict[str, float]:
    """Every metric by its name, the samples of all labels added up."""
    found: dict[str, float] = defaultdict(float)
    for sample in samples(port):
        found[sample.name] += sample.value
    return found
