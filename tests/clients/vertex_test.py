"""The official SDKs for Vertex AI and Microsoft's identities, straight at the simulator: token
flow, paths and bodies are those that the real clients use."""

import json
import urllib.request

import anthropic
import pytest
from google import genai
from google.auth.transport.requests import Request
from google.genai import errors as genai_errors
from google.genai import types
from google.oauth2 import service_account

SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@pytest.fixture(scope="module")
def account(sim):
    with urllib.request.urlopen(f"{sim.url}/_sim/google/credentials") as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def credentials(account):
    return service_account.Credentials.from_service_account_info(account, scopes=[SCOPE])


@pytest.fixture
def gemini(sim, credentials):
    return genai.Client(
        vertexai=True,
        project="sim-project",
        location="us-central1",
        credentials=credentials,
        http_options=types.HttpOptions(base_url=f"{sim.url}/vertex"),
    )


@pytest.fixture
def claude(sim, credentials):
    return anthropic.AnthropicVertex(
        project_id="sim-project",
        region="us-central1",
        credentials=credentials,
        base_url=f"{sim.url}/vertex/v1",
        max_retries=0,
    )


def test_service_account_token(credentials):
    credentials.refresh(Request())
    assert credentials.token.startswith("ya29.sim-service_account-")
    assert credentials.valid


def test_gemini_whole_streamed_and_counted(gemini):
    model = "gemini-2.5-flash"
    answer = gemini.models.generate_content(model=model, contents="echo: from Vertex")
    assert answer.text == "from Vertex"
    pieces = gemini.models.generate_content_stream(model=model, contents="echo: one two three")
    assert "".join(piece.text or "" for piece in pieces) == "one two three"
    assert gemini.models.count_tokens(model=model, contents="hello").total_tokens > 0


def test_gemini_takes_labels_on_vertex(gemini):
    config = types.GenerateContentConfig(labels={"team": "tests"})
    answer = gemini.models.generate_content(
        model="gemini-2.5-flash", contents="echo: labelled", config=config
    )
    assert answer.text == "labelled"


def test_gemini_embeddings_of_every_call(gemini):
    config = types.EmbedContentConfig(output_dimensionality=64)
    for model, inputs in [
        ("gemini-embedding-2", ["one"]),
        ("text-embedding-004", ["one", "two"]),
    ]:
        answer = gemini.models.embed_content(model=model, contents=inputs, config=config)
        assert [len(embedding.values) for embedding in answer.embeddings] == [64] * len(inputs)


def test_claude_whole_streamed_and_counted(claude):
    asked = {
        "model": "claude-sonnet-4-5@20250929",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "echo: from Vertex"}],
    }
    answer = claude.messages.create(**asked)
    assert answer.content[0].text == "from Vertex"
    with claude.messages.stream(**asked) as stream:
        assert "".join(stream.text_stream) == "from Vertex"
    del asked["max_tokens"]
    assert claude.messages.count_tokens(**asked).input_tokens > 0


def test_a_token_of_nobody_is_refused(sim):
    client = anthropic.AnthropicVertex(
        project_id="sim-project",
        region="us-central1",
        access_token="ya29.stolen",
        base_url=f"{sim.url}/vertex/v1",
        max_retries=0,
    )
    with pytest.raises(anthropic.AuthenticationError):
        client.messages.create(
            model="claude-sonnet-4-5@20250929",
            max_tokens=10,
            messages=[{"role": "user", "content": "hello"}],
        )


def test_an_unknown_model_is_said_in_the_vendors_words(gemini):
    with pytest.raises(genai_errors.ClientError) as caught:
        gemini.models.generate_content(model="gemini-nobody", contents="hello")
    assert caught.value.code == 404


def test_managed_identity_token(sim, monkeypatch):
    azure_identity = pytest.importorskip("azure.identity")
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", sim.url)
    credential = azure_identity.ManagedIdentityCredential()
    token = credential.get_token("https://cognitiveservices.azure.com/.default")
    assert token.token.startswith("eyJ0.sim-entra-")
