"""OpenAI's Responses dialect: its requests as chat bodies, chat answers as responses and their events."""
