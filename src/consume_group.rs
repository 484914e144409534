//! `mini-kafka consume --group`: reads a topic as one of several, who share its partitions.
//!
//! ```text
//! $ mini-kafka consume orders --group readers --offsets
//! mini-kafka: group readers: this member reads orders: 0,1
//! 0@0     1
//! ```
//!
//! What was printed is committed once a second, before a partition is given back, and at the end: whoever goes on with a
//! partition begins there. After a kill -9 that is at most a second's records earlier: they are read once more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ch01_log::batch::Offset;
use mini_kafka::consumer::Consumer;
use mini_kafka::group_member::{GroupMember, Told};
use tokio::time::{Instant, sleep_until};

use crate::consume::{ConsumeArgs, Printer};
use crate::failure::Failure;
use crate::positions::{Positions, positions};
use crate::stop::Stop;

/// Time between commits.
const COMMIT_INTERVAL: Duration = Duration::from_secs(1);

/// Runs `consume --group`.
pub async fn run(args: &ConsumeArgs, group: &str) -> Result<(), Failure> {
    let member = GroupMember::new(args.connect.connect().await?, group, &args.topic);
    let consumer = Consumer::new(args.connect.connect().await?, &args.topic, BTreeMap::new(), args.committed);
    let now = Instant::now();
    let mut reader = Reader {
        args,
        group,
        member,
        consumer,
        printer: Printer::new(args),
        owned: BTreeSet::new(),
        committed: BTreeMap::new(),
        ends: BTreeMap::new(),
        heartbeat_at: now,
        commit_at: now + COMMIT_INTERVAL,
    };
    let mut stop = Stop::listen()?;
    let ended = loop {
        tokio::select! {
            biased;
            () = stop.asked() => break Ok(()),
            read = reader.read_some() => match read {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(failure) => break Err(failure),
            }
        }
    };
    // Others do not have to wait until this member's session is over.
    reader.commit().await?;
    reader.member.leave().await?;
    ended
}

struct Reader<'a> {
    args: &'a ConsumeArgs,
    group: &'a str,
    member: GroupMember,
    consumer: Consumer,
    printer: Printer<'a>,
    /// The partitions that it reads.
    owned: BTreeSet<i32>,
    /// How far each has been committed.
    committed: BTreeMap<i32, Offset>,
    /// Where each ended when it was assigned.
    ends: BTreeMap<i32, Offset>,
    heartbeat_at: Instant,
    commit_at: Instant,
}

impl Reader<'_> {
    // ANCHOR: read
    /// A heartbeat and a commit if they are due, and what one fetch brings. Whether there may be more to read.
    async fn read_some(&mut self) -> Result<bool, Failure> {
        if Instant::now() >= self.heartbeat_at {
            self.heartbeat().await?;
        }
        if Instant::now() >= self.commit_at {
            self.commit().await?;
        }
        if self.owned.is_empty() {
            sleep_until(self.heartbeat_at).await;
            return Ok(true);
        }
        self.printer.print_some(&mut self.consumer, &self.ends).await
    }

    async fn heartbeat(&mut self) -> Result<(), Failure> {
        let (told, interval_ms) = self.member.heartbeat(&self.owned).await?;
        let Told::Assigned(assigned) = told else {
            let group = self.group;
            eprintln!("mini-kafka: group {group}: this member was taken for dead; joining again");
            std::mem::take(&mut self.owned).into_iter().for_each(|partition| self.consumer.stop(partition));
            return Ok(());
        };
        if assigned == self.owned {
            self.heartbeat_at = Instant::now() + Duration::from_millis(interval_ms);
            return Ok(());
        }
        if !assigned.is_superset(&self.owned) {
            self.commit().await?;
        }
        for &gone in self.owned.difference(&assigned) {
            self.consumer.stop(gone);
        }
        let new: Vec<i32> = assigned.difference(&self.owned).copied().collect();
        if !new.is_empty() {
            self.begin(&new).await?;
        }
        self.owned = assigned;
        let list: Vec<_> = self.owned.iter().map(i32::to_string).collect();
        let list =
            if list.is_empty() { "nothing".to_owned() } else { format!("{}: {}", self.args.topic, list.join(",")) };
        eprintln!("mini-kafka: group {}: this member reads {list}", self.group);
        // The next heartbeat is due at once: it says what has been given back.
        Ok(())
    }
    // ANCHOR_END: read

    /// Goes on where the group was, or where `--from` says.
    async fn begin(&mut self, partitions: &[i32]) -> Result<(), Failure> {
        let topic = &self.args.topic;
        let committed = self.member.cluster().committed(self.group).await?;
        let cluster = self.member.cluster();
        let Positions { starts, ends } =
            positions(cluster, topic, partitions, self.args.from, self.args.committed).await?;
        for (partition, start) in starts {
            let offset = committed.get(&(topic.clone(), partition)).copied();
            self.consumer.start(partition, offset.unwrap_or(start));
            self.committed.insert(partition, offset.unwrap_or(start));
        }
        self.ends.extend(ends);
        Ok(())
    }

    /// Commits how far it has come, where that has changed.
    async fn commit(&mut self) -> Result<(), Failure> {
        let position = |&partition: &i32| {
            // One that is not read any more has been read to its end.
            let position = self.consumer.position(partition).or_else(|| self.ends.get(&partition).copied())?;
            (self.committed.get(&partition) != Some(&position)).then_some((partition, position))
        };
        let positions: BTreeMap<i32, Offset> = self.owned.iter().filter_map(position).collect();
        self.commit_at = Instant::now() + COMMIT_INTERVAL;
        if positions.is_empty() {
            return Ok(());
        }
        let refused = self.member.commit(&positions).await?;
        for (partition, code) in refused {
            let (group, topic) = (self.group, &self.args.topic);
            eprintln!("mini-kafka: group {group}: {topic}-{partition} was not committed: {code}");
        }
        self.committed.extend(positions);
        Ok(())
    }
}
