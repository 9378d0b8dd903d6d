// Starts `polyroute sim` and `polyroute serve` for the tests, and reads their own APIs.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 8_000;
const REPOSITORY = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');

export const FULL_KEY = `pr-test-${randomBytes(12).toString('hex')}`;
export const LIMITED_KEY = `pr-limited-${randomBytes(12).toString('hex')}`;

const config = (sim, closed) => `
server: { listen: 127.0.0.1:0, admin: 127.0.0.1:0, drain: 2s }
keys:
  - { name: tester, secret: { env: TEST_FULL_KEY } }
  - { name: limited, secret: { env: TEST_LIMITED_KEY }, routes: [chat] }
providers:
  openai: { base_url: "${sim}/openai/v1", credentials: [{ env: SIM_KEY }] }
  anthropic: { base_url: "${sim}/anthropic", credentials: [{ env: SIM_KEY }] }
  gemini: { base_url: "${sim}/gemini", credentials: [{ env: SIM_KEY }] }
  anthropic-bad: { dialect: anthropic, models: false, base_url: "${sim}/p/bad/anthropic", credentials: [{ env: SIM_BAD_KEY }] }
  gone: { dialect: openai, models: false, base_url: "${closed}/v1", credentials: [{ env: SIM_KEY }] }
routes:
  chat: openai/gpt-4o-mini
  gone-first: [gone/gpt-4o-mini, anthropic/claude-sonnet-4-5]
resilience:
  timeouts: { inter_token: 5s }
`;

/** The first true answer of `check`; fails after the limit. */
export async function until(check, limitMs, what) {
  const end = Date.now() + limitMs;
  for (;;) {
    const answer = await check();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(20);
  }
}

function binary() {
  const found = process.env.POLYROUTE_BIN ?? path.join(REPOSITORY, 'target/debug/polyroute');
  if (!existsSync(found)) throw new Error(`no program at ${found}: run \`cargo build -p polyroute\``);
  return path.resolve(found);
}

class Program {
  constructor(folder, name, args, env) {
    this.outPath = path.join(folder, `${name}.stdout`);
    this.errPath = path.join(folder, `${name}.stderr`);
    const out = openSync(this.outPath, 'w');
    const err = openSync(this.errPath, 'w');
    // Nothing of the caller's environment may move the program: no proxy, no provider's key.
    const { PATH, HOME } = process.env;
    this.process = spawn(binary(), args, {
      cwd: folder,
      env: { PATH, HOME, ...env },
      stdio: ['ignore', out, err],
    });
    this.ended = new Promise((resolve) => this.process.once('exit', (code) => resolve(code)));
    closeSync(out);
    closeSync(err);
  }

  output() {
    return `${readFileSync(this.errPath, 'utf8')}\n${readFileSync(this.outPath, 'utf8')}`;
  }

  waitFor(pattern) {
    const look = () => {
      const match = pattern.exec(this.output());
      if (!match && this.process.exitCode !== null) throw new Error(`the program ended:\n${this.output()}`);
      return match;
    };
    return until(look, START_LIMIT_MS, `${pattern} in the output`);
  }

  /** SIGTERM, then SIGKILL where that is not enough; the exit status. */
  async stop() {
    this.process.kill('SIGTERM');
    const kill = setTimeout(() => this.process.kill('SIGKILL'), STOP_LIMIT_MS);
    const code = await this.ended;
    clearTimeout(kill);
    return code;
  }
}

async function json(url) {
  const answer = await fetch(url);
  return answer.ok ? answer.json() : null;
}

/** A port that was free a moment ago: nobody listens there. */
function closedPort() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Both programs, running. */
export async function start() {
  const folder = mkdtempSync(path.join(tmpdir(), 'polyroute-node-'));
  const script = path.join(folder, 'sim.json');
  writeFileSync(script, JSON.stringify({ latency_by_model: { 'sim-slow': { itl_ms: 40 } } }));
  const simArgs = ['sim', '--listen', '127.0.0.1:0', '--latency', 'zero', '--script', script];
  const sim = new Program(folder, 'sim', simArgs, {});
  let serve;
  try {
    const [simUrl] = await sim.waitFor(/http:\/\/127\.0\.0\.1:\d+/);
    const file = path.join(folder, 'polyroute.yaml');
    writeFileSync(file, config(simUrl, `http://127.0.0.1:${await closedPort()}`));
    serve = new Program(folder, 'serve', ['serve', '--config', file], {
      TEST_FULL_KEY: FULL_KEY,
      TEST_LIMITED_KEY: LIMITED_KEY,
      SIM_KEY: 'sk-upstream',
      SIM_BAD_KEY: 'sim-bad-key',
    });
    const said = /listening on (http:\/\/127\.0\.0\.1:\d+\/v1), .* on (http:\/\/127\.0\.0\.1:\d+)/;
    const [, url, adminUrl] = await serve.waitFor(said);
    const ready = async () => (await fetch(new URL('/health/ready', url))).ok;
    await until(ready, START_LIMIT_MS, 'ready');
    return {
      url,
      /** Where the simulator's log ends now. */
      mark: async () => (await json(`${simUrl}/_sim/log`)).last_seq,
      /** The calls that it saw since a mark, lists of models left out. */
      calls: async (since) => {
        const { entries } = await json(`${simUrl}/_sim/log?since=${since}`);
        return entries.filter((entry) => entry.method === 'POST');
      },
      /** The outcome record of a request, once it is settled. */
      record: (id) => until(() => json(`${adminUrl}/v1/admin/requests/${id}`), 2_000, `a record of ${id}`),
      log: () => serve.output(),
      stop: async () => {
        const code = await serve.stop();
        await sim.stop();
        const said = serve.output();
        rmSync(folder, { recursive: true, force: true });
        return { code, said };
      },
    };
  } catch (error) {
    await serve?.stop();
    await sim.stop();
    throw error;
  }
}
