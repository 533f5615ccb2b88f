"""The manifests of deploy/k8s as `kubectl apply -k` would send them."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.kit.servers import ROOT, find_binary

MANIFESTS = ROOT / "deploy/k8s"
WITH_ONE_REDIS = ("overlays/traefik", "overlays/ingress-nginx")
WITH_SENTINEL = ("overlays/traefik-sentinel", "overlays/ingress-nginx-sentinel")
GATEWAYS = ("base", *WITH_ONE_REDIS, *WITH_SENTINEL)
"""Kustomizations that hold a whole gateway; the others are for the namespaces of applications and proxies."""
KUSTOMIZATIONS = (
    *GATEWAYS,
    "overlays/traefik/application",
    "overlays/traefik/proxy",
    "overlays/ingress-nginx/application",
)
VERSIONS = ("1.31", "1.34", "1.37")
SECRETS = "/run/secrets/gateway"

Manifest = dict[str, Any]


@cache
def _rendered(kustomization: str) -> str:
    command = [find_binary("kubectl"), "kustomize", str(MANIFESTS / kustomization)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr  # a deprecated field is a warning there
    return done.stdout


def render(kustomization: str) -> list[Manifest]:
    """Every resource of a kustomization; anew each time, so that a test may change it."""
    return list(yaml.safe_load_all(_rendered(kustomization)))


def one(manifests: Sequence[Manifest], kind: str, name: str) -> Manifest:
    """The resource of that name; the hash behind a generated name does not count."""
    found = [
        manifest
        for manifest in manifests
        if manifest["kind"] == kind and _plain(manifest["metadata"]["name"], name) == name
    ]
    assert len(found) == 1, f"{len(found)} of {kind}/{name}"
    return found[0]


def _plain(name: str, wanted: str) -> str:
    stem, _, last = name.rpartition("-")
    return stem if stem == wanted and len(last) == 10 else name


def pods(manifests: Sequence[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Pod specs under the names of their owners."""
    for manifest in manifests:
        if "template" in manifest.get("spec", {}):
            yield manifest["metadata"]["name"], manifest["spec"]["template"]["spec"]


def schema_faults(manifests: Sequence[Manifest]) -> list[str]:
    """What the schemas of Kubernetes, and ours of custom resources, find."""
    # The schemas are a package of the interpreter beside the command.
    interpreter = Path(find_binary("kubernetes-validate")).with_name("python")
    judge = [str(interpreter), str(ROOT / "tests/kit/judge_manifests.py")]
    done = subprocess.run(
        [*judge, *VERSIONS],
        input=json.dumps(manifests),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()


def write_mounted(
    manifests: Sequence[Manifest], folder: Path, secret: dict[str, str]
) -> tuple[Path, dict[str, str]]:
    """What the gateway's container finds: its gateway.yaml, with the Secret's files under `folder`, and its environment.

    Nothing is given to it but what the Deployment mounts and sets.
    """
    pod = one(manifests, "Deployment", "gateway")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert mounts["secrets"] == SECRETS
    assert mounts["config"] == "/etc/gateway"
    for item in volumes["secrets"]["secret"]["items"]:
        (folder / item["path"]).write_text(secret[item["key"]])
    environment = {
        variable["name"]: variable["value"]
        if "value" in variable
        else secret[variable["valueFrom"]["secretKeyRef"]["key"]]
        for variable in container["env"]
    }
    config = next(
        manifest
        for manifest in manifests
        if manifest["kind"] == "ConfigMap"
        and manifest["metadata"]["name"] == volumes["config"]["configMap"]["name"]
    )
    file = folder / "gateway.yaml"
    file.write_text(config["data"]["gateway.yaml"].replace(SECRETS, str(folder)))
    return file, environment
