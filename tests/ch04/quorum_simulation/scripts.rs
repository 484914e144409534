//! Scripts of what happens to a quorum, with what its nodes then say and do. Messages take 1 ms, flushes too.
//!
//! ```text
//! nodes 3 observers=1    three voters and one that is none, not started yet
//! start 1 2              these start
//! wait 2000              so many milliseconds pass
//! append 1               node 1 appends a record, if it takes itself for the leader
//! kill 1                 its process is gone, and with it what was not flushed
//! sleep 1, wake 1        its process is stopped, and goes on
//! cut 1 2                nothing goes from 1 to 2 any more; from 1 to anybody and back: `cut 1`
//! join                   everything goes everywhere again
//! stop 1                 it is asked to stop
//! snapshot 1 5           it makes a snapshot of everything below 5
//! vote 2 for=3 epoch=7   node 2 is asked for its vote; end=, last= say where the log of 3 ends, pre_vote=true that it is
//!                        only asked
//! confirmed 1            when node 1 was the leader beyond doubt
//! state                  every node in a line
//! ```
//! `UPDATE_GOLDENFILES=1` writes what they say anew.

use std::error::Error;
use std::path::Path;

use ch04_controller::quorum::message::{Call, Request};
use ch04_controller::quorum::vote::OffsetAndEpoch;
use ch04_controller::quorum::{Event, NodeId};
use goldenscript::{Command, Runner};

use super::world::{Arrival, Connection, STILL, World};

/// With this seed node 1 is the first to stand for election.
const SEED: u64 = 4;

#[derive(Default)]
struct Script(Option<World>);

impl Runner for Script {
    fn run(&mut self, command: &Command) -> Result<String, Box<dyn Error>> {
        let mut args = command.consume_args();
        if command.name == "nodes" {
            let voters = args.next_pos().ok_or("how many?")?.parse()?;
            let mut world = World::new(SEED, voters, args.lookup_parse("observers")?.unwrap_or(0), STILL, None);
            world.told = Some(String::new());
            self.0 = Some(world);
            args.reject_rest()?;
            return Ok(String::new());
        }
        let world = self.0.as_mut().ok_or("`nodes` comes first")?;
        let (candidate, epoch) = (args.lookup_parse("for")?, args.lookup_parse("epoch")?);
        let end = OffsetAndEpoch {
            epoch: args.lookup_parse("last")?.unwrap_or(0),
            offset: args.lookup_parse("end")?.unwrap_or(0),
        };
        let pre_vote = args.lookup_parse("pre_vote")?.unwrap_or(false);
        let numbers: Vec<i64> = args.rest_pos().iter().map(|arg| arg.parse()).collect::<Result<_, _>>()?;
        args.reject_rest()?;
        let first = numbers.first().copied().unwrap_or(0);
        let id = first as NodeId;
        let others: Vec<NodeId> = world.nodes.keys().copied().filter(|other| *other != id).collect();
        let done = match (command.name.as_str(), numbers.as_slice()) {
            ("start", ids) => ids.iter().try_for_each(|&id| world.start(id as NodeId)),
            ("wait", [ms]) => world.run_until(world.now + ms),
            ("append", [_]) => world.arrive(id, None, Arrival::Append { count: 1 }),
            ("kill", [_]) => {
                world.crash(id);
                Ok(())
            }
            ("sleep", [_]) => {
                world.nodes.get_mut(&id).ok_or("no such node")?.process().paused = Some(Vec::new());
                Ok(())
            }
            ("wake", [_]) => world.resume(id),
            ("cut", [_]) => {
                world.cut.extend(others.iter().flat_map(|&other| [(id, other), (other, id)]));
                Ok(())
            }
            ("cut", &[from, to]) => {
                world.cut.insert((from as NodeId, to as NodeId));
                Ok(())
            }
            ("join", []) => {
                world.cut.clear();
                Ok(())
            }
            ("stop", [_]) => world.arrive(id, None, Arrival::Stop),
            ("snapshot", [_, offset]) => {
                let disk = &mut world.nodes.get_mut(&id).ok_or("no such node")?.disk;
                disk.start = disk.snapshot_at(*offset);
                let snapshot = disk.start;
                world.step(id, Event::SnapshotTaken(snapshot), &[])
            }
            ("vote", [_]) => {
                let (candidate, epoch): (NodeId, i32) =
                    (candidate.ok_or("for whom?")?, epoch.ok_or("in which epoch?")?);
                let (voter, candidate) = (world.nodes[&id].key, world.nodes[&candidate].key);
                let call = Call::Vote { voter, candidate, end, pre_vote };
                let from = Connection { node: candidate.id, life: 0, correlation_id: 0 };
                world.arrive(id, None, Arrival::Request { from, request: Request { epoch, call } })
            }
            ("confirmed", [_]) => {
                let confirmed_at = world.nodes[&id].process.as_ref().and_then(|process| process.quorum.confirmed_at());
                return Ok(confirmed_at.map_or("never".to_owned(), |at| format!("at {at} ms\n")));
            }
            ("state", []) => return Ok(world.state()),
            (name, _) => return Err(format!("no command {name} {numbers:?}").into()),
        };
        done.map_err(|violation| format!("{violation:?}"))?;
        Ok(world.told.replace(String::new()).unwrap_or_default())
    }
}

#[test]
fn scripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ch04/scripts/quorum");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        goldenscript::run(&mut Script::default(), &path).unwrap();
    }
}
