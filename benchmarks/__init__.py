"""How fast the service is, as ratios of things measured side by side: `python -m benchmarks`."""
