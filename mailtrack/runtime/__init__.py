"""What runs the parts: wiring, roles, child processes, who is at work."""
