from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from share_sql.errors import BenchmarkError
from share_sql.schema.meanings import (
    read_column_meanings,
    read_descriptions,
    with_meanings,
    write_column_meanings,
)
from share_sql.schema.model import Column, ColumnName, Schema, Table

SCHEMA = Schema(
    "shop", (Table("Order Line", (Column("Unit Price"), Column("qty", meaning="old"))), Table("item", ()))
)
PRICE, QTY = ColumnName("Order Line", "Unit Price"), ColumnName("Order Line", "qty")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("#The price.", "The price."),
        ("# 'The price of one item's box.'", "The price of one item's box."),
        ("The 'unit'  price\n in 'EUR'", "The 'unit' price in 'EUR'"),
        ("'unit' or 'box'", "'unit' or 'box'"),
        ('"The price"', "The price"),
    ],
)
def test_a_text_is_stripped_of_what_generators_leave(tmp_path: Path, text: str, meaning: str) -> None:
    path = tmp_path / "column_meaning.json"
    path.write_text(
        json.dumps({"shop|Order Line|Unit Price": text, "shop|item|x": " # "}), encoding="utf-8-sig"
    )
    assert read_column_meanings(path) == {"shop": {PRICE: meaning}}


@pytest.mark.parametrize("content", ["[]", "{", '{"a|b": "x"}', '{"a|b|c": 3}'])
def test_a_bad_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "column_meaning.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BenchmarkError, match="column_meaning"):
        read_column_meanings(path)
    with pytest.raises(BenchmarkError, match="give the path"):
        read_column_meanings(tmp_path / "none.json")


words = st.lists(st.text(st.characters(categories=("L", "N")), min_size=1), min_size=1).map(" ".join)
names = st.text(st.characters(exclude_characters="|", exclude_categories=("C",)), min_size=1)


@given(st.dictionaries(names, st.dictionaries(st.builds(ColumnName, names, names), words, min_size=1)))
def test_what_is_written_is_read_again(meanings: dict[str, dict[ColumnName, str]]) -> None:
    path = Path(tempfile.gettempdir(), f"column_meaning_{os.getpid()}.json")
    write_column_meanings(path, meanings)
    try:
        assert read_column_meanings(path) == meanings
    finally:
        path.unlink()


HEADER = "original_column_name,column_name,column_description,data_format,value_description"


@pytest.mark.parametrize(
    ("content", "price", "qty"),
    [
        (
            f"{HEADER}\nunit price ,,price in €,real,\nQTY,quantity,,int,never 0".encode(),
            "price in €",
            "quantity. Values: never 0",
        ),
        (
            f"\ufeff{HEADER}\r\n\r\n , ,\r\nUnitPrice,p,price in €.,,above 0\r\n".encode(),
            "price in €. Values: above 0",
            None,
        ),
        (f"{HEADER}\nUnit Price,,price in €,,".encode("cp1252"), "price in €", None),
        (f"{HEADER}\nUnit Price,,price\x81\xe9,,".encode("latin-1"), "priceé", None),
        (f"{HEADER}\nUnit Price,,price in €,,".encode("utf-16"), "price in €", None),
        (b"column_name , original_column_name,column_desription\n,unit price,the price", "the price", None),
        (b'unit price,,"the\nprice, ""net"""', 'the price, "net"', None),
        (f"{HEADER}\nnope,,x,,\nqty,qty,,,".encode(), None, None),
        (b"", None, None),
    ],
)
def test_descriptions(tmp_path: Path, content: bytes, price: str | None, qty: str | None) -> None:
    (tmp_path / "order line.csv").write_bytes(content)
    (tmp_path / "unknown.csv").write_bytes(b"x")
    (tmp_path / ".DS_Store").write_bytes(b"x")
    expected = {name: text for name, text in ((PRICE, price), (QTY, qty)) if text is not None}
    assert read_descriptions(tmp_path, SCHEMA) == expected


def test_a_missing_description_folder(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="database_description"):
        read_descriptions(tmp_path / "none", SCHEMA)


def test_with_meanings_ignores_case_and_keeps_others() -> None:
    schema = with_meanings(SCHEMA, {ColumnName("ORDER LINE", "unit PRICE"): "the price"})
    assert [column.meaning for _, column in schema.columns()] == ["the price", "old"]


def test_the_benchmarks_own_files(shared_data: Path) -> None:
    meanings = read_column_meanings(shared_data / "bird" / "dev" / "column_meaning.json")
    texts = [text for columns in meanings.values() for text in columns.values()]
    assert len(texts) == 688
    assert not [text for text in texts if text.startswith("#") or "\n" in text]
