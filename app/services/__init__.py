"""The verbs: load, ask the domain, store; one transaction each. The actor comes first."""
