"""Anthropic's Messages dialect at our own door: requests in, messages and their events out."""
