use std::sync::atomic::{AtomicUsize, Ordering};

use http::{HeaderMap, Method, Uri};

use super::*;

/// Gives what it is told to, and counts.
#[derive(Debug, Default)]
struct Scripted {
    fetches: Arc<AtomicUsize>,
    lifetime: Duration,
    fails: bool,
    hangs: bool,
}

impl Source for Scripted {
    fn fetch(&self) -> BoxFuture<'_, Result<Fetched, UpstreamError>> {
        Box::pin(async move {
            let number = self.fetches.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            if self.hangs {
                std::future::pending::<()>().await;
            }
            if self.fails {
                return Err(refusal("no"));
            }
            Ok(Fetched {
                token: Secret::new(format!("t{number}")),
                lifetime: self.lifetime,
            })
        })
    }
}

fn signer(source: Scripted) -> (TokenSigner, Arc<AtomicUsize>) {
    let fetches = Arc::clone(&source.fetches);
    let shared = Arc::new(Shared {
        source: Box::new(source),
        current: RwLock::default(),
        fetching: tokio::sync::Mutex::new(()),
    });
    let quota_project = Some(HeaderValue::from_static("payer"));
    (
        TokenSigner {
            shared,
            quota_project,
        },
        fetches,
    )
}

async fn sign(signer: &TokenSigner) -> Result<HeaderMap, UpstreamError> {
    let mut request = Outgoing {
        method: Method::POST,
        uri: Uri::from_static("https://x.example/"),
        headers: HeaderMap::new(),
        body: bytes::Bytes::new(),
    };
    signer.sign(&mut request).await.map(|()| request.headers)
}

#[tokio::test]
async fn one_fetch_serves_everybody_and_its_token_is_kept() {
    let (signer, fetches) = signer(Scripted {
        lifetime: Duration::from_secs(3600),
        ..Scripted::default()
    });
    let all = futures_util::future::join_all((0..50).map(|_| sign(&signer))).await;
    for headers in all {
        let headers = headers.unwrap();
        assert_eq!(headers["authorization"], "Bearer t0");
        assert!(headers["authorization"].is_sensitive());
        assert_eq!(headers["x-goog-user-project"], "payer");
    }
    sign(&signer).await.unwrap();
    assert_eq!(fetches.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_due_serves_while_its_successor_is_fetched() {
    let (signer, fetches) = signer(Scripted {
        lifetime: Duration::from_secs(3600),
        ..Scripted::default()
    });
    sign(&signer).await.unwrap();
    signer.shared.write(|state| {
        state.token.as_mut().unwrap().renew = Instant::now();
    });
    for _ in 0..3 {
        assert_eq!(sign(&signer).await.unwrap()["authorization"], "Bearer t0");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(sign(&signer).await.unwrap()["authorization"], "Bearer t1");
    assert_eq!(fetches.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_token_about_to_expire_is_not_used() {
    let (signer, fetches) = signer(Scripted {
        lifetime: Duration::from_secs(9),
        ..Scripted::default()
    });
    assert_eq!(sign(&signer).await.unwrap()["authorization"], "Bearer t0");
    assert_eq!(sign(&signer).await.unwrap()["authorization"], "Bearer t1");
    assert_eq!(fetches.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_failure_answers_everybody_for_a_moment() {
    let (signer, fetches) = signer(Scripted {
        fails: true,
        ..Scripted::default()
    });
    let all = futures_util::future::join_all((0..20).map(|_| sign(&signer))).await;
    assert!(
        all.iter()
            .all(|result| matches!(result, Err(error) if error.kind == ErrorKind::Auth))
    );
    assert_eq!(fetches.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_hangs_is_given_up() {
    let (signer, _) = signer(Scripted {
        hangs: true,
        ..Scripted::default()
    });
    assert_eq!(sign(&signer).await.unwrap_err().kind, ErrorKind::Timeout);
}

#[tokio::test]
async fn one_who_leaves_does_not_stop_the_fetch() {
    let (signer, fetches) = signer(Scripted {
        lifetime: Duration::from_secs(3600),
        ..Scripted::default()
    });
    let left = tokio::time::timeout(Duration::from_millis(1), sign(&signer)).await;
    assert!(left.is_err());
    assert_eq!(sign(&signer).await.unwrap()["authorization"], "Bearer t0");
    assert_eq!(fetches.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_refused_token_is_thrown_away_unless_it_is_young() {
    let (signer, fetches) = signer(Scripted {
        lifetime: Duration::from_secs(3600),
        ..Scripted::default()
    });
    let refused =
        |sent: &HeaderMap| signer.answered(sent, StatusCode::UNAUTHORIZED, &HeaderMap::new());
    let first = sign(&signer).await.unwrap();
    assert!(!refused(&first));
    sign(&signer).await.unwrap();
    assert_eq!(fetches.load(Ordering::SeqCst), 1);
    signer.shared.write(|state| {
        let token = state.token.as_mut().unwrap();
        token.fetched = Instant::now().checked_sub(REFUSED_AFTER).unwrap();
    });
    assert!(!signer.answered(&first, StatusCode::FORBIDDEN, &HeaderMap::new()));
    assert!(refused(&first), "worth another try");
    let second = sign(&signer).await.unwrap();
    assert_eq!(second["authorization"], "Bearer t1");
    assert_eq!(fetches.load(Ordering::SeqCst), 2);
    // One that was sent with the old token comes late: the new one is there and stays.
    assert!(refused(&first));
    assert!(!refused(&second));
    sign(&signer).await.unwrap();
    assert_eq!(fetches.load(Ordering::SeqCst), 2);
}
