"""Has the official OpenAI SDK read every answer that the corpus test encoded.

Reads `target/corpus-answers.jsonl`, which `cargo test -p polyroute-wire --test corpus` leaves, and
validates each body with the SDK's own models. Ends with `N passed, N failed, N skipped`.

    python tests/clients/corpus_parse.py [FILE]
"""

import array
import base64
import json
import os
import pathlib
import sys
from collections import Counter

from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import TypeAdapter, ValidationError

# Every member must have exactly the type that the SDK declares for it.
ADAPTERS = {
    "completion": TypeAdapter(ChatCompletion),
    "chunk": TypeAdapter(ChatCompletionChunk),
    "embeddings": TypeAdapter(CreateEmbeddingResponse),
}


def is_base64(body: dict) -> bool:
    """Whether the vectors are base64, which the SDK decodes before it validates."""
    return any(isinstance(row["embedding"], str) for row in body["data"])


def decoded(body: dict) -> dict:
    """The body as the SDK sees it after it decoded the vectors."""
    rows = []
    for row in body["data"]:
        vector = array.array("f", base64.b64decode(row["embedding"]))
        rows.append({**row, "embedding": list(vector)})
    return {**body, "data": rows}


def check(kind: str, body: dict) -> str | None:
    """The reason why the SDK would not take a body, or None."""
    if kind == "embeddings" and is_base64(body):
        body = decoded(body)
    try:
        # From JSON text, as the SDK gets it: in strict mode a list is a list and a number a number.
        ADAPTERS[kind].validate_json(json.dumps(body), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"{place}: {first['msg']}"
    return None


def is_custom_chunk(kind: str, body: dict) -> bool:
    """A streamed call of a custom tool: the SDK types such calls in whole answers only, and reads
    them in streams as OpenAI sends them without complaint."""
    if kind != "chunk":
        return False
    calls = (
        call for choice in body["choices"] for call in choice["delta"].get("tool_calls") or []
    )
    return any(call.get("type") == "custom" for call in calls)


def default_path() -> pathlib.Path:
    """Where the corpus test leaves its answers."""
    root = pathlib.Path(__file__).resolve().parents[2]
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    return target / "corpus-answers.jsonl"


def main(path: pathlib.Path) -> int:
    """Reads every answer in `path`; 0 if the SDK takes them all."""
    if not path.exists():
        print(f"SKIPPED: {path} is missing. Run the corpus test first.")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    counts: Counter[str] = Counter()
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            answer = json.loads(line)
            if is_custom_chunk(answer["kind"], answer["body"]):
                counts["skipped"] += 1
                continue
            reason = check(answer["kind"], answer["body"])
            counts["failed" if reason else "passed"] += 1
            if reason and counts["failed"] <= 40:
                print(f"FAILED {answer['entry']} {answer['kind']}: {reason}")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default_path()))
