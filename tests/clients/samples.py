"""Requests and files that the tests share."""

import base64
import struct
import zlib

from pydantic import BaseModel, ConfigDict

OPENAI = "openai/gpt-4o-mini"
ANTHROPIC = "anthropic/claude-sonnet-4-5"
GEMINI = "gemini/gemini-2.5-flash"
PLAIN = [OPENAI, ANTHROPIC, GEMINI]
# One current model of each provider that thinks.
THINKING = ["openai/gpt-5.4", "anthropic/claude-opus-4-8", "gemini/gemini-3-pro"]
ALL = PLAIN + THINKING

# Signs beyond ASCII, one of several code points, so that cuts in the wrong place show.
ECHO = "Grüße 👩‍👩‍👧, “quoted” \\ and\nthe rest of a sentence that takes several pieces"


class Person(BaseModel):
    """A closed schema."""

    model_config = ConfigDict(extra="forbid")

    name: str
    age: int


CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def provider(model):
    """`openai` of `openai/gpt-4o-mini`."""
    return model.split("/")[0]


def user(content):
    """A conversation of one user message."""
    return [{"role": "user", "content": content}]


def tool(name):
    """A function of one city."""
    described = {"name": name, "description": f"Runs {name}.", "parameters": CITY}
    return {"type": "function", "function": described}


def png():
    """A whole PNG of 2 × 2 red pixels."""

    def chunk(kind, data):
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    header = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff\0\0" * 2) * 2)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def pdf():
    """A PDF of one empty page."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj" % number + body + b"endobj\n"
    start = len(out)
    out += b"xref\n0 4\n0000000000 65535 f \n"
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % start


PNG, PDF = png(), pdf()
PNG_BASE64, PDF_BASE64 = (base64.b64encode(data).decode() for data in (PNG, PDF))
FILES = {"red.png": ("image/png", PNG), "page.pdf": ("application/pdf", PDF)}


def dropped(raw):
    """What an answer's headers say was left out."""
    names = raw.headers.get("x-polyroute-dropped-params", "")
    return [name.strip() for name in names.split(",") if name.strip()]
