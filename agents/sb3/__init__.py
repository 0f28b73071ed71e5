"""Learners of stable-baselines3 and sb3-contrib on a design environment, in the formulations that each can act in."""
