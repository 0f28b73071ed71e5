"""What RLlib touches in this process, put back."""

from __future__ import annotations

import contextlib
import importlib
import logging
import random
import warnings
from collections.abc import Iterator

import numpy as np

from agents.isolation import isolated

_SILENT = logging.CRITICAL + 1


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global generators that RLlib draws from and keep quiet; undo all of it at the end."""
    import torch

    with isolated(), quiet():
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        yield


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
