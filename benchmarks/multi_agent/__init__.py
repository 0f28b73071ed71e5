"""Do several agents that share a design beat one that decides it alone, and when? See docs/multi-agent.md."""
