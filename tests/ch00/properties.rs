//! Java's properties syntax: what `java.util.Properties` reads, we read.

use ch00_wire::properties::parse;

/// Keys and values, without the line numbers.
fn pairs(text: &str) -> Vec<(String, String)> {
    parse(text).into_iter().map(|p| (p.key, p.value)).collect()
}

#[track_caller]
fn one(text: &str, key: &str, value: &str) {
    assert_eq!(pairs(text), [(key.to_string(), value.to_string())], "{text:?}");
}

#[test]
fn a_key_ends_at_an_equals_sign_a_colon_or_a_blank() {
    one("a=b", "a", "b");
    one("a:b", "a", "b");
    one("a b", "a", "b");
    one("a\tb", "a", "b");
    one("a = b", "a", "b");
    one("a : b", "a", "b");
    one("  a   b c", "a", "b c");
    one("a=b=c:d", "a", "b=c:d");
    one("a==b", "a", "=b");
    one("listeners=PLAINTEXT://:9092", "listeners", "PLAINTEXT://:9092");
}

#[test]
fn a_value_may_be_missing() {
    one("a", "a", "");
    one("a=", "a", "");
    one("a:   ", "a", "");
}

#[test]
fn comments_and_empty_lines_say_nothing() {
    assert_eq!(pairs("# a=b\n! c=d\n\n   \n  # e=f\r\n"), []);
    one("a=b # no comment", "a", "b # no comment");
}

#[test]
fn lines_may_end_as_on_any_system() {
    assert_eq!(pairs("a=b\r\nc=d\n").len(), 2);
    one("a=b\\\r\n  c", "a", "bc");
}

#[test]
fn a_backslash_at_the_end_goes_on_in_the_next_line() {
    one("log.dirs=/a,\\\n         /b,\\\n\t/c", "log.dirs", "/a,/b,/c");
    one("a=b\\", "a", "b");
    one("a=b\\\n# no comment", "a", "b# no comment");
    // An even number of backslashes is that many halves.
    assert_eq!(pairs("a=b\\\\\nc=d"), [("a".into(), "b\\".into()), ("c".into(), "d".into())]);
}

#[test]
fn escapes_stand_for_other_characters() {
    one(r"a=\t\n\r\f\\\q", "a", "\t\n\r\x0c\\q");
    one(r"path=C\:\\data", "path", r"C:\data");
    one(r"a\=b\:c\ d=e", "a=b:c d", "e");
    one(r"a=\u00e9\u6f22x", "a", "é漢x");
    one(r"a=\ b", "a", " b");
    one(r"a=\ud83d\ude00", "a", "😀");
}

#[test]
fn a_key_that_is_there_twice_is_given_twice_with_its_lines() {
    let lines: Vec<_> = parse("a=1\n\nb=\\\n 2\na=3").into_iter().map(|p| (p.line, p.key, p.value)).collect();
    assert_eq!(lines, [(1, "a".into(), "1".into()), (3, "b".into(), "2".into()), (5, "a".into(), "3".into())]);
}
