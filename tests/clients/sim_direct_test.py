"""The official Python SDKs pointed straight at the simulator: it is a fair stand-in for the APIs."""

import json

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors as genai_errors
from google.genai import types
from pydantic import BaseModel

SIM_URL = None


@pytest.fixture(scope="module", autouse=True)
def _address(sim):
    global SIM_URL
    SIM_URL = sim.url


class Person(BaseModel):
    """A closed schema that the structured-output tests ask for."""

    name: str
    age: int


CITY_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


# --- OpenAI ---------------------------------------------------------------------------------


def openai_client(key="sk-test", **options):
    return openai.OpenAI(base_url=f"{SIM_URL}/openai/v1", api_key=key, max_retries=0, **options)


def user(text):
    return [{"role": "user", "content": text}]


def openai_tool(name):
    return {"type": "function", "function": {"name": name, "parameters": CITY_SCHEMA}}


def test_openai_chat():
    answer = openai_client().chat.completions.create(model="gpt-4o", messages=user("Hello there"))
    assert "Hello there" in answer.choices[0].message.content
    assert answer.model == "gpt-4o-2024-08-06"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer._request_id.startswith("req_")


def test_openai_stream():
    stream = openai_client().chat.completions.create(
        model="gpt-4o",
        messages=user("echo: grüße 👩‍👩‍👧 all"),
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "grüße 👩‍👩‍👧 all"
    assert chunks[-1].usage.completion_tokens > 0
    assert len({chunk.id for chunk in chunks}) == 1


def test_openai_stream_helper_accumulates():
    with openai_client().chat.completions.stream(
        model="gpt-4o", messages=user("weather in Oslo"), tools=[openai_tool("get_weather")]
    ) as stream:
        final = stream.get_final_completion()
    call = final.choices[0].message.tool_calls[0]
    assert json.loads(call.function.arguments) == {"city": "Oslo"}
    assert final.choices[0].finish_reason == "tool_calls"


def test_openai_tool_round_trip():
    client = openai_client()
    messages = user("What is the weather in Oslo?")
    tools = [openai_tool("get_weather")]
    first = client.chat.completions.create(model="gpt-4o", messages=messages, tools=tools)
    call = first.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather"
    messages += [
        first.choices[0].message,
        {"role": "tool", "tool_call_id": call.id, "content": "17 degrees"},
    ]
    second = client.chat.completions.create(model="gpt-4o", messages=messages, tools=tools)
    assert "17 degrees" in second.choices[0].message.content


def test_openai_parallel_tools():
    answer = openai_client().chat.completions.create(
        model="gpt-4o",
        messages=user("get_weather and get_time, both, in Oslo"),
        tools=[openai_tool("get_weather"), openai_tool("get_time")],
    )
    names = [call.function.name for call in answer.choices[0].message.tool_calls]
    assert names == ["get_weather", "get_time"]


def test_openai_parse():
    answer = openai_client().chat.completions.parse(
        model="gpt-4o", messages=user("a person"), response_format=Person
    )
    assert isinstance(answer.choices[0].message.parsed, Person)


def test_openai_reasoning():
    answer = openai_client().chat.completions.create(
        model="o3", messages=user("think"), reasoning_effort="high"
    )
    assert answer.usage.completion_tokens_details.reasoning_tokens > 0


def test_openai_embeddings_default_and_float():
    client = openai_client()
    packed = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"])
    plain = client.embeddings.create(
        model="text-embedding-3-small", input=["one", "two"], encoding_format="float"
    )
    assert len(packed.data[0].embedding) == 1536
    assert packed.data[1].embedding == pytest.approx(plain.data[1].embedding, abs=1e-6)


def test_openai_models():
    client = openai_client()
    assert "gpt-4o" in [model.id for model in client.models.list()]
    assert client.models.retrieve("gpt-4o").owned_by == "system"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("status:400", openai.BadRequestError),
        ("status:401", openai.AuthenticationError),
        ("status:403", openai.PermissionDeniedError),
        ("status:404", openai.NotFoundError),
        ("status:409", openai.ConflictError),
        ("status:422", openai.UnprocessableEntityError),
        ("status:429:7", openai.RateLimitError),
        ("status:500", openai.InternalServerError),
        ("status:502", openai.InternalServerError),
        ("status:503", openai.InternalServerError),
        ("reset_before_headers", openai.APIConnectionError),
    ],
)
def test_openai_errors(fault, error):
    with pytest.raises(error) as caught:
        openai_client(default_headers={"x-sim-fault": fault}).chat.completions.create(
            model="gpt-4o", messages=user("hi")
        )
    if fault.startswith("status:429"):
        assert caught.value.code == "rate_limit_exceeded"
        assert caught.value.response.headers["retry-after"] == "7"


def test_openai_bad_key_and_unknown_model():
    with pytest.raises(openai.AuthenticationError) as caught:
        openai_client(key="sim-bad").chat.completions.create(model="gpt-4o", messages=user("hi"))
    assert caught.value.code == "invalid_api_key"
    with pytest.raises(openai.NotFoundError) as caught:
        openai_client().chat.completions.create(model="gpt-0", messages=user("hi"))
    assert caught.value.code == "model_not_found"


def test_openai_retry_recovers():
    model = "sim-retry-once"
    body = {"match": {"model": model}, "fault": "status:429:20ms", "times": 1}
    client = openai_client().with_options(max_retries=1)
    client._client.post(f"{SIM_URL}/_sim/faults", json=body).raise_for_status()
    answer = client.chat.completions.create(model=model, messages=user("hi"))
    assert answer.choices[0].finish_reason == "stop"


# --- Anthropic ------------------------------------------------------------------------------


def anthropic_client(key="sk-ant-test", **options):
    return anthropic.Anthropic(
        base_url=f"{SIM_URL}/anthropic", api_key=key, max_retries=0, **options
    )


CLAUDE = {"model": "claude-sonnet-4-6", "max_tokens": 4000}


def claude_tool(name):
    return {"name": name, "input_schema": CITY_SCHEMA}


def test_anthropic_message():
    answer = anthropic_client().messages.create(**CLAUDE, messages=user("Hello there"))
    assert "Hello there" in answer.content[0].text
    assert answer.stop_reason == "end_turn"
    assert answer.usage.cache_creation.ephemeral_5m_input_tokens == 0


def test_anthropic_stream():
    with anthropic_client().messages.stream(
        **CLAUDE, messages=user("echo: grüße 👩‍👩‍👧 all")
    ) as stream:
        assert "".join(stream.text_stream) == "grüße 👩‍👩‍👧 all"
        assert stream.get_final_message().usage.output_tokens > 1


def test_anthropic_tool_round_trip():
    client = anthropic_client()
    messages = user("What is the weather in Oslo?")
    tools = [claude_tool("get_weather")]
    first = client.messages.create(**CLAUDE, messages=messages, tools=tools)
    call = first.content[0]
    assert (call.type, call.name, call.input) == ("tool_use", "get_weather", {"city": "Oslo"})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "17 degrees"}
    messages += [
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [result]},
    ]
    second = client.messages.create(**CLAUDE, messages=messages, tools=tools)
    assert "17 degrees" in second.content[0].text


def test_anthropic_parallel_tools_streamed():
    with anthropic_client().messages.stream(
        **CLAUDE,
        messages=user("get_weather and get_time, both, in Oslo"),
        tools=[claude_tool("get_weather"), claude_tool("get_time")],
    ) as stream:
        final = stream.get_final_message()
    assert [block.name for block in final.content] == ["get_weather", "get_time"]
    assert all(block.input == {"city": "Oslo"} for block in final.content)
    assert final.stop_reason == "tool_use"


def test_anthropic_thinking():
    with anthropic_client().messages.stream(
        **CLAUDE, messages=user("think"), thinking={"type": "enabled", "budget_tokens": 1024}
    ) as stream:
        final = stream.get_final_message()
    assert final.content[0].type == "thinking"
    assert final.content[0].thinking and final.content[0].signature
    hidden = anthropic_client().messages.create(
        model="claude-opus-4-8",
        max_tokens=4000,
        messages=user("think"),
        thinking={"type": "adaptive"},
    )
    assert hidden.content[0].thinking == "" and hidden.content[0].signature


def test_anthropic_parse():
    answer = anthropic_client().messages.parse(
        **CLAUDE, messages=user("a person"), output_format=Person
    )
    assert isinstance(answer.parsed_output, Person)


def test_anthropic_count_and_models():
    client = anthropic_client()
    counted = client.messages.count_tokens(model="claude-sonnet-4-6", messages=user("Hello"))
    assert counted.input_tokens > 0
    models = list(client.models.list(limit=5))
    assert len(models) > 5, "the SDK follows the pages"
    assert client.models.retrieve("claude-opus-4-8").display_name == "Claude Opus 4.8"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("status:400", anthropic.BadRequestError),
        ("status:401", anthropic.AuthenticationError),
        ("status:403", anthropic.PermissionDeniedError),
        ("status:404", anthropic.NotFoundError),
        ("status:413", anthropic.APIStatusError),
        ("status:429:7", anthropic.RateLimitError),
        ("status:500", anthropic.InternalServerError),
        ("status:529", anthropic.InternalServerError),
        ("reset_before_headers", anthropic.APIConnectionError),
    ],
)
def test_anthropic_errors(fault, error):
    with pytest.raises(error):
        anthropic_client(default_headers={"x-sim-fault": fault}).messages.create(
            **CLAUDE, messages=user("hi")
        )


def test_anthropic_error_in_stream():
    client = anthropic_client(default_headers={"x-sim-fault": "error_after:4"})
    with pytest.raises(anthropic.APIStatusError) as caught:
        with client.messages.stream(**CLAUDE, messages=user("hi")) as stream:
            list(stream.text_stream)
    assert caught.value.body["error"]["type"] == "overloaded_error"


# --- Gemini ---------------------------------------------------------------------------------


# The SDK closes its connections when a client is collected, even in the middle of a call.
GEMINI_CLIENTS = []


def gemini_client(key="test", headers=None):
    options = types.HttpOptions(base_url=f"{SIM_URL}/gemini", headers=headers)
    GEMINI_CLIENTS.append(genai.Client(api_key=key, http_options=options))
    return GEMINI_CLIENTS[-1]


GEMINI = "gemini-2.5-flash"


def gemini_tools(*names):
    declared = [
        types.FunctionDeclaration(name=name, parameters_json_schema=CITY_SCHEMA) for name in names
    ]
    disable = types.AutomaticFunctionCallingConfig(disable=True)
    return types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=declared)], automatic_function_calling=disable
    )


def test_gemini_generate():
    answer = gemini_client().models.generate_content(model=GEMINI, contents="Hello there")
    assert "Hello there" in answer.text
    assert answer.model_version == GEMINI and answer.response_id
    usage = answer.usage_metadata
    thoughts = usage.thoughts_token_count or 0
    parts = usage.prompt_token_count + usage.candidates_token_count + thoughts
    assert usage.total_token_count == parts


def test_gemini_stream():
    chunks = list(
        gemini_client().models.generate_content_stream(
            model=GEMINI, contents="echo: grüße 👩‍👩‍👧 a b c d e f g h i j k"
        )
    )
    assert "".join(chunk.text or "" for chunk in chunks) == "grüße 👩‍👩‍👧 a b c d e f g h i j k"
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert len(chunks) > 1


def test_gemini_tool_round_trip():
    client = gemini_client()
    config = gemini_tools("get_weather")
    question = types.Content(role="user", parts=[types.Part(text="What is the weather in Oslo?")])
    first = client.models.generate_content(model=GEMINI, contents=[question], config=config)
    call = first.function_calls[0]
    assert (call.name, call.args) == ("get_weather", {"city": "Oslo"})
    result = types.Part.from_function_response(name=call.name, response={"result": "17 degrees"})
    history = [question, first.candidates[0].content, types.Content(role="user", parts=[result])]
    second = client.models.generate_content(model=GEMINI, contents=history, config=config)
    assert "17 degrees" in second.text


def test_gemini_parallel_tools():
    answer = gemini_client().models.generate_content(
        model=GEMINI,
        contents="get_weather and get_time, both, in Oslo",
        config=gemini_tools("get_weather", "get_time"),
    )
    assert [call.name for call in answer.function_calls] == ["get_weather", "get_time"]


def test_gemini_structured():
    config = types.GenerateContentConfig(
        response_mime_type="application/json", response_schema=Person
    )
    answer = gemini_client().models.generate_content(
        model=GEMINI, contents="a person", config=config
    )
    assert isinstance(answer.parsed, Person)


def test_gemini_thinking():
    config = types.GenerateContentConfig(
        thinking_config=types.ThinkingConfig(include_thoughts=True)
    )
    answer = gemini_client().models.generate_content(model=GEMINI, contents="think", config=config)
    parts = answer.candidates[0].content.parts
    assert parts[0].thought and parts[0].text
    assert answer.usage_metadata.thoughts_token_count > 0
    signed = gemini_client().models.generate_content(
        model="gemini-3-pro", contents="weather in Oslo", config=gemini_tools("get_weather")
    )
    assert signed.candidates[0].content.parts[0].thought_signature


def test_gemini_embeddings_count_and_models():
    client = gemini_client()
    one = client.models.embed_content(model="gemini-embedding-001", contents=["one", "two"])
    assert [len(entry.values) for entry in one.embeddings] == [3072, 3072]
    counted = client.models.count_tokens(model=GEMINI, contents="Hello there")
    assert counted.total_tokens > 0
    names = [model.name for model in client.models.list(config={"page_size": 3})]
    assert f"models/{GEMINI}" in names and len(names) > 3, "the SDK follows the pages"
    assert client.models.get(model=GEMINI).input_token_limit == 1_048_576


@pytest.mark.parametrize(
    ("fault", "code", "error"),
    [
        ("status:400", 400, genai_errors.ClientError),
        ("status:403", 403, genai_errors.ClientError),
        ("status:404", 404, genai_errors.ClientError),
        ("status:500", 500, genai_errors.ServerError),
        ("status:503", 503, genai_errors.ServerError),
    ],
)
def test_gemini_errors(fault, code, error):
    client = gemini_client(headers={"x-sim-fault": fault})
    with pytest.raises(error) as caught:
        client.models.generate_content(model=GEMINI, contents="hi")
    assert caught.value.code == code


def test_gemini_bad_key():
    with pytest.raises(genai_errors.ClientError) as caught:
        gemini_client(key="sim-bad").models.generate_content(model=GEMINI, contents="hi")
    assert caught.value.code == 400
    assert "API_KEY_INVALID" in str(caught.value.details)
