"""Starts `polyroute sim` and `polyroute serve` for the tests, and talks to their own APIs."""

import contextlib
import json
import os
import pathlib
import re
import secrets
import subprocess
import time
import urllib.error
import urllib.request

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
START_LIMIT_S = 20
STOP_LIMIT_S = 8

# The gateway's keys: one may use everything, one only what `LIMITED_ROUTES` names.
FULL_KEY = "pr-test-" + secrets.token_hex(12)
LIMITED_KEY = "pr-limited-" + secrets.token_hex(12)
LIMITED_ROUTES = ["chat"]
# The gateway's own credentials upstream: they must never be seen by a caller.
UPSTREAM_KEYS = {
    "SIM_OPENAI_KEY": "sk-upstream-openai-" + secrets.token_hex(12),
    "SIM_ANTHROPIC_KEY": "sk-ant-upstream-" + secrets.token_hex(12),
    "SIM_GEMINI_KEY": "upstream-gemini-" + secrets.token_hex(12),
    # The simulator refuses keys that begin so.
    "SIM_BAD_KEY": "sim-bad-" + secrets.token_hex(12),
    "SIM_QUOTA_KEY": "sim-quota-" + secrets.token_hex(12),
}

CONFIG = """
server:
  listen: 127.0.0.1:0
  admin: 127.0.0.1:0
  drain: 2s

keys:
  - name: tester
    secret: {{ env: TEST_FULL_KEY }}
    tags: {{ team: tests }}
  - name: limited
    secret: {{ env: TEST_LIMITED_KEY }}
    routes: {limited_routes}

providers:
  openai: {{ base_url: "{sim}/openai/v1", credentials: [{{ env: SIM_OPENAI_KEY }}] }}
  anthropic: {{ base_url: "{sim}/anthropic", credentials: [{{ env: SIM_ANTHROPIC_KEY }}] }}
  gemini: {{ base_url: "{sim}/gemini", credentials: [{{ env: SIM_GEMINI_KEY }}] }}
  openai-bad: {{ dialect: openai, models: false, base_url: "{sim}/p/bad/openai/v1", credentials: [{{ env: SIM_BAD_KEY }}] }}
  anthropic-bad: {{ dialect: anthropic, models: false, base_url: "{sim}/p/bad/anthropic", credentials: [{{ env: SIM_BAD_KEY }}] }}
  gemini-bad: {{ dialect: gemini, models: false, base_url: "{sim}/p/bad/gemini", credentials: [{{ env: SIM_BAD_KEY }}] }}
  openai-broke: {{ dialect: openai, models: false, base_url: "{sim}/p/broke/openai/v1", credentials: [{{ env: SIM_QUOTA_KEY }}] }}
  gone: {{ dialect: openai, models: false, base_url: "{closed}/v1", credentials: [{{ env: SIM_OPENAI_KEY }}] }}

targets:
  hasty: {{ use: openai/sim-hasty, timeouts: {{ first_content: 600ms, total: 900ms }} }}

routes:
  chat: openai/gpt-4o-mini
  gone-first: [gone/gpt-4o-mini, anthropic/claude-sonnet-4-5]
  failing-first: [openai/sim-failing, gemini/gemini-2.5-flash]
  failing-all: [openai/sim-failing, anthropic/sim-failing]
  cutting-first: [openai/sim-cutting, gemini/gemini-2.5-flash]

resilience:
  deadline: 15s
  timeouts: {{ first_content: 10s, inter_token: 1500ms, total: 20s }}

media:
  allow_private_networks: true
"""

# Models that fail whatever is asked of them, and those that take their time.
SIM_SCRIPT = {
    "faults": [
        {"match": {"model": "sim-hasty"}, "fault": "hang"},
        {"match": {"model": "sim-failing"}, "fault": "status:503"},
        {"match": {"model": "sim-cutting"}, "fault": "cut:6:end"},
    ],
    "latency_by_model": {
        "sim-slow": {"itl_ms": 40},
    },
}


def binary():
    """The program under test: `POLYROUTE_BIN`, else the debug build."""
    named = os.environ.get("POLYROUTE_BIN")
    path = pathlib.Path(named) if named else REPOSITORY / "target/debug/polyroute"
    if not path.is_file():
        raise FileNotFoundError(f"no program at {path}: run `cargo build -p polyroute`")
    return str(path.resolve())


def fetch(url, body=None, method=None, headers=None, timeout=10):
    """Status, headers and text of a plain HTTP call; error statuses are no exceptions."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers or {}, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read().decode()


def until(check, limit_s, what):
    """The first true answer of `check`; fails after the limit."""
    end = time.monotonic() + limit_s
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit_s} s: {what}")
        time.sleep(0.02)


class Program:
    """A process with its output in files."""

    def __init__(self, folder, name, arguments, environment):
        self.out_path = folder / f"{name}.stdout"
        self.err_path = folder / f"{name}.stderr"
        # Nothing of the caller's environment may move the program: no proxy, no provider's key.
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(
                [binary(), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**kept, **environment},
                cwd=folder,
            )

    def output(self):
        """Everything that it printed so far."""
        paths = (self.err_path, self.out_path)
        return "\n".join(path.read_text(errors="replace") for path in paths)

    def wait_for(self, pattern):
        """The match of a pattern in its output, once it is there."""

        def look():
            match = re.search(pattern, self.output())
            if match is None and self.process.poll() is not None:
                raise AssertionError(f"the program ended:\n{self.output()}")
            return match

        return until(look, START_LIMIT_S, f"`{pattern}` in the output")

    def stop(self):
        """SIGTERM, then SIGKILL where that is not enough; the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.process.wait(STOP_LIMIT_S)
            self.process.kill()
        return self.process.wait()


class Sim:
    """A running simulator."""

    def __init__(self, url, program=None):
        self.url = url
        self.program = program

    @classmethod
    def start(cls, folder):
        script = folder / "sim.json"
        script.write_text(json.dumps(SIM_SCRIPT))
        arguments = ["sim", "--listen", "127.0.0.1:0", "--latency", "zero", "--script", str(script)]
        program = Program(folder, "sim", arguments, {})
        return cls(program.wait_for(r"http://127\.0\.0\.1:\d+").group(0), program)

    def _api(self, path, body=None, method=None):
        status, _, text = fetch(f"{self.url}/_sim/{path}", body, method)
        assert status == 200, text
        return json.loads(text)

    def mark(self):
        """Where the log ends now."""
        return self._api("log")["last_seq"]

    def calls(self, since=0):
        """The calls since a mark, lists of models left out."""
        entries = self._api(f"log?since={since}")["entries"]
        return [entry for entry in entries if entry["method"] == "POST"]

    def script(self, match, *replies):
        """Queues exact replies."""
        self._api("script", {"match": match, "replies": list(replies)})

    def fault(self, match, fault, **rule):
        """Switches a fault on."""
        self._api("faults", {"match": match, "fault": fault, **rule})


class Gateway:
    """A running gateway."""

    def __init__(self, url, admin_url, program):
        self.url = url
        self.admin_url = admin_url
        self.program = program

    @classmethod
    def start(cls, folder, sim_url, closed_url):
        config = folder / "polyroute.yaml"
        config.write_text(
            CONFIG.format(sim=sim_url, closed=closed_url, limited_routes=json.dumps(LIMITED_ROUTES))
        )
        environment = {
            "TEST_FULL_KEY": FULL_KEY,
            "TEST_LIMITED_KEY": LIMITED_KEY,
            "POLYROUTE_LOG": "info",
            **UPSTREAM_KEYS,
        }
        program = Program(folder, "serve", ["serve", "--config", str(config)], environment)
        said = program.wait_for(
            r"listening on (http://127\.0\.0\.1:\d+/v1), .* on (http://127\.0\.0\.1:\d+)"
        )
        gateway = cls(said.group(1), said.group(2), program)
        root = gateway.url.removesuffix("/v1")
        until(lambda: fetch(f"{root}/health/ready")[0] == 200, START_LIMIT_S, "ready")
        return gateway

    def record(self, request_id):
        """The outcome record of a request, once it is settled."""

        def look():
            status, _, text = fetch(f"{self.admin_url}/v1/admin/requests/{request_id}")
            return json.loads(text) if status == 200 else None

        return until(look, 2, f"a record of {request_id}")

    def metrics(self):
        """The metrics as `{line's name and labels: value}`."""
        status, _, text = fetch(f"{self.admin_url}/metrics")
        assert status == 200, text
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    def access_log(self):
        """The lines of the access log, parsed."""
        lines = self.program.out_path.read_text().splitlines()
        return [json.loads(line) for line in lines]
