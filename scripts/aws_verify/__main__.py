"""Verify Windrow on a real AWS account: apply, try, destroy, report.

    make aws-verify                                    in the account whose credentials are there
    make aws-verify ARGS=--yes                         without asking
    make aws-verify ARGS='--endpoint http://127.0.0.1:4566'    on an emulator (MiniStack)

It applies the example `staging` of infra/ under a random name, with a second bucket in the place of MinIO, and destroys
all of it in any case, also at Ctrl-C. It needs Terraform, and credentials that may make and delete what the example
consists of, roles and users included. Everything that it makes has the random name in its own, or is in the state below
build/aws-verify/.
"""

from __future__ import annotations

import argparse
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from scripts.aws_verify import contract
from scripts.aws_verify.account import Caller
from scripts.aws_verify.checks import CHECKS, Context
from scripts.aws_verify.cleanup import Cleanup
from scripts.aws_verify.costs import Cost, cost
from scripts.aws_verify.inventory import inventory
from scripts.aws_verify.report import Report
from scripts.aws_verify.run import Run
from scripts.aws_verify.setups import Aws, Emulated, Setup, apply
from scripts.aws_verify.targets import second_bucket
from scripts.aws_verify.terraform import Terraform
from windrow import packaging
from windrow.clients.clock import SystemClock
from windrow.cost import price_list
from windrow.lab.stack.servers import ACCESS_KEY, SECRET_KEY
from windrow.packaging.lock import Platform

REPOSITORY = Path(__file__).resolve().parents[2]
REGION = "eu-west-2"
"""The example's."""
WRONG_USE = 2


def main(arguments: list[str] | None = None) -> int:
    """Run; return 0 if all is well and gone, 1 if not, 2 if it may not begin."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--endpoint", metavar="URL", help="an emulator on this machine, instead of AWS")
    parser.add_argument(
        "--plugins", type=Path, metavar="FOLDER", help="where Terraform's provider is, if not from its registry"
    )
    parser.add_argument(
        "--suite", action="append", metavar="PATH", help=f"a contract suite [default: {contract.SUITES}]"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("build/aws-verify"), metavar="FOLDER", help="for the report"
    )
    options = parser.parse_args(arguments)
    root = caller(options.endpoint)
    try:
        account, price = root.account(), None if options.endpoint else cost(price_list.load())
        print(announcement(account, root, price))
        if not (options.yes or agreed()):
            return WRONG_USE
        report = verify(root, account, price, options)
    except (BotoCoreError, ClientError) as error:  # later ones are a step's, and in the report
        print(f"nothing was made: AWS can't be asked what there is: {error}", file=sys.stderr)
        return WRONG_USE
    page = report.write(options.output)
    print(f"{'all is well' if report.ok else 'not all is well'}: {page}")
    for command, why in report.undone.items():
        print(f"could not be destroyed ({why}); do it by: {command}", file=sys.stderr)
    for kind, names in report.left.items():
        print(f"still there, {kind}: {', '.join(names)}", file=sys.stderr)
    return 0 if report.ok else 1


def caller(endpoint: str | None) -> Caller:
    """Return whose credentials are there; at an emulator, its root user."""
    if endpoint is None:
        return Caller(REGION)
    return Caller(REGION, endpoint).with_keys(ACCESS_KEY, SECRET_KEY)


def announcement(account: str, root: Caller, price: Cost | None) -> str:
    """Return what is about to happen, and what it costs."""
    what = f"This applies infra/examples/staging to account {account}, {root.region}, tries it, and destroys it all."
    if price is None:
        return (
            f"This applies infra/local to the emulator at {root.url}, tries it, and destroys it all. It costs nothing."
        )
    items = [f"  {usd:8.2f}  {item}" for item, usd in price.items.items()]
    total = f"  {price.usd:8.2f}  USD in all, assumed; and {price.hour_usd:.2f} for each hour that anything stays"
    return "\n".join([what, *items, total])


def agreed() -> bool:
    """Ask; without a terminal nobody can answer."""
    if not sys.stdin.isatty():
        print("nobody can be asked here: start it in a terminal, or with --yes", file=sys.stderr)
        return False
    return input("Go on? [y/N] ").strip().lower() in {"y", "yes"}


def verify(root: Caller, account: str, price: Cost | None, options: argparse.Namespace) -> Report:
    """Apply, check and destroy; the folder with Terraform's state goes only once nothing is left."""
    clock, cleanup, name = SystemClock(), Cleanup(), f"windrow-{secrets.token_hex(4)}"
    folder = (options.output / name).absolute()
    kind: type[Aws | Emulated] = Emulated if options.endpoint else Aws
    terraform = Terraform(kind.prepare(folder), plugins=options.plugins)
    report = Report(
        name=name,
        at="an emulator" if options.endpoint else "AWS",
        account=account,
        region=root.region,
        commit=said(["git", "rev-parse", "--short", "HEAD"]),
        terraform=said(["terraform", "version"]).partition("\n")[0],
        begun=clock.now(),
        cost_usd=price.usd if price else None,
    )
    run = Run(report, clock, print)
    with run.destroying(cleanup, lambda: inventory(root), terraform.known):
        contexts: list[Context] = []

        def applied() -> str:
            package = built(folder, emulated=bool(options.endpoint))
            setup: Setup = kind(name, root, second_bucket(root, f"{name}-archives", cleanup), terraform.init())
            suites = tuple(options.suite or [contract.SUITES])
            contexts.append(Context(setup, apply(setup, package, cleanup), folder, cleanup, suites))
            return "applied"

        if run.step("apply", "The configuration applies to an account as it is.", applied):
            run.checks(CHECKS, contexts[0])
    if not (report.undone or report.left):
        shutil.rmtree(folder)
    return report


def built(folder: Path, *, emulated: bool) -> Path:
    """Build the zips: for Lambda, or for the Python that runs the emulator, which runs functions too."""
    target = packaging.host_target() if emulated else Platform("arm64", "3.13")
    if target is None:
        raise RuntimeError("no function of Lambda's can run on this machine")
    package = folder / "function.zip"
    packaging.build(REPOSITORY, target, package)
    packaging.build(REPOSITORY, target, packaging.rotation_path(package), packaging.ROTATION)
    return package


def said(command: list[str]) -> str:
    """Return what a command says; empty if there is none of that name."""
    try:
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
