"""Format, validity, tests and tables of the Terraform code; no AWS and no emulator."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scripts.aws_verify.setups import INFRA, LOCK, OVERRIDES, REPOSITORY, Aws, copy_infra
from tests.infra.terraform import Terraform
from windrow.clients.dynamodb.circuits import DynamoCircuits
from windrow.clients.dynamodb.delivery_health import DELIVERED, FAILED
from windrow.core.circuit import Circuit
from windrow.core.errors import DestinationFault, SettingsError
from windrow.settings import PREFIX, Settings, load

pytestmark = pytest.mark.timeout(600)

TESTED = [".", *sorted(str(path.parent.relative_to(INFRA)) for path in INFRA.glob("modules/*/tests"))]
LINES_OF_A_LIST = 20
"""A comment may stand above a list of statements that all need it."""
WILDCARD = re.compile(r'"(\*|[^"]*(:|arn|prefix)[^"]*\*[^"]*)"')
"""A text that holds `*` and looks like an action, an ARN or a principal."""
REASON = re.compile(r"#.*(\"[^\"]*\*\"|refusal|nothing narrower|wildcard)", re.IGNORECASE)
BLOCK = re.MULTILINE | re.DOTALL
EXPECTED = re.compile(r"expect_failures = \[(.*?)\]", re.DOTALL)
OFFERED = [
    "compression_level",
    "fetch_concurrency",
    "ledger_ttl_days",
    "max_archive_bytes",
    "max_bytes_per_s",
    "max_object_bytes",
]
"""Numbers that the aggregator's module passes on as settings."""
NOT_OFFERED = {
    "emf": "on Lambda its default, auto, prints metrics; a worker's own environment says what it does",
    "frame_bytes": "no deployment has needed another; it changes what range reads cost, not what is delivered",
}
"""Settings that Terraform leaves at their defaults, and why."""
ENVIRONMENTS = ["examples/pipeline", "examples/production", "examples/servers", "examples/staging", "local"]


@pytest.fixture(scope="module")
def infra(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of infra/."""
    return copy_infra(tmp_path_factory.mktemp("terraform"))


def sources() -> dict[Path, str]:
    """Return the text of every Terraform file that is part of the stack."""
    return {path: path.read_text() for path in sorted(INFRA.rglob("*.tf")) if ".terraform" not in path.parts}


@pytest.mark.needs("terraform")
def test_format(infra: Path) -> None:
    """Every file is as `terraform fmt` writes it."""
    done = Terraform(infra).run("fmt", "-check", "-recursive", "-no-color", accept=(0, 3))
    assert done.stdout == ""


@pytest.mark.needs("terraform")
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_environments_are_valid(infra: Path, name: str) -> None:
    """Each environment, and with it the root and all modules, passes `terraform validate`."""
    done = Terraform(infra / name).init().run("validate", "-no-color")
    assert "The configuration is valid" in done.stdout


def test_examples_lock_one_provider_for_every_platform() -> None:
    """Each example has a lock file, all the same: a hash of the package here, and of all archives that there are."""
    examples = [path for path in (INFRA / "examples").iterdir() if path.is_dir()]
    texts = {(path / LOCK).read_text() for path in examples}
    (text,) = texts
    assert (1, 15) == tuple(len(re.findall(rf'"{kind}:', text)) for kind in ("h1", "zh"))


@pytest.mark.needs("terraform")
def test_the_example_holds_together_as_it_is_verified_on_aws(tmp_path: Path) -> None:
    """Its plan with a second bucket in the place of MinIO, which `make aws-verify` applies, keeps every bound."""
    staging = Aws.prepare(tmp_path)
    shutil.copytree(OVERRIDES / "tests", staging / "tests")
    terraform = Terraform(staging).init()
    assert "" == terraform.run("fmt", "-check", "-no-color", accept=(0, 3)).stdout
    done = terraform.run("test", "-no-color")
    assert "Success! 1 passed, 0 failed." in done.stdout


@pytest.mark.needs("terraform")
@pytest.mark.parametrize("name", TESTED)
def test_modules_pass_their_own_tests(infra: Path, name: str) -> None:
    """`terraform test` passes in each module, and runs something."""
    done = Terraform(infra / name).init().run("test", "-no-color")
    assert re.search(r"^Success! [1-9]\d* passed, 0 failed\.$", done.stdout, re.MULTILINE)


def test_every_module_has_tests() -> None:
    """No module is without tests of its own."""
    modules = {path.name for path in (INFRA / "modules").iterdir() if path.is_dir()}
    tested = {path.parent.parent.name for path in INFRA.glob("modules/*/tests/*.tftest.hcl")}
    assert modules == tested


def validations(folder: Path) -> Counter[str]:
    """Return how many validations each input of a module has."""
    found: Counter[str] = Counter()
    blocks = re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', (folder / "variables.tf").read_text(), BLOCK)
    for name, body in blocks:
        found[name] = len(re.findall(r"^  validation \{", body, re.MULTILINE))
    return +found


def refusals(folder: Path) -> Counter[str]:
    """Return in how many runs of a module's tests each input is expected to be refused."""
    runs = [run for path in folder.glob("tests/*.tftest.hcl") for run in EXPECTED.findall(path.read_text())]
    return Counter(name for run in runs for name in re.findall(r"var\.(\w+)", run))


@pytest.mark.parametrize("name", TESTED)
def test_every_validation_refuses_something(name: str) -> None:
    """No input has more validations than runs in which it has a bad value: each takes one of its own."""
    assert validations(INFRA / name) - refusals(INFRA / name) == Counter()


def test_tables_in_the_readmes_are_up_to_date() -> None:
    """The tables of inputs and outputs say what the code says."""
    script = REPOSITORY / "scripts" / "terraform_docs.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_functions_get_settings_that_exist() -> None:
    """Every WINDROW_ name in the Terraform code is a setting, since a function refuses to start with any other."""
    known = {PREFIX + field.name.upper() for field in msgspec.structs.fields(Settings)}
    named = {name for text in sources().values() for name in re.findall(rf"\b{PREFIX}[A-Z_]+\b", text)}
    assert named - known - {PREFIX} == set()


def environments() -> dict[str, set[str]]:
    """Return the settings that each Terraform file hands to a function or a worker."""
    pattern = re.compile(rf'{PREFIX}([A-Z_]+)"? +=')
    named = {str(path.relative_to(INFRA)): set(pattern.findall(text)) for path, text in sources().items()}
    return {path: {name.lower() for name in names} for path, names in named.items() if names}


def test_each_setting_is_an_input_or_left_out_for_a_reason() -> None:
    """What `windrow` can be told, Terraform can tell it, but for what is named with its reason."""
    given = set().union(*environments().values())
    assert set(Settings.__struct_fields__) - given == NOT_OFFERED.keys()


def test_functions_that_judge_sizes_get_both() -> None:
    """Whether objects go in parts follows from two settings: with one of them a probe would try another way."""
    sizes = {"max_object_bytes", "max_archive_bytes"}
    assert [] == [path for path, names in environments().items() if names & sizes not in (set(), sizes)]


@pytest.mark.parametrize("name", OFFERED)
def test_settings_offered_are_those_of_the_code(name: str) -> None:
    """A number that Terraform passes on has the code's default, in the root and in the module, and its bounds."""
    default = rf'(?:variable "{name}".*?default +=|\b{name} += optional\(number,) (\d+)'
    bounds = re.compile(rf"var\.{name} >= (\d+) && var\.{name} <= (\d+)")
    root, module = ((INFRA / path).read_text() for path in ("variables.tf", "modules/aggregator/variables.tf"))
    given = [int(found[1]) for text in (root, module) if (found := re.search(default, text, re.DOTALL))]
    ((low, high),) = [(int(least), int(most)) for least, most in bounds.findall(module)]

    assert [getattr(Settings(), name)] * 2 == given
    for accepted in (low, high):
        assert accepted == getattr(load({PREFIX + name.upper(): str(accepted)}, needs=()), name)
    for refused in (low - 1, high + 1):
        with pytest.raises(SettingsError):
            load({PREFIX + name.upper(): str(refused)}, needs=())


class Keys:
    """Stands for DynamoDB, and records the keys of what is read and written."""

    def __init__(self) -> None:
        self.used: set[str] = set()

    def get_item(self, **request: Any) -> dict[str, Any]:
        """Record the key, and find nothing."""
        self.used.add(request["Key"]["object_id"]["S"])
        return {}

    def put_item(self, **request: Any) -> None:
        """Record the key."""
        self.used.add(request["Item"]["object_id"]["S"])


def test_sentinel_may_use_the_circuits_item_and_read_two_more() -> None:
    """Those of `DynamoCircuits`, for the mapping that the function is told of, and of `DynamoDeliveryHealth`."""
    module = INFRA / "modules/sentinel"
    mapping = re.findall(r"WINDROW_EVENT_SOURCE_MAPPING_ID = (\S+)", (module / "function.tf").read_text())
    allowed = re.findall(r'"dynamodb:LeadingKeys" = \[(.*?)\]', (module / "policy.tf").read_text())
    read = ", ".join(f'"{key}"' for key in (FAILED, DELIVERED))
    client: Any = Keys()
    circuits = DynamoCircuits("ledger", f"${{{mapping[0]}}}", client)
    assert circuits.save(Circuit(), replacing=circuits.load())

    assert [*(f'"{key}"' for key in client.used), read] == allowed


def test_faults_have_alarms() -> None:
    """Each kind of fault that the sentinel tells apart has an alarm of its own."""
    text = (INFRA / "modules" / "observability" / "alarms_delivery.tf").read_text()
    faults = re.search(r"faults = \{\n(.*?)\n  \}", text, re.DOTALL)
    assert faults is not None
    assert {kind.value for kind in DestinationFault} == set(re.findall(r"^ +(\w+) +=", faults[1], re.MULTILINE))


def test_no_partition_and_no_region_is_written_down() -> None:
    """Modules and root ask for both, so that the stack goes to any; environments say where they are."""
    found = [
        f"{path.relative_to(INFRA)}: {line.strip()}"
        for path, text in sources().items()
        if not str(path.relative_to(INFRA)).startswith(("examples/", "local/"))
        for line in text.splitlines()
        if re.search(r"arn:aws:|eu-west-2", line.partition(" #")[0]) and "error_message" not in line
    ]
    assert found == []


def test_no_type_is_any() -> None:
    """Every input has a type that says what it holds."""
    loose = [path.name for path, text in sources().items() if re.search(r"^\s*type\s*=.*\bany\b", text, re.MULTILINE)]
    assert loose == []


def test_no_secret_value_is_managed() -> None:
    """Terraform writes no secret value, which would be in its state or replace a rotated one."""
    managed = [path.name for path, text in sources().items() if "aws_secretsmanager_secret_version" in text]
    assert managed == []


def test_wildcards_are_explained() -> None:
    """Every `*` in an action, a resource or a principal has a comment on why, beside it or above in its list."""
    assert unexplained(sources()) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('Action = ["s3:*"]', ["a.tf:2"]),
        ('Action = ["s3:Get*"]', ["a.tf:2"]),
        ('Resource = "arn:aws:sqs:${var.region}:${var.account_id}:*"', ["a.tf:2"]),
        ('Resource = "${var.bucket_arn}/*"', ["a.tf:2"]),
        ('Resource = "*"', ["a.tf:2"]),
        ('Resource = "${var.bucket_arn}/*" # the objects of this one bucket', []),
        ('Resource = "arn:aws:s3:::one"', []),
        ('expression = "2 * files"', []),
    ],
)
def test_wildcards_are_found(line: str, found: list[str]) -> None:
    """Whole or in part; what is no name is left alone."""
    assert unexplained({INFRA / "a.tf": f"{{\n{line}\n}}"}) == found


def unexplained(texts: dict[Path, str]) -> list[str]:
    """Return where a `*` has no reason."""
    bare = []
    for path, text in texts.items():
        # Bounds of inputs talk of wildcards, and hold none; so do descriptions.
        lines = [] if path.name == "variables.tf" else text.splitlines()
        for number, line in enumerate(lines):
            code, _, beside = line.partition(" #")
            if WILDCARD.search(code) and not code.lstrip().startswith(("#", "description")) and not beside:
                above = lines[max(0, number - LINES_OF_A_LIST) : number]
                if not any(REASON.search(other) for other in above):
                    bare.append(f"{path.relative_to(INFRA)}:{number + 1}")
    return bare
