"""boto3 pointed straight at the simulator, its signatures verified there."""

import boto3
import botocore.config
import botocore.exceptions
import pytest

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
TOOL = {
    "toolSpec": {
        "name": "get_weather",
        "inputSchema": {
            "json": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            }
        },
    }
}


def client(sim, service="bedrock-runtime", secret=None, key="AKIASIMBOTO", token=None):
    return boto3.client(
        service,
        region_name="eu-central-1",
        endpoint_url=f"{sim.url}/bedrock",
        aws_access_key_id=key,
        aws_secret_access_key=secret or f"sim-secret-of-{key}",
        aws_session_token=token,
        config=botocore.config.Config(retries={"total_max_attempts": 1}),
    )


def user(text):
    return [{"role": "user", "content": [{"text": text}]}]


def test_converse(sim):
    answer = client(sim).converse(modelId=MODEL, messages=user("echo: grüße"))
    assert answer["output"]["message"]["content"] == [{"text": "grüße"}]
    assert answer["stopReason"] == "end_turn"
    usage = answer["usage"]
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]


def test_temporary_keys(sim):
    key = "ASIASIMBOTO"
    answer = client(sim, key=key, token=f"sim-session-of-{key}").converse(
        modelId=MODEL, messages=user("echo: hi")
    )
    assert answer["stopReason"] == "end_turn"


def test_stream(sim):
    stream = client(sim).converse_stream(modelId=MODEL, messages=user("echo: one two three four"))
    events = list(stream["stream"])
    deltas = [event["contentBlockDelta"] for event in events if "contentBlockDelta" in event]
    assert "".join(delta["delta"]["text"] for delta in deltas) == "one two three four"
    assert next(iter(events[-1])) == "metadata"


def test_tool_round_trip(sim):
    bedrock = client(sim)
    messages = user("What is the weather in Oslo?")
    first = bedrock.converse(modelId=MODEL, messages=messages, toolConfig={"tools": [TOOL]})
    assert first["stopReason"] == "tool_use"
    message = first["output"]["message"]
    call = next(block["toolUse"] for block in message["content"] if "toolUse" in block)
    assert call["input"] == {"city": "Oslo"}
    result = {"toolUseId": call["toolUseId"], "content": [{"text": "4 degrees"}]}
    messages += [message, {"role": "user", "content": [{"toolResult": result}]}]
    second = bedrock.converse(modelId=MODEL, messages=messages, toolConfig={"tools": [TOOL]})
    assert "4 degrees" in second["output"]["message"]["content"][0]["text"]


def test_count_tokens(sim):
    counted = client(sim).count_tokens(
        modelId=MODEL, input={"converse": {"messages": user("How many?")}}
    )
    assert counted["inputTokens"] > 0


def test_lists(sim):
    control = client(sim, "bedrock")
    models = control.list_foundation_models()["modelSummaries"]
    assert any(model["modelId"] == "amazon.nova-lite-v1:0" for model in models)
    profiles = control.list_inference_profiles()["inferenceProfileSummaries"]
    assert any(profile["inferenceProfileId"] == MODEL for profile in profiles)


@pytest.mark.parametrize(
    ("made_with", "code"),
    [
        ({"secret": "wrong"}, "InvalidSignatureException"),
        ({"key": "AKIANOBODY"}, "UnrecognizedClientException"),
        ({"key": "ASIASIMBOTO", "token": "sim-session-expired"}, "ExpiredTokenException"),
    ],
)
def test_bad_credentials(sim, made_with, code):
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        client(sim, **made_with).converse(modelId=MODEL, messages=user("hi"))
    assert raised.value.response["Error"]["Code"] == code


def test_exception_within_a_stream(sim):
    stream = client(sim).converse_stream(modelId=f"{MODEL}!error_after:3", messages=user("words:60"))
    with pytest.raises(botocore.exceptions.EventStreamError) as raised:
        list(stream["stream"])
    assert "serviceUnavailableException" in str(raised.value)


def test_refusal(sim):
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        client(sim).converse(
            modelId=MODEL, messages=[{"role": "assistant", "content": [{"text": "Hi"}]}]
        )
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    assert "must start with a user message" in str(raised.value)
