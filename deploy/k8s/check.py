#!/usr/bin/env python3
"""Checks the manifests without a cluster: Kubernetes' own schemas (PyPI kubernetes-validate), and what no schema knows.

Not covered: cert-manager's kinds have no schema there; they are only read. With kubectl on the machine the example overlay is
rendered and its result checked too.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import kubernetes_validate
import yaml

HERE = Path(__file__).parent
BASE = HERE / "base"
SOURCES = HERE.parents[1]
WITHOUT_SCHEMA = ("cert-manager.io/", "kustomize.config.k8s.io/")
WORKLOADS = ("Deployment", "StatefulSet", "Job")

problems = []


def problem(where, sentence):
    problems.append(f"{where}: {sentence}")


def name_of(document):
    return f"{document['kind']} {document['metadata']['name']}"


def documents(text):
    return [document for document in yaml.safe_load_all(text) if document]


def check_schema(document):
    if document["apiVersion"].startswith(WITHOUT_SCHEMA):
        return
    try:
        kubernetes_validate.validate(document, "1.37", strict=True)
    except kubernetes_validate.ValidationError as error:
        problem(name_of(document), error.message)


def pod_of(document):
    return document["spec"]["template"]["spec"]


def check_hardening(document):
    where, pod = name_of(document), pod_of(document)
    context = pod.get("securityContext", {})
    if context.get("runAsNonRoot") is not True:
        problem(where, "may run as root")
    if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        problem(where, "has no seccomp profile")
    if pod.get("automountServiceAccountToken") is not False:
        problem(where, "gets a token of its service account")
    for container in pod["containers"]:
        own = container.get("securityContext", {})
        if own.get("readOnlyRootFilesystem") is not True:
            problem(where, "can write to its root file system")
        if own.get("allowPrivilegeEscalation") is not False or own.get("capabilities", {}).get("drop") != ["ALL"]:
            problem(where, "keeps privileges")
        if "memory" not in container.get("resources", {}).get("limits", {}):
            problem(where, "has no memory limit")
        if document["kind"] != "Job":
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                if probe not in container:
                    problem(where, f"has no {probe}")


def check_references(document, there):
    where, pod = name_of(document), pod_of(document)
    wanted = [("ServiceAccount", pod["serviceAccountName"])]
    for container in pod["containers"]:
        wanted += [("ConfigMap", source["configMapRef"]["name"]) for source in container.get("envFrom", [])]
        for variable in container.get("env", []):
            if "secretKeyRef" in variable.get("valueFrom", {}):
                wanted.append(("Secret", variable["valueFrom"]["secretKeyRef"]["name"]))
        volumes = {volume["name"] for volume in pod.get("volumes", [])}
        volumes |= {claim["metadata"]["name"] for claim in document["spec"].get("volumeClaimTemplates", [])}
        for mount in container.get("volumeMounts", []):
            if mount["name"] not in volumes:
                problem(where, f"mounts {mount['name']}, which is no volume of it")
    for volume in pod.get("volumes", []):
        sources = [volume] + volume.get("projected", {}).get("sources", [])
        for source in sources:
            if "secret" in source:
                secret = source["secret"]
                wanted.append(("Secret", secret.get("secretName") or secret["name"]))
    for reference in wanted:
        if reference not in there:
            problem(where, f"refers to {' '.join(reference)}, which nothing makes")


def check_selectors(all_documents):
    pods = [pod["spec"]["template"]["metadata"]["labels"] for pod in all_documents if pod["kind"] in WORKLOADS]
    for document in all_documents:
        spec = document.get("spec", {})
        selector = {
            "Service": lambda: spec["selector"],
            "PodDisruptionBudget": lambda: spec["selector"]["matchLabels"],
            "NetworkPolicy": lambda: spec["podSelector"].get("matchLabels", {}),
        }.get(document["kind"], dict)()
        if selector and not any(selector.items() <= labels.items() for labels in pods):
            problem(name_of(document), "selects no pod")


def check_hsm_wall(all_documents):
    """Only kms-service reaches hsm-service's gRPC, and hsm-service reaches nobody."""
    policies = [document for document in all_documents if document["kind"] == "NetworkPolicy"]
    everything = [p for p in policies if p["spec"]["podSelector"] == {} and not p["spec"].get("ingress")]
    if not any(sorted(p["spec"]["policyTypes"]) == ["Egress", "Ingress"] for p in everything):
        problem("network", "nothing denies by default")
    labels = {"app.kubernetes.io/name": "hsm-service", "app.kubernetes.io/part-of": "keystead"}
    callers, goals = [], []
    for policy in policies:
        if selects(policy["spec"]["podSelector"], labels):
            for rule in policy["spec"].get("ingress", []):
                if any(port["port"] != 9090 for port in rule.get("ports", [{"port": "any"}])):
                    callers += rule.get("from", ["anybody"])
            goals += policy["spec"].get("egress", [])
    if callers != [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "kms-service"}}}]:
        problem("NetworkPolicy hsm-service", f"lets in {callers}")
    if goals:
        problem("NetworkPolicy hsm-service", f"lets out to {goals}")


def selects(selector, labels):
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    for expression in selector.get("matchExpressions", []):
        inside = labels.get(expression["key"]) in expression.get("values", [])
        if (expression["operator"] == "In") != inside:
            return False
    return True


def check_variables(text, where):
    """A setting that no program reads is a mistake in its name."""
    known = "".join(
        path.read_text()
        for folder in ("apps", "libs")
        for path in (SOURCES / folder).glob("*/src/**/*.ts")
    )
    own = ("KEYSTEAD_DATABASE_HOST", "KEYSTEAD_DATABASE_OPTIONS", "KEYSTEAD_DATABASE_ADMIN_USER")  # parts of a URL
    for document in documents(text):
        for variable in variables(document):
            if variable.startswith("KEYSTEAD_") and variable not in own and variable not in known:
                problem(where, f"sets {variable}, which no program reads")


def variables(document):
    yield from document.get("data", {}) if document.get("kind") == "ConfigMap" else []
    if document.get("kind") in WORKLOADS:
        for container in pod_of(document)["containers"]:
            yield from (variable["name"] for variable in container.get("env", []))
    for service in document.get("services", {}).values():  # a compose file
        yield from service.get("environment", {})


def made_here(all_documents, overlay):
    there = {(d["kind"], d["metadata"]["name"]) for d in all_documents}
    there |= {("Secret", d["spec"]["secretName"]) for d in all_documents if d["kind"] == "Certificate"}
    there |= {("Secret", generated["name"]) for generated in overlay["secretGenerator"]}
    return there


def check_rendered():
    if not shutil.which("kubectl"):
        print("kubectl is not here: the example overlay is read, not rendered")
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(HERE, Path(folder) / "k8s"))
        example = copy / "overlays/example"
        subprocess.run(["sh", str(example / "secrets.sh")], check=True)
        rendered = subprocess.run(["kubectl", "kustomize", str(example)], capture_output=True, text=True)
    if rendered.returncode != 0:
        problem("overlays/example", rendered.stderr.strip())
        return
    for document in documents(rendered.stdout):
        check_schema(document)


def main():
    kustomization = yaml.safe_load((BASE / "kustomization.yaml").read_text())
    files = sorted(path.name for path in BASE.glob("*.yaml") if path.name != "kustomization.yaml")
    if sorted(kustomization["resources"]) != files:
        problem("base/kustomization.yaml", "does not list exactly the files beside it")
    everything = [document for name in files for document in documents((BASE / name).read_text())]
    overlay = yaml.safe_load((HERE / "overlays/example/kustomization.yaml").read_text())
    there = made_here(everything, overlay)
    for document in everything:
        check_schema(document)
        if document["kind"] in WORKLOADS:
            check_hardening(document)
            check_references(document, there)
    check_selectors(everything)
    check_hsm_wall(everything)
    for name in files:
        check_variables((BASE / name).read_text(), f"base/{name}")
    check_variables((HERE.parent / "compose.yaml").read_text(), "compose.yaml")
    check_rendered()
    for sentence in problems:
        print(sentence, file=sys.stderr)
    skipped = sum(document["apiVersion"].startswith(WITHOUT_SCHEMA) for document in everything)
    print(f"{len(everything)} Kubernetes resources: {len(problems)} problems; {skipped} of cert-manager without a schema")
    sys.exit(1 if problems else 0)


main()
