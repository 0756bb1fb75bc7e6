"""Writes the page of the command line from the program itself: ``python tools/reference.py docs/reference/cli.md``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from ipclass import cli, commands

HEAD = """# The command line

Written from the program by `make reference`. `ipclass COMMAND --help` says the same.

- `-` stands for standard input or output. Results go to standard output or a file, everything else to standard error.
- Nothing is overwritten without `--force`. Files are written whole or not at all.
- `--json` prints for machines. Colour is used on terminals only, and never where `NO_COLOR` is set.
- Every command has `--quiet` (`-q`: nothing but errors), `--verbose` (`-v`: what is read, how long it took, and where a
  mistake was found) and `--help` (`-h`).
- Exit code 0: fine. 1: the data do not allow it, or a gate failed. 2: the command was called wrongly. 130: interrupted.
  141: what read the output has stopped, as `head` does.
- `ipclass --install-completion` lets the tab key complete commands, options, labels and the columns of a table.
"""


def page() -> str:
    """Return the whole page."""
    app = typer.main.get_command(cli.app)
    listed = dict(leaves(app))
    ordered = sorted(listed, key=lambda path: (_chapter(path.split()[1]), list(listed).index(path)))
    options = "".join(_rows(param for param in app.params if param.name != "help"))
    parts = [HEAD, "\n## ipclass\n\n| option | what it does |\n|---|---|\n", options]
    return "".join([*parts, *(_section(path, listed[path]) for path in ordered)])


def leaves(group: Any, path: str = "ipclass") -> Iterator[tuple[str, Any]]:
    """Yield each command under ``group`` with the words that call it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from leaves(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _chapter(name: str) -> int:
    chapters = [names.split() for names in commands.CHAPTERS.values()]
    return next((place for place, names in enumerate(chapters) if name in names), len(chapters))


def _section(path: str, command: Any) -> str:
    text = command.help.replace("\b", "")
    example = re.search(r"Example: (.*)", text)
    told = re.sub(r"\n *Example: .*", "", text).strip()
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [
        param
        for param in command.params
        if param.param_type_name == "option" and param.name not in ("help", "quiet", "verbose")
    ]
    usage = " ".join([path, *("[OPTIONS]" for _ in options[:1]), *map(_argument, arguments)])
    rows = "".join(_rows([*arguments, *options]))
    shown = f"\n```sh\n{example[1]}\n```\n" if example else ""
    return f"\n## {path}\n\n{told}\n\n`{usage}`\n{shown}" + (f"\n| option | what it does |\n|---|---|\n{rows}" if rows else "")


def _argument(param: Any) -> str:
    shown = f"{param.metavar}{'...' if param.nargs != 1 else ''}"
    return shown if param.required else f"[{shown}]"


def _rows(params: Any) -> Iterator[str]:
    for param in params:
        option = param.param_type_name == "option"
        names = ", ".join(f"`{name}`" for name in sorted(param.opts, key=len, reverse=True)) if option else f"`{param.metavar}`"
        value = f" {param.metavar}" if option and not param.is_flag and param.metavar else ""
        default = "" if param.default in (None, "", False, ()) or not getattr(param, "show_default", True) else param.default
        told = (param.help or "").rstrip(".").replace("|", "\\|")
        notes = [told, "required" if param.required and option else "", f"default: `{default}`" if str(default) else ""]
        yield f"| {names}{value} | {'; '.join(filter(None, notes))} |\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), "utf-8")
