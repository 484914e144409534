//! Members that join, leave, die, pause, change their minds and lose answers; coordinators that begin anew; topics that
//! come, grow and go. Never do two members have a partition at once, and in the end everything is given out.

use std::collections::{BTreeMap, BTreeSet};

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;
use ch05_groups::consumer::ConsumerGroupState;
use ch05_groups::messages::*;

use crate::ch00_support_random::Random;
use crate::consumer_support::{Driven, topic_id};

type Owned = BTreeSet<(Uuid, i32)>;

/// A consumer, as it sees itself.
#[derive(Default)]
struct Client {
    /// Its id, another with each process of a static member.
    id: String,
    /// The id of a static member.
    instance: Option<String>,
    topics: Vec<&'static str>,
    /// The epoch that it was told last; 0 before the first answer.
    epoch: i32,
    /// What it was told to have.
    told: Owned,
    /// What it reads from.
    owned: Owned,
    /// Whether the coordinator knows what it reads from, and has answered.
    reported: bool,
    /// Whether it does not run now, for good or for a while.
    silent: bool,
}

struct World {
    driven: Driven,
    random: Random,
    clients: Vec<Client>,
    /// How many there were so far: ids are not used twice.
    born: usize,
}

const NAMES: [&str; 3] = ["a", "b", "c"];

impl World {
    fn new(seed: u64) -> World {
        let mut driven = Driven::new();
        driven.settings.assignment_interval_ms = [0, 1000][seed as usize % 2];
        driven.set_topics([("a", 4), ("b", 3)]);
        World { driven, random: Random::new(seed), clients: Vec::new(), born: 0 }
    }

    fn some_topics(&mut self) -> Vec<&'static str> {
        match self.random.below(3) {
            0 => NAMES.to_vec(),
            _ => NAMES.into_iter().filter(|_| self.random.below(2) == 0).collect(),
        }
    }

    fn step(&mut self) {
        self.driven.now += self.random.below(3000) as i64;
        self.driven.tick();
        let who = self.random.below(self.clients.len().max(1));
        match self.random.below(40) {
            0 | 1 if self.clients.len() < 6 => {
                let instance = (self.random.below(2) == 0).then(|| format!("i{}", self.born));
                self.born += 1;
                let topics = self.some_topics();
                let id = format!("m{}", self.born);
                self.clients.push(Client { id, instance, topics, ..Client::default() });
            }
            2 if who < self.clients.len() => self.leave(who),
            3 | 4 if who < self.clients.len() => self.clients[who].silent ^= true,
            5 if who < self.clients.len() => {
                self.clients[who].topics = self.some_topics();
                self.clients[who].reported = false;
            }
            6 => self.driven.reload(),
            7 => {
                let mut sizes = Vec::new();
                for name in NAMES {
                    sizes.push((name, self.random.below(6) as i32));
                }
                self.driven.set_topics(sizes.into_iter().filter(|(_, size)| *size > 0));
            }
            8..15 if who < self.clients.len() => self.clients[who].give_back(),
            _ if who < self.clients.len() && !self.clients[who].silent => self.heartbeat(who, true),
            _ => {}
        }
        self.check();
    }

    fn leave(&mut self, who: usize) {
        let client = &mut self.clients[who];
        let for_a_while = client.instance.is_some() && self.random.below(2) == 0;
        let mut request = Driven::request(&client.id, if for_a_while { -2 } else { -1 });
        request.instance_id = client.instance.clone();
        self.driven.heartbeat(&request);
        if for_a_while {
            self.born += 1;
            let (instance, topics) = (client.instance.take(), std::mem::take(&mut client.topics));
            *client = Client { id: format!("m{}", self.born), instance, topics, ..Client::default() };
        } else {
            self.clients.remove(who);
        }
    }

    fn heartbeat(&mut self, who: usize, may_fail: bool) {
        let lost = |random: &mut Random| may_fail && random.below(8) == 0;
        if lost(&mut self.random) {
            return;
        }
        let client = &mut self.clients[who];
        let request = client.request();
        let response = self.driven.heartbeat(&request);
        if lost(&mut self.random) {
            client.reported = false;
            return;
        }
        client.hear(&request, response);
    }

    fn check(&self) {
        let mut held = BTreeMap::new();
        for (id, member) in self.driven.group.members() {
            for partition in member.held() {
                assert_eq!(held.insert(partition, id), None, "{partition:?} is held twice");
            }
        }
        // A client that is not a member any more may not know it yet. All others read only from what they hold.
        for client in &self.clients {
            if let Some(member) = self.driven.group.members().get(&client.id).filter(|_| client.epoch > 0) {
                let holds: Owned = member.held().collect();
                assert!(client.owned.is_subset(&holds), "{}: {:?} of {holds:?}", client.id, client.owned);
            }
        }
    }

    /// From now on nothing goes wrong.
    fn settle(&mut self) {
        // Longer than a session, so that nobody is left of those who are silent.
        for _ in 0..40 {
            self.driven.now += 2000;
            self.driven.tick();
            for who in (0..self.clients.len()).filter(|who| !self.clients[*who].silent).collect::<Vec<_>>() {
                self.heartbeat(who, false);
                self.clients[who].give_back();
            }
            self.check();
        }
        let (group, topics) = (&self.driven.group, &self.driven.topics);
        let alive: Vec<_> = self.clients.iter().filter(|client| !client.silent).collect();
        assert_eq!(group.members().len(), alive.len());
        let expected = if alive.is_empty() { ConsumerGroupState::Empty } else { ConsumerGroupState::Stable };
        assert_eq!(group.state(), expected);
        let wanted: BTreeSet<&str> = alive.iter().flat_map(|client| client.topics.iter().copied()).collect();
        let all = |name: &str| {
            let size = topics.get(name).map_or(0, |topic| topic.partitions);
            (0..size).map(|partition| (topic_id(name), partition)).collect::<Vec<_>>()
        };
        let all: Owned = wanted.into_iter().flat_map(all).collect();
        let owned: Vec<_> = alive.iter().flat_map(|client| client.owned.iter().copied()).collect();
        assert_eq!(owned.len(), all.len());
        assert_eq!(owned.into_iter().collect::<Owned>(), all);
    }
}

impl Client {
    /// It says everything when it joins, and when it does not know whether it was heard.
    fn request(&self) -> ConsumerGroupHeartbeatRequest {
        let mut request = Driven::request(&self.id, self.epoch);
        request.instance_id = self.instance.clone();
        if self.epoch == 0 || !self.reported {
            let mut owned: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
            self.owned.iter().for_each(|(topic, partition)| owned.entry(*topic).or_default().push(*partition));
            let topic = |(topic_id, partitions)| HeartbeatTopicPartitions { topic_id, partitions };
            request.topic_partitions = Some(owned.into_iter().map(topic).collect());
            request.subscribed_topic_names = Some(self.topics.iter().map(|name| name.to_string()).collect());
            request.rebalance_timeout_ms = 20_000;
        }
        request
    }

    fn hear(&mut self, request: &ConsumerGroupHeartbeatRequest, response: ConsumerGroupHeartbeatResponse) {
        match response.error_code {
            ErrorCode::NONE => {
                self.epoch = response.member_epoch;
                self.reported = true;
                if let Some(assignment) = response.assignment {
                    let topics = assignment.topic_partitions.into_iter();
                    self.told = topics.flat_map(|t| t.partitions.into_iter().map(move |p| (t.topic_id, p))).collect();
                    if self.owned.is_subset(&self.told) {
                        self.give_back();
                    }
                }
            }
            // It is none any more: it stops reading, and begins anew.
            ErrorCode::FENCED_MEMBER_EPOCH | ErrorCode::UNKNOWN_MEMBER_ID | ErrorCode::FENCED_INSTANCE_ID => {
                (self.epoch, self.reported) = (0, false);
                (self.told, self.owned) = (Owned::new(), Owned::new());
            }
            // Its former self has not left: it waits for the end of that one's session.
            ErrorCode::UNRELEASED_INSTANCE_ID => {}
            error => panic!("{request:?}: {error:?} {:?}", response.error_message),
        }
    }

    /// It stops reading from what it is not to have any more, and begins with what it is to have.
    fn give_back(&mut self) {
        if self.owned != self.told {
            self.owned = self.told.clone();
            self.reported = false;
        }
    }
}

#[test]
fn nobody_has_what_another_has() {
    let seeds = std::env::var("MINI_KAFKA_SEEDS").map_or(200, |seeds| seeds.parse().unwrap());
    for seed in 1..=seeds {
        println!("seed {seed}");
        let mut world = World::new(seed);
        (0..400).for_each(|_| world.step());
        world.settle();
        world.driven.reload();
    }
}
