"""Errors as the SDK's typed classes, failures within streams, and fallback to the next target."""

import http.client
import json
import time

import openai
import pytest
from harness import FULL_KEY, UPSTREAM_KEYS, fetch
from samples import ANTHROPIC, GEMINI, OPENAI, PLAIN, user


def create(client, model, **more):
    return client.chat.completions.create(model=model, messages=user("words:40"), **more)


def fails(client, model, error, **more):
    """The error that a request comes to, whole and streamed alike."""
    found = []
    for stream in (False, True):
        with pytest.raises(error) as caught:
            create(client, model, stream=stream, **more)
        found.append(caught.value)
    whole, streamed = found
    assert type(whole) is type(streamed)
    assert (whole.status_code, whole.code) == (streamed.status_code, streamed.code)
    assert whole.message and whole.type and whole.request_id
    assert not any(secret in str(whole) for secret in (FULL_KEY, *UPSTREAM_KEYS.values()))
    return whole


@pytest.mark.parametrize("model", PLAIN)
def test_mistake_of_the_caller_is_400_and_names_the_field(client, model):
    error = fails(client, model, openai.BadRequestError, temperature="hot")
    assert error.param == "temperature" and "temperature" in error.message


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "clown", "content": "hi"}]}, "messages[0].role"),
        ({"messages": None}, "messages"),
        ({"model": None}, "model"),
        ({"stream": "yes"}, "stream"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
    ],
    ids=["empty messages", "role", "no messages", "no model", "stream", "tool"],
)
@pytest.mark.parametrize("model", PLAIN)
def test_broken_bodies(client, model, body, param):
    whole = {"model": model, "messages": user("hi"), **body}
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/chat/completions", cast_to=object, body=whole)
    assert caught.value.param and caught.value.param.startswith(param.split("[")[0])
    if model != OPENAI:
        # What is passed on as it is, the provider itself may refuse in its words.
        assert caught.value.param == param


def test_wrong_key_is_401(client_options):
    for key in ("sk-nobody", UPSTREAM_KEYS["SIM_OPENAI_KEY"], FULL_KEY[:-1], FULL_KEY + "a"):
        with openai.OpenAI(**{**client_options, "api_key": key}) as stranger:
            with pytest.raises(openai.AuthenticationError) as caught:
                create(stranger, OPENAI)
            assert caught.value.code == "invalid_api_key"
            assert key not in str(caught.value)
            with pytest.raises(openai.AuthenticationError):
                stranger.models.list()


@pytest.mark.parametrize(
    ("path", "status"), [("chat/completions", 401), ("chat/nonsense", 404), ("models", 405)]
)
def test_refusal_before_the_body_came_does_not_cost_the_connection(gateway, path, status):
    """The body comes after the head; the next request goes over the same connection."""
    connection = http.client.HTTPConnection(gateway.url.split("/")[2], timeout=5)
    body = json.dumps({"model": OPENAI, "messages": user("hi")}).encode()
    for _ in range(3):
        connection.putrequest("POST", f"/v1/{path}")
        connection.putheader("authorization", "Bearer wrong")
        connection.putheader("content-length", str(len(body)))
        connection.endheaders()
        time.sleep(0.05)
        connection.send(body)
        answer = connection.getresponse()
        assert answer.status == status and answer.headers["connection"] != "close"
        answer.read()
    connection.close()


@pytest.mark.parametrize("header", ["x-api-key", "api-key"])
def test_key_in_other_headers(gateway, header):
    body = {"model": OPENAI, "messages": user("hi")}
    json_type = {"content-type": "application/json"}
    url = f"{gateway.url}/chat/completions"
    assert fetch(url, body, headers={**json_type, header: FULL_KEY})[0] == 200
    assert fetch(url, body, headers={**json_type, header: "wrong"})[0] == 401
    assert fetch(url, body, headers=json_type)[0] == 401


def test_restricted_key_is_403(limited_client, sim):
    assert create(limited_client, "chat").choices[0].message.content
    mark = sim.mark()
    error = fails(limited_client, ANTHROPIC, openai.PermissionDeniedError)
    assert error.code == "model_not_allowed"
    assert sim.calls(mark) == []


def test_unknown_model_is_404_with_the_nearest_names(client, sim):
    mark = sim.mark()
    error = fails(client, "gpt-4o-minni", openai.NotFoundError)
    assert error.code == "model_not_found" and error.param == "model"
    assert "gpt-4o-mini" in error.message
    error = fails(client, "anthropc/claude-sonnet-4-5", openai.NotFoundError)
    assert "(did you mean `claude-sonnet-4-5`" in error.message
    assert sim.calls(mark) == []


def test_unknown_path_is_404(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.post("/chat/completion", cast_to=object, body={})
    assert "/v1/chat/completions" in caught.value.message


@pytest.mark.parametrize("model", PLAIN)
def test_rate_limit_is_429_with_the_wait(client, model):
    error = fails(client, f"{model}!status:429:30", openai.RateLimitError)
    assert error.code == "rate_limit_exceeded"
    assert error.response.headers["retry-after"] == "30"
    assert error.response.headers.get("x-should-retry") != "false"


def test_spent_quota_is_429_and_not_worth_a_retry(client):
    error = fails(client, "openai-broke/gpt-4o-mini", openai.RateLimitError)
    assert error.code == "insufficient_quota"
    assert error.response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("model", PLAIN)
@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("status:500", 502, "upstream_error"),
        ("status:503", 503, "server_is_overloaded"),
        ("reset_before_headers", 502, "upstream_connection"),
        ("wrong_content_type:html", 502, "upstream_malformed"),
    ],
)
def test_failing_provider_is_5xx(client, model, fault, status, code):
    error = fails(client, f"{model}!{fault}", openai.InternalServerError)
    assert (error.status_code, error.code) == (status, code)


@pytest.mark.parametrize("model", PLAIN)
@pytest.mark.parametrize(
    ("fault", "stream"),
    [
        ("garbage_json", False),
        ("garbage_json", True),
        ("empty_body", False),
        ("empty_body", True),
        ("half_json", False),
        ("length_too_long", False),
    ],
)
def test_answer_that_is_none_is_502(client, model, fault, stream):
    with pytest.raises(openai.InternalServerError) as caught:
        create(client, f"{model}!{fault}", stream=stream)
    assert caught.value.status_code == 502
    assert caught.value.code in ("upstream_malformed", "upstream_truncated")


def test_missing_patience_is_504(client):
    begun = time.monotonic()
    error = fails(client, "hasty", openai.InternalServerError)
    assert (error.status_code, error.code) == (504, "upstream_timeout")
    assert time.monotonic() - begun < 8


@pytest.mark.parametrize("name", ["openai-bad", "anthropic-bad", "gemini-bad"])
def test_wrong_upstream_key_is_our_502(client, name):
    """Never the caller's 401: the caller can't mend it, and must not try again."""
    error = fails(client, f"{name}/sim-any", openai.InternalServerError)
    assert (error.status_code, error.code) == (502, "upstream_auth")
    assert error.response.headers["x-should-retry"] == "false"


def test_unknown_model_of_a_provider(client):
    error = fails(client, "anthropic/claude-nonsense-1", openai.APIStatusError)
    assert error.status_code in (404, 502)
    assert error.code in ("model_not_found", "upstream_not_found")


@pytest.mark.parametrize("model", PLAIN)
def test_context_length_keeps_its_code(client, sim, model):
    """The provider's own 400 is read, not guessed: its code is OpenAI's."""
    words = {
        OPENAI: {
            "error": {
                "message": "This model's maximum context length is 128000 tokens.",
                "type": "invalid_request_error",
                "param": "messages",
                "code": "context_length_exceeded",
            }
        },
        ANTHROPIC: {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "message": "prompt is too long: 250000 tokens > 200000 maximum",
            },
        },
        GEMINI: {
            "error": {
                "code": 400,
                "message": "The input token count (2000000) exceeds the maximum number of tokens "
                "allowed (1048576).",
                "status": "INVALID_ARGUMENT",
            }
        },
    }
    reply = {"json": {"status": 400, "body": words[model]}}
    sim.script({"model": "sim-full"}, reply, reply)
    error = fails(client, model.split("/")[0] + "/sim-full", openai.BadRequestError)
    assert error.code == "context_length_exceeded"


@pytest.mark.parametrize("model", PLAIN)
@pytest.mark.parametrize(
    "fault", ["error_after:6", "cut:6:end", "cut:6:close", "cut:6:reset", "missing_finish"]
)
def test_failure_within_a_stream_is_raised_by_the_iterator(client, gateway, model, fault):
    """What was cut is never a clean end, and the record says so."""
    raw = client.chat.completions.with_raw_response.create(
        model=f"{model}!{fault}", messages=user("words:60"), stream=True
    )
    chunks = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in raw.parse():
            chunks.append(chunk)
    assert any(chunk.choices[0].delta.content for chunk in chunks if chunk.choices)
    assert all(chunk.choices[0].finish_reason is None for chunk in chunks if chunk.choices)
    wanted = {"upstream_truncated"}
    if fault.startswith("error_after"):
        wanted = {"server_is_overloaded", "upstream_error"}
    assert caught.value.code in wanted
    record = gateway.record(raw.headers["x-request-id"])
    assert record["end"] == "truncated"
    assert record["tokens"]["output"] > 0


@pytest.mark.parametrize("model", PLAIN)
def test_provider_that_falls_silent_is_an_error(client, model):
    begun = time.monotonic()
    with pytest.raises(openai.APIError) as caught:
        list(create(client, f"{model}!stall:6", stream=True))
    assert caught.value.code == "upstream_timeout"
    assert 1 < time.monotonic() - begun < 6


@pytest.mark.parametrize("model", PLAIN)
@pytest.mark.parametrize("fault", ["crlf", "one_byte_chunks", "comments_flood:20", "usage_missing"])
def test_odd_but_lawful_streams_are_whole(client, model, fault):
    asked = {"messages": user("echo: grüße 👩‍👩‍👧 all"), "stream": True}
    chunks = list(client.chat.completions.create(model=f"{model}!{fault}", **asked))
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == "grüße 👩‍👩‍👧 all"
    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("route", "answered", "failed"),
    [
        ("gone-first", "anthropic", ("gone", "connection")),
        ("failing-first", "gemini", ("openai", "overloaded")),
    ],
)
def test_fallback(client, gateway, route, answered, failed, stream):
    raw = client.chat.completions.with_raw_response.create(
        model=route, messages=user("echo: still here"), stream=stream
    )
    answer = raw.parse()
    if stream:
        said = "".join(c.choices[0].delta.content or "" for c in answer if c.choices)
    else:
        said = answer.choices[0].message.content
    assert said == "still here"
    assert raw.headers["x-polyroute-provider"] == answered
    assert int(raw.headers["x-polyroute-attempts"]) >= 2
    record = gateway.record(raw.headers["x-request-id"])
    assert record["route"] == route and record["end"] == "complete"
    first, last = record["attempts"][0], record["attempts"][-1]
    assert (first["provider"], first["outcome"]) == failed
    assert (last["provider"], last["outcome"]) == (answered, "ok")


def test_no_fallback_after_content(client):
    """What was sent can't be unsent: the caller gets an error, not a second answer."""
    with pytest.raises(openai.APIError) as caught:
        list(create(client, "cutting-first", stream=True))
    assert caught.value.code == "upstream_truncated"


def test_no_fallback_for_the_callers_own_mistake(client, sim):
    mark = sim.mark()
    with pytest.raises(openai.BadRequestError):
        create(client, "chat", extra_body={"temperature": 9})
    assert len(sim.calls(mark)) <= 1


def test_all_targets_fail(client):
    error = fails(client, "failing-all", openai.InternalServerError)
    assert error.code == "server_is_overloaded"
    assert error.status_code == 503


def test_error_bodies_are_openai_shaped(gateway):
    headers = {"authorization": f"Bearer {FULL_KEY}", "content-type": "application/json"}
    url = f"{gateway.url}/chat/completions"
    status, answered, text = fetch(
        url, {"model": "nothing-of-the-kind", "messages": user("hi")}, headers=headers
    )
    assert status == 404 and answered["content-type"] == "application/json"
    error = json.loads(text)["error"]
    assert set(error) >= {"message", "type", "param", "code"}


def test_retries_are_the_gateways_and_the_sdk_adds_none(client_options, sim):
    """One failure is mended within the call. After the gateway's own tries it tells the SDK to
    leave it, or tries would multiply."""
    sim.fault({"model": "sim-recovers"}, "status:500", times=1)
    sim.fault({"model": "sim-stays-down"}, "status:500")
    with openai.OpenAI(**{**client_options, "max_retries": 2}) as patient:
        mark = sim.mark()
        assert create(patient, "openai/sim-recovers").choices[0].message.content
        assert [call["status"] for call in sim.calls(mark)] == [500, 200]
        mark = sim.mark()
        with pytest.raises(openai.InternalServerError) as caught:
            create(patient, "openai/sim-stays-down")
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert [call["status"] for call in sim.calls(mark)] == [500, 500]
