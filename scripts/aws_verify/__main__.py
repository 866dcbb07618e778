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
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from scripts.aws_verify import contract
from scripts.aws_verify.account import Caller
from scripts.aws_verify.costs import Cost, cost
from scripts.aws_verify.report import Report
from scripts.aws_verify.verification import Verification
from windrow.cost import price_list
from windrow.lab.stack.servers import ACCESS_KEY, SECRET_KEY

REGION = "eu-west-2"
"""The example's."""
WRONG_USE = 2


def main(arguments: list[str] | None = None) -> int:
    """Run; return 0 if all is well and gone, 1 if not, 2 if it may not begin."""
    options = parsed(arguments)
    root = caller(options.endpoint)
    try:
        account, price = root.account(), None if options.endpoint else cost(price_list.load())
        print(announcement(account, root, price))
        if not (options.yes or agreed()):
            return WRONG_USE
        report = verify(root, price, options)
    except (BotoCoreError, ClientError) as error:  # later ones are a step's, and in the report
        print(f"nothing was made: AWS can't be asked what there is: {error}", file=sys.stderr)
        return WRONG_USE
    return told(report, options.output)


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options that the arguments give."""
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
    return parser.parse_args(arguments)


def verify(root: Caller, price: Cost | None, options: argparse.Namespace) -> Report:
    """Apply, check and destroy; the folder with Terraform's state goes only once nothing is left."""
    suites = tuple(options.suite or [contract.SUITES])
    verification = Verification(root, options.output, suites, plugins=options.plugins)
    verification.report.cost_usd = price.usd if price else None
    with verification.destroying():
        verification.check()
    verification.tidy()
    return verification.report


def told(report: Report, folder: Path) -> int:
    """Write the report, say what is amiss and return the exit code."""
    page = report.write(folder)
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


if __name__ == "__main__":
    sys.exit(main())
