//! JoinGroup: somebody wants to be a member, or a member says what it wants now.

use ch00_wire::error_code::ErrorCode;

use super::{ClassicGroup, Client, Member, Phase, Waiting};
use crate::messages::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse, JoinGroupResponseMember};
use crate::step::{Response, Step, Token};

/// A JoinGroup.
#[derive(Clone, Debug, PartialEq)]
pub struct Joining {
    /// What it says.
    pub request: JoinGroupRequest,
    /// Whose it is.
    pub client: Client,
    /// Version 4 or later: a newcomer is first told its id, and comes again with it. So one whose answer was lost does not
    /// become a member that nobody is.
    pub learns_its_id_first: bool,
    /// Version 9 or later: a static member that leads can be told that there is nothing to assign.
    pub may_skip_assignment: bool,
}

impl Joining {
    /// A JoinGroup in a version.
    pub fn new(mut request: JoinGroupRequest, version: i16, client: Client) -> Joining {
        if request.rebalance_timeout_ms < 0 {
            request.rebalance_timeout_ms = request.session_timeout_ms;
        }
        Joining { request, client, learns_its_id_first: version >= 4, may_skip_assignment: version >= 9 }
    }
}

/// Ids that a group may have given out to clients that have not come back with them.
const MAX_PENDING: usize = 10_000;

impl ClassicGroup {
    // ANCHOR: join
    /// Takes a JoinGroup. The reply comes when all have joined, or at once if it is refused or if nothing has changed.
    pub fn join(&mut self, step: &mut Step, to: Token, joining: Joining) {
        let request = &joining.request;
        let outcome = if self.is_full(step, &request.member_id) {
            Err(ErrorCode::GROUP_MAX_SIZE_REACHED)
        } else if !self.can_speak_with(request) {
            Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL)
        } else if request.member_id.is_empty() {
            self.join_as_newcomer(step, to, &joining)
        } else if self.pending.remove(&request.member_id).is_some() {
            self.add(step, to, request.member_id.clone(), &joining);
            Ok(())
        } else {
            self.join_again(step, to, &joining)
        };
        if let Err(error_code) = outcome {
            let member_id = request.member_id.clone();
            step.reply(to, refused(error_code, member_id));
        }
    }
    // ANCHOR_END: join

    fn join_as_newcomer(&mut self, step: &mut Step, to: Token, joining: &Joining) -> Result<(), ErrorCode> {
        let instance = joining.request.group_instance_id.as_deref();
        let id = step.member_id(instance.unwrap_or(&joining.client.id));
        match instance.and_then(|instance| self.instances.get(instance).cloned()) {
            Some(before) => self.replace(step, to, &before, id, joining),
            None if instance.is_none() && joining.learns_its_id_first => {
                if self.pending.len() >= MAX_PENDING {
                    return Err(ErrorCode::GROUP_MAX_SIZE_REACHED);
                }
                let until = step.now + i64::from(joining.request.session_timeout_ms);
                self.pending.insert(id.clone(), until);
                step.reply(to, refused(ErrorCode::MEMBER_ID_REQUIRED, id));
            }
            None => self.add(step, to, id, joining),
        }
        Ok(())
    }

    // ANCHOR: join_again
    /// A member joins again: because it was told to, because it wants something else, or because it missed the answer.
    fn join_again(&mut self, step: &mut Step, to: Token, joining: &Joining) -> Result<(), ErrorCode> {
        let request = &joining.request;
        let id = &request.member_id;
        self.check_identity(id, request.group_instance_id.as_deref())?;
        let wants_the_same = self.members[id].protocols == request.protocols;
        let has_news = match self.phase {
            Phase::Empty => return Err(ErrorCode::UNKNOWN_MEMBER_ID),
            Phase::PreparingRebalance { .. } => true,
            Phase::CompletingRebalance { .. } => !wants_the_same,
            // A leader that joins again wants to assign again: it has seen a topic grow, for example.
            Phase::Stable => !wants_the_same || self.leader.as_ref() == Some(id),
        };
        if has_news {
            self.update(step, to, id, joining);
            self.rebalance(step);
        } else {
            let member = self.members.get_mut(id).expect("checked above");
            member.hear(step.now);
            step.reply(to, Response::Join(self.joined(id)));
        }
        Ok(())
    }
    // ANCHOR_END: join_again

    fn add(&mut self, step: &mut Step, to: Token, id: String, joining: &Joining) {
        let request = &joining.request;
        let mut member = Member {
            id: id.clone(),
            instance_id: request.group_instance_id.clone(),
            client: joining.client.clone(),
            rebalance_timeout_ms: request.rebalance_timeout_ms,
            session_timeout_ms: request.session_timeout_ms,
            protocols: request.protocols.clone(),
            assignment: Default::default(),
            waiting: Waiting::Nothing,
            session_end: 0,
            is_new: true,
        };
        member.wait_for_join(to, step.now);
        if let Some(instance) = &member.instance_id {
            self.instances.insert(instance.clone(), id.clone());
        }
        if self.members.is_empty() {
            self.protocol_type = Some(request.protocol_type.clone());
        }
        self.leader.get_or_insert(id.clone());
        self.members.insert(id, member);
        if let Phase::PreparingRebalance { gathering: Some(gathering), .. } = &mut self.phase {
            gathering.newcomers = true;
        }
        self.rebalance(step);
    }

    fn update(&mut self, step: &mut Step, to: Token, id: &str, joining: &Joining) {
        let request = &joining.request;
        let member = self.members.get_mut(id).expect("only members are updated");
        member.protocols = request.protocols.clone();
        member.rebalance_timeout_ms = request.rebalance_timeout_ms;
        member.session_timeout_ms = request.session_timeout_ms;
        member.client = joining.client.clone();
        // Who has asked twice is answered twice: the first time it is told to ask again.
        turn_away(step, member, ErrorCode::REBALANCE_IN_PROGRESS);
        member.wait_for_join(to, step.now);
    }

    // ANCHOR: replace
    /// A static member is back, as another process that knows its name and not its id. It takes the place of the one before;
    /// if it wants the same, nobody else notices.
    fn replace(&mut self, step: &mut Step, to: Token, before: &str, id: String, joining: &Joining) {
        let mut member = self.members.remove(before).expect("instances name members");
        turn_away(step, &mut member, ErrorCode::FENCED_INSTANCE_ID);
        let wants_the_same = member.protocols == joining.request.protocols;
        member.id = id.clone();
        self.instances.extend(member.instance_id.clone().map(|instance| (instance, id.clone())));
        self.members.insert(id.clone(), member);
        let leads = self.leader.as_deref() == Some(before);
        if leads {
            self.leader = Some(id.clone());
        }
        if let Phase::CompletingRebalance { missing, .. } = &mut self.phase {
            missing.remove(before);
            missing.insert(id.clone());
        }
        self.update(step, to, &id, joining);
        if self.phase != Phase::Stable || !wants_the_same {
            return self.rebalance(step);
        }
        let member = self.members.get_mut(&id).expect("put there above");
        (member.waiting, member.is_new) = (Waiting::Nothing, false);
        member.hear(step.now);
        let mut joined = self.joined(&id);
        if leads && joining.may_skip_assignment {
            joined.skip_assignment = true;
        } else if leads {
            // An older client assigns if it is told that it leads. It is told that its former self does.
            (joined.leader, joined.members) = (before.to_owned(), Vec::new());
        }
        step.reply(to, Response::Join(joined));
        step.records.push(self.record(self.value()));
    }
    // ANCHOR_END: replace

    /// What a member is told of the present generation.
    pub(super) fn joined(&self, id: &str) -> JoinGroupResponse {
        let protocol = self.protocol.clone().unwrap_or_default();
        let leader = self.leader.clone().unwrap_or_default();
        let as_told = |member: &Member| JoinGroupResponseMember {
            member_id: member.id.clone(),
            group_instance_id: member.instance_id.clone(),
            metadata: member.metadata(&protocol),
        };
        let members = if leader == id { self.members.values().map(as_told).collect() } else { Vec::new() };
        JoinGroupResponse {
            throttle_time_ms: 0,
            error_code: ErrorCode::NONE,
            generation_id: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol_name: Some(protocol),
            leader,
            skip_assignment: false,
            member_id: id.to_owned(),
            members,
        }
    }

    // ANCHOR: can_speak_with
    /// Whether there would still be a protocol that all members know.
    fn can_speak_with(&self, request: &JoinGroupRequest) -> bool {
        if self.members.is_empty() {
            return !request.protocol_type.is_empty() && !request.protocols.is_empty();
        }
        let known_by_all = |name: &JoinGroupRequestProtocol| {
            self.members.values().all(|member| member.protocols.iter().any(|known| known.name == name.name))
        };
        self.protocol_type.as_ref() == Some(&request.protocol_type) && request.protocols.iter().any(known_by_all)
    }
    // ANCHOR_END: can_speak_with
}

/// Whoever waits is told that it is in vain.
pub(super) fn turn_away(step: &mut Step, member: &mut Member, error_code: ErrorCode) {
    match std::mem::replace(&mut member.waiting, Waiting::Nothing) {
        Waiting::Nothing => {}
        Waiting::Join(to) => step.reply(to, refused(error_code, member.id.clone())),
        Waiting::Sync(to) => step.reply(to, super::sync::refused(error_code)),
    }
}

/// A JoinGroup that is refused.
pub fn refused(error_code: ErrorCode, member_id: String) -> Response {
    Response::Join(JoinGroupResponse {
        throttle_time_ms: 0,
        error_code,
        generation_id: -1,
        protocol_type: None,
        protocol_name: Some(String::new()),
        leader: String::new(),
        skip_assignment: false,
        member_id,
        members: Vec::new(),
    })
}
