"""`replicator dead-letters export` of more letters than one page holds."""

import json

from running import Place, pipeline, wait_for

LETTERS = 205


def test_all_pages_are_exported(tmp_path):
    """Every letter is there once, whole, in the order of its number; settled ones only if wanted."""
    place = Place(tmp_path, pipeline("flooded", {"rows": 3, "large": LETTERS}))
    file = tmp_path / "letters.jsonl"
    with place.running() as service:
        wait_for(lambda: service.status("flooded")["dead_letters_open"] == LETTERS)
        exported = service.cli("dead-letters", "export", file)
        assert (exported.returncode, exported.stdout) == (0, f"{LETTERS} dead letters in {file}\n")
        letters = [json.loads(line) for line in file.read_text().splitlines()]
        assert [letter["id"] for letter in letters] == sorted({letter["id"] for letter in letters})
        assert {letter["key"] for letter in letters} == {f'["s:large-{n}"]' for n in range(LETTERS)}
        assert all(letter["record"]["item"]["text"]["S"] == "x" * 2000 for letter in letters)
        service.cli("dead-letters", "waive", letters[0]["id"])
        remaining = service.cli("dead-letters", "export", "-").stdout.splitlines()
        assert [json.loads(line)["id"] for line in remaining] == [letter["id"] for letter in letters[1:]]
        waived = service.cli("dead-letters", "export", "--state", "waived", "-").stdout.splitlines()
        assert [json.loads(line)["id"] for line in waived] == [letters[0]["id"]]
