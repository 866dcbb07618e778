"""The example of a delivery pipeline: its workflows fit the roles that Terraform makes for them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scripts.aws_verify.setups import INFRA

EXAMPLE = INFRA / "examples/pipeline"
WORKFLOWS = {path.stem: path for path in EXAMPLE.glob("workflows/*.yml")}
CREDENTIALS = "aws-actions/configure-aws-credentials"
MAIN = "ref:refs/heads/main"


def workflow(name: str) -> dict[str, Any]:
    """Return a workflow; YAML 1.1 takes its key ``on`` for true."""
    loaded: dict[Any, Any] = msgspec.yaml.decode(WORKFLOWS[name].read_bytes())
    return {"on" if key is True else key: value for key, value in loaded.items()}


def jobs() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Return each job with its workflow and the step that takes on its role."""
    return [
        (name, job, next(step for step in job["steps"] if step.get("uses", "").startswith(CREDENTIALS)))
        for name in WORKFLOWS
        for job in workflow(name)["jobs"].values()
    ]


def setting(name: str) -> str:
    """Return a setting of the stage in the example's module."""
    found = re.search(rf'^  {name} += "([^"]+)"$', (EXAMPLE / "main.tf").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def test_each_role_is_taken_on_by_the_jobs_that_it_trusts() -> None:
    """By name; apply and deploy in the environment, plan without it in pull requests and on the main branch."""
    role = f"arn:aws:iam::{setting('account_id')}:role/pipeline-{setting('name')}-"
    environment = setting("environment")
    taken = [(name, step["with"]["role-to-assume"], job.get("environment")) for name, job, step in jobs()]
    assert [
        ("apply", f"{role}apply", environment),
        ("apply", f"{role}deploy", environment),
        ("drift", f"{role}plan", None),
        ("plan", f"{role}plan", None),
    ] == sorted(taken)
    assert workflow("apply")["on"] == {"push": {"branches": ["main"]}}


SUBJECTS = {"pull_request": "pull_request", "push": MAIN, "schedule": MAIN, "workflow_dispatch": MAIN}
"""What GitHub's token calls a job without an environment, by what started it; the last is started on main, or refused.

https://docs.github.com/actions/reference/openid-connect-reference
"""


def subjects(name: str, job: dict[str, Any]) -> set[str]:
    """Return what the token of a job may call it."""
    if "environment" in job:
        return {f"environment:{job['environment']}"}
    started_by = workflow(name)["on"]
    return {SUBJECTS[event] for event in ([started_by] if isinstance(started_by, str) else started_by)}


def test_each_role_trusts_the_jobs_that_take_it_on() -> None:
    """By the subject of their token, and no others."""
    roles = (INFRA / "modules/pipeline/roles.tf").read_text()
    trusted = {
        role: set(re.findall(r'"([^"]+)"', subjects.replace("${var.environment}", setting("environment"))))
        for role, subjects in re.findall(r"^    (plan|apply|deploy) += \[(.*)\]$", roles, re.MULTILINE)
    }
    used: dict[str, set[str]] = {}
    for name, job, step in jobs():
        used.setdefault(step["with"]["role-to-assume"].rpartition("-")[2], set()).update(subjects(name, job))
    assert trusted == used


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_a_workflow_may_ask_for_a_token_and_read(name: str) -> None:
    """And nothing else, in no job."""
    loaded = workflow(name)
    assert loaded["permissions"] == {"contents": "read", "id-token": "write"}
    assert [job for job in loaded["jobs"].values() if "permissions" in job] == []


def test_what_is_installed_sees_no_credentials() -> None:
    """The zip is built before the job takes on its role."""
    for _name, job, credentials in jobs():
        built = [number for number, step in enumerate(job["steps"]) if "windrow package" in step.get("run", "")]
        assert len(built) == 1
        assert built[0] < job["steps"].index(credentials)


@pytest.mark.parametrize("name", ["drift", "plan"])
def test_a_plan_takes_no_lock(name: str) -> None:
    """The role for it can't write one."""
    plans = re.findall(r"^.*terraform .*\bplan\b.*$", WORKFLOWS[name].read_text(), re.MULTILINE)
    assert len(plans) == 1
    assert "-lock=false" in plans[0]


def test_the_stage_is_the_one_of_the_example() -> None:
    """Its name, bucket and state are those of examples/staging."""
    stage = (INFRA / "examples/staging/main.tf").read_text()
    backend = (INFRA / "examples/staging/backend.tf").read_text()
    state = re.search(r'state += \{ bucket = "([^"]+)", key = "([^"]+)" \}', (EXAMPLE / "main.tf").read_text())
    assert state is not None
    assert f'"{setting("name")}"' in stage
    assert f'"{setting("landing_bucket_name")}"' in stage
    assert [True, True] == [f'= "{part}"' in backend for part in state.groups()]


def test_workflows_are_documented() -> None:
    """The example's page links each of them."""
    linked = set(re.findall(r"\(workflows/(\w+)\.yml\)", Path(EXAMPLE / "README.md").read_text()))
    assert set(WORKFLOWS) == linked
