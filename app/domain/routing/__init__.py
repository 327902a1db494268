"""Which model answers a request that leaves the choice to us: pure rules, same inputs, same order."""
