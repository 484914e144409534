//! The tests of the open-ended exercise `why`: the metadata log says why leaders moved.

use ch00_wire::uuid::Uuid;
use ch04_controller::records::*;
use ch04_controller::why::Why::*;
use ch04_controller::why::{History, Turn, Why};

const TOPIC: Uuid = Uuid([7; 16]);

/// Brokers 1 to 4, not fenced, each with one directory; an epoch is ten times a number.
fn brokers() -> Vec<MetadataRecord> {
    (1..=4).map(|id| register(id, i64::from(id) * 10, false)).collect()
}

/// A broker registers. Its only directory has its id in every byte.
fn register(broker_id: i32, broker_epoch: i64, fenced: bool) -> MetadataRecord {
    let log_dirs = vec![Uuid([broker_id as u8; 16])];
    RegisterBrokerRecord { broker_id, broker_epoch, fenced, log_dirs, ..Default::default() }.into()
}

fn fence(broker_id: i32) -> MetadataRecord {
    broker_change(BrokerRegistrationChangeRecord { broker_id, fenced: 1, ..Default::default() })
}

fn unfence(broker_id: i32) -> MetadataRecord {
    broker_change(BrokerRegistrationChangeRecord { broker_id, fenced: -1, ..Default::default() })
}

fn broker_change(change: BrokerRegistrationChangeRecord) -> MetadataRecord {
    BrokerRegistrationChangeRecord { broker_epoch: i64::from(change.broker_id) * 10, ..change }.into()
}

fn topic() -> MetadataRecord {
    TopicRecord { name: "rooms".into(), topic_id: TOPIC }.into()
}

fn partition(partition_id: i32, replicas: &[i32]) -> MetadataRecord {
    let record = PartitionRecord {
        partition_id,
        topic_id: TOPIC,
        replicas: replicas.to_vec(),
        isr: replicas.to_vec(),
        leader: replicas[0],
        leader_epoch: 0,
        partition_epoch: 0,
        directories: replicas.iter().map(|&id| Uuid([id as u8; 16])).collect(),
        ..Default::default()
    };
    record.into()
}

fn change() -> PartitionChangeRecord {
    PartitionChangeRecord { partition_id: 0, topic_id: TOPIC, ..Default::default() }
}

/// Another leads partition 0.
fn leader(leader: i32) -> MetadataRecord {
    PartitionChangeRecord { leader, ..change() }.into()
}

/// Brokers 1 to 4, and partition 0 on the first three; all that is at 0 ms.
fn history() -> History {
    let mut history = History::new();
    history.note(0, &brokers()).unwrap();
    history.note(0, &[topic(), partition(0, &[1, 2, 3])]).unwrap();
    history
}

/// Why partition 0 has a new leader, after one decision more.
fn why(decision: &[MetadataRecord]) -> Why {
    let turns = history().note(0, decision).unwrap();
    assert_eq!(turns.len(), 1, "{turns:?}");
    turns[0].why
}

fn turn(partition: i32, leader_epoch: i32, [from, to]: [i32; 2], why: Why) -> Turn {
    Turn { topic: "rooms".into(), partition, leader_epoch, from, to, why }
}

#[test]
fn a_new_partition_is_created() {
    let mut history = History::new();
    assert_eq!(history.note(0, &brokers()), Ok(vec![]));
    let turns = history.note(0, &[topic(), partition(0, &[1, 2]), partition(1, &[2, 3])]).unwrap();
    assert_eq!(turns, [turn(0, 0, [NO_LEADER, 1], Created), turn(1, 0, [NO_LEADER, 2], Created)]);
}

#[test]
fn what_names_no_leader_is_no_turn() {
    let isr: MetadataRecord = PartitionChangeRecord { isr: Some(vec![1, 2]), ..change() }.into();
    assert_eq!(history().note(0, &[isr, NoOpRecord {}.into(), fence(4)]), Ok(vec![]));
}

#[test]
fn who_was_fenced_leads_no_more() {
    assert_eq!(history().note(0, &[fence(1), leader(2)]), Ok(vec![turn(0, 1, [1, 2], Fenced)]));
    let old = FenceBrokerRecord { id: 1, epoch: 10 };
    assert_eq!(why(&[old.into(), leader(2)]), Fenced, "as it was written before Kafka 3.0");
}

#[test]
fn the_records_of_a_decision_may_stand_in_any_order() {
    assert_eq!(why(&[leader(2), fence(1)]), Fenced);
    let gone = UnregisterBrokerRecord { broker_id: 1, broker_epoch: 10 };
    assert_eq!(why(&[leader(2), gone.into()]), Unregistered);
}

#[test]
fn each_turn_of_a_decision_has_its_own_reason() {
    let turns = history().note(0, &[fence(1), leader(2), fence(2), leader(3)]);
    assert_eq!(turns, Ok(vec![turn(0, 1, [1, 2], Fenced), turn(0, 2, [2, 3], Fenced)]));
}

#[test]
fn who_restarted_is_another_process() {
    assert_eq!(why(&[register(1, 90, true), leader(2)]), Restarted, "fenced as well, but that is why");
    let mut history = history();
    history.note(0, &[register(1, 90, false)]).unwrap();
    let stopping = BrokerRegistrationChangeRecord { in_controlled_shutdown: 1, ..Default::default() };
    let stopping = BrokerRegistrationChangeRecord { broker_id: 1, broker_epoch: 90, ..stopping };
    let turns = history.note(0, &[stopping.into(), leader(2)]).unwrap();
    assert_eq!(turns[0].why, Stopping, "it restarted in an earlier decision, and led on");
}

#[test]
fn who_is_about_to_stop_gives_its_leadership_away() {
    let stopping = BrokerRegistrationChangeRecord { in_controlled_shutdown: 1, ..Default::default() };
    assert_eq!(why(&[broker_change(BrokerRegistrationChangeRecord { broker_id: 1, ..stopping }), leader(2)]), Stopping);
}

#[test]
fn who_has_no_copy_any_more_is_moved() {
    let moved = |replicas: &[i32], leader| -> MetadataRecord {
        let directories = Some(replicas.iter().map(|&id| Uuid([id as u8; 16])).collect());
        let (replicas, isr) = (Some(replicas.to_vec()), Some(replicas.to_vec()));
        PartitionChangeRecord { leader, replicas, isr, directories, ..change() }.into()
    };
    assert_eq!(why(&[moved(&[2, 3], 2)]), Moved);
    assert_eq!(why(&[moved(&[1, 3], 1)]), Anew, "another one goes: the leader begins anew, so that it hears of that");
    assert_eq!(why(&[moved(&[2, 1, 3], 2)]), Preferred, "the same copies in another order");
}

#[test]
fn a_directory_that_failed_takes_its_leaders_along() {
    let two = |dirs: &[u8]| -> MetadataRecord {
        let log_dirs = dirs.iter().map(|&dir| Uuid([dir; 16])).collect();
        broker_change(BrokerRegistrationChangeRecord { broker_id: 1, log_dirs, ..Default::default() })
    };
    assert_eq!(why(&[two(&[5, 6]), leader(2)]), Directory);
    assert_eq!(why(&[two(&[1, 6]), leader(2)]), Unknown, "another one failed");
    for reserved in [0, 1] {
        let mut id = [0; 16];
        id[15] = reserved;
        let directories = Some(vec![Uuid(id), Uuid([2; 16]), Uuid([3; 16])]);
        let not_known = PartitionChangeRecord { directories, ..change() };
        assert_eq!(why(&[not_known.into(), two(&[5, 6]), leader(2)]), Unknown, "it is not known where the copy is");
    }
}

#[test]
fn the_first_of_the_replicas_is_preferred() {
    let mut history = history();
    history.note(0, &[fence(1), leader(2)]).unwrap();
    assert_eq!(history.note(0, &[unfence(1)]), Ok(vec![]));
    assert_eq!(history.note(0, &[leader(1)]), Ok(vec![turn(0, 2, [2, 1], Preferred)]));
    assert_eq!(history.note(0, &[leader(3)]), Ok(vec![turn(0, 3, [1, 3], Unknown)]));
}

#[test]
fn nobody_leads_and_somebody_is_back() {
    let mut history = history();
    assert_eq!(history.note(0, &[fence(1), leader(NO_LEADER)]), Ok(vec![turn(0, 1, [1, NO_LEADER], Fenced)]));
    assert_eq!(history.note(0, &[unfence(1), leader(1)]), Ok(vec![turn(0, 2, [NO_LEADER, 1], Back)]));
}

#[test]
fn an_unclean_election_is_unclean_whatever_else_it_is() {
    let unclean: MetadataRecord = PartitionChangeRecord { leader: 2, leader_recovery_state: 1, ..change() }.into();
    assert_eq!(why(&[fence(1), unclean.clone()]), Unclean);
    let mut history = history();
    history.note(0, &[fence(1), leader(NO_LEADER)]).unwrap();
    assert_eq!(history.note(0, &[unclean]), Ok(vec![turn(0, 2, [NO_LEADER, 2], Unclean)]));
    let recovered = PartitionChangeRecord { leader: 2, leader_recovery_state: 0, ..change() };
    assert_eq!(history.note(0, &[recovered.into()]), Ok(vec![turn(0, 3, [2, 2], Anew)]));
}

#[test]
fn a_transaction_is_one_decision() {
    let mut history = history();
    let begin = BeginTransactionRecord { name: None };
    assert_eq!(history.note(0, &[begin.into(), leader(2)]), Ok(vec![]), "it does not count yet");
    assert_eq!(history.note(0, &[leader(3)]), Ok(vec![]));
    let turns = history.note(9, &[fence(1), fence(2), EndTransactionRecord {}.into()]);
    assert_eq!(turns, Ok(vec![turn(0, 1, [1, 2], Fenced), turn(0, 2, [2, 3], Fenced)]));
}

#[test]
fn what_was_given_up_has_never_been() {
    let mut history = history();
    history.note(0, &[fence(1), leader(2), BeginTransactionRecord { name: None }.into(), leader(1)]).unwrap();
    let turns = history.note(0, &[AbortTransactionRecord { reason: None }.into(), leader(3)]);
    let expected = vec![turn(0, 1, [1, 2], Fenced), turn(0, 2, [2, 3], Unknown)];
    assert_eq!(turns, Ok(expected), "what stands before and behind it counts");
}

#[test]
fn time_without_a_leader_is_added_up() {
    let mut history = history();
    let ms = |history: &History, now| history.leaderless_ms(TOPIC, 0, now);
    assert_eq!(ms(&history, 1_000), 0);
    history.note(1_000, &[fence(1), leader(NO_LEADER)]).unwrap();
    assert_eq!((ms(&history, 1_000), ms(&history, 1_250)), (0, 250), "up to now");
    history.note(1_100, &[leader(NO_LEADER)]).unwrap();
    history.note(1_400, &[unfence(1), leader(1)]).unwrap();
    assert_eq!(ms(&history, 9_000), 400, "named again in between, nobody is still nobody");
    history.note(5_000, &[fence(1), leader(NO_LEADER)]).unwrap();
    history.note(5_050, &[leader(2)]).unwrap();
    assert_eq!(ms(&history, 9_000), 450);
}

#[test]
fn a_clock_that_goes_back_takes_nothing_back() {
    let mut history = history();
    history.note(1_000, &[fence(1), leader(NO_LEADER)]).unwrap();
    assert_eq!(history.leaderless_ms(TOPIC, 0, 900), 0);
    history.note(700, &[leader(2)]).unwrap();
    assert_eq!(history.leaderless_ms(TOPIC, 0, 9_000), 0, "another controller, with another clock");
}

#[test]
fn a_transaction_counts_when_it_ends() {
    let mut history = history();
    history.note(1_000, &[BeginTransactionRecord { name: None }.into(), fence(1), leader(NO_LEADER)]).unwrap();
    assert_eq!(history.leaderless_ms(TOPIC, 0, 1_500), 0);
    history.note(2_000, &[EndTransactionRecord {}.into()]).unwrap();
    assert_eq!(history.leaderless_ms(TOPIC, 0, 2_500), 500);
}

#[test]
fn a_topic_that_is_gone_waits_for_nobody() {
    let mut history = history();
    history.note(1_000, &[fence(1), leader(NO_LEADER)]).unwrap();
    history.note(2_000, &[RemoveTopicRecord { topic_id: TOPIC }.into()]).unwrap();
    assert_eq!(history.leaderless_ms(TOPIC, 0, 9_000), 0);
    assert_eq!(history.leaderless_ms(TOPIC, 5, 9_000), 0, "nor does one that never was");
}

#[test]
fn of_a_batch_that_does_not_fit_nothing_is_taken_in() {
    let mut history = history();
    let stranger = FenceBrokerRecord { id: 9, epoch: 90 };
    assert!(history.note(0, &[fence(1), leader(2), stranger.into()]).is_err());
    assert_eq!(history.note(0, &[leader(3)]), Ok(vec![turn(0, 1, [1, 3], Unknown)]), "1 is not fenced");
    let stranger = FenceBrokerRecord { id: 9, epoch: 90 };
    history.note(0, &[BeginTransactionRecord { name: None }.into(), leader(1)]).unwrap();
    assert!(history.note(0, &[stranger.into(), EndTransactionRecord {}.into()]).is_err());
    let turns = history.note(0, &[EndTransactionRecord {}.into()]).unwrap();
    assert_eq!(turns, [turn(0, 2, [3, 1], Preferred)], "the transaction has gone on");
}
