"""The docs' Python does what the pages say, and a page that says something else is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docs import check, python_blocks

PAGES = [page for page in check.pages(check.ROOT) if list(python_blocks.blocks(page.read_text("utf-8")))]
PAGE = """\
```python run
one = 1
print(one)
```

```text output
1
```

```python
never = run
```

```python run
assert one == 1
```

```text
of no block
```
"""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_pages_blocks(page: Path) -> None:
    assert list(python_blocks.check_python(page, page.name)) == []


def test_the_notebook() -> None:
    assert list(python_blocks.check_notebook(check.ROOT)) == []


def test_blocks_have_their_line_and_output() -> None:
    first, second = python_blocks.blocks(PAGE)
    assert (first.source, first.line, first.expected) == ("one = 1\nprint(one)\n", 2, "1\n")
    assert (second.line, second.expected) == (15, "")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("print(one)", "print(2)", "page.md:2: prints something else:\n2"),
        ("print(one)", "pass", "page.md:2: prints something else:\n"),
        ("assert one == 1", "print(one)", "page.md:15: prints something else:\n1"),
        ("assert one == 1", "assert one == 2, 'gone wrong'", "page.md:15: AssertionError: gone wrong"),
        ("print(one)", "print(", "page.md:2: SyntaxError: '(' was never closed"),
        ("one = 1", "raise SystemExit('left')", "page.md:2: left"),
    ],
)
def test_what_is_not_as_the_page_says_is_told(tmp_path: Path, before: str, after: str, said: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    assert list(python_blocks.check_python(page, "page.md")) == []
    page.write_text(PAGE.replace(before, after), encoding="utf-8")
    assert next(python_blocks.check_python(page, "page.md")).startswith(said)


def test_a_notebooks_outputs_are_compared_and_written_anew(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    file = tmp_path / python_blocks.NOTEBOOK
    assert list(python_blocks.check_notebook(tmp_path)) == []  # there is none

    def write(*sources: str) -> None:
        cells = [{"cell_type": "code", "source": [source], "outputs": []} for source in sources]
        file.write_text(json.dumps({"cells": [{"cell_type": "markdown"}, *cells]}), encoding="utf-8")

    write("import asyncio\nprint('a\\nb')", "await asyncio.sleep(0, 7)", "'x'")
    assert "not the code's" in next(python_blocks.check_notebook(tmp_path))
    python_blocks.fix_notebook(tmp_path)
    assert list(python_blocks.check_notebook(tmp_path)) == []
    outputs = [cell["outputs"] for cell in json.loads(file.read_text("utf-8"))["cells"][1:]]
    assert outputs[0] == [{"name": "stdout", "output_type": "stream", "text": ["a\n", "b\n"]}]
    assert [each[0]["data"] for each in outputs[1:]] == [{"text/plain": ["7"]}, {"text/plain": ["'x'"]}]
    write("one = 1", "1 / 0", "never")
    assert "cell 2: ZeroDivisionError" in next(python_blocks.check_notebook(tmp_path))
    with pytest.raises(ValueError, match="cell 2: ZeroDivisionError"):
        python_blocks.fix_notebook(tmp_path)
