//! The driver of an Onbon font card: every panel is a dynamic area, whose own timeout is the dead man's.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use yunpark_signs::{
    Face, Mode, Size,
    onbon::{self, Area, Frames, Message},
};

use super::{Error, driver::Protocol, fence::Fence, quoted, wire::Wire};
use crate::{
    clock::Clock,
    domain::{
        ids::PanelId,
        sign::{Panel, Sign},
        sign_link::Endpoint,
        time::Instant,
    },
    signboard::{Desired, good_until},
};

/// One sign's side of the conversation.
pub struct Onbon {
    endpoint: Endpoint,
    run_mode: u8,
    areas: Vec<(PanelId, Area)>,
    clock: Clock,
    dead_man: chrono::Duration,
    timeout: Duration,
    fence: Fence,
    wire: Option<Wire>,
}

impl Onbon {
    /// A driver that has not spoken to its card yet.
    pub fn new(
        sign: &Sign,
        address: &str,
        run_mode: u8,
        clock: Clock,
        dead_man_s: u32,
        (timeout, fence): (Duration, Fence),
    ) -> Self {
        let mut x_px = 0;
        let mut areas = Vec::new();
        for (id, Panel { id: panel, width_px, height_px, .. }) in sign.panels.iter().enumerate() {
            let area = Area {
                id: id as u8,
                x_px,
                y_px: 0,
                width_px: *width_px,
                height_px: *height_px,
                run_mode,
                timeout_s: 0,
                text: Vec::new(),
            };
            areas.push((panel.clone(), area));
            x_px = x_px.saturating_add(*width_px);
        }
        Self {
            endpoint: Endpoint::Tcp(address.to_owned()),
            run_mode,
            areas,
            clock,
            dead_man: chrono::Duration::seconds(dead_man_s.into()),
            timeout,
            fence,
            wire: None,
        }
    }

    /// Seconds the areas may stand from the latest moment the card may take the request at.
    fn seconds(&self, end: Option<Instant>) -> Result<u16, Error> {
        let taken = self.clock.now() + chrono::Duration::from_std(self.timeout).unwrap_or_default();
        let left = end.map_or(self.dead_man, |end| (end - taken).min(self.dead_man)).num_seconds();
        u16::try_from(left.min(u16::MAX.into())).ok().filter(|seconds| *seconds > 0).ok_or(Error::TooOld)
    }

    /// Tells the card its areas, to stand until `end` at the latest.
    async fn tell(&mut self, areas: &[Area], end: Option<Instant>) -> Result<(), Error> {
        // A line that fell silent may still bring the answer to what was asked before; it is opened anew.
        let mut wire = match self.wire.take().filter(Wire::is_quiet) {
            Some(wire) => wire,
            None => Wire::open(&self.endpoint, self.timeout).await?,
        };
        // Only now, for opening the line takes time too.
        let timeout_s = match self.seconds(end) {
            Ok(seconds) => seconds,
            Err(error) => {
                self.wire = Some(wire);
                return Err(error);
            }
        };
        let areas: Vec<Area> = areas.iter().map(|area| Area { timeout_s, ..area.clone() }).collect();
        let request = onbon::update(&[], &areas);
        self.fence.check(self.timeout)?;
        let answer = tokio::time::timeout(self.timeout, exchange(&mut wire, &request)).await;
        let message = answer.map_err(|_| Error::Unreachable("no answer in time".to_owned()))??;
        self.wire = Some(wire);
        match message {
            Message::Ack => Ok(()),
            Message::Nack { error } => Err(Error::Denied { what: "the areas", code: error }),
            other => Err(Error::Answer { what: "the areas", answer: quoted(&format!("{other:?}")) }),
        }
    }
}

async fn exchange(wire: &mut Wire, request: &[u8]) -> Result<Message, Error> {
    let silent = |error: std::io::Error| Error::Unreachable(error.to_string());
    let senseless = |answer: String| Error::Answer { what: "the areas", answer };
    wire.write_all(request).await.map_err(silent)?;
    let (mut frames, mut part) = (Frames::default(), [0; 512]);
    loop {
        let count = wire.read(&mut part).await.map_err(silent)?;
        if count == 0 {
            return Err(Error::Unreachable("the card closed the connection".to_owned()));
        }
        frames.push(&part[..count]);
        if let Some(frame) = frames.next_frame() {
            let payload = onbon::open(&frame).map_err(|error| senseless(error.to_string()))?;
            return onbon::read(&payload).map_err(|error| senseless(error.to_string()));
        }
    }
}

/// The text of a face; a dark one is a space, which replaces what stood in the area.
fn text(face: &Face, size: Size) -> Result<Vec<u8>, Error> {
    yunpark_signs::pages(face, size)?;
    let lines: Vec<String> = match face.mode {
        Mode::Blank => vec![" ".to_owned()],
        _ => face.lines.iter().map(ToString::to_string).collect(),
    };
    let text = onbon::text(&lines).map_err(|error| Error::Text(error.to_string()))?;
    if text.len() > onbon::MAX_TEXT {
        return Err(Error::Text(format!("{} octets are more than an area takes", text.len())));
    }
    Ok(text)
}

impl Protocol for Onbon {
    async fn show(&mut self, faces: &Desired) -> Result<Option<String>, Error> {
        let mut areas = Vec::with_capacity(self.areas.len());
        for (panel, area) in &self.areas {
            let Some(wanted) = faces.get(panel) else { continue };
            let size = Size { width: area.width_px.into(), height: area.height_px.into() };
            let text = text(&wanted.face, size)?;
            areas.push(Area { run_mode: self.run_mode, text, ..area.clone() });
        }
        self.tell(&areas, good_until(faces)).await.map(|()| None)
    }

    async fn verify(&mut self, faces: &Desired) -> Result<Option<String>, Error> {
        // The card cannot be read; what is written again is acknowledged again, and its time starts anew. With too little left
        // its time runs on as it was set, to an end that was within the limit then.
        match self.show(faces).await {
            Err(Error::TooOld) => Ok(None),
            other => other,
        }
    }
}
