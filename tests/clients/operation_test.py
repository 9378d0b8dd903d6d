"""What operators rely on: cancellation, records, tags, request ids, metrics, the access log."""

import asyncio
import json
import time

import openai
import pytest
from harness import FULL_KEY, UPSTREAM_KEYS, fetch, until
from samples import OPENAI, PLAIN, provider, tool, user

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def left(sim, mark):
    """The one call since the mark, once it ended."""
    (call,) = sim.calls(mark)
    return call if call["ended_ms"] is not None else None


@pytest.mark.parametrize("name", ["openai", "anthropic", "gemini"])
@pytest.mark.parametrize("case", ["flowing", "silent"])
def test_closing_a_stream_stops_the_upstream_call(client, gateway, sim, name, case):
    model = f"{name}/sim-slow" if case == "flowing" else f"{name}/sim-quiet!stall:8"
    mark = sim.mark()
    raw = client.chat.completions.with_raw_response.create(
        model=model, messages=user("words:2000"), stream=True
    )
    stream = raw.parse()
    for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            break
    stream.close()
    begun = time.monotonic()
    call = until(lambda: left(sim, mark), 1, "the upstream call is closed")
    assert time.monotonic() - begun <= 1.05
    assert call["closed_early"] and not call["finished"]
    record = gateway.record(raw.headers["x-request-id"])
    assert (record["end"], record["status"]) == ("client_closed", 499)
    assert record["tokens"]["provenance"] == "estimated" or record["tokens"]["input"] > 0
    assert record["tokens"]["input"] > 0 and record["tokens"]["output"] > 0


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_leaving_before_the_answer_stops_the_upstream_call(client_options, sim, gateway, stream):
    mark = sim.mark()
    request_id = f"left-before-{stream}"
    with openai.OpenAI(**{**client_options, "timeout": 0.4}) as hasty:
        with pytest.raises(openai.APITimeoutError):
            hasty.chat.completions.create(
                model="openai/sim-never!hang",
                messages=user("hi"),
                stream=stream,
                extra_headers={"x-request-id": request_id},
            )
    call = until(lambda: left(sim, mark), 1, "the upstream call is closed")
    assert call["closed_early"]
    record = gateway.record(request_id)
    assert (record["end"], record["status"]) == ("client_closed", 499)


def test_request_id_is_the_callers_where_it_sends_one(client, gateway):
    own = "case-7:retry.1"
    raw = client.chat.completions.with_raw_response.create(
        model=OPENAI, messages=user("hi"), extra_headers={"x-request-id": own}
    )
    assert raw.headers["x-request-id"] == own
    assert gateway.record(own)["request_id"] == own
    made = [
        client.chat.completions.create(model=OPENAI, messages=user("hi"))._request_id
        for _ in range(2)
    ]
    assert made[0] != made[1] and all(made)


@pytest.mark.parametrize("model", PLAIN)
def test_record_says_what_happened_and_nothing_that_was_said(client, gateway, model):
    secret = "the-prompt-is-nobody-elses-business"
    raw = client.chat.completions.with_raw_response.create(
        model=model,
        messages=user(f"echo: {secret}"),
        extra_headers={"x-polyroute-tags": "run=7, team=other"},
        extra_body={"metadata": {"case": "a"}},
    )
    record = gateway.record(raw.headers["x-request-id"])
    assert (record["end"], record["status"], record["operation"]) == ("complete", 200, "chat")
    assert (record["principal"], record["requested_model"]) == ("tester", model)
    # The key's own tag wins over the caller's.
    assert record["tags"] == {"run": "7", "case": "a", "team": "tests"}
    (attempt,) = record["attempts"]
    assert (attempt["provider"], attempt["outcome"], attempt["status"]) == (
        provider(model),
        "ok",
        200,
    )
    usage = raw.parse().usage
    assert record["tokens"]["provenance"] == "reported"
    assert record["tokens"]["input"] == usage.prompt_tokens
    assert record["tokens"]["output"] == usage.completion_tokens
    assert float(record["cost"]["usd"]) > 0
    assert record["total_ms"] > 0 and record["finish_reason"] == "stop"
    assert secret not in json.dumps(record)


def test_refusals_are_recorded_too(client, gateway):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="nothing-like-it", messages=user("hi"))
    record = gateway.record(caught.value.request_id)
    assert (record["end"], record["error_code"]) == ("refused", "model_not_found")
    assert record["attempts"] == []


@pytest.mark.parametrize("model", PLAIN)
def test_credentials_stay_on_their_side(client, sim, gateway, model):
    mark = sim.mark()
    raw = client.chat.completions.with_raw_response.create(
        model=model,
        messages=user("hi"),
        extra_headers={"traceparent": TRACE, "cookie": "session=1", "x-sim-fault": "status:500"},
    )
    (call,) = sim.calls(mark)
    headers = {name: value for name, value in call["headers"]}
    assert "cookie" not in headers and "x-sim-fault" not in headers
    assert not any("stainless" in name for name in headers)
    # The trace goes on: same trace, and a span of the gateway's own or the caller's.
    assert headers["traceparent"].split("-")[1] == TRACE.split("-")[1]
    everything = json.dumps(call) + raw.text + str(dict(raw.headers))
    assert FULL_KEY not in everything
    assert not any(secret in everything for secret in UPSTREAM_KEYS.values())


def test_a_hundred_at_once(client_options, sim):
    async def main():
        async with openai.AsyncOpenAI(**client_options) as client:

            async def one(number):
                said = f"number {number} of many"
                asked = {"model": PLAIN[number % 3], "messages": user(f"echo: {said}")}
                if number % 2:
                    stream = await client.chat.completions.create(**asked, stream=True)
                    parts = [
                        chunk.choices[0].delta.content or ""
                        async for chunk in stream
                        if chunk.choices
                    ]
                    return "".join(parts) == said
                answer = await client.chat.completions.create(**asked)
                return answer.choices[0].message.content == said

            return await asyncio.gather(*(one(number) for number in range(100)))

    mark = sim.mark()
    assert all(asyncio.run(main()))
    assert len(sim.calls(mark)) == 100


def test_metrics_move(client, gateway):
    def total(metrics, name, *labels):
        return sum(
            value
            for key, value in metrics.items()
            if key.split("{")[0] == name and all(label in key for label in labels)
        )

    before = gateway.metrics()
    usage = client.chat.completions.create(model=OPENAI, messages=user("hi")).usage
    list(client.chat.completions.create(model=OPENAI, messages=user("hi"), stream=True))
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="failing-all", messages=user("hi"))

    def moved(name, *labels):
        return total(gateway.metrics(), name, *labels) - total(before, name, *labels)

    until(lambda: moved("polyroute_requests_total") >= 3, 2, "three more requests")
    assert moved("polyroute_requests_total", 'end="complete"', 'operation="chat"') == 2
    assert moved("polyroute_errors_total", 'code="server_is_overloaded"') == 1
    assert moved("polyroute_attempts_total", 'outcome="overloaded"') >= 2
    # The stream's own count is not known here, but both calls were alike.
    assert moved("polyroute_tokens_total", 'type="output"') >= usage.completion_tokens
    assert moved("polyroute_ttft_seconds_count") == 1
    assert moved("polyroute_request_duration_seconds_count") >= 2
    assert moved("polyroute_overhead_seconds_count") >= 2
    assert total(gateway.metrics(), "polyroute_open_streams") == 0


def test_metric_labels_are_bounded(client, gateway):
    """What callers make up becomes no label."""
    before = set(gateway.metrics())
    ids = []
    for number in range(20):
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(
                model=f"made-up-{number}",
                messages=user("hi"),
                extra_headers={"x-polyroute-tags": f"made-up={number}"},
            )
        ids.append(caught.value.request_id)
    for request_id in ids:
        gateway.record(request_id)
    after = gateway.metrics()
    assert not [name for name in after if "made-up" in name]
    assert len(set(after) - before) <= 4


def test_access_log_is_one_json_line_a_request(client, gateway):
    forged = 'x"}\n{"event":"forged"}'
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model=forged, messages=user("hi"))
    raw = client.chat.completions.with_raw_response.create(
        model=OPENAI, messages=user("echo: not-for-the-log"), tools=[tool("get_time")]
    )

    def lines():
        found = {line["request_id"]: line for line in gateway.access_log()}
        wanted = (caught.value.request_id, raw.headers["x-request-id"])
        return [found[one] for one in wanted] if set(wanted) <= set(found) else None

    refused, answered = until(lines, 2, "both lines in the access log")
    assert refused["requested_model"] == forged and refused["status"] == 404
    assert answered["status"] == 200 and answered["provider"] == "openai"
    assert answered["input_tokens"] > 0 and answered["output_tokens"] > 0
    text = gateway.program.output()
    assert "not-for-the-log" not in text
    assert FULL_KEY not in text and not any(key in text for key in UPSTREAM_KEYS.values())
    assert all(line["event"] == "request" for line in gateway.access_log())


def test_public_listener_has_no_admin_api(gateway):
    for path in ("/metrics", "/v1/admin/requests"):
        status, _, _ = fetch(
            gateway.url.removesuffix("/v1") + path, headers={"authorization": f"Bearer {FULL_KEY}"}
        )
        assert status == 404


def test_admin_list_is_newest_first(client, gateway):
    ids = [
        client.chat.completions.create(model=OPENAI, messages=user("hi"))._request_id
        for _ in range(3)
    ]
    gateway.record(ids[-1])
    _, _, text = fetch(f"{gateway.admin_url}/v1/admin/requests?limit=3")
    assert [record["request_id"] for record in json.loads(text)["data"]] == ids[::-1]
