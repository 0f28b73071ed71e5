"""What RLlib touches in this process, put back."""

from __future__ import annotations

import contextlib
import importlib
import logging
import random
import warnings
from collections.abc import Iterator

import numpy as np

_SILENT = logging.CRITICAL + 1


@contextlib.contextmanager
def isolated(seed: int) -> Iterator[None]:
    """Seed the global generators that RLlib draws from, use one thread and keep quiet; undo all of it at the end."""
    import torch
    from torch.distributions import Distribution

    threads, validate = torch.get_num_threads(), Distribution._validate_args
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]), quiet():
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        Distribution.set_default_validate_args(False)  # a quarter of the time of small networks
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            Distribution.set_default_validate_args(validate)
            random.setstate(states[0])
            np.random.set_state(states[1])


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Import RLlib and silence its logs and all warnings until the end; loggers of others stay as they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        disabled = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            importlib.import_module("ray.rllib")
        finally:
            logging.disable(disabled)
        names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "ray"]
        levels = {logger: logger.level for logger in map(logging.getLogger, names)}
        for logger in levels:
            logger.setLevel(_SILENT)
        try:
            yield
        finally:
            for logger, level in levels.items():
                logger.setLevel(level)
