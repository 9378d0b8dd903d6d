//! What a fault does to a reply. Pure: reply in, steps out.

use crate::errors::About;
use crate::latency::Pace;
use crate::plan;
use crate::play::Play;
use crate::wire::Reply;

use super::Fault;

/// The reply as steps, with the fault in it.
pub fn apply(reply: Reply, _fault: Option<&Fault>, about: About<'_>, pace: &mut Pace) -> Play {
    plan::plain(reply, about.dialect, pace)
}
