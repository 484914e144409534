//! Changes to settings: from the settings that a topic or a broker has to those it is to have, or why not.
//!
//! ```text
//! cleanup.policy      has      SET compact   DELETE         APPEND compact    SUBTRACT delete
//!                     delete   compact       the default    delete,compact    (empty)
//! ```
//!
//! Pure: nothing is stored and nothing applied here. What settings are legal is checked afterwards, by those who know
//! what they mean.

use std::collections::HashSet;

use ch00_wire::config::{Verdict, judge};
use ch00_wire::error_code::ErrorCode;
use ch01_log::config::TopicSettings;
use ch01_log::partition::PartitionError;

use crate::whole_config::WholeConfig;

/// What to do with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Give it a value.
    Set,
    /// Take its value away: the next place counts again.
    Delete,
    /// Add elements to a list.
    Append,
    /// Take elements out of a list.
    Subtract,
}

impl Operation {
    /// From Kafka's number.
    pub fn from_code(code: i8) -> Option<Operation> {
        [Operation::Set, Operation::Delete, Operation::Append, Operation::Subtract]
            .get(usize::try_from(code).ok()?)
            .copied()
    }
}

/// A change to one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub name: String,
    /// What to do.
    pub operation: Operation,
    /// The value or elements; nothing for `Delete`.
    pub value: Option<String>,
}

/// An error with words.
pub fn refusal(code: ErrorCode, why: impl Into<String>) -> PartitionError {
    PartitionError { code, message: Some(why.into()) }
}

// ANCHOR: incremental
/// Applies changes to settings. `list` gives the elements of a list that is not set here, and `None` for keys that are no
/// lists.
pub fn incremental(
    current: &TopicSettings,
    changes: &[Change],
    list: impl Fn(&str) -> Option<String>,
) -> Result<TopicSettings, PartitionError> {
    check_names(changes.iter().map(|change| change.name.as_str()))?;
    let mut settings = current.clone();
    for Change { name, operation, value } in changes {
        if *operation == Operation::Delete {
            settings.remove(name);
            continue;
        }
        let value = value.as_deref().ok_or_else(|| null_value(name))?;
        let changed = match operation {
            Operation::Append | Operation::Subtract => {
                let default = list(name).ok_or_else(|| no_list(name))?;
                let has = settings.get(name).unwrap_or(&default);
                change_list(has, value, *operation == Operation::Append)
            }
            _ => value.to_owned(),
        };
        settings.insert(name.clone(), changed);
    }
    Ok(settings)
}
// ANCHOR_END: incremental

/// The settings that an AlterConfigs request names: all that there will be.
pub fn whole(configs: Vec<(String, Option<String>)>) -> Result<TopicSettings, PartitionError> {
    check_names(configs.iter().map(|(name, _)| name.as_str()))?;
    configs.into_iter().map(|(name, value)| value.ok_or_else(|| null_value(&name)).map(|value| (name, value))).collect()
}

/// Whether a broker can have these settings from now on. `config` is what they make of its configuration.
pub fn check_broker(
    before: &TopicSettings,
    after: &TopicSettings,
    config: &dyn WholeConfig,
) -> Result<(), PartitionError> {
    let keys = config.broker_keys();
    let changed: Vec<_> = after.iter().filter(|(name, value)| before.get(*name) != Some(value)).collect();
    for (name, _) in &changed {
        let is_ours = keys.iter().any(|key| key.name == **name || key.alias == Some(name));
        if !is_ours && let Verdict::Unknown(why) = judge(name, &keys) {
            return Err(refusal(ErrorCode::INVALID_CONFIG, format!("{name}: {why}")));
        }
    }
    let fixed: Vec<_> =
        changed.iter().map(|(name, _)| name.as_str()).filter(|name| !config.is_changeable(name)).collect();
    if !fixed.is_empty() {
        let why = format!("Cannot update these configs dynamically: [{}]", fixed.join(", "));
        return Err(refusal(ErrorCode::INVALID_REQUEST, why));
    }
    for (name, value) in changed {
        if let Some(Err(problem)) = config.copy().set(name, value) {
            return Err(refusal(ErrorCode::INVALID_CONFIG, format!("{name}: `{value}` {problem}")));
        }
    }
    config.log_config(&TopicSettings::new()).map_err(|why| refusal(ErrorCode::INVALID_CONFIG, why))?;
    Ok(())
}

fn no_list(name: &str) -> PartitionError {
    refusal(ErrorCode::INVALID_CONFIG, format!("{name}: only lists can be appended to or subtracted from"))
}

fn null_value(name: &str) -> PartitionError {
    refusal(ErrorCode::INVALID_REQUEST, format!("{name}: null is no value; to go back to the default, delete the key"))
}

fn check_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), PartitionError> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(refusal(ErrorCode::INVALID_REQUEST, format!("{name}: the key is in the request twice")));
        }
    }
    Ok(())
}

/// A list with elements added, each once, or without some.
fn change_list(has: &str, elements: &str, append: bool) -> String {
    let split = |text: &str| -> Vec<String> {
        text.split(',').map(|element| element.trim().to_owned()).filter(|element| !element.is_empty()).collect()
    };
    let (mut list, elements) = (split(has), split(elements));
    if append {
        for element in elements {
            if !list.contains(&element) {
                list.push(element);
            }
        }
    } else {
        list.retain(|element| !elements.contains(element));
    }
    list.join(",")
}
