"""Compiled kernels of agents that advance many runs at once."""
