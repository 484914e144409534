//! `mini-kafka format`: says which cluster a node's folders belong to.

use ch00_wire::cli::BrokerArgs;
use ch00_wire::config;
use ch00_wire::uuid::Uuid;
use ch04_controller::config::BrokerConfig;

use crate::failure::Failure;

/// What to format.
#[derive(clap::Args)]
pub struct FormatArgs {
    /// The cluster's id: 22 letters of base64, the same for all nodes; a new one unless told otherwise.
    #[arg(long, value_name = "ID")]
    cluster_id: Option<String>,
    /// This node is the first voter, and says so in its log: for `controller.quorum.bootstrap.servers`.
    #[arg(long)]
    standalone: bool,
    #[command(flatten)]
    args: BrokerArgs,
}

/// Formats the folders, and says so.
pub fn run(args: FormatArgs) -> Result<(), Failure> {
    let BrokerArgs { properties, overrides, .. } = &args.args;
    let loaded =
        config::load::<BrokerConfig>(properties.as_deref(), overrides).map_err(|e| Failure::Usage(e.to_string()))?;
    let cluster_id = args.cluster_id.unwrap_or_else(|| Uuid::random().to_string());
    let done = ch04_controller::format::format(&loaded.config, &cluster_id, args.standalone);
    println!("{}", done.map_err(Failure::Usage)?);
    Ok(())
}
