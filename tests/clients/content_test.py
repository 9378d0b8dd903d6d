"""JSON answers, pictures and files through the gateway."""

import json

import openai
import pytest
from pydantic import BaseModel
from samples import ALL, ANTHROPIC, GEMINI, OPENAI, PDF_BASE64, PLAIN, PNG_BASE64, Person, user

PNG_URL = f"data:image/png;base64,{PNG_BASE64}"


class Order(BaseModel):
    """A schema with references, lists, choices and optional members."""

    class Line(BaseModel):
        """One line of it."""

        article: str
        count: int

    buyer: Person
    lines: list[Line]
    note: str | None


def image(url):
    return {"type": "image_url", "image_url": {"url": url}}


def text(said):
    return {"type": "text", "text": said}


@pytest.mark.parametrize("model", ALL)
@pytest.mark.parametrize("schema", [Person, Order])
def test_parse_gives_the_typed_answer(client, model, schema):
    answer = client.chat.completions.parse(
        model=model, messages=user("Make one up"), response_format=schema
    )
    (choice,) = answer.choices
    assert isinstance(choice.message.parsed, schema)
    assert choice.finish_reason == "stop" and not choice.message.tool_calls


@pytest.mark.parametrize("model", PLAIN)
def test_streamed_schema_is_parsed(client, model):
    with client.chat.completions.stream(
        model=model, messages=user("Make one up"), response_format=Person
    ) as stream:
        final = stream.get_final_completion()
    assert isinstance(final.choices[0].message.parsed, Person)


@pytest.mark.parametrize("model", ["anthropic/claude-3-5-haiku-latest"])
def test_parse_where_the_model_has_no_schemas(client, model):
    """Emulated: the caller sees text that fits, and no tool of ours."""
    answer = client.chat.completions.parse(
        model=model, messages=user("Make one up"), response_format=Person
    )
    assert isinstance(answer.choices[0].message.parsed, Person)
    assert answer.choices[0].finish_reason == "stop" and not answer.choices[0].message.tool_calls
    with client.chat.completions.stream(
        model=model, messages=user("Make one up"), response_format=Person
    ) as stream:
        final = stream.get_final_completion()
    assert isinstance(final.choices[0].message.parsed, Person)


@pytest.mark.parametrize("model", [OPENAI, GEMINI])
def test_json_mode(client, model):
    answer = client.chat.completions.create(
        model=model,
        messages=user("Describe otters in an object"),
        response_format={"type": "json_object"},
    )
    assert isinstance(json.loads(answer.choices[0].message.content), dict)


def test_json_mode_where_it_is_an_instruction(client, sim):
    mark = sim.mark()
    client.chat.completions.create(
        model=ANTHROPIC,
        messages=user("Describe otters in an object"),
        response_format={"type": "json_object"},
    )
    (call,) = sim.calls(mark)
    body = json.loads(call["body"])
    assert "JSON" in json.dumps(body["system"]) and "response_format" not in body


@pytest.mark.parametrize("model", ALL)
def test_picture_as_data_url(client, sim, model):
    mark = sim.mark()
    content = [text("echo: seen"), image(PNG_URL)]
    answer = client.chat.completions.create(model=model, messages=user(content))
    assert "seen" in answer.choices[0].message.content
    (call,) = sim.calls(mark)
    assert PNG_BASE64 in call["body"]
    bare = client.chat.completions.create(model=model, messages=user("echo: seen"))
    assert answer.usage.prompt_tokens > bare.usage.prompt_tokens + 200, "the picture was counted"


@pytest.mark.parametrize("model", PLAIN)
def test_picture_by_url(client, sim, files, model):
    """Fetched for providers that do not take the URL themselves."""
    url = f"{files[0]}/red.png"
    mark = sim.mark()
    content = [text("echo: seen"), image(url)]
    answer = client.chat.completions.create(model=model, messages=user(content))
    assert "seen" in answer.choices[0].message.content
    (call,) = sim.calls(mark)
    assert (url in call["body"]) != (PNG_BASE64 in call["body"])
    if model == GEMINI:
        assert PNG_BASE64 in call["body"] and "/red.png" in files[1]
    if model == OPENAI:
        assert url in call["body"]


def test_picture_that_is_not_there(client, sim, files):
    mark = sim.mark()
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model=GEMINI, messages=user([text("hi"), image(f"{files[0]}/missing.png")])
        )
    assert "404" in caught.value.message or "fetch" in caught.value.message
    assert sim.calls(mark) == []


@pytest.mark.parametrize("model", ALL)
def test_pdf(client, sim, model):
    mark = sim.mark()
    data = {"filename": "page.pdf", "file_data": f"data:application/pdf;base64,{PDF_BASE64}"}
    content = [text("echo: read"), {"type": "file", "file": data}]
    answer = client.chat.completions.create(model=model, messages=user(content))
    assert "read" in answer.choices[0].message.content
    (call,) = sim.calls(mark)
    assert PDF_BASE64 in call["body"] and "application/pdf" in call["body"]


def test_audio_goes_where_it_can(client, sim):
    part = {"type": "input_audio", "input_audio": {"data": "UklGRiQAAABXQVZF", "format": "wav"}}
    mark = sim.mark()
    client.chat.completions.create(model=GEMINI, messages=user([text("hi"), part]))
    (call,) = sim.calls(mark)
    assert "audio/wav" in call["body"]
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=ANTHROPIC, messages=user([text("hi"), part]))
    assert caught.value.code == "unsupported_content"
    assert caught.value.param and caught.value.param.startswith("messages[0]")
