"""Embeddings and the model list through the gateway."""

import openai
import pytest
from harness import LIMITED_ROUTES
from samples import ANTHROPIC, GEMINI, OPENAI, PLAIN

EMBEDDERS = [("openai/text-embedding-3-small", 1536), ("gemini/gemini-embedding-001", 3072)]


@pytest.mark.parametrize(("model", "dimensions"), EMBEDDERS)
def test_embeddings_as_floats_and_as_base64_are_the_same(client, sim, model, dimensions):
    mark = sim.mark()
    # Without a format the SDK asks for base64 and unpacks it.
    packed = client.embeddings.create(model=model, input=["one", "two"])
    plain = client.embeddings.create(model=model, input=["one", "two"], encoding_format="float")
    assert [entry.index for entry in packed.data] == [0, 1]
    assert all(len(entry.embedding) == dimensions for entry in packed.data + plain.data)
    assert packed.data[0].embedding != packed.data[1].embedding
    for left, right in zip(packed.data, plain.data, strict=True):
        assert left.embedding == pytest.approx(right.embedding, abs=1e-6)
    assert packed.usage.prompt_tokens > 0
    assert packed.usage.total_tokens == packed.usage.prompt_tokens
    assert len(sim.calls(mark)) == 2


@pytest.mark.parametrize(("model", "_"), EMBEDDERS)
def test_embedding_of_one_text_with_dimensions(client, model, _):
    answer = client.embeddings.create(model=model, input="one", dimensions=256)
    (entry,) = answer.data
    assert len(entry.embedding) == 256
    assert sum(part * part for part in entry.embedding) == pytest.approx(1, abs=1e-3)


def test_embeddings_where_there_are_none(client, sim):
    mark = sim.mark()
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model=ANTHROPIC, input="one")
    assert caught.value.code == "wrong_model_kind" and caught.value.param == "model"
    assert "chat model" in caught.value.message
    assert sim.calls(mark) == []


def test_embeddings_of_nothing(client):
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(model="openai/text-embedding-3-small", input=[])


def test_models_are_listed(client):
    models = {model.id: model for model in client.models.list()}
    wanted = {*PLAIN, "chat", "gone-first", "hasty", "openai/text-embedding-3-small"}
    assert wanted <= set(models)
    assert all(model.object == "model" for model in models.values())
    assert models[OPENAI].owned_by == "openai" and models[GEMINI].owned_by == "gemini"


@pytest.mark.parametrize("name", [*PLAIN, "chat"])
def test_model_is_retrieved(client, name):
    model = client.models.retrieve(name)
    assert (model.id, model.object) == (name, "model")


def test_unknown_model_is_not_retrieved(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("openai/gpt-4o-minii")
    assert caught.value.code == "model_not_found"
    assert "openai/gpt-4o-mini" in caught.value.message


def test_limited_key_sees_only_its_models(limited_client):
    assert [model.id for model in limited_client.models.list()] == LIMITED_ROUTES
    with pytest.raises(openai.NotFoundError):
        limited_client.models.retrieve(OPENAI)
