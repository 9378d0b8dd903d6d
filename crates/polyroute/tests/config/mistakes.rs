//! Every class of mistake: line, key, reason and suggestion.

use polyroute::config::file::Dialect;

use crate::cases::{KEYS, findings, load};

/// Asserts that a text has exactly these findings.
#[track_caller]
fn says(text: &str, expected: &[&str]) {
    assert_eq!(findings(text, KEYS), expected);
}

#[test]
fn an_unknown_key_gets_the_nearest_name() {
    says(
        "server:\n  lisen: 127.0.0.1:8080\n",
        &["2:3 server.lisen: `lisen` is not a key that Polyroute knows | did you mean `listen`?"],
    );
    says(
        "serverr: {}\n",
        &["1:1 serverr: `serverr` is not a key that Polyroute knows | did you mean `server`?"],
    );
    says(
        "media: { zzz: 1 }\n",
        &[
            "1:10 media.zzz: `zzz` is not a key that Polyroute knows | the keys here are \
           `allow_private_networks`, `max_bytes`, `timeout`",
        ],
    );
}

#[test]
fn wrong_types_are_named_without_their_value() {
    says(
        "server:\n  listen: [1]\n  limits: 5\n  drain: 30\nresilience:\n  attempts_max: many\n\
         translation:\n  strict_params: on\n",
        &[
            "2:3 server.listen: expected an address such as `127.0.0.1:8080`, found a list",
            "3:11 server.limits: expected a mapping, found text | write `key: value`",
            "4:10 server.drain: a duration needs a unit | write `30s` for seconds or `30ms` for \
             milliseconds",
            "6:17 resilience.attempts_max: expected u32, found text",
            "8:18 translation.strict_params: this is neither true nor false | write `true` or \
             `false`",
        ],
    );
}

#[test]
fn choices_are_listed() {
    let dialects: Vec<String> = Dialect::ALL
        .iter()
        .map(|dialect| format!("`{}`", dialect.as_str()))
        .collect();
    says(
        "server: { access_log: nowhere }\nproviders: { openai: { dialect: opnai } }\n",
        &[
            "1:23 server.access_log: this is not one of the choices | write `stdout` or `stderr` \
             or `off`",
            &format!(
                "2:33 providers.openai.dialect: this is not one of the choices | write {}",
                dialects.join(" or ")
            ),
        ],
    );
}

#[test]
fn a_missing_key_is_named_once_and_at_its_owner() {
    says(
        "keys:\n  - name: a\n  - { secret: 5, nam: b }\ntargets:\n  t: { pin: x }\n",
        &[
            "2:5 keys[0]: `secret` is missing | add `secret: …` here",
            "3:18 keys[1].nam: `nam` is not a key that Polyroute knows | did you mean `name`?",
            "5:3 targets.t: `use` is missing | add `use: …` here",
        ],
    );
}

#[test]
fn a_key_whose_value_is_wrong_is_not_called_missing() {
    says(
        "targets:\n  t: { use: [a] }\n",
        &["2:8 targets.t.use: expected a string, found a list"],
    );
}

#[test]
fn keys_of_later_versions_are_refused_as_such() {
    says(
        "providers:\n  openai: { limits: { requests_per_minute: 5 } }\nroutes:\n  a:\n    rules: \
         []\n    strategy: lowest_latency\n    targets: [{ use: openai/x, when: a == b }]\n  b: { \
         strategy: { cheapest: 80 }, targets: [openai/x] }\n  c: { rules: [] }\nresilience:\n  \
         breaker: { open_for: 30s }\n",
        &[
            "2:13 providers.openai.limits: `limits` is not supported yet in this version | remove \
             it: the provider's own 429 answers are obeyed",
            "5:5 routes.a.rules: `rules` is not supported yet in this version | list the targets \
             in order: `targets: [first, second]`",
            "6:15 routes.a.strategy: strategies other than `ordered` are not supported yet in \
             this version | write `strategy: ordered`, or leave it out",
            "7:32 routes.a.targets[0].when: `when` is not supported yet in this version | remove \
             `when`: targets are tried in order",
            "8:8 routes.b.strategy: weighted strategies are not supported yet in this version | \
             write `strategy: ordered`, or leave it out",
            "9:8 routes.c.rules: `rules` is not supported yet in this version | list the targets in \
             order: `targets: [first, second]`",
            "11:3 resilience.breaker: `breaker` is not supported yet in this version | remove it: \
             a failing target is left for the next one",
        ],
    );
}

#[test]
fn what_is_no_yaml_gets_its_line() {
    let found = findings("server:\n  listen: [1, 2\nkeys: 1\n", KEYS);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("this is not valid YAML"), "{found:?}");
    says(
        "server:\n\tlisten: x\n",
        &[
            "2:1 : a tab in the indentation: YAML indents with spaces only | replace the tab with \
           spaces",
        ],
    );
    says(
        "- a\n- b\n",
        &["1:1 : expected a mapping, found a list | write `key: value` without `-`"],
    );
    says(
        "hello\n",
        &["1:1 : expected a mapping, found text | write `key: value`"],
    );
}

#[test]
fn a_duplicate_key_is_an_error() {
    says(
        "server:\n  drain: 1s\n  drain: 2s\n",
        &["3:3 server.drain: this key is already set on line 2 | keep one of the two"],
    );
}

#[test]
fn references_that_lead_nowhere_get_the_nearest_name() {
    says(
        "targets:\n  steady: { use: opnai/gpt-4o }\n  fine: { use: openai/gpt-4.9 }\nroutes:\n  \
         chat: [steady, fien, anthropik/claude]\n  loop: chat\n  bare: { targets: [zzz] }\n",
        &[
            "2:18 targets.steady.use: there is no provider `opnai` | did you mean `openai`?",
            "5:18 routes.chat[1]: there is no target `fien` | did you mean `fine`?",
            "5:24 routes.chat[2]: there is no provider `anthropik` | did you mean `anthropic`?",
            "6:9 routes.loop: `chat` is a route, and a route does not lead to another | list the \
             targets of that route here",
            "7:21 routes.bare.targets[0]: there is no target `zzz` | the targets are `steady`, \
             `fine`",
        ],
    );
}

#[test]
fn a_target_whose_name_moves_and_is_not_pinned_is_a_warning() {
    says(
        "targets:\n  a: { use: openai/gpt-4o }\n  b: { use: openai/gpt-4o, pin: gpt-4o-2024-08-06 }\n  \
         c: { use: openai/gpt-4o-2024-08-06 }\nroutes:\n  plain: openai/gpt-4o\n  \
         long: { targets: [{ use: openai/chatgpt-4o-latest }] }\n",
        &[
            "warning 2:13 targets.a.use: `gpt-4o` leads to another version when the provider says so \
             | add `pin: gpt-4o-2024-11-20`, or the version that you tested",
            "warning 7:28 routes.long.targets[0].use: `chatgpt-4o-latest` leads to another version \
             when the provider says so | add `pin` with the version that you tested",
        ],
    );
}

#[test]
fn a_provider_that_is_off_is_no_provider() {
    says(
        "providers: { openai: {} }\nroutes: { a: zzz/x }\n",
        &["2:14 routes.a: there is no provider `zzz` | the providers are `openai`"],
    );
}

#[test]
fn an_empty_route_and_a_target_twice() {
    says(
        "routes:\n  a: []\n  b:\n  c: { targets: [] }\n  d: [openai/x, openai/x]\n",
        &[
            "2:3 routes.a: this route has no target | list at least one `provider/model` or target",
            "3:3 routes.b: this route has no target | list at least one `provider/model` or target",
            "4:3 routes.c: this route has no target | list at least one `provider/model` or target",
            "5:17 routes.d[1]: `openai/x` stands in this route already | list each target once",
        ],
    );
}

#[test]
fn a_route_that_hides_a_model_is_a_warning() {
    says(
        "routes:\n  openai/gpt-4o: anthropic/claude\n  openai/o3: [openai/o3, gemini/x]\n",
        &[
            "warning 2:18 routes.openai/gpt-4o: this route hides the model `openai/gpt-4o`: nobody \
           can ask for it itself | rename the route, or make the model its first target",
        ],
    );
}

#[test]
fn keys_need_names_and_secrets_of_their_own() {
    let text = "keys:\n  - { name: a, secret: '${S}' }\n  - { name: a, secret: '${T}' }\n  - { \
                name: b, secret: { env: S } }\n  - { name: c, secret: { env: SS } }\n  - { name: \
                d, secret: '${T}', routes: [chatt, openai/x, t, nobody/x] }\n  - { name: e, \
                secret: {}, routes: [] }\nroutes: { chat: openai/x }\ntargets: { t: { use: \
                openai/y } }\n";
    let environment = [("S", "one"), ("T", "two"), ("OPENAI_API_KEY", "k")];
    assert_eq!(
        findings(text, &environment),
        [
            "3:13 keys[1].name: another key is named `a` already | give each caller a key of its \
             own",
            "4:16 keys[2].secret: the key `a` has the same secret | give each caller a key of its \
             own",
            "5:16 keys[3].secret: the environment variable `SS` is not set | did you mean `S`?",
            "6:41 keys[4].routes[0]: there is no route or target `chatt` | did you mean `chat`?",
            "6:61 keys[4].routes[3]: there is no route or target `nobody/x` | the names are \
             `chat`, `t`",
            "7:16 keys[5].secret: a secret comes from one place | write `{ env: NAME }` or `{ \
             file: PATH }`",
        ]
    );
}

#[test]
fn an_open_listener_needs_a_key() {
    says(
        "server: { listen: 0.0.0.0:8080 }\n",
        &[
            "1:19 server.listen: 0.0.0.0:8080 can be reached from other machines, and no gateway \
           key is configured: everybody could spend your credentials | add a key under `keys`, \
           set `POLYROUTE_API_KEYS`, or listen on 127.0.0.1",
        ],
    );
    let with_key = [("OPENAI_API_KEY", "k"), ("POLYROUTE_API_KEYS", "s3cret")];
    assert!(load("server: { listen: '[::]:8080' }\n", &with_key).is_ok());
    assert!(load("server: { listen: 'localhost:8080' }\n", KEYS).is_ok());
}

#[test]
fn the_admin_address_is_never_the_public_one() {
    let reason = "the admin address is the public one: metrics and the admin API would be open \
                  to every caller | give `server.admin` a port of its own, such as \
                  `127.0.0.1:9090`";
    let text = "server: { listen: 127.0.0.1:9090 }\n";
    assert_eq!(findings(text, KEYS), [format!("server.admin: {reason}")]);
    let text = "server: { listen: 127.0.0.1:7000, admin: 0.0.0.0:7000 }\n";
    assert_eq!(
        findings(text, KEYS),
        [format!("1:42 server.admin: {reason}")]
    );
    assert!(
        load(
            "server: { listen: 127.0.0.1:0, admin: 127.0.0.1:0 }\n",
            KEYS
        )
        .is_ok()
    );
    let open = findings("server: { admin: 0.0.0.0:9090 }\n", KEYS);
    assert!(open[0].starts_with("warning 1:18 server.admin: 0.0.0.0:9090 shows metrics"));
}

#[test]
fn addresses_are_explained() {
    says(
        "server: { listen: 8080, admin: somewhere }\n",
        &[
            "1:19 server.listen: this is not an address to listen on | write `127.0.0.1:8080` for \
             this machine only, or `0.0.0.0:8080` for all",
            "1:32 server.admin: this is not an address to listen on | write an IP address and a \
             port, such as `127.0.0.1:8080` or `[::1]:8080`",
        ],
    );
}

#[test]
fn base_urls_are_checked() {
    says(
        "providers:\n  a: { base_url: api.example.com/v1 }\n  b: { base_url: 'https://u:p@x/v1' \
         }\n  c: { base_url: 'https://x/v1?key=1' }\n  d: {}\n  mistrel: {}\n",
        &[
            "2:18 providers.a.base_url: the URL needs a scheme | begin with `https://` (or \
             `http://`)",
            "3:18 providers.b.base_url: the URL holds a user or password | move it to \
             `credentials`",
            "4:18 providers.c.base_url: the URL has a query or a fragment | end it with the path",
            "5:3 providers.d: Polyroute does not know the address of `d` | add `base_url: \
             https://…/v1`",
            "6:3 providers.mistrel: Polyroute does not know the address of `mistrel` | did you \
             mean `mistral`? Or add `base_url: https://…`",
        ],
    );
}

#[test]
fn a_base_url_that_says_too_much_is_a_warning() {
    says(
        "providers:\n  anthropic: { base_url: 'https://api.anthropic.com/v1' }\n  a: { base_url: \
         'https://a.example/v1/chat/completions' }\n  b: { base_url: 'https://b.example/v1' }\n",
        &[
            "warning 2:26 providers.anthropic.base_url: the URL ends with `/v1`, which Polyroute \
             adds itself | end it before `/v1`",
            "warning 3:18 providers.a.base_url: the URL ends with `/chat/completions`, which \
             Polyroute adds itself | end it before `/chat/completions`",
        ],
    );
}

#[test]
fn a_base_url_that_is_ourselves_is_refused() {
    let reason = "this is Polyroute's own address: requests would go round in circles";
    for host in ["127.0.0.1", "localhost", "[::1]", "0.0.0.0"] {
        let text = format!("providers:\n  a: {{ base_url: 'http://{host}:8080/v1' }}\n");
        let found = findings(&text, KEYS);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&format!("2:18 providers.a.base_url: {reason} | ")));
    }
    let admin = findings(
        "providers:\n  a: { base_url: 'http://localhost:9090' }\n",
        KEYS,
    );
    assert!(admin[0].contains(reason), "{admin:?}");
    assert!(
        load(
            "providers:\n  a: { base_url: 'http://localhost:8000/v1' }\n",
            KEYS
        )
        .is_ok()
    );
}

#[test]
fn credentials_that_are_needed_are_asked_for() {
    assert_eq!(
        findings(
            "providers:\n  openai: {}\n  groq: { credentials: [] }\n  ollama:\n",
            &[]
        ),
        [
            "2:3 providers.openai: `openai` has no credential | set `OPENAI_API_KEY`, or add \
             `credentials: [{ env: NAME }]`",
            "3:11 providers.groq.credentials: `groq` has no credential | set `GROQ_API_KEY`, or \
             add `credentials: [{ env: NAME }]`",
        ]
    );
    let local = "providers: { openai: { base_url: 'http://10.0.0.1:8000/v1', credentials: [] } }";
    assert!(load(local, &[]).is_ok());
}

#[test]
fn headers_that_are_ours_are_refused() {
    says(
        "providers:\n  openai:\n    headers: { X-Team: a, Authorization: b, 'x y': c, x-nl: \
         \"a\\nb\" }\n    proxy: socks5://x:1\n  gemini: { organization: o }\n",
        &[
            "3:42 providers.openai.headers.Authorization: Polyroute sets this header itself | \
             remove it; credentials belong under `credentials`",
            "3:52 providers.openai.headers.\"x y\": this is not the name of a header | use \
             letters, digits and `-`",
            "3:61 providers.openai.headers.x-nl: no header can carry this value | use one line of \
             printable characters",
            "4:12 providers.openai.proxy: only http and https proxies are supported | write it \
             like `http://proxy.example:3128`",
            "5:27 providers.gemini.organization: `organization` means something to OpenAI only | \
             remove it",
        ],
    );
}

#[test]
fn all_bodies_together_have_room_for_the_largest() {
    says(
        "server: { limits: { body: 2MiB, bodies: 1MiB } }\n",
        &[
            "1:41 server.limits.bodies: this is less than one request body may have (`body`): the \
             largest could never be taken | write as much as `body` or more, or make `body` smaller",
        ],
    );
}

#[test]
fn numbers_and_timeouts_must_make_sense() {
    says(
        "server: { heartbeat: 0s, limits: { body: 0, nesting: 500, requests: 0, bodies: 0 } }\nresilience: { \
         attempts_max: 0, timeouts: { first_content: 90s, total: 60s } }\ntargets: { t: { use: \
         openai/x, pin: '', timeouts: { connect: 0ms, inter_token: 2m, total: 1m } } }\n",
        &[
            "1:22 server.heartbeat: this must be longer than nothing | write `1s` or more",
            "1:42 server.limits.body: this must be more than nothing | write `1KiB` or more",
            "1:54 server.limits.nesting: this is deeper than JSON is read | write 128 or less",
            "1:69 server.limits.requests: this must be at least 1 | write `1` or more",
            "1:80 server.limits.bodies: this must be more than nothing | write `1KiB` or more",
            "2:29 resilience.attempts_max: this must be at least 1 | write `1` or more",
            "2:59 resilience.timeouts.first_content: `first_content` is longer than `total`: it \
             could never pass | make `first_content` shorter or `total` longer",
            "3:37 targets.t.pin: the pin is empty | write the exact model version, or remove `pin`",
            "3:62 targets.t.timeouts.connect: this must be longer than nothing | write `1s` or \
             more",
            "3:80 targets.t.timeouts.inter_token: `inter_token` is longer than `total`: it could \
             never pass | make `inter_token` shorter or `total` longer",
        ],
    );
}

#[test]
fn tls_files_must_be_there() {
    let found = findings("server: { tls: { cert: no/such.crt, key: src } }\n", KEYS);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("1:24 server.tls.cert: `no/such.crt` can't be read: "));
    assert!(found[0].ends_with("| write the path of a PEM file"));
    assert!(found[1].starts_with("1:42 server.tls.key: `src` can't be read: "));
}

#[test]
fn variables_in_values_must_be_set() {
    says(
        "server:\n  listen: ${LISTEN_ON}\n  drain: ${OPENAI_API_KYE}\n",
        &[
            "2:11 server.listen: the environment variable `LISTEN_ON` is not set | set it, or \
             give a default: `${LISTEN_ON:-…}`",
            "3:10 server.drain: the environment variable `OPENAI_API_KYE` is not set | did you \
             mean `${OPENAI_API_KEY}`? Or give a default: `${OPENAI_API_KYE:-…}`",
        ],
    );
}

#[test]
fn without_a_provider_the_next_step_is_named() {
    let found = findings("", &[]);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("providers: no provider is on"),
        "{found:?}"
    );
    assert!(found[0].contains("set `OPENAI_API_KEY`"), "{found:?}");
}

#[test]
fn a_place_in_a_list_is_the_written_one() {
    says(
        "providers:\n  openai:\n    credentials: [{ evn: A }, { env: NOPE }]\nroutes:\n  a: [{ \
         us: x }, nobody/x]\n",
        &[
            "3:21 providers.openai.credentials[0].evn: `evn` is not a key that Polyroute knows | \
             did you mean `env`?",
            "3:31 providers.openai.credentials[1]: the environment variable `NOPE` is not set | \
             set it: `export NOPE=…`",
            "5:9 routes.a[0].us: `us` is not a key that Polyroute knows | did you mean `use`?",
            "5:18 routes.a[1]: there is no provider `nobody` | the providers are `openai`",
        ],
    );
}

#[test]
fn a_flood_of_mistakes_is_cut() {
    let text: String = (0..500).map(|n| format!("zz{n}: 1\n")).collect();
    let found = findings(&text, KEYS);
    assert_eq!(found.len(), 101);
    assert!(
        found
            .iter()
            .any(|line| line.contains("more than 100 errors"))
    );
}

#[test]
fn findings_show_their_line() {
    let report = load("server:\n  lisen: 1\n", KEYS).unwrap_err();
    assert_eq!(
        report.to_text(false),
        "error: `lisen` is not a key that Polyroute knows\n --> test.yaml:2:3 (server.lisen)\n  \
         |\n2 |   lisen: 1\n  |   ^^^^^\n  = help: did you mean `listen`?\n\n1 error, 0 warnings\n"
    );
    let json = report.to_json();
    assert_eq!(json["ok"], false);
    assert_eq!(json["findings"][0]["line"], 2);
    assert_eq!(json["findings"][0]["column"], 3);
    assert_eq!(json["findings"][0]["key"], "server.lisen");
    assert_eq!(json["findings"][0]["severity"], "error");
    assert_eq!(json["findings"][0]["file"], "test.yaml");
}

#[test]
fn a_version_that_cohere_does_not_have_is_named() {
    let written = |version: &str| {
        format!(
            "providers:\n  house: {{ dialect: cohere, base_url: \"https://example.com\", \
             credentials: [\"${{KEY}}\"], api_version: {version} }}\n"
        )
    };
    let hint =
        "write `v1` for a deployment that serves nothing newer, or `v2`, which is the default";
    for version in ["v3", "V1", "\"2022-12-06\""] {
        let found = findings(&written(version), &[("KEY", "k")]);
        assert_eq!(found.len(), 1, "{found:?}");
        let said =
            format!("providers.house.api_version: Cohere's API has no such version | {hint}");
        assert!(found[0].ends_with(&said), "{found:?}");
    }
    for version in ["v1", "v2"] {
        let loaded = load(&written(version), &[("KEY", "k")]).unwrap();
        let house = &loaded.settings.providers[0];
        assert_eq!(house.api_version.as_deref(), Some(version));
    }
    let long = written("v1").replace("example.com", "example.com/v1/chat");
    let found = findings(&long, &[("KEY", "k")]);
    assert!(
        found[0].contains("the URL ends with `/v1/chat`, which Polyroute adds itself"),
        "{found:?}"
    );
}
