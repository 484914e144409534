//! ConsumerGroupDescribe (69): what groups of the consumer protocol are like, for people.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

api! {
    ConsumerGroupDescribe = 69: ConsumerGroupDescribeRequest -> ConsumerGroupDescribeResponse, versions 0-1, flexible 0+;

    /// The groups in question.
    ConsumerGroupDescribeRequest {
        /// Their ids.
        0+        group_ids: Vec<String>,
        /// Whether to say what the requester may do.
        0+        include_authorized_operations: bool,
    }

    /// The groups.
    ConsumerGroupDescribeResponse {
        /// Milliseconds that the client is asked to pause.
        0+        throttle_time_ms: i32,
        /// One entry for each group of the request.
        0+        groups: Vec<DescribedConsumerGroup>,
    }

    /// A group. Kafka's schema calls this `DescribedGroup`.
    DescribedConsumerGroup {
        /// Why the rest is empty, or NONE.
        0+        error_code: ErrorCode,
        /// The error in words, or null.
        0+        error_message: Option<String>,
        /// Its id.
        0+        group_id: String,
        /// Its state, such as `Stable`.
        0+        group_state: String,
        /// Its epoch: raised by every change of members, subscriptions or topics.
        0+        group_epoch: i32,
        /// The group epoch that the target assignment was made for.
        0+        assignment_epoch: i32,
        /// The assignor that made it.
        0+        assignor_name: String,
        /// Its members.
        0+        members: Vec<DescribedConsumerGroupMember>,
        /// What the requester may do with it, a bit for each operation; -2147483648 if it did not ask.
        0+        authorized_operations: i32 = i32::MIN,
    }

    /// A member of a group. Kafka's schema calls this `Member`.
    DescribedConsumerGroupMember {
        /// Its id.
        0+        member_id: String,
        /// The id of a static member, or null.
        0+        instance_id: Option<String>,
        /// Where it is, or null.
        0+        rack_id: Option<String>,
        /// Its epoch.
        0+        member_epoch: i32,
        /// The client id of its requests.
        0+        client_id: String,
        /// Its address, with a slash in front.
        0+        client_host: String,
        /// The topics that it wants.
        0+        subscribed_topic_names: Vec<String>,
        /// A regular expression for topics that it wants, or null.
        0+        subscribed_topic_regex: Option<String>,
        /// What it has.
        0+        assignment: DescribedAssignment,
        /// What it is to have.
        0+        target_assignment: DescribedAssignment,
        /// 0 if it speaks the classic protocol, 1 if the consumer protocol; -1 if unknown.
        1+        member_type: i8 = -1i8,
    }

    /// Partitions. Kafka's schema calls this `Assignment`.
    DescribedAssignment {
        /// The topics.
        0+        topic_partitions: Vec<DescribedTopicPartitions>,
    }

    /// Partitions of one topic. Kafka's schema calls this `TopicPartitions`.
    DescribedTopicPartitions {
        /// The topic's id.
        0+        topic_id: Uuid,
        /// The topic's name.
        0+        topic_name: String,
        /// Their indexes.
        0+        partitions: Vec<i32>,
    }
}
