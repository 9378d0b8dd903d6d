"""The vendors' own Python SDKs pointed straight at the simulator: text, stream, tools, schema,
embeddings where the vendor has them, and an error."""

import json

import cerebras.cloud.sdk as cerebras
import groq
import ollama
import openai
import perplexity
import pytest
import together
from fireworks import Fireworks
from harness import fetch
from mistralai.client import Mistral
from mistralai.client import errors as mistral_errors
from samples import PNG

SIM_URL = None


@pytest.fixture(scope="module", autouse=True)
def _address(sim):
    global SIM_URL
    SIM_URL = sim.url


SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}}
TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather", "parameters": SCHEMA},
}


def user(text):
    return [{"role": "user", "content": text}]


def chat_client(vendor, key="sim"):
    """An SDK client whose `chat.completions.create` is OpenAI's."""
    options = {"api_key": key, "max_retries": 0}
    if vendor == "groq":
        return groq.Groq(base_url=f"{SIM_URL}/groq", **options)
    if vendor == "cerebras":
        return cerebras.Cerebras(
            base_url=f"{SIM_URL}/cerebras", warm_tcp_connection=False, **options
        )
    if vendor == "together":
        return together.Together(base_url=f"{SIM_URL}/together", **options)
    if vendor == "fireworks":
        return Fireworks(base_url=f"{SIM_URL}/fireworks/inference", **options)
    if vendor == "perplexity":
        return perplexity.Perplexity(base_url=f"{SIM_URL}/perplexity", **options)
    if vendor == "azure":
        return openai.AzureOpenAI(
            azure_endpoint=f"{SIM_URL}/azure", api_version="2024-10-21", **options
        )
    return openai.OpenAI(base_url=f"{SIM_URL}{PATHS[vendor]}", **options)


PATHS = {
    "azure-v1": "/azure/openai/v1",
    "deepseek": "/deepseek",
    "xai": "/xai/v1",
    "qwen": "/qwen/compatible-mode/v1",
    "openrouter": "/openrouter/api/v1",
    "ollama": "/ollama/v1",
    "vllm": "/vllm/v1",
}
MODELS = {
    "groq": "openai/gpt-oss-120b",
    "cerebras": "llama-3.3-70b",
    "together": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "fireworks": "accounts/fireworks/models/llama-v3p3-70b-instruct",
    "perplexity": "sonar",
    "azure": "gpt-4o",
    "azure-v1": "gpt-4o",
    "deepseek": "deepseek-chat",
    "xai": "grok-3",
    "qwen": "qwen-plus",
    "openrouter": "anthropic/claude-haiku-4.5",
    "ollama": "llama3.1",
    "vllm": "meta-llama/Llama-3.3-70B-Instruct",
}
ALL = pytest.mark.parametrize("vendor", sorted(MODELS))


def ask(vendor, text, **more):
    client = chat_client(vendor)
    more.setdefault("model", MODELS[vendor])
    return client.chat.completions.create(messages=user(text), **more)


@ALL
def test_text(vendor):
    answer = ask(vendor, "echo: hello there")
    choice = answer.choices[0]
    assert choice.message.content == "hello there"
    assert choice.finish_reason == ("eos" if vendor == "together" else "stop")
    assert answer.usage.prompt_tokens > 0


@ALL
def test_stream(vendor):
    chunks = list(ask(vendor, "echo: grüße 👩‍👩‍👧 all", stream=True))
    texts = [c.choices[0].delta.content for c in chunks if c.choices]
    assert "".join(text for text in texts if isinstance(text, str)) == "grüße 👩‍👩‍👧 all"
    reasons = [c.choices[0].finish_reason for c in chunks if c.choices]
    assert [reason for reason in reasons if reason]


@ALL
def test_tool_round_trip(vendor):
    client, model = chat_client(vendor), MODELS[vendor]
    messages = user("What is the weather in Oslo?")
    create = client.chat.completions.create
    first = create(model=model, messages=messages, tools=[TOOL])
    call = first.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "Oslo"}
    function = {"name": call.function.name, "arguments": call.function.arguments}
    messages += [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": call.id, "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": call.id, "content": "17 degrees"},
    ]
    second = create(model=model, messages=messages, tools=[TOOL])
    assert "17 degrees" in second.choices[0].message.content


@ALL
def test_streamed_tool_call(vendor):
    chunks = list(ask(vendor, "weather in Oslo", tools=[TOOL], stream=True))
    name, arguments = "", ""
    for chunk in chunks:
        for call in (chunk.choices[0].delta.tool_calls or []) if chunk.choices else []:
            name += call.function.name or ""
            arguments += call.function.arguments or ""
    assert (name, json.loads(arguments)) == ("get_weather", {"city": "Oslo"})


@pytest.mark.parametrize("vendor", sorted(set(MODELS) - {"deepseek"}))
def test_schema(vendor):
    more = {"model": "qwen3-max"} if vendor == "qwen" else {}
    answer = ask(vendor, "a city", response_format=FORMAT, **more)
    assert set(json.loads(answer.choices[0].message.content)) == {"city"}


# What each SDK raises for a wrong key; xAI answers 400.
@pytest.mark.parametrize("vendor", sorted(set(MODELS)))
def test_wrong_key(vendor):
    with pytest.raises(Exception) as caught:
        chat_client(vendor, "sim-bad").chat.completions.create(
            model=MODELS[vendor], messages=user("hi")
        )
    assert caught.value.status_code == (400 if vendor == "xai" else 401)


@pytest.mark.parametrize(
    ("vendor", "model", "size"),
    [
        ("together", "intfloat/multilingual-e5-large-instruct", 1024),
        ("azure", "text-embedding-3-small", 1536),
        ("azure-v1", "text-embedding-3-small", 1536),
        ("qwen", "text-embedding-v4", 1024),
        ("openrouter", "openai/text-embedding-3-small", 1536),
        ("ollama", "nomic-embed-text", 768),
        ("vllm", "BAAI/bge-m3", 1024),
    ],
)
def test_embeddings(vendor, model, size):
    answer = chat_client(vendor).embeddings.create(model=model, input=["one", "two"])
    assert [len(one.embedding) for one in answer.data] == [size, size]


def test_models():
    key = {"authorization": "Bearer sim"}
    status, _, text = fetch(f"{SIM_URL}/together/v1/models", headers=key)
    assert status == 200 and MODELS["together"] in [model["id"] for model in json.loads(text)]
    assert MODELS["groq"] in [model.id for model in chat_client("groq").models.list().data]
    for vendor in ["mistral", "deepseek", "openrouter"]:
        path = PATHS.get(vendor, f"/{vendor}/v1")
        client = openai.OpenAI(base_url=f"{SIM_URL}{path}", api_key="k")
        assert list(client.models.list())


# --- Mistral --------------------------------------------------------------------------------


def mistral(key="sim"):
    return Mistral(api_key=key, server_url=f"{SIM_URL}/mistral")


def test_mistral_text_and_thinking():
    complete = mistral().chat.complete
    answer = complete(model="mistral-small-latest", messages=user("echo: hello"))
    assert answer.choices[0].message.content == "hello"
    model = "magistral-medium-latest"
    thought = complete(model=model, messages=user("echo: hello"))
    kinds = [chunk.type for chunk in thought.choices[0].message.content]
    assert kinds == ["thinking", "text"]


def test_mistral_stream():
    stream = mistral().chat.stream(model="mistral-small-latest", messages=user("echo: a b c"))
    events = [event.data for event in stream]
    assert "".join(event.choices[0].delta.content for event in events) == "a b c"
    assert events[-1].choices[0].finish_reason == "stop"
    assert events[-1].usage.total_tokens > 0


def test_mistral_tools():
    messages = user("get_weather in Oslo and Rome, both")
    client = mistral()
    first = client.chat.complete(
        model="mistral-large-latest", messages=messages, tools=[TOOL], tool_choice="any"
    )
    calls = first.choices[0].message.tool_calls
    assert len(calls) == 2 and all(len(call.id) == 9 for call in calls)
    messages.append(first.choices[0].message)
    messages += [
        {"role": "tool", "tool_call_id": call.id, "name": call.function.name, "content": "17"}
        for call in calls
    ]
    second = client.chat.complete(model="mistral-large-latest", messages=messages, tools=[TOOL])
    assert "17" in second.choices[0].message.content


def test_mistral_schema_and_embeddings():
    client = mistral()
    answer = client.chat.complete(
        model="mistral-small-latest", messages=user("a city"), response_format=FORMAT
    )
    assert set(json.loads(answer.choices[0].message.content)) == {"city"}
    vectors = client.embeddings.create(model="mistral-embed", inputs=["one", "two"])
    assert [len(one.embedding) for one in vectors.data] == [1024, 1024]


def test_mistral_errors():
    with pytest.raises(mistral_errors.SDKError) as caught:
        mistral("sim-bad").chat.complete(model="mistral-small-latest", messages=user("hi"))
    assert caught.value.status_code == 401
    client = openai.OpenAI(base_url=f"{SIM_URL}/mistral/v1", api_key="k", max_retries=0)
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        client.chat.completions.create(
            model="mistral-small-latest", messages=user("hi"), max_completion_tokens=9
        )
    assert caught.value.body["message"]["detail"][0]["loc"] == ["body", "max_completion_tokens"]


# --- Azure, Ollama and what else is odd -----------------------------------------------------


def test_azure_says_that_a_deployment_is_missing():
    for vendor in ["azure", "azure-v1"]:
        with pytest.raises(openai.NotFoundError) as caught:
            ask(vendor, "hi", model="nobody")
        assert caught.value.code == "DeploymentNotFound"


def test_ollama_native():
    client = ollama.Client(host=f"{SIM_URL}/ollama")
    answer = client.chat(model="llama3.1", messages=user("echo: hello"))
    assert answer.message.content == "hello"
    chunks = list(client.chat(model="qwen3", messages=user("echo: a b"), stream=True))
    assert "".join(chunk.message.content for chunk in chunks) == "a b"
    assert "".join(chunk.message.thinking or "" for chunk in chunks)
    assert chunks[-1].done and chunks[-1].eval_count > 0
    called = client.chat(model="llama3.1", messages=user("weather in Oslo"), tools=[TOOL])
    assert called.message.tool_calls[0].function.arguments == {"city": "Oslo"}
    formed = client.chat(model="llama3.1", messages=user("a city"), format=SCHEMA)
    assert set(json.loads(formed.message.content)) == {"city"}
    assert len(client.embed(model="nomic-embed-text", input=["one"]).embeddings[0]) == 768
    assert "llama3.1:latest" in [model.model for model in client.list().models]
    assert "tools" in client.show("llama3.1").capabilities
    with pytest.raises(ollama.ResponseError) as caught:
        client.chat(model="nobody", messages=user("hi"))
    assert caught.value.status_code == 404


def test_ollama_native_asks_for_more():
    client = ollama.Client(host=f"{SIM_URL}/ollama")
    seen = {"role": "user", "content": "echo: seen", "images": [PNG]}
    assert client.chat(model="gemma3", messages=[seen]).message.content == "seen"
    silent = client.chat(model="qwen3", messages=user("echo: a"), think=False)
    assert (silent.message.content, silent.message.thinking) == ("a", None)
    assert client.chat(model="gpt-oss:20b", messages=user("echo: a"), think="low").message.thinking
    cut = client.chat(model="llama3.1", messages=user("words:90"), options={"num_predict": 5})
    assert (cut.done_reason, cut.eval_count) == ("length", 5)
    other = {**TOOL, "function": {**TOOL["function"], "name": "tide"}}
    chunks = client.chat(
        model="llama3.1", messages=user("call them all in parallel"), tools=[TOOL, other], stream=True
    )
    calls = [call for chunk in chunks for call in chunk.message.tool_calls or []]
    assert [call.function.name for call in calls] == [TOOL["function"]["name"], "tide"]
    history = [
        *user("weather in Oslo"),
        {"role": "assistant", "content": "", "tool_calls": [calls[0].model_dump()]},
        {"role": "tool", "tool_name": calls[0].function.name, "content": "4 degrees"},
    ]
    assert "4 degrees" in client.chat(model="llama3.1", messages=history).message.content


def test_ollama_generates_and_loads():
    client = ollama.Client(host=f"{SIM_URL}/ollama")
    whole = client.generate(model="qwen3", prompt="echo: a b")
    assert (whole.response, whole.done_reason) == ("a b", "stop")
    assert whole.thinking and whole.context
    chunks = list(client.generate(model="llama3.1", prompt="echo: a b", stream=True))
    assert "".join(chunk.response for chunk in chunks) == "a b"
    assert chunks[-1].done and chunks[-1].prompt_eval_count > 0
    assert client.generate(model="qwen3", prompt="").done_reason == "load"
    assert client.chat(model="qwen3", messages=[], keep_alive=0).done_reason == "unload"
    assert len(client.embeddings(model="nomic-embed-text", prompt="one").embedding) == 768


def test_ollama_native_failures():
    client = ollama.Client(host=f"{SIM_URL}/ollama", headers={"x-sim-fault": "error_after:3"})
    heard = ""
    with pytest.raises(ollama.ResponseError, match="server busy"):
        for chunk in client.chat(model="llama3.1", messages=user("words:40"), stream=True):
            heard += chunk.message.content
    assert heard
    client = ollama.Client(host=f"{SIM_URL}/ollama")
    with pytest.raises(ollama.ResponseError, match="does not support thinking") as caught:
        client.chat(model="llama3.1", messages=user("hi"), think=True)
    assert caught.value.status_code == 400
    with pytest.raises(ollama.ResponseError, match="exceeds the context length"):
        client.embed(model="nomic-embed-text", input="word " * 5000, truncate=False)


def test_perplexity_cites():
    answer = ask("perplexity", "who made Ruby?")
    assert answer.citations and answer.search_results[0].url
    assert answer.usage.cost.total_cost > 0.005


def test_groq_counts_streams_in_its_own_place():
    chunks = list(ask("groq", "echo: hi", stream=True))
    assert chunks[-1].x_groq.usage.total_tokens > 0
    assert chunks[0].x_groq.id.startswith("req_")


def test_deepseek_thinks_aloud():
    answer = ask("deepseek", "hm", model="deepseek-reasoner")
    assert answer.choices[0].message.reasoning_content
    assert answer.usage.prompt_cache_miss_tokens > 0


def test_qwen_thinks_in_streams_only():
    thinking = {"enable_thinking": True}
    with pytest.raises(openai.BadRequestError, match="non-streaming"):
        ask("qwen", "hm", extra_body=thinking)
    chunks = list(ask("qwen", "hm", extra_body=thinking, stream=True))
    assert any(getattr(c.choices[0].delta, "reasoning_content", None) for c in chunks if c.choices)
