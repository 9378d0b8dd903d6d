// The official OpenAI SDK for JavaScript through the gateway, for the three providers.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import { FULL_KEY, LIMITED_KEY, start, until } from './harness.mjs';

const OPENAI = 'openai/gpt-4o-mini';
const ANTHROPIC = 'anthropic/claude-sonnet-4-5';
const GEMINI = 'gemini/gemini-2.5-flash';
const PLAIN = [OPENAI, ANTHROPIC, GEMINI];
const ECHO = 'Grüße 👩‍👩‍👧, “quoted” \\ and\nthe rest of a sentence that takes several pieces';
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const PDF = Buffer.from(
  '%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n' +
    '3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>endobj\ntrailer<</Size 4/Root 1 0 R>>\n%%EOF\n',
).toString('base64');

const user = (content) => [{ role: 'user', content }];
const tool = (name) => ({
  type: 'function',
  function: {
    name,
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
      additionalProperties: false,
    },
  },
});
const TOOLS = [tool('get_weather'), tool('get_time')];
const Person = z.object({ name: z.string(), age: z.number().int() }).strict();

let gateway;
let client;

const connect = (options = {}) =>
  new OpenAI({ baseURL: gateway.url, apiKey: FULL_KEY, maxRetries: 0, timeout: 20_000, ...options });

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const textOf = (chunks) => chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');

/** How the simulated model quotes a tool's result; Gemini's results are objects. */
const quoting = (name, said) => new RegExp(`${name} returned (\\{"result":")?${said}`);

/** The error that a call is rejected with; it must be of that class. */
async function rejection(promise, kind) {
  const error = await promise.then(
    () => assert.fail(`no ${kind.name}`),
    (reason) => reason,
  );
  assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
  return error;
}

before(async () => {
  gateway = await start();
  client = connect();
});

after(async () => {
  const { code, said } = await gateway.stop();
  assert.equal(code, 0, said);
  assert.doesNotMatch(said, /panicked/);
});

for (const model of PLAIN) {
  describe(model, () => {
    const ask = (body, options) => client.chat.completions.create({ model, ...body }, options);

    test('answers', async () => {
      const { data, response } = await ask({ messages: user(`echo: ${ECHO}`) }).withResponse();
      assert.equal(data.choices[0].message.content, ECHO);
      assert.equal(data.choices[0].finish_reason, 'stop');
      assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
      assert.equal(response.headers.get('x-polyroute-provider'), model.split('/')[0]);
      assert.equal(data._request_id, response.headers.get('x-request-id'));
    });

    test('streams with usage', async () => {
      const chunks = await collect(
        await ask({ messages: user(`echo: ${ECHO}`), stream: true, stream_options: { include_usage: true } }),
      );
      assert.equal(textOf(chunks), ECHO);
      assert.deepEqual(chunks.at(-1).choices, []);
      assert.ok(chunks.at(-1).usage.completion_tokens > 0);
      assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
      assert.equal(chunks.at(-2).choices[0].finish_reason, 'stop');
    });

    test('stream helper accumulates', async () => {
      const runner = client.chat.completions.stream({ model, messages: user(`echo: ${ECHO}`) });
      let said = '';
      runner.on('content', (delta) => (said += delta));
      assert.equal((await runner.finalChatCompletion()).choices[0].message.content, ECHO);
      assert.equal(said, ECHO);
    });

    for (const streamed of [false, true]) {
      const whole = async (body) => {
        if (!streamed) return (await ask(body)).choices[0];
        const final = await client.chat.completions.stream({ model, ...body }).finalChatCompletion();
        return final.choices[0];
      };

      test(`tool round trip, ${streamed ? 'streamed' : 'whole'}`, async () => {
        const messages = user('What is the weather in Oslo?');
        const first = await whole({ messages, tools: TOOLS });
        assert.equal(first.finish_reason, 'tool_calls');
        const [call] = first.message.tool_calls;
        assert.deepEqual(JSON.parse(call.function.arguments), { city: 'Oslo' });
        messages.push(first.message, { role: 'tool', tool_call_id: call.id, content: '17 degrees' });
        const second = await whole({ messages, tools: TOOLS });
        assert.match(second.message.content, quoting('get_weather', '17 degrees'));
      });

      test(`parallel tools, ${streamed ? 'streamed' : 'whole'}`, async () => {
        const messages = user('get_weather and get_time, both, in Oslo');
        const first = await whole({ messages, tools: TOOLS });
        const calls = first.message.tool_calls;
        assert.deepEqual(
          calls.map((call) => call.function.name),
          ['get_weather', 'get_time'],
        );
        messages.push(
          first.message,
          { role: 'tool', tool_call_id: calls[1].id, content: 'noon' },
          { role: 'tool', tool_call_id: calls[0].id, content: 'sun' },
        );
        const second = await whole({ messages, tools: TOOLS });
        assert.match(second.message.content, quoting('get_weather', 'sun'));
        assert.match(second.message.content, quoting('get_time', 'noon'));
      });
    }

    test('parse gives the typed answer', async () => {
      const response_format = zodResponseFormat(Person, 'person');
      const body = { model, messages: user('Make one up'), response_format };
      const answer = await client.chat.completions.parse(body);
      const { parsed } = answer.choices[0].message;
      assert.deepEqual(Object.keys(parsed).sort(), ['age', 'name']);
      assert.ok(Number.isInteger(parsed.age));
    });

    test('picture and PDF', async () => {
      const mark = await gateway.mark();
      const answer = await ask({
        messages: user([
          { type: 'text', text: 'echo: seen' },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}` } },
          { type: 'file', file: { filename: 'page.pdf', file_data: `data:application/pdf;base64,${PDF}` } },
        ]),
      });
      assert.match(answer.choices[0].message.content, /seen/);
      const [call] = await gateway.calls(mark);
      assert.ok(call.body.includes(PNG) && call.body.includes(PDF));
    });

    test('abort stops the upstream call', async () => {
      const mark = await gateway.mark();
      const controller = new AbortController();
      const slow = `${model.split('/')[0]}/sim-slow`;
      const { data: stream, response } = await client.chat.completions
        .create({ model: slow, messages: user('words:2000'), stream: true }, { signal: controller.signal })
        .withResponse();
      for await (const chunk of stream) {
        if (chunk.choices[0]?.delta.content) break;
      }
      controller.abort();
      const ended = async () => {
        const [call] = await gateway.calls(mark);
        return call.ended_ms === null ? null : call;
      };
      const call = await until(ended, 1_000, 'the upstream call is closed');
      assert.ok(call.closed_early && !call.finished);
      const record = await gateway.record(response.headers.get('x-request-id'));
      assert.equal(record.end, 'client_closed');
      assert.ok(record.tokens.input > 0 && record.tokens.output > 0);
    });

    test('errors have their classes', async () => {
      const create = (fault) => client.chat.completions.create({ model: `${model}${fault}`, messages: user('hi') });
      const limit = await rejection(create('!status:429:30'), OpenAI.RateLimitError);
      assert.equal(limit.code, 'rate_limit_exceeded');
      assert.equal(limit.headers.get('retry-after'), '30');
      const failed = await rejection(create('!status:500'), OpenAI.InternalServerError);
      assert.deepEqual([failed.status, failed.code], [502, 'upstream_error']);
      const wrong = await rejection(ask({ messages: user('hi'), temperature: 'hot' }), OpenAI.BadRequestError);
      assert.equal(wrong.param, 'temperature');
    });

    for (const fault of ['error_after:6', 'cut:6:end', 'cut:6:reset']) {
      test(`${fault} within a stream is thrown`, async () => {
        const stream = await client.chat.completions.create({
          model: `${model}!${fault}`,
          messages: user('words:60'),
          stream: true,
        });
        const chunks = [];
        await rejection(
          (async () => {
            for await (const chunk of stream) chunks.push(chunk);
          })(),
          OpenAI.APIError,
        );
        assert.ok(textOf(chunks));
        assert.ok(chunks.every((chunk) => !chunk.choices[0]?.finish_reason));
      });
    }
  });
}

for (const [model, length] of [
  ['openai/text-embedding-3-small', 1536],
  ['gemini/gemini-embedding-001', 3072],
]) {
  test(`embeddings of ${model}`, async () => {
    // Without a format the SDK asks for base64 and unpacks it.
    const packed = await client.embeddings.create({ model, input: ['one', 'two'] });
    const plain = await client.embeddings.create({ model, input: ['one', 'two'], encoding_format: 'float' });
    assert.deepEqual(
      packed.data.map((entry) => entry.embedding.length),
      [length, length],
    );
    for (const [at, value] of plain.data[1].embedding.entries()) {
      assert.ok(Math.abs(packed.data[1].embedding[at] - value) < 1e-6);
    }
  });
}

test('embeddings where there are none', async () => {
  const error = await rejection(client.embeddings.create({ model: ANTHROPIC, input: 'one' }), OpenAI.BadRequestError);
  assert.equal(error.code, 'wrong_model_kind');
});

test('models', async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  for (const wanted of [...PLAIN, 'chat', 'gone-first']) assert.ok(ids.includes(wanted), wanted);
  assert.equal((await client.models.retrieve('chat')).id, 'chat');
  const error = await rejection(client.models.retrieve('chatt'), OpenAI.NotFoundError);
  assert.equal(error.code, 'model_not_found');
});

test('keys', async () => {
  const messages = user('hi');
  const stranger = connect({ apiKey: 'sk-nobody' });
  await rejection(stranger.chat.completions.create({ model: OPENAI, messages }), OpenAI.AuthenticationError);
  const limited = connect({ apiKey: LIMITED_KEY });
  assert.ok((await limited.chat.completions.create({ model: 'chat', messages })).choices[0].message.content);
  await rejection(limited.chat.completions.create({ model: ANTHROPIC, messages }), OpenAI.PermissionDeniedError);
});

test('unknown model', async () => {
  const asked = client.chat.completions.create({ model: 'gpt-4o-minni', messages: user('hi') });
  const error = await rejection(asked, OpenAI.NotFoundError);
  assert.equal(error.code, 'model_not_found');
  assert.match(error.message, /gpt-4o-mini/);
});

test('a wrong upstream key is our 502', async () => {
  const asked = client.chat.completions.create({ model: 'anthropic-bad/sim-any', messages: user('hi') });
  const error = await rejection(asked, OpenAI.InternalServerError);
  assert.deepEqual([error.status, error.code], [502, 'upstream_auth']);
  assert.equal(error.headers.get('x-should-retry'), 'false');
});

test('the next target answers where the first one is gone', async () => {
  const { data, response } = await client.chat.completions
    .create({ model: 'gone-first', messages: user('echo: still here') })
    .withResponse();
  assert.equal(data.choices[0].message.content, 'still here');
  assert.equal(response.headers.get('x-polyroute-provider'), 'anthropic');
});
