"""Both programs once for all tests, and clients of the gateway."""

import functools
import http.server
import os
import socket
import threading

import openai
import pytest
import samples
from harness import FULL_KEY, LIMITED_KEY, Gateway, Sim

PROGRAMS = []


@pytest.fixture(scope="session")
def sim(tmp_path_factory):
    """The simulator; `SIM_URL` names one that runs already."""
    if os.environ.get("SIM_URL"):
        yield Sim(os.environ["SIM_URL"].rstrip("/"))
        return
    started = Sim.start(tmp_path_factory.mktemp("sim"))
    PROGRAMS.append(started.program)
    yield started
    started.program.stop()


@pytest.fixture(scope="session")
def gateway(sim, tmp_path_factory):
    """The gateway in front of the simulator."""
    # A port that is bound and does not listen refuses connections, and nobody else can take it.
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        closed_url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        started = Gateway.start(tmp_path_factory.mktemp("serve"), sim.url, closed_url)
        PROGRAMS.append(started.program)
        yield started
        status = started.program.stop()
        said = started.program.output()
        assert "panicked" not in said, said
        assert status == 0, f"SIGTERM must end it in good order, not with {status}"


@pytest.fixture(scope="session")
def client_options(gateway):
    """What every client of the gateway is made with."""
    return {"base_url": gateway.url, "api_key": FULL_KEY, "max_retries": 0, "timeout": 20}


@pytest.fixture(scope="session")
def client(client_options):
    """A client that may use everything."""
    with openai.OpenAI(**client_options) as made:
        yield made


@pytest.fixture(scope="session")
def limited_client(client_options):
    """A client whose key may use little."""
    with openai.OpenAI(**{**client_options, "api_key": LIMITED_KEY}) as made:
        yield made


class Files(http.server.BaseHTTPRequestHandler):
    """Serves the sample files, with the content type that each has."""

    seen = []

    def do_GET(self):
        self.seen.append(self.path)
        name = self.path.strip("/")
        if name not in samples.FILES:
            self.send_error(404)
            return
        kind, body = samples.FILES[name]
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture(scope="session")
def files():
    """Where the sample files are served: `(url, paths asked for)`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    thread = threading.Thread(target=functools.partial(server.serve_forever, 0.05), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", Files.seen
    server.shutdown()
    server.server_close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the end of the programs' logs under a test that fails."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for program in PROGRAMS:
            text = program.err_path.read_text(errors="replace")[-3000:]
            report.sections.append((f"end of {program.err_path.name}", text or "(empty)"))
