"""Runs one call of a tool of ours: a program in the sandbox, or a picture."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.calls import Usage
from app.domain.errors import GatewayError
from app.domain.plugin_bounds import images
from app.domain.plugin_tools import argument_of
from app.domain.plugin_turns import ToolCall
from app.domain.plugins import BY_TOOL, InUse, PluginFailed, price_of_image
from app.domain.record_parts import Extra
from app.domain.records import Record
from app.plugins import code_exec, image_gen


@dataclass(frozen=True, slots=True)
class Done:
    """What a tool tells the model; `picture`: the address of one for the client, `about` what it shows."""

    text: str
    picture: str = ""
    about: str = ""


def run(call: ToolCall, record: Record) -> Done:
    """Run a call; whatever goes wrong is told to the model, which may try otherwise."""
    name = BY_TOOL[call.name].name
    use = next(use for use in record.plugins if use.name == name)
    try:
        done = (
            make_image(use, argument_of(call), record) if name == "image-gen" else execute(use, call, record)
        )
    except (PluginFailed, GatewayError) as error:
        record.plugin_notes.append({"plugin": name, "state": "failed", "reason": str(error)})
        return Done(f"[It did not work: {error}]")
    record.plugin_notes.append({"plugin": name, "state": "used"})
    return done


def execute(use: InUse, call: ToolCall, record: Record) -> Done:
    """Run a program."""
    return Done(code_exec.run(argument_of(call), use.options["seconds"], record.call.cancellation))


def make_image(use: InUse, prompt: str, record: Record) -> Done:
    """Have a picture made and book its price."""
    if sum(extra.kind == "image" for extra in record.extras) >= images(use):
        raise PluginFailed("No more pictures are made for this call.")
    made = image_gen.make(use, prompt, record.call.cancellation)
    price = price_of_image(use)
    record.extras.append(Extra("image", "image-gen", Usage(), price, price))
    return Done(
        "[The picture is made, and the user sees it already. Do not link it again.]", made.url, prompt
    )
