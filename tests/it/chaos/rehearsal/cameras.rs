//! Cameras that post captures with a key each, and say the same again until they are answered.

use std::{
    collections::BTreeMap,
    io::Cursor,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::{
    Client, StatusCode,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use tokio::{runtime::Handle, time::sleep};
use tokio_util::sync::CancellationToken;

use super::sensors::wall;
use crate::node::CAMERA_TOKEN;

/// The camera that sends steadily, and the one that floods.
pub const CAMERA: &str = "CAM-1";
pub const FLOODING: (&str, &str) = ("CAM-2", "camera-token-2");
const EVERY: Duration = Duration::from_millis(700);
const PATIENCE: Duration = Duration::from_secs(10);

/// What was sent.
#[derive(Default)]
struct Book {
    /// The capture's id by the key it was answered under.
    answered: BTreeMap<String, String>,
    /// Sent, and not answered yet or ever.
    open: BTreeMap<String, &'static str>,
    /// Answers that cannot be.
    odd: Vec<String>,
    is_hushed: bool,
}

/// The cameras.
#[derive(Clone)]
pub struct Cameras {
    book: Arc<Mutex<Book>>,
    client: Client,
    url: String,
    next: Arc<AtomicUsize>,
}

impl Cameras {
    /// Cameras that post to the door at `port` until `stop`.
    pub fn start(on: &Handle, port: u16, stop: CancellationToken) -> Self {
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let cameras = Self {
            book: Arc::default(),
            client,
            url: format!("http://127.0.0.1:{port}/api/v1/captures"),
            next: Arc::default(),
        };
        let (steady, stop) = (cameras.clone(), stop);
        on.spawn(async move {
            tokio::select! { () = stop.cancelled() => {}, () = steady.send_steadily() => {} }
        });
        cameras
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send_steadily(self) {
        loop {
            let Some(number) = self.open_steady() else {
                sleep(Duration::from_millis(20)).await;
                continue;
            };
            let capture = Capture::new(number, CAMERA);
            while !self.send(&capture, CAMERA_TOKEN).await {
                sleep(Duration::from_millis(400)).await;
            }
            sleep(EVERY).await;
        }
    }

    /// The number of the steady camera's next capture, which is open from now on; none while it is hushed.
    fn open_steady(&self) -> Option<usize> {
        let mut book = self.book();
        if book.is_hushed {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        book.open.insert(key_of(CAMERA, number), CAMERA);
        Some(number)
    }

    /// Floods the door from many hands until `stop`; nobody says anything twice.
    pub fn flood(&self, on: &Handle, hands: usize, stop: &CancellationToken) {
        for _ in 0..hands {
            let (cameras, stop) = (self.clone(), stop.clone());
            on.spawn(async move {
                while !stop.is_cancelled() {
                    let number = cameras.next.fetch_add(1, Ordering::SeqCst);
                    cameras.book().open.insert(key_of(FLOODING.0, number), FLOODING.0);
                    let capture = Capture::new(number, FLOODING.0);
                    cameras.send(&capture, FLOODING.1).await;
                }
            });
        }
    }

    /// Sends once; whether it was answered that it is kept.
    async fn send(&self, capture: &Capture, token: &str) -> bool {
        let meta = Part::text(capture.meta.clone()).mime_str("application/json").unwrap();
        let image = Part::bytes(capture.image.clone()).file_name("a.jpg").mime_str("image/jpeg").unwrap();
        let request = self.client.post(&self.url).bearer_auth(token).header("Idempotency-Key", &capture.key);
        let Ok(answer) = request.multipart(Form::new().part("meta", meta).part("image", image)).send().await else {
            return false;
        };
        let status = answer.status();
        let Ok(body) = answer.json::<Value>().await else { return false };
        let mut book = self.book();
        match (status, body["id"].as_str()) {
            (StatusCode::CREATED | StatusCode::OK, Some(id)) => {
                book.open.remove(&capture.key);
                let before = book.answered.insert(capture.key.clone(), id.to_owned());
                if before.is_some_and(|before| before != id) {
                    book.odd.push(format!("{} was answered with two captures", capture.key));
                }
                true
            }
            (status, _) => {
                let is_ours = status == StatusCode::INTERNAL_SERVER_ERROR;
                let is_refused = status.is_client_error()
                    && ![StatusCode::TOO_MANY_REQUESTS, StatusCode::CONFLICT, StatusCode::REQUEST_TIMEOUT]
                        .contains(&status);
                if is_ours || is_refused {
                    book.odd.push(format!("{} was answered {status}: {body}", capture.key));
                }
                if status == StatusCode::TOO_MANY_REQUESTS {
                    book.open.remove(&capture.key);
                }
                false
            }
        }
    }

    /// Falls silent, and waits until the steady camera has its answers; whether it has in time.
    pub async fn hush(&self, longest: Duration) -> bool {
        self.book().is_hushed = true;
        super::within(longest, || !self.book().open.values().any(|camera| *camera == CAMERA)).await
    }

    /// Sends again.
    pub fn go_on(&self) {
        self.book().is_hushed = false;
    }

    /// The captures answered, by camera and key, and how many more may have been kept without an answer.
    pub fn answered(&self) -> (BTreeMap<String, String>, u64) {
        let book = self.book();
        (book.answered.clone(), book.open.len() as u64)
    }

    /// Answers that cannot be, since the last time.
    pub fn take_odd(&self) -> Vec<String> {
        std::mem::take(&mut self.book().odd)
    }
}

/// One capture.
struct Capture {
    key: String,
    meta: String,
    image: Vec<u8>,
}

impl Capture {
    fn new(number: usize, camera: &str) -> Self {
        let plate = format!("浙K{:05}", number % 100_000);
        let meta = json!({"at": wall().to_rfc3339(), "plate": plate, "camera": camera, "zone": "Z1", "vehicle_class": "motor"});
        let colour = image::Rgb([number as u8, (number >> 8) as u8, 77]);
        let mut image = Cursor::new(Vec::new());
        image::RgbImage::from_pixel(1280, 720, colour).write_to(&mut image, image::ImageFormat::Jpeg).unwrap();
        Self { key: key_of(camera, number), meta: meta.to_string(), image: image.into_inner() }
    }
}

fn key_of(camera: &str, number: usize) -> String {
    format!("{camera}-{number}")
}

/// The camera that sent under a key.
pub fn camera_of(key: &str) -> &str {
    key.rsplit_once('-').map_or(key, |(camera, _)| camera)
}
