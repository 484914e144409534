//! Timestamps as people write them: milliseconds since 1970 to `2023-11-14T22:13:20.000Z` and back.
//!
//! The calendar is the one of ISO 8601, without leap seconds, which Kafka's timestamps do not know either. A year is
//! counted from the first of March here: then the leap day is the last day of a year, and the days before a month
//! follow a formula.

use std::time::{SystemTime, UNIX_EPOCH};

const MS_PER_DAY: i64 = 86_400_000;

/// Milliseconds since 1970.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// A timestamp for people; -1, Kafka's "no timestamp", is `none`.
pub fn iso(ms: i64) -> String {
    if ms == -1 {
        return "none".to_string();
    }
    let (year, month, day) = civil_from_days(ms.div_euclid(MS_PER_DAY));
    let ms = ms.rem_euclid(MS_PER_DAY);
    let (hours, minutes, seconds, ms) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{ms:03}Z")
}

/// Reads `2023-11-14`, `2023-11-14T22:13`, `2023-11-14T22:13:20.5Z` or `2023-11-14T22:13:20+01:00`. Without a zone it
/// is UTC, so that a command means the same wherever it is typed.
pub fn parse_iso(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00Z"));
    let mut parts = date.splitn(3, '-').map(digits);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let days = days_from_civil(year, month, day);
    if civil_from_days(days) != (year, month, day) {
        return None;
    }
    let (time, zone_minutes) = split_zone(time)?;
    let mut parts = time.splitn(3, ':');
    let (hours, minutes) = (digits(parts.next()?)?, digits(parts.next()?)?);
    let (seconds, fraction) = parts.next().map_or(("0", "0"), |s| s.split_once('.').unwrap_or((s, "0")));
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (seconds, ms) = (digits(seconds)?, digits(&format!("{fraction:0<3}")[..3])?);
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    Some(days * MS_PER_DAY + ((hours * 60 + minutes - zone_minutes) * 60 + seconds) * 1000 + ms)
}

/// The time without its zone, and the zone's minutes ahead of UTC.
fn split_zone(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let Some(at) = time.find(['+', '-']) else { return Some((time, 0)) };
    let (time, zone) = time.split_at(at);
    let (hours, minutes) = zone[1..].split_once(':').unwrap_or((&zone[1..], "0"));
    let minutes = digits(hours)? * 60 + digits(minutes)?;
    Some((time, if zone.starts_with('-') { -minutes } else { minutes }))
}

fn digits(text: &str) -> Option<i64> {
    // At most four: years; what is longer would be no date, and could overflow later.
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Days since 1970-01-01 to year, month, day. 719468 days lie between 0000-03-01 and then; 400 years have 146097.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (400 * era + year_of_era + i64::from(month <= 2), month, day)
}

/// The way back.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}
