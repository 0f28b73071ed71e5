"""The command line: ``archgym``. Importing it loads nothing but typer, so that ``archgym --help`` is quick."""

from experiments.cli.app import app, main

__all__ = ["app", "main"]
