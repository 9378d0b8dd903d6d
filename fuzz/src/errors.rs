//! Error answers and what they ask us to wait.

use std::collections::BTreeMap;
use std::time::Duration;

use arbitrary::Unstructured;
use polyroute_wire::adapter::ReplyHead;
use polyroute_wire::api_error::ApiError;
use polyroute_wire::dialect::Dialect;

use crate::input::Input;
use crate::streams::judge;
use crate::templates;

/// Headers that providers say something with.
const HEADERS: [&str; 6] = [
    "retry-after",
    "retry-after-ms",
    "x-ratelimit-reset-requests",
    "x-should-retry",
    "content-type",
    "x-amzn-errortype",
];
const STATUSES: [u16; 16] = [
    400, 401, 402, 403, 404, 408, 409, 413, 422, 424, 429, 498, 500, 503, 529, 600,
];

/// Flag 0: the body is made of templates. The first line of the rest is the value of a header.
pub(crate) fn run(data: &[u8]) {
    let input = Input::new(data);
    let at = input.rest.iter().position(|byte| *byte == b'\n');
    let (line, rest) = input.rest.split_at(at.unwrap_or(0));
    let line = String::from_utf8_lossy(line).into_owned();
    for dialect in Dialect::ALL {
        let body = if input.flag(0) {
            let made = templates::of(*dialect).one("errors", &mut Unstructured::new(rest));
            made.unwrap_or_default().to_string().into_bytes()
        } else {
            rest.to_vec()
        };
        for (index, name) in HEADERS.iter().enumerate() {
            let status = STATUSES[(usize::from(input.choice) + index) % STATUSES.len()];
            let headers = BTreeMap::from([((*name).to_owned(), line.clone())]);
            let head = ReplyHead {
                status,
                headers: &headers,
                now: Duration::from_secs(1_800_000_000),
            };
            let error = dialect.adapter().classify(&head, &body);
            assert_eq!(error.status, Some(status));
            judge(&error);
            // What the caller is told is bounded and JSON, as an answer and as an event.
            let told = ApiError::from_upstream(&error);
            let json = told.body();
            assert!(json.len() <= 16_384);
            serde_json::from_slice::<serde_json::Value>(&json).expect("an error's body is JSON");
            let event = String::from_utf8(told.stream_event()).expect("an event is text");
            assert_eq!(event.matches("\n\n").count(), 1);
        }
    }
}
