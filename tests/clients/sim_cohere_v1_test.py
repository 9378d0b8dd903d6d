"""The official Cohere SDK's v1 client pointed straight at the simulator."""

import json

import cohere
import pytest

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}
TOOLS = [
    {
        "name": name,
        "description": "Looks it up",
        "parameter_definitions": {
            "city": {"type": "str", "description": "Which", "required": True}
        },
    }
    for name in ("weather", "clock")
]
MODEL = "command-r-plus-08-2024"


@pytest.fixture(scope="module")
def client(sim):
    return cohere.Client(api_key="test", base_url=f"{sim.url}/cohere")


def test_text_whole_and_streamed(client):
    answer = client.chat(
        model=MODEL,
        message="echo: déjà vu",
        preamble="Be brief.",
        chat_history=[
            {"role": "USER", "message": "Hi"},
            {"role": "CHATBOT", "message": "Hello."},
        ],
    )
    assert (answer.text, answer.finish_reason) == ("déjà vu", "COMPLETE")
    assert answer.meta.api_version.version == "1"
    assert answer.meta.billed_units.input_tokens < answer.meta.tokens.input_tokens
    assert answer.chat_history[-1].message == "déjà vu"
    events = list(client.chat_stream(model=MODEL, message="echo: déjà vu"))
    said = [event.text for event in events if event.event_type == "text-generation"]
    assert "".join(said) == "déjà vu"
    kinds = [event.event_type for event in events]
    assert (kinds[0], kinds[-1]) == ("stream-start", "stream-end")
    assert events[-1].finish_reason == "COMPLETE"
    assert events[-1].response.generation_id == events[0].generation_id


def test_tools_and_their_results(client):
    first = client.chat(model=MODEL, message="in parallel, please", tools=TOOLS)
    assert [call.name for call in first.tool_calls] == ["weather", "clock"]
    assert all(isinstance(call.parameters["city"], str) for call in first.tool_calls)
    second = client.chat(
        model=MODEL,
        message="",
        chat_history=first.chat_history,
        tools=TOOLS,
        tool_results=[{"call": call, "outputs": [{"sky": "sunny"}]} for call in first.tool_calls],
    )
    assert "sunny" in second.text and not second.tool_calls
    events = list(client.chat_stream(model=MODEL, message="the weather?", tools=TOOLS))
    deltas = [event.tool_call_delta for event in events if event.event_type == "tool-calls-chunk"]
    pieces = [delta.parameters or "" for delta in deltas if delta]
    whole = next(event for event in events if event.event_type == "tool-calls-generation")
    assert json.loads("".join(pieces)) == whole.tool_calls[0].parameters
    assert events[-1].response.tool_calls == whole.tool_calls


def test_schema_and_documents(client):
    answer = client.chat(
        model=MODEL,
        message="A person as JSON",
        response_format={"type": "json_object", "schema": SCHEMA},
    )
    assert set(json.loads(answer.text)) == {"name", "age"}
    answer = client.chat(
        model=MODEL, message="echo: read", documents=[{"id": "d", "text": "T"}], max_tokens=50
    )
    assert answer.text == "read"


def test_embed_and_rerank(client):
    answer = client.embed(
        model="embed-v4.0", texts=["one", "two"], input_type="search_document",
        embedding_types=["float"],
    )
    assert len(answer.embeddings.float_) == 2
    ranked = client.rerank(model="rerank-v3.5", query="ruby", documents=["Paris", "Ruby"], top_n=1)
    assert [one.index for one in ranked.results] == [1]


def test_refusals_are_the_sdks_own_errors(client, sim):
    with pytest.raises(cohere.errors.BadRequestError) as refused:
        client.chat(model=MODEL, message="Hi", tools=TOOLS, tool_results=[
            {"call": {"name": "weather", "parameters": {}}, "outputs": [{}]}])
    assert "cannot specify both message and tool_results" in refused.value.body["message"]
    with pytest.raises(cohere.errors.NotFoundError):
        client.chat(model=MODEL, message="Hi", connectors=[{"id": "wiki"}])
    bad = cohere.Client(api_key="bad-key", base_url=f"{sim.url}/cohere")
    with pytest.raises(cohere.errors.UnauthorizedError):
        bad.chat(model=MODEL, message="Hi")
