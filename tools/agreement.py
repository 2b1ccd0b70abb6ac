"""Compare the encoder results that the languages wrote in this run: every bit must agree.

Each conformance runner writes `{prompt id: hexadecimal bits of the win rate}` to target/conformance/LANGUAGE.json,
and `{case: [bits of each prompt]}` of the exported models to target/conformance/LANGUAGE.exports.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

LANGUAGES = ("rust", "c", "cpp", "go", "go-purego", "python", "node")


def read_exports(folder: Path) -> tuple[dict[str, dict[str, list[str]]], list[str]]:
    """Results of exported models by language, and the languages that wrote none."""
    paths = {language: folder / f"{language}.exports.json" for language in LANGUAGES}
    missing = [language for language, path in paths.items() if not path.is_file()]
    if "rust" in missing:
        return {}, missing
    found = {
        language: json.loads(path.read_text(encoding="utf-8"))
        for language, path in paths.items()
        if language not in missing
    }
    return found, missing


def main() -> int:
    """Print a line for each language and the totals."""
    root = Path(__file__).resolve().parent.parent
    folder = root / "target" / "conformance"
    cases = json.loads((root / "tests" / "conformance" / "routing.json").read_text(encoding="utf-8"))["prompts"]
    # Only languages whose strings are UTF-16 can make these.
    optional = {case["id"] for case in cases if "utf16_hex" in case}
    results: dict[str, dict[str, str]] = {}
    passed = failed = 0
    for language in LANGUAGES:
        path = folder / f"{language}.json"
        if not path.is_file():
            print(f"{language}: wrote no results in this run")
            failed += 1
            continue
        results[language] = json.loads(path.read_text(encoding="utf-8"))
    exported, missing_exports = read_exports(folder)
    for language in missing_exports:
        print(f"{language}: wrote no results of exported models in this run")
        failed += 1
    for language, values in exported.items():
        wrong = sorted(
            case for case in exported["rust"].keys() | values.keys() if values.get(case) != exported["rust"].get(case)
        )
        if wrong:
            print(f"{language}: {len(wrong)} cases of exported models differ {wrong[:5]}")
            failed += 1
        else:
            print(f"{language}: {sum(map(len, values.values()))} win rates of exported models, the same bits")
            passed += 1
    reference = results.get("rust", {})
    for language, values in results.items():
        wrong = [key for key in values if values[key] != reference.get(key)]
        missing = sorted(set(reference) - set(values) - optional)
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
