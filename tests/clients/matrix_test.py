"""Every provider × what applications ask for, by the official OpenAI SDK through the gateway.

A cell works, or is refused with a documented code; there is no third thing. The matrix is printed at
the end (`-s`, or the closing lines of a run) and kept in target/provider-matrix.txt.
"""

import base64
import json
import os
import pathlib
import re

import openai
import pytest
from harness import REPOSITORY, Program, fetch, until
from samples import PNG, tool, user

KEY = "pr-matrix-key-0123456789"
UPSTREAM = "sk-upstream-matrix-0123456789"
TOOLS = [tool("get_weather"), tool("get_time")]
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
            "required": ["city", "degrees"],
            "additionalProperties": False,
        },
    },
}

# Provider, what of its section in the configuration is its own, and a model of it. `{sim}` is the
# simulator's address, `{account}` a file of a Google service account.
VERTEX = 'base_url: "{sim}/vertex", project: sim-project, location: us-central1, credentials_file: "{account}"'
AZURE = 'base_url: "{sim}/azure", deployments: {{ gpt-4o-mini-sim-prod: gpt-4o-mini }}'
# What the simulator's AWS account is, whose signatures it recomputes.
AWS_KEYS = {"AWS_ACCESS_KEY_ID": "AKIASIM1", "AWS_SECRET_ACCESS_KEY": "sim-secret-of-AKIASIM1"}
BEDROCK = 'base_url: "{sim}/bedrock", region: eu-central-1'
PROVIDERS = [
    ("openai", 'base_url: "{sim}/openai/v1"', "gpt-4o-mini"),
    ("anthropic", 'base_url: "{sim}/anthropic"', "claude-sonnet-4-5"),
    ("gemini", 'base_url: "{sim}/gemini"', "gemini-2.5-flash"),
    ("mistral", 'base_url: "{sim}/mistral/v1"', "mistral-large-2512"),
    ("deepseek", 'base_url: "{sim}/deepseek"', "deepseek-chat"),
    ("groq", 'base_url: "{sim}/groq/openai/v1"', "meta-llama/llama-4-scout-17b-16e-instruct"),
    ("cerebras", 'base_url: "{sim}/cerebras/v1"', "llama-3.3-70b"),
    ("together", 'base_url: "{sim}/together/v1"', "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
    ("fireworks", 'base_url: "{sim}/fireworks/inference/v1"', "accounts/fireworks/models/deepseek-v3p2"),
    ("perplexity", 'base_url: "{sim}/perplexity"', "sonar"),
    ("xai", 'base_url: "{sim}/xai/v1"', "grok-3"),
    ("qwen", 'base_url: "{sim}/qwen/compatible-mode/v1"', "qwen-plus"),
    ("openrouter", 'base_url: "{sim}/openrouter/api/v1"', "openai/gpt-4o-mini"),
    ("ollama", 'base_url: "{sim}/ollama"', "qwen3"),
    ("ollama-openai", 'kind: ollama, base_url: "{sim}/ollama/v1"', "qwen3"),
    ("cohere", 'base_url: "{sim}/cohere"', "command-a-plus-05-2026"),
    ("cohere-v1", 'kind: cohere, api_version: v1, base_url: "{sim}/cohere"', "command-r-plus-08-2024"),
    ("vllm", 'base_url: "{sim}/vllm/v1"', "Qwen/Qwen3-32B"),
    ("azure", AZURE, "gpt-4o-mini-sim-prod"),
    ("azure-dated", f'kind: azure, api_version: "2024-10-21", {AZURE}', "gpt-4o-mini-sim-prod"),
    ("vertex", VERTEX, "gemini-2.5-flash"),
    ("vertex-claude", f"kind: vertex, {VERTEX}", "claude-sonnet-4-5"),
    ("bedrock", BEDROCK, "us.amazon.nova-2-lite-v1:0"),
    ("bedrock-claude", f"kind: bedrock, {BEDROCK}", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ("openai-responses", 'kind: openai, api: responses, base_url: "{sim}/openai/v1"', "gpt-4.1"),
]
# Models that take pictures, where the one above takes none.
SEES = {
    "together": "google/gemma-4-31B-it",
    "fireworks": "accounts/fireworks/models/kimi-k2p6",
    "xai": "grok-4-1-fast-non-reasoning",
    "qwen": "qwen3.5-plus",
    "ollama": "gemma3",
    "ollama-openai": "gemma3",
    "vllm": "Qwen/Qwen2.5-VL-72B-Instruct",
}
KINDS = ["text", "stream", "tool single", "tool parallel", "tool result", "schema", "image", "error"]

# What a provider's model does not take, and the code that says so.
REFUSED = {
    ("cerebras", "image"): "unsupported_content",
    ("cohere-v1", "image"): "unsupported_content",
    ("deepseek", "image"): "unsupported_content",
    ("perplexity", "tool single"): "unsupported_parameter",
    ("perplexity", "tool parallel"): "unsupported_parameter",
    ("perplexity", "tool result"): "unsupported_parameter",
}


@pytest.fixture(scope="module")
def matrix_gateway(sim, tmp_path_factory):
    """A gateway with every provider, in front of the simulator."""
    folder = tmp_path_factory.mktemp("matrix")
    account = folder / "account.json"
    account.write_text(fetch(f"{sim.url}/_sim/google/credentials")[2])

    def section(name, own):
        # Who signs in with an account, or signs, has no key.
        key = "" if "credentials_file" in own or "region" in own else "credentials: [{ env: UPSTREAM }], "
        return f"  {name}: {{ models: false, {key}{own.format(sim=sim.url, account=account)} }}\n"

    sections = "".join(section(name, own) for name, own, _ in PROVIDERS)
    config = folder / "polyroute.yaml"
    config.write_text(
        "server: { listen: 127.0.0.1:0, admin: 127.0.0.1:0, access_log: off }\n"
        "keys: [{ name: matrix, secret: { env: MATRIX_KEY } }]\n"
        f"providers:\n{sections}"
        "media: { allow_private_networks: true }\n"
    )
    environment = {**AWS_KEYS, "MATRIX_KEY": KEY, "UPSTREAM": UPSTREAM}
    program = Program(folder, "matrix", ["serve", "--config", str(config)], environment)
    url = program.wait_for(r"listening on (http://127\.0\.0\.1:\d+/v1)").group(1)
    root = url.removesuffix("/v1")
    until(lambda: fetch(f"{root}/health/ready")[0] == 200, 20, "ready")
    yield url
    program.stop()


@pytest.fixture(scope="module")
def matrix_client(matrix_gateway):
    with openai.OpenAI(base_url=matrix_gateway, api_key=KEY, max_retries=0, timeout=20) as client:
        yield client


def ask(client, model, streamed=False, **asked):
    asked = {"model": model, "messages": user("Tell me of otters"), "max_completion_tokens": 400, **asked}
    if not streamed:
        return client.chat.completions.create(**asked).choices[0]
    with client.chat.completions.stream(**asked) as stream:
        return stream.get_final_completion().choices[0]


def text(client, model):
    choice = ask(client, model)
    assert choice.message.content.strip()
    assert choice.finish_reason == "stop"


def stream(client, model):
    chunks = list(
        client.chat.completions.create(
            model=model,
            messages=user("Tell me of otters"),
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    finishes = [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason]
    assert said.strip() and finishes and set(finishes) == {"stop"}
    assert any(c.usage and c.usage.completion_tokens for c in chunks), "no usage"


def tool_single(client, model):
    for streamed in (False, True):
        choice = ask(client, model, streamed, messages=user("What is the weather in Oslo?"), tools=TOOLS)
        (call,) = choice.message.tool_calls
        assert call.id and call.type == "function" and call.function.name == "get_weather"
        assert json.loads(call.function.arguments) == {"city": "Oslo"}
        assert choice.finish_reason == "tool_calls"


def tool_parallel(client, model):
    for streamed in (False, True):
        asked = user("get_weather and get_time, both, in Oslo")
        calls = ask(client, model, streamed, messages=asked, tools=TOOLS).message.tool_calls
        assert [call.function.name for call in calls] == ["get_weather", "get_time"]
        assert len({call.id for call in calls}) == 2


def tool_result(client, model):
    messages = user("What is the weather in Oslo?")
    first = ask(client, model, messages=messages, tools=TOOLS).message
    (call,) = first.tool_calls
    messages += [first, {"role": "tool", "tool_call_id": call.id, "content": "17 degrees"}]
    second = ask(client, model, messages=messages, tools=TOOLS)
    assert "17 degrees" in second.message.content
    assert second.finish_reason == "stop"


def schema(client, model):
    for streamed in (False, True):
        asked = user("How warm is it in Oslo? Answer as JSON.")
        choice = ask(client, model, streamed, messages=asked, response_format=SCHEMA)
        answer = json.loads(choice.message.content)
        assert set(answer) == {"city", "degrees"} and isinstance(answer["degrees"], int)


def image(client, model):
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
    choice = ask(client, model, messages=[{"role": "user", "content": parts}])
    assert choice.message.content.strip()


def error(client, model):
    """A model that the provider does not have: its refusal, in OpenAI's words."""
    provider, real = model.split("/", 1)
    # The name tells Vertex AI's publishers apart.
    unknown = "claude-no-such-model" if real.startswith("claude") else "no-such-model-at-all"
    with pytest.raises(openai.APIStatusError) as caught:
        ask(client, f"{provider}/{unknown}")
    assert caught.value.status_code in (400, 404), caught.value
    assert caught.value.code in documented(), caught.value
    assert UPSTREAM not in str(caught.value)


def documented():
    """The codes of docs/errors.md."""
    page = (REPOSITORY / "docs/errors.md").read_text()
    return set(re.findall(r"`([a-z_]+)`", page))


RUN = {
    "text": text,
    "stream": stream,
    "tool single": tool_single,
    "tool parallel": tool_parallel,
    "tool result": tool_result,
    "schema": schema,
    "image": image,
    "error": error,
}
CELLS = {}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name,model", [(name, model) for name, _, model in PROVIDERS], ids=[p[0] for p in PROVIDERS])
def test_cell(matrix_client, name, model, kind):
    CELLS[name, kind] = "FAILS"
    try:
        model = SEES.get(name, model) if kind == "image" else model
        RUN[kind](matrix_client, f"{name}/{model}")
        CELLS[name, kind] = "works"
        refused = None
    except openai.APIStatusError as caught:
        assert caught.code in documented(), f"refused without a documented code: {caught}"
        assert caught.status_code < 500, caught
        refused = caught.code
        CELLS[name, kind] = refused
    assert refused == REFUSED.get((name, kind)), CELLS[name, kind]


def test_matrix_has_no_gap(capsys):
    wanted = {(name, kind) for name, _, _ in PROVIDERS for kind in KINDS}
    if set(CELLS) != wanted:
        pytest.skip("SKIPPED: only a part of the matrix was run")
    width = max(len(name) for name, _, _ in PROVIDERS)
    lines = [" " * width + "".join(f"  {kind:<21}" for kind in KINDS)]
    for name, _, _ in PROVIDERS:
        lines.append(f"{name:<{width}}" + "".join(f"  {CELLS[name, kind]:<21}" for kind in KINDS))
    table = "\n".join(line.rstrip() for line in lines)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    (target / "provider-matrix.txt").write_text(table + "\n")
    with capsys.disabled():
        print(f"\n{table}")
    assert "FAILS" not in CELLS.values()
