"""Tools through the gateway: calls, results, parallel calls, choice, and thoughts carried back."""

import json

import openai
import pytest
from samples import ALL, ANTHROPIC, GEMINI, OPENAI, PLAIN, provider, tool, user

TOOLS = [tool("get_weather"), tool("get_time")]
# Models that sign their thoughts, or refuse a tool loop without them.
SIGNING = [
    ("anthropic/claude-sonnet-4-5", "low"),
    ("anthropic/claude-opus-4-8", "low"),
    ("anthropic/claude-sonnet-5", "low"),
    ("gemini/gemini-3-pro", None),
    ("gemini/gemini-2.5-flash", None),
    ("openai/gpt-5.4", None),
]
# The documented value for a Gemini signature that was lost, as base64.
SKIPPED = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="


def ask(client, streamed, **asked):
    """The answer's first choice, asked for whole or streamed."""
    if not streamed:
        return client.chat.completions.create(**asked).choices[0]
    with client.chat.completions.stream(**asked) as stream:
        return stream.get_final_completion().choices[0]


def naive(message):
    """An assistant message as a client sends it that knows OpenAI's documented fields only."""
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.function.name, "arguments": call.function.arguments},
        }
        for call in message.tool_calls
    ]
    return {"role": "assistant", "content": message.content, "tool_calls": calls}


def quotes(answer, name, said):
    """Whether the simulated model quotes a tool's result; Gemini's results are objects."""
    return any(f"{name} returned {form}" in answer for form in (said, f'{{"result":"{said}"}}'))


def result(call, text):
    return {"role": "tool", "tool_call_id": call.id, "content": text}


@pytest.mark.parametrize("model", ALL)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_round_trip(client, model, streamed):
    messages = user("What is the weather in Oslo?")
    asked = {"model": model, "messages": messages, "tools": TOOLS}
    first = ask(client, streamed, **asked)
    (call,) = first.message.tool_calls
    assert first.finish_reason == "tool_calls"
    assert (call.type, call.function.name) == ("function", "get_weather")
    assert json.loads(call.function.arguments) == {"city": "Oslo"}
    assert call.id
    messages += [first.message, result(call, "17 degrees")]
    second = ask(client, streamed, **asked)
    assert second.finish_reason == "stop"
    assert quotes(second.message.content, "get_weather", "17 degrees")


@pytest.mark.parametrize("model", ALL)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_parallel_calls(client, model, streamed):
    messages = user("get_weather and get_time, both, in Oslo")
    asked = {"model": model, "messages": messages, "tools": TOOLS}
    first = ask(client, streamed, **asked)
    calls = first.message.tool_calls
    assert [call.function.name for call in calls] == ["get_weather", "get_time"]
    assert len({call.id for call in calls}) == 2
    assert all(json.loads(call.function.arguments) == {"city": "Oslo"} for call in calls)
    # The results in the other order: they belong to their ids, not to their places.
    messages += [first.message, result(calls[1], "noon"), result(calls[0], "sun")]
    second = ask(client, streamed, **asked)
    assert quotes(second.message.content, "get_weather", "sun")
    assert quotes(second.message.content, "get_time", "noon")


@pytest.mark.parametrize("model", PLAIN)
def test_two_calls_of_one_tool_keep_their_results(client, model):
    messages = user('get_weather {"city": "Rome"} and {"city": "Oslo"}, both')
    asked = {"model": model, "messages": messages, "tools": TOOLS[:1]}
    first = ask(client, False, **asked)
    rome, oslo = first.message.tool_calls
    assert json.loads(rome.function.arguments) == {"city": "Rome"}
    assert json.loads(oslo.function.arguments) == {"city": "Oslo"}
    messages += [first.message, result(oslo, "snow"), result(rome, "sun")]
    said = ask(client, False, **asked).message.content
    assert "sun" in said and "snow" in said
    if provider(model) == "gemini":
        # Without ids on its wire, the order of the calls is all that pairs the results.
        assert said.index("sun") < said.index("snow")


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
def test_parallel_calls_can_be_switched_off(client, model):
    answer = client.chat.completions.create(
        model=model,
        messages=user("get_weather and get_time, both, in Oslo"),
        tools=TOOLS,
        parallel_tool_calls=False,
    )
    assert len(answer.choices[0].message.tool_calls) == 1


@pytest.mark.parametrize("model", PLAIN)
@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("required", "get_weather"),
        ({"type": "function", "function": {"name": "get_time"}}, "get_time"),
        ("none", None),
        ("auto", None),
    ],
    ids=["required", "named", "none", "auto"],
)
def test_tool_choice(client, model, choice, called):
    # The text hints at a tool only where the choice must keep it from being called.
    text = "What is the weather in Oslo?" if choice == "none" else "Tell me of otters in Oslo"
    answer = client.chat.completions.create(
        model=model, messages=user(text), tools=TOOLS, tool_choice=choice
    )
    calls = answer.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls] == ([called] if called else [])
    assert answer.choices[0].finish_reason in (("tool_calls", "stop") if called else ("stop",))


@pytest.mark.parametrize("model", PLAIN)
def test_tool_without_parameters(client, model):
    bare = {"type": "function", "function": {"name": "ping"}}
    for streamed in (False, True):
        choice = ask(client, streamed, model=model, messages=user("call ping"), tools=[bare])
        (call,) = choice.message.tool_calls
        assert call.function.name == "ping" and json.loads(call.function.arguments) == {}


@pytest.mark.parametrize("model", PLAIN)
@pytest.mark.parametrize(
    "history",
    [
        [{"role": "tool", "tool_call_id": "call_nobody", "content": "17"}],
        [
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": "call_open",
                        "type": "function",
                        "function": {"name": "get_time", "arguments": "{}"},
                    }
                ],
            },
            {"role": "user", "content": "and now?"},
        ],
    ],
    ids=["result without call", "call without result"],
)
def test_unpaired_calls_are_a_clear_400(client, model, history):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=model, messages=[*user("hi"), *history], tools=TOOLS)
    assert "call" in str(caught.value.message)


@pytest.mark.parametrize("model", [ANTHROPIC, GEMINI])
def test_foreign_call_ids_and_broken_arguments_are_taken(client, model):
    call = {"id": "chatcmpl-tool|1:a b", "type": "function"}
    messages = [
        *user("What is the weather?"),
        {
            "role": "assistant",
            "tool_calls": [{**call, "function": {"name": "get_weather", "arguments": '{"city": '}}],
        },
        {"role": "tool", "tool_call_id": call["id"], "content": "17 degrees"},
    ]
    answer = client.chat.completions.create(model=model, messages=messages, tools=TOOLS)
    assert "17 degrees" in answer.choices[0].message.content


@pytest.mark.parametrize(("model", "effort"), SIGNING)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("send_back", ["as returned", "naive"])
def test_thoughts_survive_a_tool_loop(client, sim, model, effort, streamed, send_back):
    """Two rounds of calls; the providers refuse calls whose signed thoughts were lost."""
    # Each case has words of its own, so that nothing remembered of another one can help it.
    case = f"{send_back} {streamed} {model}".replace("_", " ")
    messages = user(f"What is the weather in Oslo? ({case})")
    asked = {"model": model, "messages": messages, "tools": TOOLS}
    if effort:
        asked["reasoning_effort"] = effort
    signatures = []
    for round_ in range(2):
        # The simulated model answers in text once it has results: only force makes it call again.
        named = {"type": "function", "function": {"name": "get_time"}}
        forced = {"tool_choice": named} if round_ and not effort else {}
        choice = ask(client, streamed, **asked, **forced)
        if not choice.message.tool_calls:
            break
        for block in getattr(choice.message, "provider_blocks", None) or []:
            inner = block["block"]
            signatures.append(inner.get("signature") or inner.get("thoughtSignature"))
        back = choice.message.model_dump() if send_back == "as returned" else naive(choice.message)
        messages.append(back)
        messages += [result(call, "17 degrees") for call in choice.message.tool_calls]
    mark = sim.mark()
    final = ask(client, streamed, **asked)
    assert "17 degrees" in final.message.content
    (call,) = sim.calls(mark)
    assert call["status"] == 200
    if provider(model) == "openai":
        assert "provider_blocks" not in call["body"] and "reasoning_content" not in call["body"]
    if effort or model == "gemini/gemini-3-pro":
        signed = [signature for signature in signatures if signature]
        assert signed, "the model signed its thoughts and the caller was given them"
        assert all(signature in call["body"] for signature in signed)
        assert SKIPPED not in call["body"]


def test_tool_loop_goes_on_at_another_provider(client):
    """Signed thoughts of one provider are dropped, not sent, where the next turn goes elsewhere."""
    for first, second in [
        ("anthropic/claude-opus-4-8", "gemini/gemini-3-pro"),
        ("gemini/gemini-3-pro", "anthropic/claude-opus-4-8"),
        ("anthropic/claude-opus-4-8", "openai/gpt-5.4"),
        ("openai/gpt-5.4", "gemini/gemini-3-pro"),
    ]:
        messages = user("What is the weather in Oslo?")
        effort = {"reasoning_effort": "low"} if first.startswith("anthropic") else {}
        one = ask(client, False, model=first, messages=messages, tools=TOOLS, **effort)
        call = one.message.tool_calls[0]
        messages += [one.message.model_dump(), result(call, "17 degrees")]
        two = ask(client, False, model=second, messages=messages, tools=TOOLS)
        assert "17 degrees" in two.message.content, (first, second)
