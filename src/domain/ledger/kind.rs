//! What an entry of the ledger can say was done.

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// What was done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }
        impl Kind {
            /// Every kind there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
            /// The word in the ledger; it never changes.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
            /// Reads a word.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
            }
        }
    };
}

kinds! {
    /// A capture was taken in.
    CaptureReceived = "capture.received",
    /// An incident became ripe for review.
    IncidentRipened = "incident.ripened",
    /// A person reviewed an incident.
    IncidentReviewed = "incident.reviewed",
    /// The manifest of an incident was made.
    ManifestMade = "incident.manifest",
    /// An incident was closed without a record.
    IncidentClosed = "incident.closed",
    /// A warning was recorded.
    WarningIssued = "warning.issued",
    /// A non-motor correction was recorded.
    CorrectionRecorded = "correction.recorded",
    /// A penalty case was opened.
    PenaltyOpened = "penalty.opened",
    /// A tow, detention or seizure was proposed.
    SeizureProposed = "seizure.proposed",
    /// A supervisor approved it.
    SeizureApproved = "seizure.approved",
    /// A record moved on in some other way.
    RecordStepped = "record.stepped",
    /// An appeal was handed in, or went on.
    AppealStepped = "appeal.stepped",
    /// A matter of city management was said.
    MatterCollected = "matter.collected",
    /// A known matter was said once more.
    MatterReported = "matter.reported",
    /// A step of a matter was taken.
    MatterStepped = "matter.stepped",
    /// A cell was walked.
    CellPatrolled = "cell.patrolled",
    /// A party sent a statement or asked for a review online.
    PetitionFiled = "petition.filed",
    /// It was answered.
    PetitionAnswered = "petition.answered",
    /// A plate was given a permit.
    PermitGranted = "permit.granted",
    /// A permit was ended before its time.
    PermitEnded = "permit.ended",
    /// A plate's history was looked up, for a purpose.
    PlateLookedUp = "plate.looked_up",
    /// Plates were searched, for a purpose.
    PlatesSearched = "plates.searched",
    /// Somebody looked things up in an odd way.
    LookUpAlarm = "lookup.alarm",
    /// A piece of evidence was shown.
    EvidenceShown = "evidence.shown",
    /// Pictures were erased by a retention rule.
    EvidenceErased = "evidence.erased",
    /// A document was printed.
    NoticePrinted = "notice.printed",
    /// Records were exported.
    RecordsExported = "records.exported",
    /// Records were given to another authority, in a signed file.
    RecordsShared = "records.shared",
    /// A person of the staff was added.
    StaffAdded = "staff.added",
    /// A person of the staff was given a new role and password.
    StaffReset = "staff.reset",
    /// An administrator gave a person another role, unit or password, or disabled or enabled them.
    StaffChanged = "staff.changed",
    /// An administrator set something that holds at run time.
    SettingChanged = "setting.changed",
    /// A person signed in.
    SignedIn = "staff.signed_in",
    /// A sign-in was refused.
    SignInRefused = "staff.sign_in_refused",
    /// A person signed out.
    SignedOut = "staff.signed_out",
    /// Signs were ordered to show something.
    SignOrdered = "sign.ordered",
    /// An order to signs was withdrawn.
    SignOrderWithdrawn = "sign.order_withdrawn",
    /// An operator acted on a lot.
    LotActed = "lot.acted",
    /// A city file was imported.
    CityImported = "city.imported",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_from_its_own_word() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(*kind));
        }
        assert_eq!(Kind::parse("record.forged"), None);
    }
}
