"""``python -m experiments.cli``: the command line without the installed script."""

from experiments.cli import main

main()
