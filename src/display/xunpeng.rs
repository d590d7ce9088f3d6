//! The driver of a Xunpeng display: one number in one colour, answered by its echo, with no timer of its own.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use yunpark_signs::{
    LineState,
    digits::told,
    xunpeng::{Colour, Digits, FRAME, MAX_COUNT},
};

use super::{Error, driver::Protocol, fence::Fence, wire::Wire};
use crate::{domain::sign_link::Endpoint, signboard::Desired};

/// One display's side of the conversation.
pub struct Xunpeng {
    endpoint: Endpoint,
    /// Shown in red where nothing can be told.
    no_data: u16,
    timeout: Duration,
    fence: Fence,
    wire: Option<Wire>,
}

impl Xunpeng {
    /// A driver that has not spoken to its display yet.
    pub fn new(endpoint: Endpoint, no_data: u16, timeout: Duration, fence: Fence) -> Self {
        Self { endpoint, no_data, timeout, fence, wire: None }
    }

    fn digits(&self, faces: &Desired) -> Digits {
        let line = faces.values().next().and_then(|wanted| told(&wanted.face, 1).into_iter().next());
        let Some((number, state)) = line.and_then(|line| line.number.map(|number| (number, line.state))) else {
            return self.nothing();
        };
        let colour = match state {
            LineState::Free => Colour::Green,
            LineState::Few => Colour::Yellow,
            _ => Colour::Red,
        };
        // More than the digits hold is not wrapped around: as many as they hold are surely free.
        Digits { count: u16::try_from(number).unwrap_or(MAX_COUNT).min(MAX_COUNT), colour }
    }

    fn nothing(&self) -> Digits {
        Digits { count: self.no_data, colour: Colour::Red }
    }

    async fn tell(&mut self, digits: Digits) -> Result<Option<String>, Error> {
        let mut wire = match self.wire.take().filter(Wire::is_quiet) {
            Some(wire) => wire,
            None => Wire::open(&self.endpoint, self.timeout).await?,
        };
        self.fence.check(self.timeout)?;
        let answered = tokio::time::timeout(self.timeout, exchange(&mut wire, digits)).await;
        let shown = answered.map_err(|_| Error::Unreachable("no answer in time".to_owned()))??;
        self.wire = Some(wire);
        if shown == digits { Ok(None) } else { Err(Error::Differs { shown: format!("{shown:?}") }) }
    }
}

async fn exchange(wire: &mut Wire, digits: Digits) -> Result<Digits, Error> {
    let silent = |error: std::io::Error| Error::Unreachable(error.to_string());
    wire.write_all(&digits.encode()).await.map_err(silent)?;
    let mut frame = [0; FRAME];
    wire.read_exact(&mut frame).await.map_err(silent)?;
    Digits::decode(&frame).map_err(|error| Error::Answer { what: "the number", answer: error.to_string() })
}

impl Protocol for Xunpeng {
    async fn show(&mut self, faces: &Desired) -> Result<Option<String>, Error> {
        self.tell(self.digits(faces)).await
    }

    async fn verify(&mut self, faces: &Desired) -> Result<Option<String>, Error> {
        self.show(faces).await
    }

    async fn darken(&mut self) -> Result<(), Error> {
        self.tell(self.nothing()).await.map(drop)
    }
}
