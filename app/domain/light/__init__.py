"""Light mode: a client asks what a policy says, calls its provider itself and reports what came of it."""
