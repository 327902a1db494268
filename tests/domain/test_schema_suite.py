"""The official JSON-Schema-Test-Suite through the gateway's own validator, drafts 7 and 2020-12.

Every case agrees, or its schema is refused when it is saved, for a reason that is listed here.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from app.domain.bodies import encoded
from app.domain.json_schemas import DRAFT_7, DRAFT_2020_12, Unusable, compile_schema
from run.schema_suite import DIRECTORY

ELSEWHERE = "it refers to another document"
NOWHERE = "a reference leads nowhere"  # an anchor: only paths inside the document are followed
BASE = "$id is not followed"  # inside a schema: it would move what references mean
REFUSED = {
    "draft7": {
        ("definitions", ELSEWHERE): 1,
        ("ref", BASE): 6,
        ("ref", ELSEWHERE): 9,
        ("ref", NOWHERE): 1,
        ("refRemote", BASE): 3,
        ("refRemote", ELSEWHERE): 8,
    },
    "draft2020-12": {
        ("anchor", NOWHERE): 1,
        ("anchor", ELSEWHERE): 3,
        ("defs", ELSEWHERE): 1,
        ("dynamicRef", "$dynamicRef is not followed"): 3,
        ("dynamicRef", "$dynamicAnchor is not followed"): 4,
        ("dynamicRef", BASE): 2,
        ("dynamicRef", NOWHERE): 1,
        ("dynamicRef", ELSEWHERE): 10,
        ("ref", "$anchor is not followed"): 1,
        ("ref", BASE): 1,
        ("ref", NOWHERE): 1,
        ("ref", ELSEWHERE): 12,
        ("refRemote", BASE): 3,
        ("refRemote", ELSEWHERE): 12,
        ("unevaluatedItems", ELSEWHERE): 1,
        ("unevaluatedProperties", ELSEWHERE): 1,
        ("vocabulary", "it is not a valid JSON Schema"): 2,  # a draft of its own
    },
}
LEAST_AGREEING = {"draft7": 800, "draft2020-12": 1_000}


@pytest.mark.parametrize(("draft", "uri"), [("draft7", DRAFT_7), ("draft2020-12", DRAFT_2020_12)])
def test_every_case_agrees_or_is_refused_for_a_listed_reason(draft: str, uri: str) -> None:
    root = Path(os.environ.get("SLUICE_TEST_SCHEMA_SUITE") or DIRECTORY) / draft
    refused, agreeing, wrong = Counter[tuple[str, str]](), 0, []
    for path in sorted(root.glob("*.json")):
        for group in json.loads(path.read_text(encoding="utf-8")):
            schema = group["schema"]
            try:
                checker = compile_schema({"$schema": uri, **schema} if isinstance(schema, dict) else schema)
            except Unusable as error:
                refused[path.stem, str(error).partition(":")[0]] += 1
                continue
            for case in group["tests"]:
                found = checker.complaint(case["data"], len(encoded(case["data"]))) is None
                agreeing += found == case["valid"]
                wrong += [f"{path.stem}: {case['description']}"] if found != case["valid"] else []
    assert wrong == [] and refused == REFUSED[draft]
    assert agreeing > LEAST_AGREEING[draft]
