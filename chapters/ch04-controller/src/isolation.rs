//! A broker that the controller does not hear is fenced after a session, and others lead what it led. If it is cut off from
//! the others and not from its clients, these notice nothing: they wait for acknowledgements and records that cannot come.
//! So it hangs up on them, and they ask around who leads.
//!
//! It goes on serving: perhaps it is not cut off, and the others are down. Then clients come back, and read on.

use std::sync::Arc;
use std::time::Duration;

use ch00_wire::server::Connections;
use ch00_wire::tasks::Tasks;
use tokio::time::{Instant, sleep};
use tracing::warn;

use crate::broker_lifecycle::BrokerLifecycle;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(250);
/// The longest pause between two hang-ups.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

// ANCHOR: hang_up_when_unheard
/// Hangs up when nothing was heard of a controller for a session, and again with longer and longer pauses for as long as
/// that is so.
pub async fn hang_up_when_unheard(
    lifecycle: Arc<BrokerLifecycle>,
    session: Duration,
    connections: Arc<Connections>,
    tasks: Tasks,
) {
    let (mut pause, mut last) = (LOOK, Instant::now());
    loop {
        tokio::select! {
            () = tasks.stopping() => return,
            () = sleep(LOOK) => {}
        }
        if lifecycle.unheard_for() <= session {
            pause = LOOK;
        } else if last.elapsed() >= pause {
            warn!("no controller has answered for {session:?}: clients are to ask others who leads");
            connections.hang_up();
            (pause, last) = ((pause * 2).min(LONGEST_PAUSE), Instant::now());
        }
    }
}
// ANCHOR_END: hang_up_when_unheard
