"""Policies: whose call it is decides what may answer it, by ordered rules in immutable versions."""
