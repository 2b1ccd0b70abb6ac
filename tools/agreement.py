"""Compare the encoder results that the languages wrote in this run: every bit must agree.

Each conformance runner writes `{prompt id: hexadecimal bits of the win rate}` to
target/conformance/LANGUAGE.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

LANGUAGES = ("rust", "c", "cpp", "go", "python", "node")


def main() -> int:
    """Print a line for each language and the totals."""
    folder = Path(__file__).resolve().parent.parent / "target" / "conformance"
    results: dict[str, dict[str, str]] = {}
    passed = failed = 0
    for language in LANGUAGES:
        path = folder / f"{language}.json"
        if not path.is_file():
            print(f"{language}: wrote no results in this run")
            failed += 1
            continue
        results[language] = json.loads(path.read_text(encoding="utf-8"))
    reference = results.get("rust", {})
    for language, values in results.items():
        wrong = [key for key in values if values[key] != reference.get(key)]
        missing = sorted(set(reference) - set(values))
        if wrong or missing or not values:
            print(f"{language}: {len(wrong)} differ {wrong[:5]}, {len(missing)} missing {missing[:5]}")
            failed += 1
        else:
            print(f"{language}: {len(values)} win rates, the same bits")
            passed += 1
    print(f"agreement: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
