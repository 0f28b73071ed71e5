"""What learners on torch touch in this process, put back."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np


@contextlib.contextmanager
def isolated() -> Iterator[None]:
    """One thread, and the process's global generators, which learning libraries seed and draw from, as they were.

    Torch's checks of distribution arguments, a quarter of the run time of small networks, are off meanwhile.
    """
    import torch
    from torch.distributions import Distribution

    threads, validate = torch.get_num_threads(), Distribution._validate_args
    python_state, numpy_state = random.getstate(), np.random.get_state()
    torch.set_num_threads(1)
    Distribution.set_default_validate_args(False)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)
        Distribution.set_default_validate_args(validate)
        random.setstate(python_state)
        np.random.set_state(numpy_state)
