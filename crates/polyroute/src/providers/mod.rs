//! What each provider supports, maps, drops and refuses: found by asking the translation itself,
//! so that the page and the command line can't say anything else than what happens.

mod features;
mod probe;
mod reference;

pub use features::{FEATURES, Feature, Group};
pub use probe::{Outcome, Sheet, sheets, sheets_of};
pub use reference::reference;
