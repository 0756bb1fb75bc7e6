"""What the parts of the command line share: help, how a mistake is told, and the options that mean the same everywhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import textwrap
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from typer.core import TyperGroup

from ipclass import completion
from ipclass.errors import IpclassError, OutputError, choices
from ipclass.records import Definition
from ipclass.writing import defined

_UsageError: Any = typer.BadParameter.__mro__[1]  # typer hands out no name for the parent of all its complaints
CLOSED_PIPE = 141
"""The exit code where whoever read the result has read enough, as ``head`` has: what shells give for it."""

MOST_COLUMNS = 4
"""A line with more gaps is the row of a table, which a break would not make more readable."""

CHAPTERS = {
    "Start": "demo",
    "Tag": "classify explain rules duplicates high-value compare",
    "Count": "shares audit indicators drivers report",
    "Teach": "next judge train evaluate labels model corpus",
}
"""In what order ``ipclass --help`` shows the commands; those named in no chapter come last."""

_PLACEHOLDERS: dict[Any, str] = {str: "TEXT", int: "N", float: "NUMBER", Path: "FILE"}


class _Voice:
    """How much is said on standard error, for the one command that runs."""

    quiet = False
    verbose = False


def _hush(wanted: bool) -> bool:
    _Voice.quiet = _Voice.quiet or wanted
    return wanted


def _tell(wanted: bool) -> bool:
    _Voice.verbose = _Voice.verbose or wanted
    return wanted


DefinitionOption = Annotated[Definition, typer.Option("--definition", "-d", help="strict (grade 2) or broad (grades 1 and 2).")]
DefinitionsOption = Annotated[
    Literal["strict", "broad", "both"] | None,
    typer.Option("--definition", "-d", help="strict, broad or both; by default what the table was tagged with."),
]
MethodOption = Annotated[Literal["emq", "acc", "pacc", "pcc", "cc"], typer.Option(help="emq, acc, pacc, pcc; cc counts.")]
LabelsOption = Annotated[str, typer.Option("--label", "-l", help="Labels with commas between them; by default all.")]
ModelOption = Annotated[str, typer.Option("--model", "-m", help="A model folder, or 'shipped', which is the default.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.", callback=_hush)]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Say what is read and how long it takes.", callback=_tell)]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
TitleOption = Annotated[str, typer.Option("--title", help="The column of the title, if it is not a usual name.")]
AbstractOption = Annotated[str, typer.Option("--abstract", help="The column of the abstract.")]
IdOption = Annotated[str, typer.Option("--id", help="The column of the id.")]
InputFormatOption = Annotated[
    str,
    typer.Option(
        "--format", "--input-format", help="csv, tsv, jsonl, parquet, xlsx or an export as lens, if the file does not tell."
    ),
]
OutputFormatOption = Annotated[
    str, typer.Option("--output-format", help="csv, tsv, jsonl, parquet or xlsx, if the ending does not tell.")
]
EncodingOption = Annotated[str, typer.Option("--encoding", help="The encoding of a text table.")]
PrefixOption = Annotated[str, typer.Option("--prefix", help="Put this before the names of the added columns.")]
MetricsOption = Annotated[Path | None, typer.Option("--metrics-file", help="Write the figures as JSON to this file.")]


class Commands(TyperGroup):
    """A group of commands with plain help, ``--quiet`` and ``--verbose`` for each, and mistakes told in one line.

    Exit code 1 says that the data or a gate failed, 2 that the command was called wrongly.
    """

    def __init__(self, **attributes: Any) -> None:
        # Boxes leave no room for words at 80 columns, and what draws them takes as long to import as all the rest.
        super().__init__(**{**attributes, "rich_markup_mode": None})
        for command in self.commands.values():
            command.rich_markup_mode = None  # type: ignore[attr-defined]
            if not isinstance(command, Commands):
                command.help = (command.help or "").replace("\n\nExample:", "\n\n\b\nExample:")  # one line, to copy
                known = {param.name for param in command.params}
                command.params += [param for param in _loudness() if param.name not in known]
            for param in command.params:
                _dress(param)

    def main(self, args: Sequence[str] | None = None, *, standalone_mode: bool = True, **extra: Any) -> Any:  # type: ignore[override]
        """Run the command line and leave with its exit code."""
        if not standalone_mode:
            return super().main(args, standalone_mode=False, **extra)
        for name in ("stdout", "stderr"):  # none where the shell has closed it, as by 2>&-
            if getattr(sys, name) is None:
                setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        _Voice.quiet = _Voice.verbose = False
        began = time.perf_counter()
        try:
            code = super().main(args, standalone_mode=False, **extra)
        except _UsageError as error:
            _told_usage(error, "ipclass", self)
            sys.exit(2)
        except typer.Abort:
            _complain("interrupted")
            sys.exit(130)
        if _Voice.verbose:
            say(f"took {time.perf_counter() - began:.1f} s, at most {_most_memory():,.0f} MB of memory")
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (IpclassError, OSError) as error:
            if isinstance(error, BrokenPipeError) or isinstance(error.__cause__, BrokenPipeError):
                _let_go_of_output()
                raise SystemExit(CLOSED_PIPE) from None
            if _Voice.verbose:
                traceback.print_exc()
            _complain(_of_system(error) if isinstance(error, OSError) else str(error))
            raise SystemExit(1) from None
        except _UsageError as error:
            command = self.commands.get(ctx.invoked_subcommand or "", self)
            _told_usage(error, ctx.command_path + (f" {command.name}" if command is not self else ""), command)
            raise SystemExit(2) from None
        except KeyboardInterrupt:
            _complain("interrupted")
            raise SystemExit(130) from None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write what each command does, in two lines rather than with its sentence cut; the first level in chapters."""
        chapters = CHAPTERS if ctx.parent is None else {}
        rest = [name for name in self.list_commands(ctx) if not any(name in names.split() for names in chapters.values())]
        width = max(map(len, self.commands))
        for title, names in (*chapters.items(), ("More" if chapters else "Commands", " ".join(rest))):
            rows = [(name, self.commands[name].get_short_help_str(400)) for name in names.split() if name in self.commands]
            if rows:
                with formatter.section(title):
                    formatter.write_dl([(name.ljust(width), text) for name, text in rows])


def _dress(param: Any) -> None:
    """Give a parameter what the tab key offers for it, and a plain name for its value in help."""
    described = getattr(param, "type_descriptor", None)
    annotation = getattr(described, "annotation", None)
    kind = get_args(annotation)[0] if get_origin(annotation) is list else annotation
    if described is not None and kind is Path:
        described.parameter_info.readable = False  # what cannot be read is told where it is read: the call was not wrong
    offer = completion.OFFERS.get(param.name)
    if offer is not None and kind is not Path:  # a label file is a file
        param._custom_shell_complete = lambda ctx, _, incomplete: offer({**ctx.params, "rest": ctx.args}, incomplete)
    named = str(param.name).upper() if param.param_type_name == "argument" else _PLACEHOLDERS.get(kind, "NAME")
    param.metavar = param.metavar or named
    if param.param_type_name == "argument":  # TABLE, where Typer would write {TABLE} and TABLE <str>
        shown = f"{param.metavar}{'...' if param.nargs != 1 else ''}"
        param.get_usage_pieces = lambda _: [shown if param.required else f"[{shown}]"]
        param.display_type_rich = lambda **_: ""


def _loudness() -> list[Any]:
    """Return the parameters that every command has, whether its function names them or not."""
    app = typer.Typer(add_completion=False)

    @app.command()
    def _spare(quiet: QuietOption = False, verbose: VerboseOption = False) -> None: ...

    params: list[Any] = typer.main.get_command(app).params
    for param in params:
        param.expose_value = False
    return params


def _told_usage(error: Any, path: str, command: Any) -> None:
    """Say in one line what is wrong with a call, and how to call."""
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(error.format_message(), err=True)
        return
    wrong = _wrong(error, command)
    example = re.search(r"Example: (.*)", command.help or "")
    usage = f"Usage, for example: {example[1]} (more: {path} --help)" if example else f"Usage: {path} --help"
    _complain(f"{wrong}{'' if wrong.endswith('?') else '.'} {usage}")


def _wrong(error: Any, command: Any) -> str:
    """Return what is wrong, with the value and what may have been meant."""
    if type(error).__name__ == "NoSuchOption":
        known = [name for param in command.params for name in param.opts if name.startswith("--")]
        near = get_close_matches(error.option_name, known, n=1)
        return f"no option {error.option_name}{f'; did you mean {near[0]}?' if near else ''}"
    param = getattr(error, "param", None)
    refused = getattr(error.__cause__, "errors", None)
    if param is not None and refused is not None:
        named = "/".join(param.opts) if param.param_type_name == "option" else param.metavar
        (first, *_) = refused()
        options = getattr(getattr(param, "type_descriptor", None), "choices", None)
        why = choices(str(first["input"]), map(str, options)) if options else _lower(first["msg"])
        return f"{named} {first['input']!r}: {why}"
    return _lower(error.format_message()).rstrip(".").replace("'. Did you", "'; did you")


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _of_system(error: OSError) -> str:
    """Return what the system refused, and for which file; of standard output it gives no name."""
    if not error.filename:
        _let_go_of_output()
    return f"{error.filename or 'standard output'}: {_lower(error.strerror or str(error))}"


def _let_go_of_output() -> None:
    """Send what may still be written to standard output nowhere, so that Python does not complain about it as it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _most_memory() -> float:
    try:
        import resource
    except ImportError:  # Windows has none
        return float("nan")
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _complain(line: str) -> None:
    """Say what went wrong, whether or not the user asked for quiet."""
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    broken = _on(sys.stderr, f"ipclass: {line}").removeprefix("ipclass:")
    typer.echo(f"{'ipclass:' if plain else typer.style('ipclass:', fg='red', bold=True)}{broken}", err=True)


def quiet() -> bool:
    """Return whether nothing but errors is to be said."""
    return _Voice.quiet


def told(line: str) -> None:
    """Tell the user what is being done, unless the line is empty or ``--quiet`` is set."""
    if line:
        say(f"{line} ...")


def columns_named(**roles: str) -> dict[str, str]:
    """Return the columns that options name, by their role: none where an option is empty."""
    return {role: name for role, name in roles.items() if name}


def say(line: str) -> None:
    """Tell the user something that is not the result: on standard error, unless ``--quiet`` is set."""
    if not _Voice.quiet:
        typer.echo(_on(sys.stderr, line), err=True)


def detail(line: str) -> None:
    """Tell the user, on standard error, what only ``--verbose`` asks for."""
    if _Voice.verbose:
        typer.echo(_on(sys.stderr, line), err=True)


def show(text: str) -> None:
    """Print a result that people read."""
    typer.echo(_on(sys.stdout, text))


def _on(stream: Any, text: str) -> str:
    """Return ``text`` with its lines broken between words where a terminal would break them within; else as it is."""
    if not stream.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return "\n".join(fitted(line, width) for line in text.splitlines())


def fitted(line: str, width: int) -> str:
    """Return ``line`` in lines of at most ``width``, those after the first below its last column; a table's row as it is.

    >>> print(fitted("ai  1.0  one term, another", 20))
    ai  1.0  one term,
             another
    """
    columns = [match.end() for match in re.finditer(" {2,}", line)]
    if len(line) <= width or len(columns) > MOST_COLUMNS:
        return line
    indent = columns[-1] if columns and columns[-1] <= width // 2 else 0
    return textwrap.fill(line, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path``.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error


def as_json(facts: Any, sort_keys: bool = False) -> str:
    """Return ``facts`` as JSON, with null for what is not defined (nan)."""
    return json.dumps(defined(facts), indent=1, sort_keys=sort_keys)
