//! Eligible leader replicas (KIP-966): who else has everything that was acknowledged, when few are in sync.
//!
//! With `acks=all` a record is acknowledged only while at least `min.insync.replicas` are in sync. So when one of the last
//! of them leaves, it has everything: nothing more is acknowledged until there are enough again. It is *eligible*, and may
//! lead if nobody in sync is left, unless it stops uncleanly and may have lost the end of its log.
//!
//! ```text
//! min.insync.replicas 2                     in sync   eligible   last known
//!                                           1 2 3     -          -
//! 3 dies: enough are left                   1 2       -          -
//! 2 dies: too few are left                  1         2          -
//! 1 dies                                    -         1 2        -
//! 2 comes back, and did not stop cleanly    -         1          2
//! 3 comes back, in sync or not              -         1          2        nobody leads: 3 lacks records
//! 1 comes back, and did stop cleanly        1         -          2        1 leads
//! ```

/// Who has, or had, everything that was acknowledged, and is not in sync.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Eligible {
    /// Who has it: the ELR.
    pub elr: Vec<i32>,
    /// Who had it, and has stopped uncleanly since. They are asked when nobody has it for certain.
    pub last_known: Vec<i32>,
}

/// Who is eligible once `isr_after` are in sync. `lost`: who may have lost the end of its log.
pub fn eligible(
    isr_before: &[i32],
    before: &Eligible,
    isr_after: &[i32],
    min_isr: usize,
    lost: Option<i32>,
) -> Eligible {
    todo!("exercise eligible-replicas")
}

fn sorted<'a>(replicas: impl Iterator<Item = &'a i32>) -> Vec<i32> {
    let mut sorted: Vec<i32> = replicas.copied().collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}
