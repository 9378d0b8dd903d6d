//! What an operator should hear of once, not with every request: prices that nobody knows, models
//! that are not the ones asked for, names that move.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::{Metrics, Record};

/// Most models that are remembered as told of; with more, nothing is told
/// (`bound="telemetry_alerts"`).
const TOLD_MAX: usize = 1_000;
/// How long a drift that goes on is not told of again.
const DRIFT_AGAIN: Duration = Duration::from_secs(3_600);

/// What there is to tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Alert {
    PriceUnknown,
    Drift,
    FloatingAlias,
}

/// Which model was told of, and when.
#[derive(Debug, Default)]
pub(super) struct Alerts {
    told: HashMap<(Alert, String), Instant>,
}

impl Alerts {
    /// Logs what a record gives cause for. Costs nothing for one that gives none.
    pub(super) fn look(&mut self, record: &Record, metrics: &Metrics) {
        let (unknown, drift) = (record.cost.price_unknown, record.pin_drift);
        if !unknown && !drift && !record.floating_alias {
            return;
        }
        let Some(last) = record.attempts.last() else {
            return;
        };
        let asked = format!("{}/{}", last.provider, last.model);
        if unknown && self.is_due(Alert::PriceUnknown, &asked, metrics) {
            tracing::warn!(
                model = asked,
                "the price of this model is not known, in whole or in part: what its answers cost \
                 is not counted; name it in a file of `catalog`"
            );
        }
        if drift {
            let served = record.model.as_deref().unwrap_or_default();
            if self.is_due(Alert::Drift, &format!("{asked} {served}"), metrics) {
                tracing::warn!(
                    model = asked,
                    served,
                    system_fingerprint = record.system_fingerprint,
                    "another model, version or fingerprint answered than the one that was asked for"
                );
            }
        }
        if record.floating_alias && self.is_due(Alert::FloatingAlias, &asked, metrics) {
            tracing::warn!(
                model = asked,
                served = record.model,
                "this name leads to another version when the provider says so: `pin` one"
            );
        }
    }

    /// Whether this was not told yet, or long ago.
    fn is_due(&mut self, alert: Alert, model: &str, metrics: &Metrics) -> bool {
        let key = (alert, model.to_owned());
        let now = Instant::now();
        if let Some(told) = self.told.get_mut(&key) {
            let again = alert == Alert::Drift && now.duration_since(*told) >= DRIFT_AGAIN;
            if again {
                *told = now;
            }
            return again;
        }
        if self.told.len() >= TOLD_MAX {
            metrics.bound_hit("telemetry_alerts");
            return false;
        }
        self.told.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_told_of_once_and_the_memory_is_bounded() {
        let (mut alerts, metrics) = (Alerts::default(), Metrics::new());
        assert!(alerts.is_due(Alert::PriceUnknown, "a/b", &metrics));
        assert!(!alerts.is_due(Alert::PriceUnknown, "a/b", &metrics));
        assert!(alerts.is_due(Alert::Drift, "a/b", &metrics));
        for number in 0..2 * TOLD_MAX {
            alerts.is_due(Alert::FloatingAlias, &number.to_string(), &metrics);
        }
        assert_eq!(alerts.told.len(), TOLD_MAX);
        assert!(metrics.render().contains("telemetry_alerts"));
    }

    #[test]
    fn a_drift_that_goes_on_is_told_of_again_later() {
        let (mut alerts, metrics) = (Alerts::default(), Metrics::new());
        assert!(alerts.is_due(Alert::Drift, "a/b c", &metrics));
        assert!(!alerts.is_due(Alert::Drift, "a/b c", &metrics));
        for told in alerts.told.values_mut() {
            *told = told.checked_sub(DRIFT_AGAIN).unwrap();
        }
        assert!(alerts.is_due(Alert::Drift, "a/b c", &metrics));
        assert!(!alerts.is_due(Alert::Drift, "a/b c", &metrics));
    }
}
