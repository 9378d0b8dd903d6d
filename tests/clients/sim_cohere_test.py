"""The official Cohere SDK pointed straight at the simulator."""

import json

import cohere
import pytest
from harness import fetch

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": "Looks it up",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
    for name in ("weather", "clock")
]
MODEL = "command-a-03-2025"


@pytest.fixture(scope="module")
def client(sim):
    return cohere.ClientV2(api_key="test", base_url=f"{sim.url}/cohere")


def user(text):
    return [{"role": "user", "content": text}]


def test_text_whole_and_streamed(client):
    answer = client.chat(model=MODEL, messages=user("echo: déjà vu"))
    assert answer.message.content[0].text == "déjà vu"
    assert answer.finish_reason == "COMPLETE"
    assert answer.usage.billed_units.input_tokens < answer.usage.tokens.input_tokens
    events = list(client.chat_stream(model=MODEL, messages=user("echo: déjà vu")))
    said = [event.delta.message.content.text for event in events if event.type == "content-delta"]
    assert "".join(said) == "déjà vu"
    assert (events[0].type, events[-1].type) == ("message-start", "message-end")
    assert events[-1].delta.finish_reason == "COMPLETE"


def test_tools_and_their_results(client):
    first = client.chat(
        model=MODEL, messages=user("Weather in Paris?"), tools=TOOLS, tool_choice="REQUIRED"
    )
    assert first.finish_reason == "TOOL_CALL"
    call = first.message.tool_calls[0]
    assert call.id.startswith(call.function.name + "_") and json.loads(call.function.arguments)
    history = user("Weather in Paris?") + [
        {
            "role": "assistant",
            "tool_plan": first.message.tool_plan,
            "tool_calls": [one.dict() for one in first.message.tool_calls],
        }
    ]
    history += [
        {
            "role": "tool",
            "tool_call_id": one.id,
            "content": [{"type": "document", "document": {"data": {"sky": "sunny"}}}],
        }
        for one in first.message.tool_calls
    ]
    second = client.chat(model=MODEL, messages=history, tools=TOOLS)
    assert "sunny" in second.message.content[0].text
    stream = client.chat_stream(
        model=MODEL, messages=user("Weather?"), tools=TOOLS, tool_choice="REQUIRED"
    )
    kinds = [event.type for event in stream]
    for kind in ("tool-plan-delta", "tool-call-start", "tool-call-delta", "tool-call-end"):
        assert kind in kinds


def test_schema_and_thinking(client):
    answer = client.chat(
        model=MODEL,
        messages=user("A person as JSON"),
        response_format={"type": "json_object", "json_schema": SCHEMA},
    )
    assert set(json.loads(answer.message.content[0].text)) == {"name", "age"}
    answer = client.chat(
        model="command-a-reasoning-08-2025",
        messages=user("echo: four"),
        thinking={"type": "enabled", "token_budget": 100},
    )
    assert [item.type for item in answer.message.content] == ["thinking", "text"]


def test_embed_rerank_models_and_key(client, sim):
    answer = client.embed(
        model="embed-v4.0",
        texts=["one", "two"],
        input_type="search_document",
        embedding_types=["float"],
        output_dimension=256,
    )
    assert [len(vector) for vector in answer.embeddings.float_] == [256, 256]
    ranked = client.rerank(
        model="rerank-v3.5", query="ruby", documents=["Paris", "Ruby is a language"], top_n=1
    )
    assert [one.index for one in ranked.results] == [1]
    assert ranked.meta.billed_units.search_units == 1
    first = cohere.Client(api_key="test", base_url=f"{sim.url}/cohere")
    assert MODEL in [model.name for model in first.models.list(page_size=100).models]
    # The SDK no longer has a call for it.
    status, _, text = fetch(f"{sim.url}/cohere/v1/check-api-key", {}, headers={"authorization": "Bearer test", "content-type": "application/json"})
    assert status == 200 and json.loads(text)["valid"]


def test_refusals_are_the_sdks_own_errors(client, sim):
    with pytest.raises(cohere.errors.BadRequestError) as refused:
        client.chat(model=MODEL, messages=user("Hi"), temperature=2)
    assert "temperature must be between 0 and 1.0" in refused.value.body["message"]
    with pytest.raises(cohere.errors.NotFoundError):
        client.chat(model="command-nothing", messages=user("Hi"))
    bad = cohere.ClientV2(api_key="bad-key", base_url=f"{sim.url}/cohere")
    with pytest.raises(cohere.errors.UnauthorizedError):
        bad.chat(model=MODEL, messages=user("Hi"))
