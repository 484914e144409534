//! Asks the brokers of a local cluster how they are: once a second, with a handful of small requests to each.
//!
//! | what | who is asked | how |
//! |---|---|---|
//! | brokers, leaders, epochs, in-sync replicas | everyone | Metadata |
//! | who is the controller, from chapter 4 on | everyone | DescribeQuorum, on the listener between controllers |
//! | start, high watermark | the leader | ListOffsets, as a consumer |
//! | groups, from chapter 5 on | everyone, of those that it coordinates | ListGroups, DescribeGroups, ConsumerGroupDescribe |
//! | log end | every replica | ListOffsets, as the leader would ask, on the listener between brokers |
//!
//! The last is a liberty that whoever has started a cluster may take: a consumer is told where it may read to, only
//! brokers are told where a log ends. The question changes nothing. Between controllers everyone says at once what it knows
//! itself; as a client one would wait for the controller's own answer, also while there is none.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use ch00_wire::client::{Client, ClientError};
use ch00_wire::table::Request;
use ch01_log::batch::{Offset, Timestamp};
use ch01_log::messages::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic, MetadataRequest, MetadataResponse,
};
use ch01_log::text_checkpoint::TopicPartition;
use ch04_controller::messages::{DescribeQuorumPartition, DescribeQuorumRequest, DescribeQuorumTopic};
use ch04_controller::quorum_wire::TOPIC;
use ch05_groups::messages::{ConsumerGroupDescribeRequest, DescribeGroupsRequest, ListGroupsRequest, ListedGroup};
use mini_kafka::cluster_client::{EARLIEST, LATEST};
use mini_kafka::group_client::Group;
use mini_kafka::local_cluster::plan::{Plan, PlannedBroker};
use mini_kafka::local_cluster::table::MOST_PARTITIONS;
use mini_kafka::local_cluster::view::{self, Answers, ControllerView, GroupView, PartitionView};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::cluster_control::Answer;

/// A broker that takes longer to answer is left out this time.
const PATIENCE: Duration = Duration::from_secs(1);
/// Groups of one broker that are shown.
const MOST_GROUPS: usize = 20;
/// The replica id of who is no replica.
const CONSUMER: i32 = -1;

/// What the brokers have said.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// Who was asked.
    asked: BTreeSet<i32>,
    /// Of themselves and each other.
    pub answers: Answers,
    /// Of the controller.
    pub controller: Option<ControllerView>,
    /// Of the partitions.
    pub partitions: Vec<PartitionView>,
    /// Of the groups.
    pub groups: Vec<GroupView>,
}

impl Observation {
    /// Whether a broker was asked and has not answered.
    pub fn is_silent(&self, id: i32) -> bool {
        self.asked.contains(&id) && !self.answers.contains_key(&id)
    }
}

/// Connections to the brokers.
pub struct Watcher {
    brokers: BTreeMap<i32, Watched>,
    last: Observation,
}

impl Watcher {
    /// Nobody has been asked yet.
    pub fn new(plan: &Plan) -> Watcher {
        let line = |address| Line { address, client: None };
        let watched = |broker: &PlannedBroker| Watched {
            id: broker.id,
            as_client: line(broker.address()),
            as_broker: line(broker.broker_address()),
            has_groups: plan.has_groups(),
            as_controller: plan.has_controllers().then(|| line(broker.controller_address())),
        };
        Watcher {
            brokers: plan.brokers().iter().map(|broker| (broker.id, watched(broker))).collect(),
            last: Observation::default(),
        }
    }

    /// Asks these brokers, all at the same time.
    pub async fn look(&mut self, ids: &BTreeSet<i32>) -> Observation {
        let mut asked = JoinSet::new();
        for mut broker in self.take(ids) {
            asked.spawn(async move { ((broker.metadata().await, broker.controller().await), broker) });
        }
        let (mut answers, mut controllers) = (Answers::new(), Vec::new());
        for (id, (answer, controller)) in self.put_back(asked).await {
            answers.extend(answer.map(|answer| (id, answer)));
            controllers.extend(controller);
        }
        let controller = view::controller(&controllers);
        let partitions = view::partitions(&answers, &self.last.partitions);
        let mut asked = JoinSet::new();
        for mut broker in self.take(&answers.keys().copied().collect()) {
            let partitions = partitions.clone();
            asked.spawn(async move { ((broker.offsets(&partitions).await, broker.groups().await), broker) });
        }
        // Of those whose coordinator says nothing, what was known is not forgotten.
        let silent = self.last.groups.iter().filter(|group| !answers.contains_key(&group.coordinator));
        let mut groups: BTreeMap<String, GroupView> = silent.map(|group| (group.id.clone(), group.clone())).collect();
        self.last = Observation { asked: ids.clone(), answers, controller, partitions, groups: Vec::new() };
        for (id, (found, coordinated)) in self.put_back(asked).await {
            self.last.partitions.iter_mut().for_each(|partition| found.note(id, partition));
            groups.extend(coordinated.into_iter().map(|group| (group.id.clone(), group)));
        }
        self.last.groups = groups.into_values().collect();
        self.last.clone()
    }

    fn take(&mut self, ids: &BTreeSet<i32>) -> Vec<Watched> {
        ids.iter().filter_map(|id| self.brokers.remove(id)).collect()
    }

    async fn put_back<T: 'static>(&mut self, asked: JoinSet<(T, Watched)>) -> Vec<(i32, T)> {
        let mut answers = Vec::new();
        for (answer, broker) in asked.join_all().await {
            answers.push((broker.id, answer));
            self.brokers.insert(broker.id, broker);
        }
        answers
    }
}

/// Looks at the cluster, one look after the other, and remembers who waits for one.
pub struct Looks {
    wanted: mpsc::UnboundedSender<BTreeSet<i32>>,
    is_under_way: bool,
    /// Those who are told what the next look shows, once one begins after they have asked.
    waiting: Vec<oneshot::Sender<Answer>>,
    late: Vec<oneshot::Sender<Answer>>,
}

impl Looks {
    /// What is seen is sent to `seen`.
    pub fn new(mut watcher: Watcher, seen: mpsc::UnboundedSender<Observation>) -> Looks {
        let (wanted, mut to_ask) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(ids) = to_ask.recv().await {
                let _ = seen.send(watcher.look(&ids).await);
            }
        });
        Looks { wanted, is_under_way: false, waiting: Vec::new(), late: Vec::new() }
    }

    /// Looks at these brokers, unless a look is under way.
    pub fn look(&mut self, ids: BTreeSet<i32>) {
        if !self.is_under_way {
            self.is_under_way = self.wanted.send(ids).is_ok();
            self.waiting.append(&mut self.late);
        }
    }

    /// Has someone told what is seen from now on.
    pub fn tell(&mut self, answer: oneshot::Sender<Answer>) {
        self.late.push(answer);
    }

    /// A look is over: those who have waited for it. Whether others wait for the next one.
    pub fn over(&mut self) -> (Vec<oneshot::Sender<Answer>>, bool) {
        self.is_under_way = false;
        (std::mem::take(&mut self.waiting), !self.late.is_empty())
    }
}

/// One broker, on each of its listeners.
struct Watched {
    id: i32,
    as_client: Line,
    as_broker: Line,
    /// `None`: no controllers are in this chapter.
    as_controller: Option<Line>,
    /// Whether it knows of groups.
    has_groups: bool,
}

impl Watched {
    async fn metadata(&mut self) -> Option<MetadataResponse> {
        let everything = MetadataRequest { topics: None, allow_auto_topic_creation: false, ..Default::default() };
        self.as_client.call(&everything).await
    }

    async fn controller(&mut self) -> Option<ControllerView> {
        let partitions = vec![DescribeQuorumPartition { partition_index: 0 }];
        let topics = vec![DescribeQuorumTopic { topic_name: TOPIC.to_owned(), partitions }];
        let answer = self.as_controller.as_mut()?.call(&DescribeQuorumRequest { topics }).await?;
        // Whoever does not lead says so in an error code, and beside it who does.
        let said = answer.topics.into_iter().flat_map(|topic| topic.partitions).next()?;
        Some(ControllerView { id: Some(said.leader_id).filter(|&id| id >= 0), epoch: said.leader_epoch })
    }

    /// The groups that it coordinates.
    async fn groups(&mut self) -> Vec<GroupView> {
        if !self.has_groups {
            return Vec::new();
        }
        let listed = self.as_client.call(&ListGroupsRequest::default()).await.unwrap_or_default().groups;
        let (of_brokers, of_members): (Vec<_>, Vec<_>) =
            listed.into_iter().take(MOST_GROUPS).partition(|group| group.group_type == "consumer");
        let ids = |groups: Vec<ListedGroup>| groups.into_iter().map(|group| group.group_id).collect::<Vec<_>>();
        let (group_ids, groups) = (ids(of_brokers), ids(of_members));
        let mut views = Vec::new();
        if !groups.is_empty() {
            let request = DescribeGroupsRequest { groups, include_authorized_operations: false };
            let described = self.as_client.call(&request).await.unwrap_or_default().groups;
            let good = described.into_iter().filter(|group| !group.error_code.is_error());
            views.extend(good.map(|group| (group.group_id.clone(), Group::from(group))));
        }
        if !group_ids.is_empty() {
            let request = ConsumerGroupDescribeRequest { group_ids, ..Default::default() };
            let described = self.as_client.call(&request).await.unwrap_or_default().groups;
            let good = described.into_iter().filter(|group| !group.error_code.is_error());
            views.extend(good.map(|group| (group.group_id.clone(), Group::from(group))));
        }
        views.into_iter().map(|(id, group)| GroupView::new(&id, self.id, &group)).collect()
    }

    async fn offsets(&mut self, partitions: &[PartitionView]) -> Found {
        let partitions: Vec<_> = partitions.iter().filter(|partition| !partition.is_internal).collect();
        let led: Vec<_> = partitions.iter().copied().filter(|partition| partition.leader == Some(self.id)).collect();
        let mut found = Found {
            starts: self.as_client.list_offsets(CONSUMER, EARLIEST, &led).await,
            high_watermarks: self.as_client.list_offsets(CONSUMER, LATEST, &led).await,
            log_ends: HashMap::new(),
        };
        if partitions.len() <= MOST_PARTITIONS {
            let mut by_leader: BTreeMap<i32, Vec<&PartitionView>> = BTreeMap::new();
            for partition in partitions.into_iter().filter(|partition| partition.replicas.contains(&self.id)) {
                // If nobody leads, followers still listen to the one they last followed: most likely the preferred leader.
                if let Some(leader) = partition.leader.or(partition.replicas.first().copied()) {
                    by_leader.entry(leader).or_default().push(partition);
                }
            }
            for (leader, partitions) in by_leader {
                found.log_ends.extend(self.as_broker.list_offsets(leader, LATEST, &partitions).await);
            }
        }
        found
    }
}

/// One offset of each partition.
type ByPartition = HashMap<TopicPartition, Offset>;

/// Offsets that one broker has told.
struct Found {
    starts: ByPartition,
    high_watermarks: ByPartition,
    log_ends: ByPartition,
}

impl Found {
    fn note(&self, broker: i32, partition: &mut PartitionView) {
        let (name, offsets) = (&partition.name, &mut partition.offsets);
        offsets.start = self.starts.get(name).copied().or(offsets.start);
        offsets.high_watermark = self.high_watermarks.get(name).copied().or(offsets.high_watermark);
        offsets.log_ends.extend(self.log_ends.get(name).map(|&end| (broker, end)));
    }
}

/// A connection to one listener, opened when it is needed.
struct Line {
    address: String,
    client: Option<Client>,
}

impl Line {
    /// Calls once; twice if the connection was open from before: the broker may have been started again since.
    async fn call<R: Request>(&mut self, request: &R) -> Option<R::Response> {
        if let Some(mut client) = self.client.take() {
            match client.call(request).await {
                Ok(answer) => {
                    self.client = Some(client);
                    return Some(answer);
                }
                Err(ClientError::Timeout { .. }) => return None,
                Err(_) => {}
            }
        }
        let mut client = timeout(PATIENCE, Client::connect(&*self.address, "mini-kafka-cluster")).await.ok()?.ok()?;
        client.set_timeout(PATIENCE);
        let answer = client.call(request).await.ok()?;
        self.client = Some(client);
        Some(answer)
    }

    /// Asks for one offset of each partition. Those that the broker does not tell are missing.
    async fn list_offsets(&mut self, replica_id: i32, timestamp: Timestamp, of: &[&PartitionView]) -> ByPartition {
        let mut topics: BTreeMap<&str, Vec<ListOffsetsPartition>> = BTreeMap::new();
        for PartitionView { name, epoch, .. } in of {
            let (partition_index, current_leader_epoch) = (name.partition, *epoch);
            let question = ListOffsetsPartition { partition_index, current_leader_epoch, timestamp };
            topics.entry(&name.topic).or_default().push(question);
        }
        if topics.is_empty() {
            return HashMap::new();
        }
        let topic = |(name, partitions): (&str, _)| ListOffsetsTopic { name: name.to_owned(), partitions };
        let topics = topics.into_iter().map(topic).collect();
        let request = ListOffsetsRequest { replica_id, topics, ..Default::default() };
        let answer = self.call(&request).await;
        let topics = answer.into_iter().flat_map(|answer| answer.topics);
        let found = topics.flat_map(|topic| {
            let told = topic.partitions.into_iter().filter(|told| !told.error_code.is_error());
            told.map(move |told| (TopicPartition::new(&topic.name, told.partition_index), told.offset))
        });
        found.collect()
    }
}
