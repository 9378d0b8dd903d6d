"""The official `openai` SDK through the gateway: answers, streams, limits, what can't be carried."""

import openai
import pytest
from samples import ALL, ANTHROPIC, ECHO, GEMINI, OPENAI, PLAIN, THINKING, dropped, provider, user

USAGE = {"stream_options": {"include_usage": True}}


def text_of(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@pytest.mark.parametrize("model", ALL)
def test_answer_has_everything_that_the_sdk_types_promise(client, model):
    raw = client.chat.completions.with_raw_response.create(
        model=model, messages=user(f"echo: {ECHO}")
    )
    answer = raw.parse()
    assert answer.object == "chat.completion" and answer.id and answer.created > 1_600_000_000
    (choice,) = answer.choices
    assert choice.index == 0 and choice.finish_reason == "stop"
    assert choice.message.role == "assistant" and choice.message.content == ECHO
    assert not choice.message.tool_calls
    usage = answer.usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert raw.headers["x-polyroute-provider"] == provider(model)
    assert raw.headers["x-polyroute-attempts"] == "1"
    assert answer._request_id == raw.headers["x-request-id"]


@pytest.mark.parametrize("model", ALL)
def test_stream_with_usage(client, model):
    chunks = list(
        client.chat.completions.create(
            model=model, messages=user(f"echo: {ECHO}"), stream=True, **USAGE
        )
    )
    assert text_of(chunks) == ECHO
    pieces = [chunk for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert len(pieces) > 1
    assert len({(chunk.id, chunk.model, chunk.created) for chunk in chunks}) == 1
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert chunks[0].choices[0].delta.role == "assistant"
    reasons = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    assert reasons[-1] == "stop" and set(reasons[:-1]) == {None}
    # The usage chunk is the last one, has no choices, and is the only one with usage.
    assert chunks[-1].choices == []
    usage = chunks[-1].usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert all(chunk.usage is None for chunk in chunks[:-1])


@pytest.mark.parametrize("model", PLAIN)
def test_stream_without_usage_has_no_usage_chunk(client, model):
    chunks = list(
        client.chat.completions.create(model=model, messages=user(f"echo: {ECHO}"), stream=True)
    )
    assert text_of(chunks) == ECHO
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


@pytest.mark.parametrize("model", PLAIN)
def test_stream_and_whole_answer_count_the_same(client, model):
    asked = {"model": model, "messages": user(f"echo: {ECHO}")}
    whole = client.chat.completions.create(**asked).usage
    *_, last = client.chat.completions.create(**asked, stream=True, **USAGE)
    assert last.usage.prompt_tokens == whole.prompt_tokens
    assert last.usage.completion_tokens == whole.completion_tokens


@pytest.mark.parametrize("model", ALL)
def test_stream_helper_accumulates(client, model):
    with client.chat.completions.stream(
        model=model, messages=user(f"echo: {ECHO}"), **USAGE
    ) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert "".join(deltas) == ECHO
    assert final.choices[0].message.content == ECHO
    assert final.choices[0].finish_reason == "stop"
    assert final.usage.completion_tokens > 0


@pytest.mark.parametrize("model", PLAIN)
def test_system_and_developer_messages_arrive(client, sim, model):
    mark = sim.mark()
    answer = client.chat.completions.create(
        model=model,
        messages=[
            {"role": "system", "content": "You are the system voice."},
            {"role": "developer", "content": "You are the developer voice."},
            *user("echo: heard"),
        ],
    )
    assert answer.choices[0].message.content == "heard"
    (call,) = sim.calls(mark)
    assert "system voice" in call["body"] and "developer voice" in call["body"]


@pytest.mark.parametrize("model", PLAIN)
def test_conversation_keeps_its_turns(client, sim, model):
    mark = sim.mark()
    messages = [
        *user("first question"),
        {"role": "assistant", "content": "first answer"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "echo: "}, {"type": "text", "text": "done"}],
        },
    ]
    answer = client.chat.completions.create(model=model, messages=messages)
    assert answer.choices[0].message.content.strip().endswith("done")
    (call,) = sim.calls(mark)
    assert call["body"].index("first question") < call["body"].index("first answer")


@pytest.mark.parametrize("model", PLAIN)
def test_stop_sequence(client, model):
    answer = client.chat.completions.create(
        model=model, messages=user("echo: one two END three"), stop=["END", "NEVER"]
    )
    assert answer.choices[0].message.content.rstrip() == "one two"
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("model", PLAIN)
@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_output_limit_ends_with_length(client, model, field):
    answer = client.chat.completions.create(model=model, messages=user("words:400"), **{field: 20})
    assert answer.choices[0].finish_reason == "length"
    assert 0 < answer.usage.completion_tokens <= 20
    chunks = list(
        client.chat.completions.create(
            model=model, messages=user("words:400"), stream=True, **{field: 20}
        )
    )
    assert chunks[-1].choices[0].finish_reason == "length"


@pytest.mark.parametrize("model", [OPENAI, GEMINI])
def test_several_choices(client, model):
    answer = client.chat.completions.create(model=model, messages=user("Tell me of otters"), n=2)
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert answer.choices[0].message.content and answer.choices[1].message.content
    chunks = list(
        client.chat.completions.create(
            model=model, messages=user("Tell me of otters"), n=2, stream=True
        )
    )
    finished = {c.choices[0].index for c in chunks if c.choices and c.choices[0].finish_reason}
    assert finished == {0, 1}


def test_several_choices_are_refused_where_there_is_one(client, sim):
    mark = sim.mark()
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=ANTHROPIC, messages=user("hi"), n=2)
    assert caught.value.code == "unsupported_parameter" and caught.value.param == "n"
    assert sim.calls(mark) == [], "refused before anything was sent"


@pytest.mark.parametrize("model", [OPENAI, GEMINI])
def test_logprobs(client, model):
    answer = client.chat.completions.create(
        model=model, messages=user("echo: one two"), logprobs=True, top_logprobs=2
    )
    content = answer.choices[0].logprobs.content
    assert "".join(entry.token for entry in content) == "one two"
    assert all(entry.logprob <= 0 and len(entry.top_logprobs) == 2 for entry in content)


def test_what_is_left_out_is_named(client):
    raw = client.chat.completions.with_raw_response.create(
        model=ANTHROPIC,
        messages=user("hi"),
        logprobs=True,
        top_logprobs=2,
        seed=7,
        presence_penalty=0.5,
        logit_bias={"50256": -100},
    )
    assert {"logprobs", "top_logprobs", "seed", "presence_penalty", "logit_bias"} <= set(
        dropped(raw)
    )
    assert raw.parse().choices[0].logprobs is None


def test_nothing_is_named_where_nothing_was_left_out(client):
    raw = client.chat.completions.with_raw_response.create(
        model=OPENAI, messages=user("hi"), seed=7, presence_penalty=0.5, temperature=0.1
    )
    assert dropped(raw) == []


def test_strict_params_refuses_in_place_of_leaving_out(client, sim):
    mark = sim.mark()
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model=ANTHROPIC,
            messages=user("hi"),
            seed=7,
            extra_headers={"x-polyroute-strict-params": "true"},
        )
    assert caught.value.code == "unsupported_parameter" and caught.value.param == "seed"
    assert sim.calls(mark) == []


@pytest.mark.parametrize("model", [*PLAIN, *THINKING])
def test_sampling_parameters_work_or_are_named(client, model):
    raw = client.chat.completions.with_raw_response.create(
        model=model, messages=user("echo: ok"), temperature=0.3, top_p=0.9
    )
    assert raw.parse().choices[0].message.content == "ok"
    if model in ("openai/gpt-4o-mini", GEMINI):
        assert dropped(raw) == []
    if model == "anthropic/claude-opus-4-8":
        assert {"temperature", "top_p"} <= set(dropped(raw))


@pytest.mark.parametrize("model", THINKING)
def test_reasoning_effort_makes_it_think(client, model):
    raw = client.chat.completions.with_raw_response.create(
        model=model, messages=user("Tell me of otters"), reasoning_effort="low"
    )
    answer = raw.parse()
    assert answer.usage.completion_tokens_details.reasoning_tokens > 0
    assert answer.usage.completion_tokens > answer.usage.completion_tokens_details.reasoning_tokens
    assert answer.choices[0].message.content
    assert "reasoning_effort" not in dropped(raw)


@pytest.mark.parametrize("model", [OPENAI, "anthropic/claude-3-5-haiku-latest"])
def test_reasoning_effort_of_a_model_that_does_not_think_is_named(client, model):
    raw = client.chat.completions.with_raw_response.create(
        model=model, messages=user("hi"), reasoning_effort="high"
    )
    assert "reasoning_effort" in dropped(raw)


def test_shown_thoughts_come_as_reasoning_content(client):
    asked = {"model": ANTHROPIC, "messages": user("Tell me of otters"), "reasoning_effort": "low"}
    whole = client.chat.completions.create(**asked).choices[0].message
    assert whole.reasoning_content and whole.reasoning_content not in whole.content
    chunks = list(client.chat.completions.create(**asked, stream=True))
    thought = "".join(
        getattr(chunk.choices[0].delta, "reasoning_content", None) or ""
        for chunk in chunks
        if chunk.choices
    )
    assert thought == whole.reasoning_content
    assert text_of(chunks) == whole.content


@pytest.mark.parametrize(
    ("model", "options", "sent"),
    [
        (ANTHROPIC, {"anthropic": {"top_k": 5}}, '"top_k":5'),
        (GEMINI, {"gemini": {"generationConfig": {"topK": 5}}}, '"topK":5'),
    ],
)
def test_provider_options_reach_their_provider_only(client, sim, model, options, sent):
    mark = sim.mark()
    body = {"provider_options": options}
    client.chat.completions.create(model=model, messages=user("hi"), extra_body=body)
    client.chat.completions.create(model=OPENAI, messages=user("hi"), extra_body=body)
    own, foreign = sim.calls(mark)
    assert sent in own["body"].replace(" ", "")
    assert "provider_options" not in own["body"]
    assert "provider_options" not in foreign["body"] and "op_k" not in foreign["body"]


@pytest.mark.parametrize(
    ("headers", "body"),
    [({"x-polyroute-provider": "anthropic"}, {}), ({}, {"provider": "anthropic"})],
)
def test_provider_by_header_or_body(client, sim, headers, body):
    mark = sim.mark()
    answer = client.chat.completions.with_raw_response.create(
        model="claude-sonnet-4-5", messages=user("hi"), extra_headers=headers, extra_body=body
    )
    assert answer.headers["x-polyroute-provider"] == "anthropic"
    (call,) = sim.calls(mark)
    assert call["dialect"] == "anthropic" and '"provider"' not in call["body"]


@pytest.mark.parametrize(
    ("name", "provided"),
    [
        ("gpt-4o-mini", "openai"),
        ("claude-sonnet-4-5", "anthropic"),
        ("gemini-2.5-flash", "gemini"),
        ("chat", "openai"),
        ("google/gemini-2.5-flash", "gemini"),
    ],
)
def test_names_lead_to_their_provider(client, name, provided):
    raw = client.chat.completions.with_raw_response.create(model=name, messages=user("hi"))
    assert raw.headers["x-polyroute-provider"] == provided
