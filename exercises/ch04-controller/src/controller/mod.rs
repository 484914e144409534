//! The controller: a command goes in, records and a reply come out.
//!
//! ```text
//!            command + time + offset                      committed
//! driver  ---------------------------->  Controller           |
//!    ^                                        |               v
//!    |         records, reply                 |             reply  -->  who asked
//!    +----------------------------------------+
//!    |
//!    +-- records --> quorum's log, and at once back:  Controller::replay
//! ```
//!
//! A command decides and changes nothing of what is known; only [`Controller::replay`] does. So the driver appends the
//! records of a command, replays them, and then gives the next command; the reply waits until they are committed. When
//! leadership is lost the controller is thrown away, and the next one begins from the log.
//!
//! Beside the image stands what is soft: who was heard of and when, and how much is in logs that were asked. It is in no
//! record. A new controller begins it anew, in favour of the brokers.
//!
//! One file per command or family of commands. Pure functions stand apart from them: `election`, `eligible`, `log_ends`,
//! `placement`, `sessions`, `moves`.

#[path = "../../../../chapters/ch04-controller/src/controller/activation.rs"]
mod activation;
#[path = "../../../../chapters/ch04-controller/src/controller/configs.rs"]
mod configs;
#[path = "../../../../chapters/ch04-controller/src/controller/directories.rs"]
mod directories;
#[path = "../../../../chapters/ch04-controller/src/controller/draft.rs"]
mod draft;
#[path = "../../../../chapters/ch04-controller/src/controller/elect_leaders.rs"]
mod elect_leaders;
// Yours:
mod election;
// Yours:
mod eligible;
#[path = "../../../../chapters/ch04-controller/src/controller/features.rs"]
mod features;
#[path = "../../../../chapters/ch04-controller/src/controller/heartbeat.rs"]
mod heartbeat;
#[path = "../../../../chapters/ch04-controller/src/controller/index.rs"]
mod index;
// Yours:
mod isr;
#[path = "../../../../chapters/ch04-controller/src/controller/log_ends.rs"]
mod log_ends;
// Yours:
mod moves;
#[path = "../../../../chapters/ch04-controller/src/controller/outcome.rs"]
mod outcome;
#[path = "../../../../chapters/ch04-controller/src/controller/partition_change.rs"]
mod partition_change;
#[path = "../../../../chapters/ch04-controller/src/controller/partitions.rs"]
mod partitions;
// Yours:
mod placement;
#[path = "../../../../chapters/ch04-controller/src/controller/producer_ids.rs"]
mod producer_ids;
#[path = "../../../../chapters/ch04-controller/src/controller/random.rs"]
mod random;
#[path = "../../../../chapters/ch04-controller/src/controller/reassignment.rs"]
mod reassignment;
#[path = "../../../../chapters/ch04-controller/src/controller/registration.rs"]
mod registration;
// Yours:
mod sessions;
#[path = "../../../../chapters/ch04-controller/src/controller/settings.rs"]
mod settings;
#[path = "../../../../chapters/ch04-controller/src/controller/takeover.rs"]
mod takeover;
#[path = "../../../../chapters/ch04-controller/src/controller/tick.rs"]
mod tick;
#[path = "../../../../chapters/ch04-controller/src/controller/topics.rs"]
mod topics;
#[path = "../../../../chapters/ch04-controller/src/controller/transitions.rs"]
mod transitions;

pub use activation::*;
pub use election::*;
pub use eligible::*;
pub use features::{KRAFT_VERSION, supported_features, unsupported_level};
pub use isr::*;
pub use log_ends::*;
pub use moves::*;
pub use outcome::*;
pub use placement::*;
pub use random::Random;
pub use sessions::*;
pub use settings::*;
pub use takeover::*;

use std::collections::{BTreeMap, BTreeSet};

use ch00_wire::uuid::Uuid;
use ch01_log::batch::{Offset, Timestamp};

use crate::image::{ClusterImage, ReplayError};
use crate::records::MetadataRecord;
use draft::Draft;
use index::Index;
use tick::Clocks;

/// When a command is given, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Milliseconds, of a clock that does not go back.
    pub now: Timestamp,
    /// The offset that the first record of the decision will have: broker epochs are offsets.
    pub offset: Offset,
}

/// Whoever decides about the cluster.
pub struct Controller {
    settings: ControllerSettings,
    image: ClusterImage,
    /// Partitions by the brokers that matter to them.
    index: Index,
    sessions: Sessions,
    /// Brokers that are about to stop, and the offset that all others have to know before they may.
    stopping: BTreeMap<i32, Offset>,
    /// What is in the logs of partitions all of whose copies stopped uncleanly.
    log_ends: LogEnds,
    random: Random,
    clocks: Clocks,
}

impl Controller {
    /// A controller that begins `now`, with what the log says. `seed` is what it draws topic ids from.
    pub fn new(settings: ControllerSettings, image: ClusterImage, seed: u64, now: Timestamp) -> Controller {
        assert!(!image.in_transaction(), "a transaction that is left over is ended first: see `activation`");
        let unfenced = image.nodes.brokers().filter(|broker| !broker.fenced).map(|broker| broker.broker_id);
        Controller {
            index: Index::of(&image),
            sessions: Sessions::new(settings.session_timeout_ms, unfenced, now),
            stopping: BTreeMap::new(),
            log_ends: LogEnds::default(),
            random: Random::new(seed),
            clocks: Clocks::new(now),
            settings,
            image,
        }
    }

    /// The cluster as it is with all decisions so far, committed or not.
    pub fn image(&self) -> &ClusterImage {
        &self.image
    }

    /// Takes in a record of the last decision, in order. An error means that controller and log do not fit together.
    pub fn replay(&mut self, record: &MetadataRecord) -> Result<(), ReplayError> {
        let before = self.index.note(&self.image, record);
        self.image.replay(record)?;
        self.index.update(&self.image, before);
        match record {
            MetadataRecord::RegisterBroker(broker) => {
                self.log_ends.forget_earlier(broker.broker_id, broker.broker_epoch)
            }
            MetadataRecord::UnregisterBroker(broker) => self.sessions.end(broker.broker_id),
            _ => {}
        }
        Ok(())
    }

    /// Unfenced brokers that have not been heard of since this controller began: whether they are there is to be probed.
    pub fn to_probe(&self) -> impl Iterator<Item = i32> {
        self.sessions.unheard().filter(|&broker| self.image.nodes.is_active(broker))
    }

    /// A decision that begins with the image as it is.
    fn draft(&self) -> Draft<'_> {
        Draft::new(self)
    }

    /// The partitions that nobody leads, by topic id and index.
    fn leaderless(&self) -> BTreeSet<(Uuid, i32)> {
        self.index.leaderless().collect()
    }
}
