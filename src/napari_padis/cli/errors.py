"""How the command line ends: exit statuses, and one sentence instead of a traceback."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from napari_padis.errors import InputError, PadisError

#: Something went wrong while computing.
FAILED = 1
#: The command, a name, a file or an array could not be used as given.
WRONG_INPUT = 2
#: Ended by Ctrl-C.
INTERRUPTED = 130


class OneSentenceGroup(TyperGroup):
    """Command group that tells errors in one sentence on stderr.

    ``--debug`` is understood anywhere on the line and shows the traceback instead.
    """

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line; exits unless ``standalone_mode`` is off."""
        words = list(sys.argv[1:] if args is None else args)
        # What follows '--' is an argument, whatever it looks like.
        end = words.index("--") if "--" in words else len(words)
        debug = "--debug" in words[:end]
        words = [word for word in words[:end] if word != "--debug"] + words[end:]
        try:
            result = super().main(
                words, prog_name, complete_var, False, windows_expand_args, **extra
            )
        except Exception as error:
            if debug or not standalone_mode:
                raise
            print(f"napari-padis: {sentence(error)}", file=sys.stderr)
            sys.exit(status(error))
        if standalone_mode:
            # Without standalone mode typer returns the status of an early exit.
            sys.exit(result if isinstance(result, int) else 0)
        return result


def sentence(error: Exception) -> str:
    """What to tell the user about an error, on one line."""
    if isinstance(error, PadisError):
        text = str(error)
    elif _is_usage(error):
        text = error.format_message()  # type: ignore[attr-defined]
    elif isinstance(error, typer.Abort):
        text = "Interrupted."
    elif isinstance(error, OSError) and error.strerror:
        where = f"'{error.filename}': " if error.filename else ""
        text = f"{where}{error.strerror}."
    elif isinstance(error, MemoryError):
        text = "The memory of this machine does not suffice; take fewer slices or samples."
    else:
        detail = f"{type(error).__name__}: {error}"
        text = f"Unexpected {detail} (run again with --debug for the traceback)."
    text = " ".join(text.split())
    return text if text.endswith((".", ")", "?")) else f"{text}."


def status(error: Exception) -> int:
    """Exit status that belongs to an error."""
    if isinstance(error, InputError | FileNotFoundError) or _is_usage(error):
        return WRONG_INPUT
    if isinstance(error, typer.Abort):
        return INTERRUPTED
    return FAILED


def _is_usage(error: Exception) -> bool:
    """Whether the parser raised this; its classes live in other places in other releases."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")
