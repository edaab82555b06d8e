"""Take the examples of held-out databases out of a folder that `share data` wrote.

python runs/small/without_held_out.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from folds import held_out


def main() -> None:
    for path in sorted(Path(sys.argv[1]).glob("*_train_data.json")):
        rows = json.loads(path.read_text(encoding="utf-8"))
        # Drafts by folds are of the databases of Spider train.
        kept = [
            row
            for row in rows
            if not held_out(
                "bird-train" if row["source"].startswith("bird") else "spider-train", row["database"]
            )
        ]
        path.write_text(json.dumps(kept), encoding="utf-8")
        print(f"{path.name}: {len(kept)} of {len(rows)} examples")


if __name__ == "__main__":
    main()
