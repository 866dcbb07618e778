"""Write the tables of inputs and outputs into the README of each Terraform module.

    terraform_docs.py          write them
    terraform_docs.py --check  change nothing; exit 1 and name the files that are out of date

It reads what `terraform fmt` writes: blocks that open and close at the margin, attributes indented by two spaces.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

INFRA = Path(__file__).resolve().parent.parent / "infra"
BEGIN = "<!-- begin: tables, written by make tf-docs -->"
END = "<!-- end: tables -->"
LONG = 40
"""A default of more characters than this is not repeated in a table."""


@dataclass(frozen=True)
class Block:
    """A variable or an output: its name and the text of each attribute."""

    name: str
    attributes: dict[str, str]


def blocks(text: str, kind: str) -> Iterator[Block]:
    """Yield the blocks of a kind in the order of the file."""
    for match in re.finditer(rf'^{kind} "(\w+)" \{{\n(.*?)^\}}', text, re.MULTILINE | re.DOTALL):
        yield Block(match[1], dict(_attributes(match[2])))


def _attributes(body: str) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of the attributes at the first level; a value runs until the next line of that level."""
    for match in re.finditer(r"^  (\w+) += (.*\n(?:(?:    .*|  [}\])].*)?\n)*)", body, re.MULTILINE):
        yield match[1], match[2].strip()


def inputs_table(variables: list[Block]) -> str:
    """Return the table of inputs, those without a default first."""
    rows = ["| Input | Type | Default | Description |", "| --- | --- | --- | --- |"]
    for variable in sorted(variables, key=lambda block: ("default" in block.attributes, block.name)):
        attributes = variable.attributes
        rows.append(
            f"| `{variable.name}` | {_code(attributes['type'])} | {_default(attributes)} "
            f"| {_prose(attributes['description'])} |"
        )
    return "\n".join(rows)


def outputs_table(outputs: list[Block]) -> str:
    """Return the table of outputs."""
    rows = ["| Output | Description |", "| --- | --- |"]
    rows += [
        f"| `{output.name}` | {_prose(output.attributes['description'])} |"
        for output in sorted(outputs, key=lambda block: block.name)
    ]
    return "\n".join(rows)


def _default(attributes: dict[str, str]) -> str:
    if "default" not in attributes:
        return "(required)"
    default = " ".join(attributes["default"].split())
    return f"`{default}`" if len(default) <= LONG else "see variables.tf"


def _code(text: str) -> str:
    """Return an expression on one line, with the commas that line ends stood for."""
    line = re.sub(r"([({])\s*\n\s*", r"\1 ", text)
    line = re.sub(r"\s*\n\s*([})])", r" \1", line)
    line = re.sub(r"\s*\n\s*", ", ", line)
    return f"`{' '.join(line.split()).replace('|', chr(92) + '|')}`"


def _prose(quoted: str) -> str:
    return quoted.strip('"').replace('\\"', '"').replace("|", "\\|").replace("<", "&lt;")


def tables(folder: Path) -> str:
    """Return what belongs between the marks in the README of a module."""
    text = "\n".join(path.read_text() for path in folder.glob("*.tf"))
    variables, outputs = list(blocks(text, "variable")), list(blocks(text, "output"))
    return f"{BEGIN}\n{inputs_table(variables)}\n\n{outputs_table(outputs)}\n{END}"


def folders() -> list[Path]:
    """Return every folder with inputs and outputs."""
    return sorted(path.parent for path in INFRA.rglob("variables.tf") if ".terraform" not in path.parts)


def updated(folder: Path) -> str:
    """Return the README of a module with its tables as they should be.

    Raises:
        SystemExit: there is no README, or it has no place for the tables.
    """
    readme = folder / "README.md"
    text = readme.read_text() if readme.is_file() else ""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise SystemExit(f"{readme}: must exist and hold once each: {BEGIN} and {END}")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    return before + tables(folder) + after


def main(arguments: list[str]) -> int:
    """Write or check the tables; return the exit code."""
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    stale = [folder for folder in folders() if updated(folder) != (folder / "README.md").read_text()]
    for folder in stale:
        if arguments:
            print(f"{folder.relative_to(INFRA.parent)}/README.md is out of date: run make tf-docs")
        else:
            (folder / "README.md").write_text(updated(folder))
    return 1 if stale and arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
