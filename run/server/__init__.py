"""Sluice's own HTTP server: a gunicorn worker on gevent that parses with llhttp and answers in one send.

    worker.py         gunicorn's side: start, heartbeat, drain, end
    listener.py       accepts connections, as many as the worker may have
    client_socket.py  what is sent and received, and for how long a client may make others wait; its hang-up
    connection.py     one client: its requests one after another, and their bodies
    heads.py          a request's head as WSGI's environ, or the refusal of it
    bodies.py         what the app reads as `wsgi.input`
    responses.py      what the app answers, as bytes
    clock.py          the time that deadlines and the Date header go by
    limits.py         how much and how long a client may take

gunicorn's master imports this before gevent patches anything: nothing here may import Flask, Werkzeug or
the app.
"""
