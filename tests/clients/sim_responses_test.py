"""The official OpenAI SDK's Responses client pointed straight at the simulator."""

import json

import openai
import pytest
from pydantic import BaseModel

SEALED = ["reasoning.encrypted_content"]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": True}


class Person(BaseModel):
    """A closed schema for `parse`."""

    name: str
    age: int


@pytest.fixture(scope="module")
def client(sim):
    """The SDK's client with the simulator as its API."""
    with openai.OpenAI(base_url=f"{sim.url}/openai/v1", api_key="sk-test", max_retries=0) as made:
        yield made


def test_create(client):
    answer = client.responses.create(model="gpt-4o", input="echo: grüße 👩‍👩‍👧 all")
    assert answer.output_text == "grüße 👩‍👩‍👧 all"
    assert answer.status == "completed"
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert answer._request_id.startswith("req_")


def test_stream_helper_accumulates(client):
    with client.responses.stream(
        model="gpt-5-mini",
        input="weather in Oslo",
        tools=[TOOL],
        tool_choice="required",
        reasoning={"effort": "low", "summary": "auto"},
    ) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed"
    assert "response.reasoning_summary_text.delta" in kinds
    call = final.output[-1]
    assert json.loads(call.arguments) == {"city": "Oslo"}
    assert call.id.startswith("fc_") and call.call_id.startswith("call_")
    assert final.usage.output_tokens_details.reasoning_tokens > 0


def test_events_are_numbered_without_gaps(client):
    events = list(client.responses.create(model="gpt-4o", input="Hello", stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == events[-1].response.output_text


def test_parse(client):
    answer = client.responses.parse(model="gpt-4o", input="Who?", text_format=Person)
    assert isinstance(answer.output_parsed, Person)


def test_a_tool_loop_with_the_output_sent_back_as_it_came(client):
    history = [{"role": "user", "content": "weather in Oslo"}]
    asked = {"model": "gpt-5.6", "tools": [TOOL], "store": False, "include": SEALED}
    first = client.responses.create(input=history, tool_choice="required", **asked)
    assert first.output[0].type == "reasoning" and first.output[0].encrypted_content
    call = first.output[-1]
    # The SDK's own types, ids and all.
    history += first.output
    history.append({"type": "function_call_output", "call_id": call.call_id, "output": "sunny"})
    second = client.responses.create(input=history, **asked)
    assert "sunny" in second.output_text


def test_the_output_limit_makes_it_incomplete(client):
    answer = client.responses.create(
        model="gpt-4o", input="echo: " + "word " * 100, max_output_tokens=16
    )
    assert answer.status == "incomplete"
    assert answer.incomplete_details.reason == "max_output_tokens"
    assert answer.usage.output_tokens == 16


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"model": "gpt-nowhere"}, 400, "model_not_found"),
        ({"model": "gpt-4o", "reasoning": {"effort": "low"}}, 400, "unsupported_parameter"),
        ({"model": "gpt-4o", "max_output_tokens": 3}, 400, "integer_below_min_value"),
    ],
)
def test_refusals(client, body, status, code):
    with pytest.raises(openai.APIStatusError) as caught:
        client.responses.create(input="Hi", **body)
    assert caught.value.status_code == status
    assert caught.value.code == code


def test_what_is_not_there_is_404(client):
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_1")
    with pytest.raises(openai.NotFoundError):
        client.responses.delete("resp_1")
