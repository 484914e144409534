//! The `mini-kafka cluster` that runs: it starts the brokers, watches them, shows how they are, and does to them what
//! other commands ask for, until it is told to stop.
//!
//! ```text
//! processes that begin to serve, or end --+
//! what brokers say, once a second --------+--> one loop --> the table, answers, signals
//! questions of other commands ------------+
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mini_kafka::local_cluster::member::{Act, Process};
use mini_kafka::local_cluster::plan::{Plan, Ports};
use mini_kafka::local_cluster::table::render;
use mini_kafka::local_cluster::view::{self, View};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::cluster::StartArgs;
use crate::cluster_control::{self, Ask, Asked, Taken};
use crate::cluster_members::Members;
use crate::cluster_ports;
use crate::cluster_process::ProcessEvent;
use crate::cluster_screen::Screen;
use crate::cluster_watch::{Looks, Observation, Watcher};
use crate::exercises;
use crate::failure::Failure;
use crate::stop::Stop;

/// How often brokers are asked, once they all serve, and before.
const EVERY: Duration = Duration::from_secs(1);
const EVERY_AT_START: Duration = Duration::from_millis(50);
/// How long brokers have to stop.
const STOPPING: Duration = Duration::from_secs(30);

/// Runs a cluster until it is told to stop.
pub async fn run(args: StartArgs, dir: &Path) -> Result<(), Failure> {
    let before = cluster_control::last_in(dir);
    let ports = match args.port {
        0 => cluster_ports::free(args.brokers)?,
        first => Ports::following(first, args.brokers).map_err(Failure::Usage)?,
    };
    let plan = Plan::new(args.chapter, dir, &ports, &args.overrides).map_err(Failure::Usage)?;
    let (asking, questions) = mpsc::unbounded_channel();
    let taken = Taken::take(dir, asking).await?;
    cluster_ports::check(&plan, before.as_ref())?;
    let program = if args.mine { exercises::mine_program()? } else { this_program()? };
    // Before anything is started: whoever stops this now has nothing left behind.
    let stop = Stop::listen().map_err(|e| format!("cannot handle signals: {e}"))?;
    let (telling, process_events) = mpsc::unbounded_channel();
    let (showing, observations) = mpsc::unbounded_channel();
    let looks = Looks::new(Watcher::new(&plan), showing);
    let members = Members::new(plan.clone(), program, telling);
    let sources = Sources { process_events, observations, questions, stop };
    let screen = Screen::new();
    let mut cluster = Cluster { plan, members, looks, taken, screen, last: Observation::default(), is_ready: false };
    cluster.run(sources).await
}

fn this_program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|e| Failure::Message(format!("the program that brokers are to run: {e}")))
}

/// Where things happen.
struct Sources {
    process_events: mpsc::UnboundedReceiver<ProcessEvent>,
    observations: mpsc::UnboundedReceiver<Observation>,
    questions: mpsc::UnboundedReceiver<Asked>,
    stop: Stop,
}

struct Cluster {
    plan: Plan,
    members: Members,
    looks: Looks,
    taken: Taken,
    screen: Screen,
    last: Observation,
    is_ready: bool,
}

impl Cluster {
    async fn run(&mut self, mut sources: Sources) -> Result<(), Failure> {
        let result = self.serve(&mut sources).await;
        let stopped = self.stop(&mut sources).await;
        result.and(stopped)
    }

    /// Until it is told to stop, or cannot go on.
    async fn serve(&mut self, sources: &mut Sources) -> Result<(), Failure> {
        for id in self.members.ids() {
            self.members.start(id)?;
        }
        self.taken.announce(self.members.pids())?;
        let mut next_look = Instant::now();
        loop {
            tokio::select! {
                () = sources.stop.asked() => return Ok(()),
                Some(event) = sources.process_events.recv() => self.note(event)?,
                Some(seen) = sources.observations.recv() => self.seen(seen)?,
                Some((ask, answer)) = sources.questions.recv() => match ask {
                    Ask::Act(act, id) => self.members.ask(act, id, answer),
                    Ask::Status => {
                        self.looks.tell(answer);
                        self.looks.look(self.members.up());
                    }
                },
                () = sleep_until(next_look) => {
                    self.looks.look(self.members.up());
                    next_look = Instant::now() + if self.is_ready { EVERY } else { EVERY_AT_START };
                }
            }
            if self.is_ready || self.screen.is_live() {
                self.screen.show(self.view())?;
            }
        }
    }

    fn note(&mut self, event: ProcessEvent) -> Result<(), Failure> {
        let (id, has_ended) = (event.id, event.exit.is_some());
        self.members.note(event);
        // On a full disk the file stays as it was: all that goes missing is a hint.
        let _ = self.taken.announce(self.members.pids());
        if has_ended && !self.is_ready {
            return Err(Failure::Message(self.members.why_ended(id)));
        }
        self.looks.look(self.members.up());
        Ok(())
    }

    fn seen(&mut self, observation: Observation) -> Result<(), Failure> {
        self.last = observation;
        if !self.is_ready && view::is_settled(&self.members.ids(), &self.last.answers) {
            self.is_ready = true;
            let (count, bootstrap) = (self.plan.brokers().len(), self.plan.bootstrap());
            let ready = format!("mini-kafka cluster ready brokers={count} bootstrap={bootstrap}");
            self.screen.say(&format!("{ready}\n{}", self.plan.durability()))?;
        }
        let (waiting, is_wanted) = self.looks.over();
        let table = render(&self.view());
        waiting.into_iter().for_each(|answer| drop(answer.send(Ok(table.clone()))));
        if is_wanted {
            self.looks.look(self.members.up());
        }
        Ok(())
    }

    fn view(&self) -> View {
        let Observation { controller, partitions, groups, .. } = &self.last;
        View {
            brokers: self.members.views(&self.last),
            controller: *controller,
            partitions: partitions.clone(),
            groups: groups.clone(),
        }
    }

    /// Stops all brokers, and kills those that do not stop in time, or when that is asked for.
    async fn stop(&mut self, sources: &mut Sources) -> Result<(), Failure> {
        let running = self.running();
        self.members.order_all(Act::Stop);
        let deadline = Instant::now() + STOPPING;
        let mut is_over = false;
        while !self.running().is_empty() {
            tokio::select! {
                Some(event) = sources.process_events.recv() => self.members.note(event),
                () = sources.stop.asked(), if !is_over => is_over = true,
                () = sleep_until(deadline), if !is_over => is_over = true,
            }
            if is_over {
                self.members.order_all(Act::Kill);
            }
            if self.is_ready {
                // What cannot be shown any more has stopped nevertheless.
                let _ = self.screen.show(self.view());
            }
        }
        match running.into_iter().find(|&id| self.members.process(id) != Process::Stopped) {
            Some(id) => Err(Failure::Message(format!("not all brokers have stopped: {}", self.members.why_ended(id)))),
            None => Ok(()),
        }
    }

    fn running(&self) -> BTreeSet<i32> {
        self.members.ids().into_iter().filter(|&id| self.members.process(id).running().is_some()).collect()
    }
}
