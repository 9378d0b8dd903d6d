//! Which call of a vendor a path means.

use http::Method;
use percent_encoding::percent_decode_str;

use super::Vendor;

/// What a request asks a vendor for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Chat completions.
    Chat(At),
    /// Embeddings.
    Embeddings(At),
    /// The list of models.
    Models,
    /// One model of it.
    Model(String),
    /// An endpoint that only this vendor has.
    Own(Own),
    /// The path is known, the method is not.
    WrongMethod,
    /// Nothing is there.
    Unknown,
}

/// Where a call came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// The base path before the call.
    pub base: &'static str,
    /// The deployment that the path names (Azure).
    pub deployment: Option<String>,
}

/// An endpoint that only one vendor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// Azure `POST /openai/v1/responses`, or `/openai/responses` with a dated version.
    Responses,
    /// Ollama `POST /api/chat`.
    OllamaChat,
    /// Ollama `POST /api/generate`.
    OllamaGenerate,
    /// Ollama `POST /api/embed`.
    OllamaEmbed,
    /// Ollama `POST /api/embeddings`.
    OllamaEmbeddings,
    /// Ollama `GET /api/tags`.
    OllamaTags,
    /// Ollama `POST /api/show`.
    OllamaShow,
    /// Ollama `GET /api/version`.
    OllamaVersion,
    /// DeepSeek `GET /user/balance`.
    Balance,
    /// OpenRouter `GET /key`.
    Key,
    /// vLLM `GET /health`.
    Health,
    /// vLLM `POST /tokenize`.
    Tokenize,
}

/// The deployments' base path of Azure; the deployment's name stands behind it.
pub(super) const DEPLOYMENTS: &str = "/openai/deployments";

/// Reads the path behind the vendor's prefix.
pub fn read(vendor: &'static Vendor, method: &Method, path: &str) -> Call {
    let path = path.trim_end_matches('/');
    if let Some((wanted, _, own)) = vendor.own.iter().find(|(_, own, _)| *own == path) {
        return on(method, wanted, Call::Own(*own));
    }
    for base in vendor.bases {
        let Some(rest) = path.strip_prefix(base) else {
            continue;
        };
        if let Some(call) = call(vendor, method, base, rest) {
            return call;
        }
    }
    Call::Unknown
}

fn call(vendor: &Vendor, method: &Method, base: &'static str, rest: &str) -> Option<Call> {
    let (deployment, rest) = if base == DEPLOYMENTS {
        let (name, _) = rest.strip_prefix('/')?.split_once('/')?;
        let name_end = name.len() + 1;
        (Some(decoded(name)), rest.get(name_end..)?)
    } else {
        (None, rest)
    };
    let at = At { base, deployment };
    let lists = at.deployment.is_none();
    match rest {
        "/chat/completions" => Some(on(method, "POST", Call::Chat(at))),
        "/embeddings" if embeds(vendor, base) => Some(on(method, "POST", Call::Embeddings(at))),
        "/models" if lists => Some(on(method, "GET", Call::Models)),
        _ => {
            let name = rest.strip_prefix("/models/").filter(|_| lists)?;
            Some(on(method, "GET", Call::Model(decoded(name))))
        }
    }
}

fn embeds(vendor: &Vendor, base: &str) -> bool {
    vendor
        .embeddings
        .is_some_and(|wanted| wanted == "*" || wanted == base)
}

fn on(method: &Method, wanted: &str, call: Call) -> Call {
    if method.as_str() == wanted {
        call
    } else {
        Call::WrongMethod
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(name: &str, method: Method, path: &str) -> Call {
        read(Vendor::find(name).unwrap(), &method, path)
    }

    #[test]
    fn each_vendor_serves_at_the_path_of_its_base_url() {
        for (name, path) in [
            ("groq", "/openai/v1/chat/completions"),
            ("mistral", "/v1/chat/completions"),
            ("deepseek", "/chat/completions"),
            ("deepseek", "/v1/chat/completions"),
            ("deepseek", "/beta/chat/completions"),
            ("fireworks", "/inference/v1/chat/completions"),
            ("perplexity", "/chat/completions"),
            ("qwen", "/compatible-mode/v1/chat/completions"),
            ("dashscope", "/compatible-mode/v1/chat/completions"),
            ("openrouter", "/api/v1/chat/completions"),
            ("azure", "/openai/v1/chat/completions"),
            ("azure", "/models/chat/completions"),
        ] {
            let call = ask(name, Method::POST, path);
            assert!(matches!(call, Call::Chat(_)), "{name} {path}: {call:?}");
            assert_eq!(ask(name, Method::GET, path), Call::WrongMethod);
        }
        assert_eq!(
            ask("groq", Method::POST, "/v1/chat/completions"),
            Call::Unknown
        );
        assert_eq!(ask("xai", Method::POST, "/v1/embeddings"), Call::Unknown);
    }

    #[test]
    fn azure_names_deployments_in_the_path() {
        let path = "/openai/deployments/my%20dep/chat/completions";
        let Call::Chat(at) = ask("azure", Method::POST, path) else {
            panic!("no chat");
        };
        assert_eq!(at.deployment.as_deref(), Some("my dep"));
        assert_eq!(at.base, DEPLOYMENTS);
    }

    #[test]
    fn own_endpoints_and_models() {
        assert_eq!(
            ask("ollama", Method::GET, "/api/tags"),
            Call::Own(Own::OllamaTags)
        );
        assert_eq!(ask("ollama", Method::GET, "/api/chat"), Call::WrongMethod);
        assert_eq!(ask("together", Method::GET, "/v1/models"), Call::Models);
        let slashed = ask("openrouter", Method::GET, "/api/v1/models/openai/gpt-4o");
        assert_eq!(slashed, Call::Model("openai/gpt-4o".into()));
    }
}
