"""A manager as its administrator starts it, a token, and a real Prometheus that finds it, its node and its figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.ports import free_port
from tests.support.prometheus import promtool, query, scraping
from tests.support.state import Site, until

pytestmark = pytest.mark.gnupg
PATIENCE_SECONDS = 300.0


def _token(site: Site, name: str, scope: str) -> Path:
    made = site.run("token", "create", name, "--scope", scope)
    assert made.code == 0, made.err
    file = site.base / f"{name}.token"
    file.touch(mode=0o600)
    file.write_text(made.out)
    return file


def _configuration(port: int, token: Path, nodes_port: int) -> str:
    return f"""
global: {{scrape_interval: 2s}}
scrape_configs:
  - job_name: manager
    authorization: {{credentials_file: {token}}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
  - job_name: nodes
    metrics_path: /nowhere
    http_sd_configs:
      - url: http://127.0.0.1:{port}/api/v1/prometheus/sd?port={nodes_port}&domain=invalid
        refresh_interval: 1s
        authorization: {{type: Bearer, credentials_file: {token}}}
"""


def test_prometheus_finds_the_manager_and_its_nodes(site: Site) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    assert site.run("plan", "adopt", str(site.plan)).code == 0
    process = site.start("up", "--listen", f"127.0.0.1:{port}")
    until(lambda: process.poll() is not None or site.ping() is not None, "the agent")
    assert process.poll() is None, process.communicate()[1]
    metrics, read = _token(site, "prometheus", "metrics"), _token(site, "report", "read")
    with httpx.Client(base_url=url, timeout=300) as client:
        _ask(client, site, metrics, read)
    with scraping(_configuration(port, metrics, free_port())) as prometheus:
        until(
            lambda: query(prometheus, 'intendance_node_state{node="web-01",state="up"} == 1') != [],
            "the node",
            PATIENCE_SECONDS,
        )
        until(lambda: query(prometheus, 'up{job="manager"} == 1') != [], "a look that came in time", PATIENCE_SECONDS)
        until(lambda: _discovered(prometheus) != [], "the node to be discovered", PATIENCE_SECONDS)
        (target,) = _discovered(prometheus)
        assert target["discoveredLabels"]["__address__"].startswith("web-01.invalid:")
        assert (target["labels"]["node"], target["labels"]["fleet"]) == ("web-01", "testing")
        assert site.run("token", "revoke", "prometheus").code == 0
        until(lambda: query(prometheus, 'up{job="manager"} == 0') != [], "Prometheus to be refused", PATIENCE_SECONDS)
    (gone, kept) = sorted(site.run("token", "list", "--json").json["tokens"], key=lambda each: each["usable"])
    assert (gone["name"], kept["name"], kept["scopes"]) == ("prometheus", "report", ["read"])
    assert gone["used_at"] is not None
    assert "revoked on" in site.run("token", "list").out


def _discovered(prometheus: httpx.Client) -> list[dict[str, Any]]:
    active = prometheus.get("/api/v1/targets").json()["data"]["activeTargets"]
    return [each for each in active if each["labels"]["job"] == "nodes"]


def _ask(client: httpx.Client, site: Site, metrics: Path, read: Path) -> None:
    headers = {"authorization": f"Bearer {metrics.read_text().strip()}"}
    told = client.get("/metrics", headers=headers)
    assert told.status_code == 200, told.text
    assert promtool("check", "metrics", content=told.content) == ""
    assert client.get("/api/v1/nodes", headers=headers).status_code == 403
    headers = {"authorization": f"Bearer {read.read_text().strip()}"}
    assert client.get("/metrics", headers=headers).status_code == 403
    until(
        lambda: client.get("/api/v1/status?node=web-01", headers=headers).json()["verdicts"] != [],
        "verdicts",
        PATIENCE_SECONDS,
    )
    assert client.get("/api/v1/openapi.json").json()["openapi"] == "3.1.0"
    again = site.run("token", "create", "report", "--scope", "read")
    assert (again.code, "already" in again.err) == (2, True)
    wrong = site.run("token", "create", "x", "--scope", "everything")
    assert (wrong.code, "is no scope" in wrong.err) == (2, True)
    assert site.run("token", "revoke", "nobody").code == 2
