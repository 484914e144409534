//! Members of a classic group that join, leave, die, sleep and lose answers; coordinators that begin anew from the log. Of
//! each generation there is one leader and one list of members; who sleeps through a rebalance cannot commit; what was
//! committed does not go back; and in the end everybody who is alive is in one stable generation.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use ch00_wire::error_code::ErrorCode;
use ch05_groups::classic::{Client as Whose, Joining, Phase};
use ch05_groups::messages::*;
use ch05_groups::settings::GroupSettings;
use ch05_groups::shard::{Command, Group};
use ch05_groups::step::Response;

use crate::ch00_support_random::Random;
use crate::support::{Stage, join_request};

/// What a consumer does next.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Doing {
    /// It has to join.
    Join,
    /// It waits for the answer.
    Joining,
    /// It has to sync; whether it leads.
    Sync(bool),
    /// It waits for its assignment.
    Syncing,
    /// It reads.
    Reads,
}

struct Consumer {
    name: String,
    instance: Option<String>,
    id: String,
    generation: i32,
    doing: Doing,
    /// The members, if it leads.
    members: Vec<String>,
    /// Not running: for good, or for a while.
    silent: bool,
    last_heartbeat: i64,
    asked_at: i64,
}

struct World {
    stage: Stage,
    random: Random,
    consumers: Vec<Consumer>,
    born: usize,
    /// Of each generation: its leader, and the members that the leader was told.
    led: BTreeMap<i32, (String, Vec<String>)>,
    /// The newest generation of which somebody has its assignment.
    synced: i32,
    /// The newest offset that was acknowledged.
    committed: i64,
    tried: i64,
    faults: bool,
}

impl World {
    fn new(seed: u64) -> World {
        let settings = GroupSettings { initial_rebalance_delay_ms: [0, 3000][seed as usize % 2], ..Default::default() };
        World {
            stage: Stage::new(settings),
            random: Random::new(seed),
            consumers: Vec::new(),
            born: 0,
            led: BTreeMap::new(),
            synced: 0,
            committed: -1,
            tried: 0,
            faults: true,
        }
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.faults && self.random.below(one_in) == 0
    }

    /// A new process; a static one may be another's successor.
    fn start(&mut self) {
        self.born += 1;
        let name = format!("c{}", self.born);
        let instance = (self.random.below(3) == 0).then(|| format!("i{}", self.random.below(3)));
        if let Some(before) = self.consumers.iter_mut().find(|other| other.instance == instance && instance.is_some()) {
            before.silent = true;
        }
        self.consumers.retain(|other| other.instance.is_none() || other.instance != instance);
        self.consumers.push(Consumer {
            name,
            instance,
            id: String::new(),
            generation: -1,
            doing: Doing::Join,
            members: Vec::new(),
            silent: false,
            last_heartbeat: 0,
            asked_at: 0,
        });
    }

    /// What a consumer does when it is its turn.
    fn act(&mut self, at: usize) {
        let now = self.stage.now;
        let consumer = &self.consumers[at];
        let (name, id, instance) = (consumer.name.clone(), consumer.id.clone(), consumer.instance.clone());
        let generation_id = consumer.generation;
        match consumer.doing {
            Doing::Join => {
                let wants = if self.chance(8) { "more" } else { "topics" };
                let mut request = join_request("g", &id, &["range"]);
                request.protocols[0].metadata = Bytes::from_static(wants.as_bytes());
                request.group_instance_id = instance;
                let joining = Joining::new(request, [3, 5, 9][self.born % 3], Whose::default());
                self.consumers[at].doing = Doing::Joining;
                self.consumers[at].asked_at = now;
                self.tell(&name, Command::Join(joining));
            }
            Doing::Sync(leads) => {
                let members = if leads { consumer.members.clone() } else { Vec::new() };
                let assignments = members.into_iter().map(|member_id| {
                    let assignment = Bytes::from(format!("{generation_id}:{member_id}"));
                    SyncGroupRequestAssignment { member_id, assignment }
                });
                let request = SyncGroupRequest {
                    group_id: "g".into(),
                    generation_id,
                    member_id: id,
                    group_instance_id: instance,
                    assignments: assignments.collect(),
                    ..Default::default()
                };
                self.consumers[at].doing = Doing::Syncing;
                self.consumers[at].asked_at = now;
                self.tell(&name, Command::Sync(request));
            }
            Doing::Reads if self.random.below(3) == 0 => self.commit(&name, id, instance, generation_id),
            Doing::Reads if now - consumer.last_heartbeat >= 1000 => {
                self.consumers[at].last_heartbeat = now;
                let (group_id, member_id) = ("g".into(), id);
                let request = HeartbeatRequest { group_id, generation_id, member_id, group_instance_id: instance };
                self.tell(&name, Command::Heartbeat(request));
            }
            // Its answer was lost, or the coordinator has forgotten that it asked: it asks again.
            Doing::Joining if now - consumer.asked_at > 70_000 => self.consumers[at].doing = Doing::Join,
            Doing::Syncing if now - consumer.asked_at > 70_000 => self.consumers[at].doing = Doing::Join,
            Doing::Joining | Doing::Syncing | Doing::Reads => {}
        }
    }

    fn commit(&mut self, name: &str, member_id: String, group_instance_id: Option<String>, generation: i32) {
        self.tried += 1;
        let partitions = vec![OffsetCommitRequestPartition { committed_offset: self.tried, ..Default::default() }];
        let topic = OffsetCommitRequestTopic { name: "t".into(), partitions, ..Default::default() };
        let request = OffsetCommitRequest {
            group_id: "g".into(),
            generation_id_or_member_epoch: generation,
            member_id,
            group_instance_id,
            topics: vec![topic],
            ..Default::default()
        };
        for (_, response) in self.stage.tell(name, Command::Commit(request, 9)) {
            let Response::Commit(answer) = response else { panic!("a commit is answered as one") };
            let code = answer.topics[0].partitions[0].error_code;
            if code == ErrorCode::NONE {
                assert!(generation >= self.synced, "a member of generation {generation} commits in {}", self.synced);
                self.committed = self.tried;
            } else if code != ErrorCode::REBALANCE_IN_PROGRESS {
                self.fall_back(name, code);
            }
        }
    }

    fn tell(&mut self, name: &str, command: Command) {
        let replies = self.stage.tell(name, command);
        self.hear(replies);
    }

    fn hear(&mut self, replies: Vec<(String, Response)>) {
        for (name, response) in replies {
            // What is decided counts, whether anybody hears of it or not.
            if let Response::Join(joined) = &response
                && joined.error_code == ErrorCode::NONE
            {
                self.check_joined(joined);
            }
            let lost = self.chance(20);
            let Some(at) = self.consumers.iter().position(|consumer| consumer.name == name) else { continue };
            if self.consumers[at].silent || lost {
                continue;
            }
            self.take(at, response);
        }
    }

    /// One leader, and one list of members, in each generation.
    fn check_joined(&mut self, joined: &JoinGroupResponse) {
        if joined.member_id != joined.leader || joined.skip_assignment {
            return;
        }
        let mut members: Vec<_> = joined.members.iter().map(|member| member.member_id.clone()).collect();
        members.sort();
        let known = self.led.entry(joined.generation_id).or_insert((joined.leader.clone(), members.clone()));
        // After a failover numbers are used again of generations that nobody was assigned anything in.
        if joined.generation_id <= self.synced {
            let instances = joined.members.iter().filter(|member| member.group_instance_id.is_some()).count();
            assert!(instances > 0 || *known == (joined.leader.clone(), members), "{known:?} {joined:?}");
        } else {
            *known = (joined.leader.clone(), members);
        }
    }

    fn take(&mut self, at: usize, response: Response) {
        let name = self.consumers[at].name.clone();
        let consumer = &mut self.consumers[at];
        match response {
            Response::Join(joined) => match joined.error_code {
                ErrorCode::NONE => {
                    (consumer.id, consumer.generation) = (joined.member_id.clone(), joined.generation_id);
                    consumer.members = joined.members.iter().map(|member| member.member_id.clone()).collect();
                    let assigns = joined.leader == joined.member_id && !joined.skip_assignment;
                    consumer.doing = Doing::Sync(assigns);
                }
                ErrorCode::MEMBER_ID_REQUIRED => (consumer.id, consumer.doing) = (joined.member_id, Doing::Join),
                code => self.fall_back(&name, code),
            },
            Response::Sync(synced) => match synced.error_code {
                ErrorCode::NONE => {
                    let said = String::from_utf8(synced.assignment.to_vec()).unwrap();
                    let of = said.split(':').next().and_then(|generation| generation.parse::<i32>().ok());
                    assert!(of.is_none_or(|of| of == consumer.generation), "{said} in {}", consumer.generation);
                    consumer.doing = Doing::Reads;
                    consumer.last_heartbeat = self.stage.now;
                    self.synced = self.synced.max(consumer.generation);
                }
                code => self.fall_back(&name, code),
            },
            Response::Heartbeat(heartbeat) if heartbeat.error_code == ErrorCode::NONE => {}
            Response::Heartbeat(heartbeat) => self.fall_back(&name, heartbeat.error_code),
            _ => {}
        }
    }

    /// A consumer that was refused joins again, with its id or without.
    fn fall_back(&mut self, name: &str, code: ErrorCode) {
        let Some(consumer) = self.consumers.iter_mut().find(|consumer| consumer.name == name) else { return };
        consumer.doing = Doing::Join;
        match code {
            ErrorCode::REBALANCE_IN_PROGRESS => {}
            ErrorCode::ILLEGAL_GENERATION | ErrorCode::UNKNOWN_MEMBER_ID => consumer.id.clear(),
            ErrorCode::FENCED_INSTANCE_ID => consumer.silent = true,
            other => panic!("{name}: {other:?}"),
        }
    }

    fn step(&mut self) {
        let pause = self.random.below(1500) as i64;
        for (_, replies) in self.stage.wait_until(self.stage.now + pause) {
            self.hear(replies);
        }
        if self.consumers.len() < 2 || self.chance(60) && self.consumers.len() < 6 {
            self.start();
        }
        if self.chance(80) {
            self.stage.crash();
            // Connections broke: who waited asks again.
            for consumer in &mut self.consumers {
                if matches!(consumer.doing, Doing::Joining | Doing::Syncing) {
                    consumer.doing = Doing::Join;
                }
            }
            let kept = self.stage.shard.offsets().get("g", "t", 0).map_or(-1, |committed| committed.offset);
            assert_eq!(kept, self.committed, "the next coordinator knows what was committed");
        }
        if !self.consumers.is_empty() {
            let at = self.random.below(self.consumers.len());
            if self.chance(50) {
                self.consumers[at].silent ^= true;
            }
            if self.chance(100) {
                self.leave(at);
            } else if self.chance(150) {
                self.consumers.remove(at);
            } else if !self.consumers[at].silent {
                self.act(at);
            }
        }
    }

    fn leave(&mut self, at: usize) {
        let Consumer { name, id: member_id, instance: group_instance_id, .. } = self.consumers.remove(at);
        let members = vec![MemberIdentity { member_id, group_instance_id, reason: None }];
        self.tell(&name, Command::Leave(LeaveGroupRequest { group_id: "g".into(), members, ..Default::default() }));
    }

    /// Nothing goes wrong any more.
    fn settle(&mut self) {
        self.faults = false;
        self.consumers.iter_mut().for_each(|consumer| consumer.silent = false);
        for _ in 0..4000 {
            for (_, replies) in self.stage.wait_until(self.stage.now + 100) {
                self.hear(replies);
            }
            for at in 0..self.consumers.len() {
                if !self.consumers[at].silent {
                    self.act(at);
                }
            }
        }
        let Some(Group::Classic(group)) = self.stage.shard.groups().get("g") else { panic!("there is a group") };
        assert_eq!(*group.phase(), Phase::Stable, "{:?}", group);
        let alive = self.consumers.iter().filter(|consumer| !consumer.silent);
        let ids: BTreeSet<&str> = alive.clone().map(|consumer| consumer.id.as_str()).collect();
        assert_eq!(group.members().map(|member| member.id.as_str()).collect::<BTreeSet<_>>(), ids);
        for consumer in alive {
            assert_eq!((consumer.generation, consumer.doing), (group.generation(), Doing::Reads), "{}", consumer.name);
        }
    }
}

/// `SEEDS=20000 cargo test --release -p ch05-groups --test more classic_simulation` is the long form.
#[test]
fn classic_groups_survive_everything() {
    let seeds = std::env::var("SEEDS").map_or(40, |seeds| seeds.parse().unwrap());
    for seed in 0..seeds {
        let run = || {
            let mut world = World::new(seed);
            (0..600).for_each(|_| world.step());
            world.settle();
        };
        if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
