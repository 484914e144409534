//! Who is there.

use ch04_controller::controller::Sessions;

#[test]
fn a_session_lasts_as_long_as_the_timeout() {
    let mut sessions = Sessions::new(100, [1], 0);
    assert!(sessions.is_valid(1, 100) && !sessions.is_valid(1, 101));
    sessions.heard(1, 7, 60);
    assert!(sessions.is_valid(1, 160) && !sessions.is_valid(1, 161));
}

#[test]
fn who_was_never_heard_of_is_not_there() {
    let mut sessions = Sessions::new(100, [1], 0);
    sessions.end(1);
    assert!(!sessions.is_valid(1, 0) && !sessions.is_valid(4, 0));
    assert!(sessions.expired(1_000).is_empty(), "nor is it gone again and again");
}

#[test]
fn who_is_silent_for_too_long_is_gone() {
    let mut sessions = Sessions::new(100, [1, 2], 0);
    sessions.heard(1, 7, 60);
    sessions.heard(3, 7, 50);
    assert!(sessions.expired(100).is_empty());
    assert_eq!(sessions.expired(101), [2]);
    assert_eq!(sessions.expired(161), [2, 3, 1], "the most silent first");
    assert_eq!(sessions.expired(161), [2, 3, 1], "to ask changes nothing");
    sessions.end(2);
    assert_eq!(sessions.expired(161), [3, 1]);
    sessions.heard(1, 7, 50);
    assert_eq!(sessions.expired(161), [1, 3], "as silent as the other: by number");
}

#[test]
fn nobody_is_gone_for_the_controllers_own_sleep() {
    let mut sessions = Sessions::new(100, [1], 0);
    sessions.begin_anew(5_000);
    assert!(sessions.expired(5_100).is_empty());
    assert_eq!(sessions.expired(5_101), [1]);
}

#[test]
fn who_was_not_heard_of_since_the_controller_began() {
    let mut sessions = Sessions::new(100, [1, 2, 3], 0);
    sessions.heard(2, 4, 10);
    sessions.end(3);
    assert_eq!(sessions.unheard().collect::<Vec<_>>(), [1]);
    assert_eq!([sessions.metadata_offset(1), sessions.metadata_offset(2)], [-1, 4]);
}
