//! What is followed on its way: its id in what is logged at each step, and its spans at a collector that speaks OTLP.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    node::{Node, Places},
    services::{self, Server, wait_for},
    town::town,
};

/// A message's steps, as they are logged.
const STEPS: [&str; 4] =
    ["a message was read", "an observation was applied", "a panel is to show another face", "a sign was told"];

#[expect(clippy::disallowed_methods, reason = "the test plays the device, whose clock is the wall's")]
fn free(seq: u64) -> String {
    json!({"state": "free", "at": chrono::Utc::now().to_rfc3339(), "seq": seq}).to_string()
}

/// The controller of `SIGN-MQTT`: it acknowledges each face after a while.
pub struct Controller(Child);

impl Controller {
    pub fn start(broker: &Server, after_ms: u64) -> Self {
        let port = broker.port.to_string();
        let mut child = Command::new("mosquitto_sub")
            .args(["-h", "127.0.0.1", "-p", &port, "-q", "1", "-t", "yunpark/v1/sign/SIGN-MQTT/panel/+/set"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let Ok(face) = serde_json::from_str::<Value>(&line) else { continue };
                std::thread::sleep(std::time::Duration::from_millis(after_ms));
                let ack = json!({"panel": "P1", "version": face["version"], "ok": true}).to_string();
                let told = Command::new("mosquitto_pub")
                    .args([
                        "-h",
                        "127.0.0.1",
                        "-p",
                        &port,
                        "-q",
                        "1",
                        "-t",
                        "yunpark/v1/sign/SIGN-MQTT/ack",
                        "-m",
                        &ack,
                    ])
                    .status();
                if told.is_err() {
                    return;
                }
            }
        });
        Self(child)
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn places(broker: &Server, telemetry: &str) -> Places {
    Places {
        mqtt: format!("mqtt://127.0.0.1:{}", broker.port),
        more: format!(
            "[log]\nfilter = \"info,yunpark::trail=debug\"\nformat = \"json\"\n\
             [telemetry]\nsample = 1.0\nmax_per_s = 1000\n{telemetry}\n"
        ),
        ..Places::default()
    }
}

/// The lines of the log that say something, with the id that stands in each.
fn logged(node: &Node, what: &str) -> Vec<(String, Value)> {
    let log = node.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["message"] == what)
        .filter_map(|line| {
            let id = line["request.id"].as_str().or_else(|| line["span"]["request.id"].as_str())?;
            Some((id.to_owned(), line.clone()))
        })
        .collect()
}

/// The answer's headers, in small letters.
fn headers(node: &Node, path: &str, asked: &[&str]) -> String {
    let mut command = Command::new("curl");
    command.args(["-sS", "-o", "/dev/null", "-D", "-"]);
    for header in asked {
        command.args(["-H", header]);
    }
    let told = command.arg(node.url(path)).output().unwrap();
    String::from_utf8_lossy(&told.stdout).to_lowercase()
}

/// A node that takes messages and one that drives the signs, beside each other.
fn pair(broker: &Server, redis: &Server, telemetry: &str) -> (Node, Node) {
    let sql = services::postgres();
    let with = |role: &str| {
        let places = places(broker, telemetry);
        let more = format!("{}\n[node]\nroles = [\"{role}\", \"web\"]\n", places.more);
        Places { redis: format!("redis://127.0.0.1:{}", redis.port), sql: sql.clone(), more, ..places }
    };
    let ingest = Node::start(&with("ingest"), &town(1, 4, "127.0.0.1:9"));
    (ingest, Node::beside(&with("guidance")))
}

/// A message that moved the lot and, by it, the sign: its id, once it was followed to the end.
fn follow(node: &Node) -> String {
    follow_to(node, node)
}

/// The same, where the signs are another node's.
fn follow_to(node: &Node, driver: &Node) -> String {
    for node in [node, driver] {
        wait_for("the board to be ready", || (node.get("/api/v1/lots/L1")?.0 == 200).then_some(()));
    }
    node.publish("yunpark/v1/space/L1/S001/state", &free(1));
    wait_for("a message to be followed to the sign", || {
        let told = logged(driver, STEPS[3]);
        let told = told
            .iter()
            .find(|(_, line)| line["sign.id"] == "SIGN-MQTT" && line["is_shown"] == true && !line["span"].is_null())?;
        Some(told.0.clone())
    })
}

#[test]
fn an_id_stands_in_every_line_on_the_way_from_a_message_to_a_sign_and_in_every_answer() {
    let broker = services::mosquitto();
    let _controller = Controller::start(&broker, 0);
    let node = Node::start(&places(&broker, ""), &town(1, 4, "127.0.0.1:9"));
    let id = follow(&node);
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    for step in STEPS {
        assert!(logged(&node, step).iter().any(|(known, _)| *known == id), "{step} with {id}: {}", node.log());
    }
    // The door takes an id, or a trace's, or makes one; a stranger's words are none.
    let given = "7f1c0c1e-0000-4000-8000-0123456789ab";
    assert!(
        headers(&node, "/healthz", &[&format!("X-Request-Id: {given}")]).contains(&format!("x-request-id: {given}"))
    );
    let (trace, parent) =
        ("4bf92f3577b34da6a3ce929d0e0e4736", "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    assert!(headers(&node, "/api/v1/lots", &[parent]).contains(&format!("x-request-id: {trace}")));
    let told = headers(&node, "/nowhere", &["X-Request-Id: K12345 K12345 K12345"]);
    assert!(told.contains("x-request-id: ") && !told.contains("k12345"), "{told}");
    wait_for("the request to be logged under its id", || {
        logged(&node, "a request was answered").iter().any(|(known, _)| known == given).then_some(())
    });
}

#[test]
fn a_message_is_followed_to_a_sign_that_another_node_drives() {
    let (broker, redis) = (services::mosquitto(), services::redis());
    let _controller = Controller::start(&broker, 0);
    let (ingest, guide) = pair(&broker, &redis, "");
    let id = follow_to(&ingest, &guide);
    let has = |node: &Node, step: &str| logged(node, step).iter().any(|(known, _)| *known == id);
    for (step, is_guides) in STEPS.into_iter().zip([false, false, true, true]) {
        assert_eq!((has(&ingest, step), has(&guide, step)), (!is_guides, is_guides), "{step}");
    }
}

#[cfg(not(feature = "otlp"))]
#[test]
fn a_build_that_sends_no_spans_says_so() {
    let broker = services::mosquitto();
    let node = Node::prepare(&places(&broker, "otlp = \"http://127.0.0.1:4318\""), &town(1, 4, "127.0.0.1:9"));
    let told = node.command(&["serve", "--config", node.path()], "");
    let why = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(
        told.status.code() == Some(1) && why.contains("telemetry.otlp") && why.contains("--features otlp"),
        "{why}"
    );
}

#[cfg(feature = "otlp")]
mod collected {
    use std::sync::{Arc, Mutex};

    use opentelemetry_proto::tonic::{
        collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value as Told, trace::v1::Span,
    };
    use prost::Message as _;

    use super::*;
    use crate::node::CAMERA_TOKEN;

    /// A collector: an HTTP server that keeps the spans it is sent.
    struct Collector {
        port: u16,
        spans: Arc<Mutex<Vec<Span>>>,
    }

    impl Collector {
        fn start() -> Self {
            let spans: Arc<Mutex<Vec<Span>>> = Arc::default();
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            let port = listener.local_addr().unwrap().port();
            let kept = spans.clone();
            let take = move |headers: axum::http::HeaderMap, body: bytes::Bytes| {
                assert_eq!(headers["content-type"], "application/x-protobuf");
                let request = ExportTraceServiceRequest::decode(body).unwrap();
                let resources = request.resource_spans.into_iter();
                let new = resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans);
                kept.lock().unwrap().extend(new);
                std::future::ready("")
            };
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                    let router = axum::Router::new().route("/v1/traces", axum::routing::post(take));
                    axum::serve(listener, router).await.unwrap();
                });
            });
            Self { port, spans }
        }

        fn address(&self) -> String {
            format!("otlp = \"http://127.0.0.1:{}\"", self.port)
        }

        fn spans(&self) -> Vec<Span> {
            self.spans.lock().unwrap().clone()
        }
    }

    fn attribute(span: &Span, key: &str) -> Option<String> {
        let found = span.attributes.iter().find(|attribute| attribute.key == key)?;
        match found.value.as_ref()?.value.as_ref()? {
            Told::StringValue(text) => Some(text.clone()),
            Told::IntValue(number) => Some(number.to_string()),
            _ => None,
        }
    }

    #[test]
    fn a_collector_sees_one_trace_from_a_message_to_a_signs_write_and_nothing_secret() {
        let (broker, collector) = (services::mosquitto(), Collector::start());
        let _controller = Controller::start(&broker, 0);
        let mut node = Node::start(&places(&broker, &collector.address()), &town(1, 4, "127.0.0.1:9"));
        let id = follow(&node);
        let parent = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        headers(&node, "/api/v1/lots", &[parent]);
        // What is asked with a plate, a name, a password and tokens in it.
        let officer = node.sign_in("wang");
        let staff = [("Authorization", officer.as_str())];
        let history = "/api/v1/plates/%E6%B5%99K12345/history?purpose=street%20check";
        assert!([200, 404].contains(&node.ask("GET", history, &staff, None).unwrap().0));
        let camera = format!("Bearer {CAMERA_TOKEN}");
        node.ask("POST", "/api/v1/captures", &[("Authorization", &camera)], Some(&json!({"plate": "浙K12345"})));

        let of_message = wait_for("the message's whole trace", || {
            let spans = collector.spans();
            let root = spans.iter().find(|span| {
                span.name == "mqtt.message" && attribute(span, "request.id").as_deref() == Some(id.as_str())
            })?;
            let spans: Vec<Span> = spans.iter().filter(|span| span.trace_id == root.trace_id).cloned().collect();
            spans.iter().any(|span| span.name == "sign.write").then_some(spans)
        });
        let root = of_message.iter().find(|span| span.name == "mqtt.message").unwrap();
        assert!(root.parent_span_id.is_empty());
        for (name, key, value) in [
            ("availability.apply", "lot.id", "L1"),
            ("guidance.compose", "sign.id", "SIGN-MQTT"),
            ("sign.write", "sign.id", "SIGN-MQTT"),
        ] {
            let step = of_message
                .iter()
                .find(|span| span.name == name && attribute(span, key).as_deref() == Some(value))
                .unwrap_or_else(|| panic!("{name} in {of_message:#?}"));
            assert_eq!(step.parent_span_id, root.span_id, "{name}");
            assert!(step.start_time_unix_nano >= root.start_time_unix_nano);
            assert!(step.end_time_unix_nano >= step.start_time_unix_nano);
        }
        let asked = wait_for("the request under the trace it came with", || {
            let spans = collector.spans();
            spans.into_iter().find(|span| hex::encode(&span.trace_id) == "4bf92f3577b34da6a3ce929d0e0e4736")
        });
        assert_eq!(hex::encode(&asked.parent_span_id), "00f067aa0ba902b7");
        assert_eq!(attribute(&asked, "http.route").as_deref(), Some("/api/v1/lots"));
        assert_eq!(attribute(&asked, "http.response.status_code").as_deref(), Some("200"));
        wait_for("the look-up's span", || {
            let spans = collector.spans();
            let routes = spans.iter().filter_map(|span| attribute(span, "http.route"));
            routes.into_iter().any(|route| route.contains("/plates/{plate}/history")).then_some(())
        });
        // A stop sends what is left.
        assert_eq!(node.stop(), Some(0));
        let all = format!("{:?}", collector.spans());
        let token = officer.trim_start_matches("Bearer ");
        for secret in ["K12345", "wang", "correct horse", CAMERA_TOKEN, token, "street check", "street%20check"] {
            assert!(!all.contains(secret), "{secret} stands in a span");
        }
    }

    #[test]
    fn two_nodes_have_one_trace() {
        let (broker, redis, collector) = (services::mosquitto(), services::redis(), Collector::start());
        let _controller = Controller::start(&broker, 0);
        let (ingest, guide) = pair(&broker, &redis, &collector.address());
        let id = follow_to(&ingest, &guide);
        let root = wait_for("the message's span", || {
            let is_it =
                |span: &Span| span.name == "mqtt.message" && attribute(span, "request.id").as_ref() == Some(&id);
            collector.spans().into_iter().find(is_it)
        });
        wait_for("the write's span, of the other node", || {
            let is_it = |span: &Span| span.name == "sign.write" && span.trace_id == root.trace_id;
            collector.spans().into_iter().find(is_it).filter(|span| span.parent_span_id == root.span_id)
        });
    }

    #[test]
    fn a_collector_that_is_away_costs_a_line_and_a_count_and_nothing_else() {
        let broker = services::mosquitto();
        let _controller = Controller::start(&broker, 0);
        let nobody = services::free_port();
        let mut node = Node::start(
            &places(&broker, &format!("otlp = \"http://127.0.0.1:{nobody}\"\nqueue = 4")),
            &town(1, 4, "127.0.0.1:9"),
        );
        follow(&node);
        wait_for("the fault to be counted", || (node.metric("yunpark_traces_failed_total") >= 2.0).then_some(()));
        for seq in 2..50 {
            node.publish("yunpark/v1/space/L1/S002/state", &free(seq));
        }
        wait_for("the count", || (node.get("/api/v1/lots/L1")?.1["free"].as_u64() == Some(2)).then_some(()));
        assert_eq!(node.log().matches("the collector takes no spans").count(), 1);
        assert_eq!(node.stop(), Some(0));
    }
}
