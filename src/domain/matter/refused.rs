//! Why a step of a matter is refused, by name.

/// Why a step is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The matter does not stand where this step begins.
    #[error("a matter that is {state} cannot take the step {step}")]
    NotNow {
        /// Where it stands.
        state: &'static str,
        /// The step.
        step: &'static str,
    },
    /// Nobody said why.
    #[error("say why")]
    NoReason,
    /// The role may not.
    #[error("this step is for the {0}")]
    NotYourPart(&'static str),
    /// It is commanded by another town, or by a level above.
    #[error("this matter is commanded elsewhere: {0}")]
    NotYourLevel(&'static str),
    /// It is another unit's.
    #[error("this matter is another unit's")]
    NotYourUnit,
    /// The one who put it right does not verify it.
    #[error("another person than the one who put it right must verify")]
    SamePerson,
    /// There is no such category.
    #[error("there is no category {0:?}")]
    UnknownCategory(String),
    /// This category cannot be said that way.
    #[error("this kind of matter does not come in that way")]
    WrongSource,
    /// A picture must show that it was put right.
    #[error("a picture must show that it was put right")]
    NoPicture,
    /// A value is out of its range.
    #[error("{0} is out of its range")]
    OutOfRange(&'static str),
    /// It was handed back often enough.
    #[error("it was handed back {0} times already; the centre decides now")]
    ReturnedTooOften(u32),
    /// Its limit was made longer often enough.
    #[error("its limit was made longer {0} times already")]
    DelayedTooOften(u32),
    /// Nobody asked for a longer limit, or somebody did already.
    #[error("no longer limit is asked for, or one is already")]
    Asked,
    /// The time for more is over: the limit has passed.
    #[error("the limit has passed; more time is asked for before")]
    TooLate,
    /// It is at the top.
    #[error("no level is above this one")]
    Highest,
    /// It cannot be one with itself.
    #[error("a matter cannot be merged into itself")]
    Itself,
    /// It was closed too long ago.
    #[error("it was closed too long ago; report it anew")]
    ClosedTooLong,
    /// The calendar does not reach that far.
    #[error("the calendar does not reach that far")]
    BeyondCalendar,
}

impl Refused {
    /// The refusal's stable name.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotNow { .. } => "not-now",
            Self::NoReason => "no-reason",
            Self::NotYourPart(_) => "not-your-part",
            Self::NotYourLevel(_) => "not-your-level",
            Self::NotYourUnit => "not-your-unit",
            Self::SamePerson => "same-person",
            Self::UnknownCategory(_) => "unknown-category",
            Self::WrongSource => "wrong-source",
            Self::NoPicture => "no-picture",
            Self::OutOfRange(_) => "out-of-range",
            Self::ReturnedTooOften(_) => "returned-too-often",
            Self::DelayedTooOften(_) => "delayed-too-often",
            Self::Asked => "delay-asked",
            Self::TooLate => "too-late",
            Self::Highest => "highest-level",
            Self::Itself => "itself",
            Self::ClosedTooLong => "closed-too-long",
            Self::BeyondCalendar => "beyond-calendar",
        }
    }

    /// Whether it is about who asks, and not about the matter.
    pub fn is_about_the_person(&self) -> bool {
        matches!(self, Self::NotYourPart(_) | Self::NotYourLevel(_) | Self::NotYourUnit | Self::SamePerson)
    }
}
