"""Learners of Ray RLlib: one agent for the whole design, or several that share it.

RLlib's parts are driven directly, in this process: its environment runner samples, its learner updates, and both hold
the same networks. No Ray cluster is started, no thread or worker, and no file is written. ``Algorithm``, which ties the
parts together elsewhere, needs a cluster even without remote workers, and takes seconds to start it.

===================  =================================================================================================
``settings``         hyperparameters and what all these agents share
``ppo``, ``sac``     the agents
``game``             the design problem as RLlib sees it
``modules``          policy and value networks
``training``         the loop of ``ppo``: sample, update, until the budget ends; and what both loops share
``soft_actor_critic``  the loop of ``sac``, and the memory it learns from
``isolation``        seeds, threads, logs and warnings as they were before
===================  =================================================================================================

Only ``settings`` and the agents' own modules may be imported without Ray installed.
"""
