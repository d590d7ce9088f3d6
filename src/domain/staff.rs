//! People who sign in, and what each role may do.

use serde::{Deserialize, Serialize};

/// A role; what it may do is asked by the methods, never by comparing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Records in the street and looks up plates.
    Officer,
    /// Reviews what officers and cameras propose, and approves.
    Supervisor,
    /// Looks after sensors, cameras and signs; sees no plates.
    Operator,
    /// Reads the ledger and the audit; changes nothing.
    Auditor,
    /// Keeps accounts.
    Admin,
}

impl Role {
    /// May look up a plate's history, for a stated purpose.
    pub fn may_look_up_plates(self) -> bool {
        matches!(self, Self::Officer | Self::Supervisor | Self::Auditor)
    }
    /// May take a plate's history away as a file.
    pub fn may_export_plates(self) -> bool {
        matches!(self, Self::Supervisor | Self::Auditor)
    }
    /// May review incidents and write records.
    pub fn may_enforce(self) -> bool {
        matches!(self, Self::Officer | Self::Supervisor)
    }
    /// May read incidents, records and evidence.
    pub fn may_read_records(self) -> bool {
        matches!(self, Self::Officer | Self::Supervisor | Self::Auditor)
    }
    /// May see how sensors, counters and signs are, and act on them.
    pub fn may_operate(self) -> bool {
        matches!(self, Self::Operator | Self::Supervisor | Self::Admin)
    }
    /// May keep accounts, and set what holds at run time.
    pub fn may_administer(self) -> bool {
        matches!(self, Self::Admin)
    }
    /// May see permits and the white list.
    pub fn may_see_permits(self) -> bool {
        self.may_read_records() || self.may_administer()
    }
    /// May grant permits and end them.
    pub fn may_grant_permits(self) -> bool {
        matches!(self, Self::Supervisor | Self::Admin)
    }
    /// May bring another city into force.
    pub fn may_import_city(self) -> bool {
        matches!(self, Self::Operator | Self::Admin)
    }
    /// May approve a seizure.
    pub fn may_approve(self) -> bool {
        matches!(self, Self::Supervisor)
    }
    /// May have signs show something in place of guidance.
    pub fn may_order_signs(self) -> bool {
        matches!(self, Self::Operator | Self::Supervisor | Self::Admin)
    }
    /// May take spaces out of service, reserve places, close lots and correct counters.
    pub fn may_act_on_lots(self) -> bool {
        matches!(self, Self::Operator | Self::Supervisor | Self::Admin)
    }
    /// May see what sensors sent that was refused.
    pub fn may_see_dead_letters(self) -> bool {
        matches!(self, Self::Operator | Self::Admin)
    }
    /// May read matters of city management.
    pub fn may_read_matters(self) -> bool {
        matches!(self, Self::Officer | Self::Supervisor | Self::Operator | Self::Auditor)
    }
    /// May say matters and take steps of them; which ones, the flow says.
    pub fn may_act_on_matters(self) -> bool {
        matches!(self, Self::Officer | Self::Supervisor | Self::Operator)
    }
    /// May see scores, and what partners were told.
    pub fn may_read_scores(self) -> bool {
        matches!(self, Self::Supervisor | Self::Auditor)
    }
    /// The role's word as it stands in the database and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Officer => "officer",
            Self::Supervisor => "supervisor",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }
    /// Reads a role's word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Officer, Self::Supervisor, Self::Operator, Self::Auditor, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == word)
    }
}

/// Who acts: a person of the staff, or a camera or other device by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Actor {
    /// A person who signed in.
    Staff {
        /// Sign-in name.
        name: String,
        /// Role at the time of the act.
        role: Role,
    },
    /// A device, by its camera id.
    Camera {
        /// The camera.
        id: String,
    },
    /// The system itself, by the rule that acted.
    System {
        /// The rule.
        rule: String,
    },
}
