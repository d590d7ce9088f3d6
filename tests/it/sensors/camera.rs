//! A counting camera that does not speak MQTT: its alert stream is read over HTTP, behind a password, and taken up again.

use std::{
    net::TcpListener,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use digest_auth::{AuthContext, AuthorizationHeader, HttpMethod};
use serde_json::json;
use tokio::sync::mpsc;

use super::{city, now, wait_occupied};
use crate::{
    node::{Node, Places},
    services::{self, wait_for},
};

const PATH: &str = "/ISAPI/Event/notification/alertStream";

/// A camera's HTTP server.
#[derive(Default)]
struct Camera {
    /// Where the open stream's bytes go; dropping it ends the stream.
    stream: Mutex<Option<mpsc::Sender<Bytes>>>,
    opened: AtomicUsize,
}

/// Whether a request proves that it knows the password, for the challenge below.
fn is_proven(headers: &HeaderMap) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|given| given.to_str().ok());
    let Some(mut given) = given.and_then(|given| AuthorizationHeader::parse(given).ok()) else { return false };
    let response = given.response.clone();
    given.digest(&AuthContext::new_with_method("yunpark", "Passw0rd!", PATH, None::<&[u8]>, HttpMethod::GET));
    given.nonce == "a1b2c3" && given.uri == PATH && given.response == response
}

async fn alert_stream(State(camera): State<Arc<Camera>>, headers: HeaderMap) -> Response {
    if !is_proven(&headers) {
        let challenge = r#"Digest realm="camera", nonce="a1b2c3", qop="auth", algorithm=MD5"#;
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response();
    }
    let (sender, receiver) = mpsc::channel::<Bytes>(16);
    *camera.stream.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
    camera.opened.fetch_add(1, Ordering::SeqCst);
    let bytes = futures_util::stream::unfold(receiver, async |mut receiver| {
        Some((Ok::<_, std::convert::Infallible>(receiver.recv().await?), receiver))
    });
    ([(header::CONTENT_TYPE, "multipart/mixed; boundary=boundary")], Body::from_stream(bytes)).into_response()
}

/// One event as the camera puts it into its stream.
fn part(counting: &str) -> Bytes {
    let body = format!(
        "<EventNotificationAlert version=\"2.0\"><macAddress>00:00:5e:00:53:01</macAddress><dateTime>{}</dateTime>\
         <eventType>vehicleCounting</eventType>{counting}</EventNotificationAlert>",
        now()
    );
    let head = format!("--boundary\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n\r\n", body.len());
    format!("{head}{body}\r\n").into()
}

fn totals(entered: u32, left: u32) -> Bytes {
    part(&format!(
        "<vehicleCounting><statisticalMethods>realTime</statisticalMethods><enter>{entered}</enter><exit>{left}</exit></vehicleCounting>"
    ))
}

impl Camera {
    /// Says something on the open stream, in two halves.
    fn say(&self, bytes: &Bytes) {
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = stream.as_ref().expect("the stream is open");
        for half in [bytes.slice(..bytes.len() / 2), bytes.slice(bytes.len() / 2..)] {
            stream.blocking_send(half).unwrap();
        }
    }

    fn wait_opened(&self, times: usize) {
        wait_for("the camera to be read", || (self.opened.load(Ordering::SeqCst) >= times).then_some(()));
    }
}

#[test]
fn a_cameras_alert_stream_is_read_behind_its_password_and_taken_up_again_when_it_ends() {
    let camera = Arc::new(Camera::default());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let router = Router::new().route(PATH, get(alert_stream)).with_state(camera.clone());
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        axum::serve(listener, router).await.unwrap();
    });
    let sensors = json!([{"id": "00:00:5e:00:53:01", "codec": "hikvision/isapi-counting", "lot": "GATE"}]);
    let broker = services::mosquitto();
    let more = format!(
        "[ingest.alert_streams]\nGATE-1 = {{ url = \"{url}\", user = \"yunpark\", password = \"Passw0rd!\" }}\n"
    );
    let mqtt = format!("mqtt://127.0.0.1:{}", broker.port);
    let node = Node::start(&Places { mqtt, more, ..Places::default() }, &city(2, sensors, json!([])));
    node.publish("yunpark/v1/lot/GATE/count", &json!({"occupied": 10, "at": now()}).to_string());
    wait_occupied(&node, "GATE", 10);
    camera.wait_opened(1);
    camera.say(&totals(100, 40));
    camera.say(&part(""));
    camera.say(&totals(107, 42));
    wait_occupied(&node, "GATE", 15);
    // The stream ends; what passed meanwhile is in the next running total.
    *camera.stream.lock().unwrap() = None;
    camera.wait_opened(2);
    camera.say(&totals(110, 42));
    wait_occupied(&node, "GATE", 18);
    // What it says that cannot be read delays nobody, and is kept.
    camera.say(&Bytes::from_static(b"--boundary\r\nContent-Length: 9\r\n\r\n<not-xml/"));
    camera.say(&totals(111, 42));
    wait_occupied(&node, "GATE", 19);
    assert!(node.metric("yunpark_ingest_refused_total") >= 1.0);
    assert!(!node.log().contains("Passw0rd"), "a password is not logged");
}
