//! What happens to the nodes and the network, drawn from the seed.

use ch04_controller::quorum::NodeId;

use super::checks::{CONVERGES, Checked, ensure};
use super::faults::Fault;
use super::world::{Arrival, Happening, Weather, World};

/// How long it goes on, in milliseconds.
const CHAOS_MS: i64 = 15_000;

/// How long everything may take to be well again, in milliseconds.
const RECOVERY_MS: i64 = 10_000;

/// Nodes die and come back all the time, and stand for election without being asked to: votes meet.
const STORM: Weather = Weather {
    lost: 10,
    doubled: 10,
    delay: 10,
    long_delay: 100,
    flush: 10,
    batch: 1,
    rash: 900,
    calm: 150,
    down: 20,
    sudden: 100,
};

#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// Something happens to somebody.
    Anything,
    /// A client appends.
    ClientAppends,
    Start(NodeId),
    Resume(NodeId),
    Join(NodeId, NodeId),
    /// A node that was asked to stop does so.
    StopNow(NodeId),
}

/// One run. `Err`: what does not hold.
pub fn run(seed: u64, fault: Option<Fault>, prints: bool) -> (World, Checked) {
    let mut world = new_world(seed, fault);
    world.prints = prints;
    let checked = world.run();
    (world, checked)
}

fn new_world(seed: u64, fault: Option<Fault>) -> World {
    let mut draw = ch04_controller::quorum::Jitter::new(!seed);
    let voters = if draw.below(4) == 0 { 5 } else { 3 };
    let is_storm = draw.below(3) == 0;
    let weather = match is_storm {
        true => STORM,
        false => Weather {
            lost: [1, 10, 50][draw.below(3) as usize],
            doubled: [0, 10][draw.below(2) as usize],
            delay: [2, 10, 40][draw.below(3) as usize],
            long_delay: [20, 500, 3000][draw.below(3) as usize],
            flush: [1, 5, 50][draw.below(3) as usize],
            batch: [1, 20][draw.below(2) as usize],
            rash: [0, 0, 800][draw.below(3) as usize],
            calm: [300, 1500][draw.below(2) as usize],
            down: [30, 300, 3000][draw.below(3) as usize],
            sudden: 2000,
        },
    };
    World::new(seed, voters, draw.below(3) as i32, weather, fault)
}

impl World {
    fn run(&mut self) -> Checked {
        let ids: Vec<_> = self.nodes.keys().copied().collect();
        for &id in &ids {
            let after = self.up_to(2000);
            self.plan(after, Happening::Action(Action::Start(id)));
        }
        self.plan(100, Happening::Action(Action::ClientAppends));
        self.plan(1000, Happening::Action(Action::Anything));
        self.run_until(CHAOS_MS)?;
        self.heal()?;
        self.run_until(CHAOS_MS + RECOVERY_MS)?;
        self.converged()
    }

    /// Everything is well from now on.
    fn heal(&mut self) -> Checked {
        self.note(format_args!("all is healed"));
        self.cut.clear();
        self.weather = Weather {
            lost: 0,
            doubled: 0,
            delay: 5,
            long_delay: 5,
            flush: 5,
            rash: 0,
            sudden: i64::MAX,
            ..self.weather
        };
        for id in self.nodes.keys().copied().collect::<Vec<_>>() {
            self.start(id)?;
            self.resume(id)?;
        }
        Ok(())
    }

    fn converged(&self) -> Checked {
        let states = self.nodes.iter().map(|(&id, node)| {
            let quorum = node.process.as_ref().map(|process| &process.quorum);
            let end = quorum.map(|quorum| (quorum.leader(), quorum.election().epoch, quorum.log().end().epoch));
            let committed = quorum.map_or(0, |quorum| quorum.log().high_watermark());
            (id, end, committed, node.disk.end())
        });
        let states: Vec<_> = states.collect();
        // Clients go on to append: what came in the last moments may be under way.
        let has_grown = |&(_, _, committed, end): &(_, _, i64, i64)| end - committed < 20 && committed > 10;
        let (_, first, ..) = states[0];
        let agree = states.iter().all(|(_, end, ..)| *end == first && end.is_some_and(|(leader, ..)| leader.is_some()));
        ensure(agree && states.iter().all(has_grown), CONVERGES, || format!("{states:?}"))
    }

    pub fn act(&mut self, action: Action) -> Checked {
        let is_chaos = self.now < CHAOS_MS;
        match action {
            Action::ClientAppends => {
                let after = self.up_to(200);
                self.plan(after, Happening::Action(Action::ClientAppends));
                for id in self.nodes.keys().copied().collect::<Vec<_>>() {
                    let count = self.up_to(3);
                    self.arrive(id, None, Arrival::Append { count })?;
                }
                Ok(())
            }
            Action::Anything if !is_chaos => Ok(()),
            Action::Anything => {
                let after = self.up_to(self.weather.calm);
                self.plan(after, Happening::Action(Action::Anything));
                self.anything()
            }
            Action::Start(id) => self.start(id),
            Action::Resume(id) => self.resume(id),
            Action::Join(one, other) => {
                self.cut.remove(&(one, other));
                Ok(())
            }
            Action::StopNow(id) => {
                if self.nodes[&id].process.is_some() {
                    self.die(id);
                }
                Ok(())
            }
        }
    }

    fn any_node(&mut self) -> NodeId {
        let most = self.nodes.len() as i64;
        self.up_to(most) as NodeId
    }

    /// The node that leads the latest epoch, or any.
    fn leader(&mut self) -> NodeId {
        let leads = |id: &NodeId| {
            let process = self.nodes[id].process.as_ref()?;
            (process.quorum.role() == "leader").then_some((process.quorum.election().epoch, *id))
        };
        let leader = self.nodes.keys().filter_map(leads).max();
        leader.map_or_else(|| self.any_node(), |(_, id)| id)
    }

    fn anything(&mut self) -> Checked {
        let (one, other, leader) = (self.any_node(), self.any_node(), self.leader());
        let kind = self.random.below(14);
        self.note(format_args!("chaos {kind}: {one} {other}, leader {leader}"));
        match kind {
            0 => self.die(one),
            1 | 2 => self.die(leader),
            3 => self.pause(one),
            4 => self.pause(leader),
            5 => self.cut(one, other),
            6 => [(one, other), (other, one)].into_iter().for_each(|(from, to)| self.cut(from, to)),
            7 => self.isolate(leader),
            8 => self.isolate(one),
            9 => {
                // It is not true: nothing may rest on it.
                for id in self.nodes.keys().copied().collect::<Vec<_>>() {
                    self.arrive(id, None, Arrival::Refused { node: leader })?;
                }
            }
            10 => {
                self.arrive(one, None, Arrival::TakeSnapshot)?;
                self.arrive(leader, None, Arrival::TakeSnapshot)?;
            }
            11 => {
                self.arrive(leader, None, Arrival::Stop)?;
                let after = self.up_to(500);
                self.plan(after, Happening::Action(Action::StopNow(leader)));
            }
            12 => self.replace_disk(one),
            _ => self.part(),
        }
        Ok(())
    }

    /// A node dies, and comes back.
    pub fn die(&mut self, id: NodeId) {
        if self.nodes[&id].process.is_some() {
            self.crash(id);
        }
        let after = self.up_to(self.weather.down);
        self.plan(after, Happening::Action(Action::Start(id)));
    }

    /// A node comes back with an empty disk. One at a time: two may have been all that had a record. While all are of one
    /// epoch: else it may forget a promise of a later one, and catch up with a leader that is none any more. And what the
    /// old one said does not come after what the new one says.
    fn replace_disk(&mut self, id: NodeId) {
        let epoch = self.nodes[&id].disk.election.epoch;
        if self.nodes.values().all(|node| node.disk.may_vote && node.disk.election.epoch == epoch) {
            if self.nodes[&id].process.is_some() {
                self.crash(id);
            }
            let node = self.nodes.get_mut(&id).expect("a node");
            node.disk = Default::default();
            self.drop_requests_of(id);
        }
        self.die(id);
    }

    fn pause(&mut self, id: NodeId) {
        let after = self.up_to(6000);
        self.plan(after, Happening::Action(Action::Resume(id)));
        if let Some(process) = &mut self.nodes.get_mut(&id).expect("a node").process {
            process.paused.get_or_insert_default();
        }
    }

    /// A process goes on, with all that has come in the meantime.
    pub fn resume(&mut self, id: NodeId) -> Checked {
        let life = self.nodes[&id].life;
        let Some(process) = &mut self.nodes.get_mut(&id).expect("a node").process else { return Ok(()) };
        let kept = process.paused.take().unwrap_or_default();
        kept.into_iter().try_for_each(|arrival| self.arrive(id, Some(life), arrival))
    }

    fn cut(&mut self, from: NodeId, to: NodeId) {
        self.cut.insert((from, to));
        let after = self.up_to(6000);
        self.plan(after, Happening::Action(Action::Join(from, to)));
    }

    /// The network falls into two parts.
    fn part(&mut self) {
        let ids: Vec<_> = self.nodes.keys().copied().collect();
        let (left, right): (Vec<_>, Vec<_>) = ids.into_iter().partition(|_| self.chance(2));
        for (&one, &other) in left.iter().flat_map(|one| right.iter().map(move |other| (one, other))) {
            self.cut(one, other);
            self.cut(other, one);
        }
    }

    fn isolate(&mut self, id: NodeId) {
        for other in self.nodes.keys().copied().collect::<Vec<_>>() {
            self.cut(id, other);
            self.cut(other, id);
        }
    }
}
