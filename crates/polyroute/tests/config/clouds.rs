//! Providers of clouds: address, paths and account from the file and from the SDKs' variables.

use polyroute::config::identity::{EntraSource, GoogleSource, Identity, Proof};
use polyroute::config::settings::{Provider, Scheme};
use polyroute_wire::surface::Surface;

use crate::cases::{findings, settings};

fn provider(text: &str, pairs: &[(&str, &str)], name: &str) -> Provider {
    settings(text, pairs).provider(name).unwrap().clone()
}

#[test]
fn section_1_vertex_addresses_by_location() {
    for (location, address) in [
        ("global", "https://aiplatform.googleapis.com"),
        ("us", "https://aiplatform.us.rep.googleapis.com"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com"),
        (
            "europe-west4",
            "https://europe-west4-aiplatform.googleapis.com",
        ),
    ] {
        let text = format!("providers: {{ vertex: {{ project: p, location: {location} }} }}");
        let vertex = provider(&text, &[], "vertex");
        assert_eq!(vertex.base_url.as_str(), address);
        assert_eq!(
            vertex.surface,
            Surface::Vertex {
                project: Some("p".into()),
                location: location.into()
            }
        );
        assert!(!vertex.models);
        assert!(matches!(vertex.identity, Some(Identity::Google(google))
            if matches!(google.source, GoogleSource::Metadata { .. })));
    }
}

#[test]
fn vertex_hears_the_variables_of_both_sdks() {
    let pairs = [
        ("ANTHROPIC_VERTEX_PROJECT_ID", "p"),
        ("CLOUD_ML_REGION", "us-east5"),
        ("GCE_METADATA_HOST", "metadata.example"),
    ];
    let vertex = provider("", &pairs, "vertex");
    assert_eq!(
        vertex.surface,
        Surface::Vertex {
            project: Some("p".into()),
            location: "us-east5".into()
        }
    );
    let more = [
        ("GOOGLE_CLOUD_PROJECT", "own"),
        ("GOOGLE_CLOUD_LOCATION", "global"),
        ("GOOGLE_GENAI_USE_VERTEXAI", "true"),
    ];
    let both: Vec<_> = pairs.into_iter().chain(more).collect();
    let vertex = provider("", &both, "vertex_ai");
    assert_eq!(
        vertex.surface,
        Surface::Vertex {
            project: Some("own".into()),
            location: "global".into()
        }
    );
    // Many machines have a project; that alone means nothing.
    let alone = [("GOOGLE_CLOUD_PROJECT", "own"), ("OPENAI_API_KEY", "k")];
    assert!(settings("", &alone).provider("vertex").is_none());
}

#[test]
fn vertex_by_key_needs_no_project() {
    let vertex = provider("", &[("VERTEX_API_KEY", "k")], "vertex");
    assert_eq!(
        vertex.surface,
        Surface::Vertex {
            project: None,
            location: "global".into()
        }
    );
    assert!(vertex.identity.is_none());
    assert_eq!(vertex.credentials[0].scheme, Scheme::Dialect);
}

#[test]
fn vertex_says_what_is_missing() {
    assert_eq!(
        findings("providers: { vertex: {} }", &[]),
        [
            "1:14 providers.vertex: Vertex AI wants to know the Google Cloud project | add \
          `project: …`, or set `GOOGLE_CLOUD_PROJECT`"
        ]
    );
    assert_eq!(
        findings(
            "providers: { vertex: { project: p, location: \"EU west\" } }",
            &[]
        ),
        [
            "1:46 providers.vertex.location: this is no location of Google Cloud | write one such as \
          `europe-west4`, `us`, `eu` or `global`"
        ]
    );
    let found = findings(
        "providers: { vertex: { project: p, credentials_file: no/such.json } }",
        &[],
    );
    assert!(
        found[0].contains("no/such.json` can't be read"),
        "{found:?}"
    );
    assert_eq!(
        findings(
            "providers: { openai: { credentials: [\"${K}\"], location: eu } }",
            &[("K", "k")]
        ),
        [
            "1:57 providers.openai.location: `location` means something to Vertex AI only | remove it"
        ]
    );
}

#[test]
fn section_1_azure_surfaces() {
    for (keys, environment, address, surface, version) in [
        (
            "",
            [].as_slice(),
            "https://r.openai.azure.com",
            Surface::AzureV1,
            None,
        ),
        (
            ", api_version: \"2024-10-21\"",
            &[],
            "https://r.openai.azure.com",
            Surface::AzureDeployments,
            Some("2024-10-21"),
        ),
        (
            "",
            &[("OPENAI_API_VERSION", "2024-02-01")],
            "https://r.openai.azure.com",
            Surface::AzureDeployments,
            Some("2024-02-01"),
        ),
        (
            ", api_version: preview",
            &[],
            "https://r.openai.azure.com",
            Surface::AzureV1,
            Some("preview"),
        ),
        (
            ", surface: inference",
            &[],
            "https://r.openai.azure.com",
            Surface::AzureInference,
            None,
        ),
    ] {
        let text = format!(
            "providers: {{ azure: {{ base_url: \"https://r.openai.azure.com/\", credentials: [\"${{K}}\"]{keys} }} }}"
        );
        let pairs: Vec<_> = environment.iter().copied().chain([("K", "k")]).collect();
        let azure = provider(&text, &pairs, "azure");
        assert_eq!(azure.base_url.as_str(), address);
        assert_eq!(azure.surface, surface, "{keys}");
        assert_eq!(azure.api_version.as_deref(), version, "{keys}");
        assert_eq!(azure.credentials[0].scheme, Scheme::ApiKey);
        assert!(azure.identity.is_none() && !azure.models);
    }
    for (url, surface) in [
        ("https://r.openai.azure.com/openai/v1", Surface::AzureV1),
        (
            "https://r.services.ai.azure.com/models",
            Surface::AzureInference,
        ),
        (
            "https://r.openai.azure.com/openai/deployments",
            Surface::AzureDeployments,
        ),
    ] {
        let pairs = [
            ("AZURE_OPENAI_ENDPOINT", url),
            ("AZURE_OPENAI_API_KEY", "k"),
        ];
        let azure = provider("", &pairs, "azure");
        assert_eq!(azure.surface, surface);
        assert!(azure.base_url.as_str().ends_with("azure.com"));
    }
}

#[test]
fn azure_without_a_key_signs_in_with_entra() {
    let endpoint = ("AZURE_OPENAI_ENDPOINT", "https://r.openai.azure.com");
    let entra = |more: &[(&str, &str)]| {
        let pairs: Vec<_> = more.iter().copied().chain([endpoint]).collect();
        match provider("", &pairs, "azure").identity {
            Some(Identity::Entra(entra)) => entra,
            other => panic!("{other:?}"),
        }
    };
    let app = [("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c")];
    let with =
        |more: (&'static str, &'static str)| -> Vec<_> { app.into_iter().chain([more]).collect() };
    let found = entra(&with(("AZURE_CLIENT_SECRET", "s")));
    assert_eq!(found.scope, "https://ai.azure.com/.default");
    let EntraSource::Application {
        token_url,
        proof: Proof::Secret(_),
        ..
    } = found.source
    else {
        panic!("{found:?}");
    };
    assert_eq!(
        token_url,
        "https://login.microsoftonline.com/t/oauth2/v2.0/token"
    );
    let found = entra(&with(("AZURE_FEDERATED_TOKEN_FILE", "/t")));
    assert!(matches!(
        found.source,
        EntraSource::Application {
            proof: Proof::FederatedToken(_),
            ..
        }
    ));
    let found = entra(&[("IDENTITY_ENDPOINT", "http://x"), ("IDENTITY_HEADER", "h")]);
    assert!(matches!(found.source, EntraSource::AppService { .. }));
    let found = entra(&[("OPENAI_API_VERSION", "2024-10-21")]);
    assert_eq!(found.scope, "https://cognitiveservices.azure.com/.default");
    assert!(matches!(
        found.source,
        EntraSource::Machine {
            client_id: None,
            ..
        }
    ));
    let token = [endpoint, ("AZURE_OPENAI_AD_TOKEN", "t")];
    let azure = provider("", &token, "azure");
    assert_eq!(azure.credentials[0].scheme, Scheme::Bearer);
    assert!(azure.identity.is_none());
}

#[test]
fn azure_says_what_does_not_fit() {
    let keyed = |keys: &str| {
        let text = format!("providers: {{ azure: {{ credentials: [\"${{K}}\"]{keys} }} }}");
        findings(&text, &[("K", "k")])
    };
    assert!(keyed("")[0].contains("Azure has an address for each resource"));
    let at = ", base_url: \"https://r.openai.azure.com\"";
    assert!(keyed(&format!("{at}, entra: {{}}"))[0].contains("both there"));
    assert!(
        keyed(&format!("{at}, surface: v1, api_version: \"2024-10-21\""))[0]
            .contains("no dated versions")
    );
    let text = "providers: { azure: { base_url: \"https://r.openai.azure.com\", entra: { secret: { env: K } } } }";
    assert!(findings(text, &[("K", "k")])[0].contains("without its id and tenant"));
    let text = "providers: { azure: { base_url: \"https://r.openai.azure.com\", entra: { secret: { env: K }, \
                tenant: t, client: c, authority: \"http://evil.example\" } } }";
    assert!(findings(text, &[("K", "k")])[0].contains("without TLS"));
    // A key of Azure's alone leads nowhere, and is no reason not to start.
    let found = findings("", &[("AZURE_API_KEY", "k"), ("OPENAI_API_KEY", "k")]);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn deployments_keep_their_models() {
    let text = "providers: { azure: { base_url: \"https://r.openai.azure.com\", credentials: [\"${K}\"], \
                deployments: { prod-eu: gpt-4o } } }";
    let azure = provider(text, &[("K", "k")], "azure");
    assert_eq!(azure.deployments["prod-eu"], "gpt-4o");
}
