"""bin/bench: what a call costs, beside other gateways, with many rows, and over time."""
