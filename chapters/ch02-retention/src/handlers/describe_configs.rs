//! DescribeConfigs: the settings of topics and brokers, each with the place its value comes from.
//!
//! Caveat: who asks about the same topic or broker twice in one request gets an error for the second time. An answer is
//! some thousand times as long as a question, and this bounds it.

use std::collections::BTreeSet;
use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use ch01_log::partition::PartitionError;

use crate::broker::State;
use crate::config_admin::{self, Resource};
use crate::config_change::refusal;
use crate::config_entries::{Entry, Synonym};
use crate::messages::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResponse,
    DescribeConfigsResult, DescribeConfigsSynonym,
};

/// Kafka's types of values, by their numbers from 1 on.
const KINDS: [&str; 9] = ["BOOLEAN", "STRING", "INT", "SHORT", "LONG", "DOUBLE", "LIST", "CLASS", "PASSWORD"];

/// What to say beside names and values.
#[derive(Clone, Copy)]
struct Detail {
    synonyms: bool,
    documentation: bool,
}

/// Lists settings.
pub async fn handle(
    state: Arc<State>,
    _context: Context,
    request: DescribeConfigsRequest,
) -> Reply<DescribeConfigsResponse> {
    let tasks = state.log.tasks.clone();
    tasks.blocking(move || answer(&state, request)).await.into()
}

fn answer(state: &State, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let detail = Detail { synonyms: request.include_synonyms, documentation: request.include_documentation };
    let mut seen = BTreeSet::new();
    let results = request.resources.into_iter().map(|asked| {
        let entries = entries(state, &asked, &mut seen);
        let (configs, PartitionError { code, message }) = match entries {
            Ok(entries) => (entries.into_iter().map(|e| config(e, detail)).collect(), ErrorCode::NONE.into()),
            Err(e) => (Vec::new(), e),
        };
        DescribeConfigsResult {
            error_code: code,
            error_message: message,
            resource_type: asked.resource_type,
            resource_name: asked.resource_name,
            configs,
        }
    });
    DescribeConfigsResponse { results: results.collect(), ..Default::default() }
}

fn entries(
    state: &State,
    asked: &DescribeConfigsResource,
    seen: &mut BTreeSet<Resource>,
) -> Result<Vec<Entry>, PartitionError> {
    let resource = Resource::named(state, asked.resource_type, &asked.resource_name)?;
    if seen.contains(&resource) {
        return Err(refusal(ErrorCode::INVALID_REQUEST, "the resource is in the request twice"));
    }
    let mut entries = config_admin::describe(state, &resource)?;
    seen.insert(resource);
    // No keys stand for all, as null does.
    if let Some(keys) = asked.configuration_keys.as_ref().filter(|keys| !keys.is_empty()) {
        let keys: BTreeSet<_> = keys.iter().collect();
        entries.retain(|entry| keys.contains(&entry.name));
    }
    Ok(entries)
}

fn config(entry: Entry, detail: Detail) -> DescribeConfigsResourceResult {
    let synonym =
        |Synonym { source, name, value }| DescribeConfigsSynonym { name, value: Some(value), source: source as i8 };
    DescribeConfigsResourceResult {
        config_source: entry.source() as i8,
        config_type: KINDS.iter().position(|kind| *kind == entry.kind).map_or(0, |at| at as i8 + 1),
        documentation: detail.documentation.then_some(entry.doc).filter(|doc| !doc.is_empty()),
        synonyms: if detail.synonyms { entry.synonyms.into_iter().map(synonym).collect() } else { Vec::new() },
        name: entry.name,
        value: entry.value,
        read_only: entry.read_only,
        is_sensitive: entry.is_sensitive,
    }
}
