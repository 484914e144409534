//! A broker with several log directories says in which of them its copies are.

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

use super::draft::Draft;
use super::{At, Controller, Outcome};
use crate::messages::{
    AssignReplicasToDirsRequest, AssignReplicasToDirsResponse, AssignedDirectoryResponse, AssignedPartitionResponse,
    AssignedTopicResponse,
};

impl Controller {
    /// Notes in which directories a broker's copies are.
    pub fn assign_replicas_to_dirs(
        &mut self,
        _at: At,
        request: &AssignReplicasToDirsRequest,
    ) -> Outcome<AssignReplicasToDirsResponse> {
        let broker = self.image.nodes.broker(request.broker_id);
        if broker.is_none_or(|broker| broker.broker_epoch != request.broker_epoch) {
            let error_code = ErrorCode::STALE_BROKER_EPOCH;
            return Outcome::nothing(AssignReplicasToDirsResponse { error_code, ..Default::default() });
        }
        let mut draft = self.draft();
        let mut directories = Vec::new();
        for directory in &request.directories {
            let mut topics = Vec::new();
            for topic in &directory.topics {
                let partitions = topic.partitions.iter().map(|partition| AssignedPartitionResponse {
                    partition_index: partition.partition_index,
                    error_code: draft
                        .assign(request.broker_id, directory.id, topic.topic_id, partition.partition_index)
                        .err()
                        .unwrap_or(ErrorCode::NONE),
                });
                let partitions = partitions.collect();
                topics.push(AssignedTopicResponse { topic_id: topic.topic_id, partitions });
            }
            directories.push(AssignedDirectoryResponse { id: directory.id, topics });
        }
        draft.done(AssignReplicasToDirsResponse { directories, ..Default::default() })
    }
}

impl Draft<'_> {
    fn assign(&mut self, broker: i32, directory: Uuid, topic_id: Uuid, index: i32) -> Result<(), ErrorCode> {
        let topic = self.image.topics.get(topic_id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID)?;
        let partition = topic.partitions.get(&index).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        if !partition.replicas.contains(&broker) {
            return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        }
        let known = self.image.nodes.broker(broker).expect("checked");
        let has_failed = !known.log_dirs.contains(&directory);
        self.change(topic_id, index, |target| {
            target.directories.insert(broker, directory);
            if has_failed {
                target.leave_isr(broker);
                target.lost = Some(broker);
            }
        });
        Ok(())
    }
}
