"""Requests at random out of the OpenAPI document: no answer of 5xx, each as the document says.

`runs/service_fuzz.py` sends thousands.
"""

from __future__ import annotations

from runs.service_fuzz import counted, fuzz


def test_answers_are_as_the_document_says(shop_url: str) -> None:
    before = sum(counted(shop_url).values())
    fine, report = fuzz(shop_url, 12, phases="fuzzing")
    assert fine, report
    after = counted(shop_url)
    assert sum(after.values()) - before > 60
    assert after["/v1/correct", "200"] > 0
    assert after["/v1/batch", "200"] > 0
