//! What a stranger with bad intent tries at the HTTP door: to be slow, to be many, to be huge, to climb out of folders, to speak in
//! other tongues. Each ends in a clear refusal, and others are served meanwhile.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    matters_page::say,
    node::{Node, Places},
    officer_page::county,
    services::wait_for,
};

/// A node whose door has other limits.
fn door(limits: &str) -> Node {
    let mut node = Node::prepare(&Places::default(), &county());
    change(&node, limits);
    node.run();
    node
}

fn change(node: &Node, limits: &str) {
    let text = fs::read_to_string(node.path()).unwrap();
    fs::write(node.path(), text.replacen("[http]\n", &format!("[http]\n{limits}\n"), 1)).unwrap();
}

fn knock(node: &Node) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", node.http)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Sends bytes as they are; what comes back until the other side ends it.
fn send(node: &Node, bytes: &[u8]) -> String {
    let mut stream = knock(node);
    // A door that has heard enough may close before the end.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

#[test]
fn who_never_finishes_a_request_is_let_go_and_who_comes_in_crowds_keeps_nobody_out() {
    let node = door("header_timeout_s = 1\nmax_connections = 8");
    let mut slow = knock(&node);
    slow.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").unwrap();
    let mut letters = slow.try_clone().unwrap();
    let dripping = std::thread::spawn(move || {
        while letters.write_all(b"X-A: b\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let mut end = Vec::new();
    // The time is for the whole head: a letter now and then does not buy more. A reset is an end as well.
    let _ = slow.read_to_end(&mut end);
    drop(slow);
    dripping.join().unwrap();

    let crowd: Vec<TcpStream> = (0..40).map(|_| knock(&node)).collect();
    assert_eq!(node.get("/readyz").unwrap().0, 200, "behind forty that say nothing");
    drop(crowd);
    // One that was served once and then says nothing is let go too.
    let mut idle = knock(&node);
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut heard = Vec::new();
    let _ = idle.read_to_end(&mut heard);
    assert_eq!(status(&String::from_utf8_lossy(&heard)), 200);
}

#[test]
fn what_is_huge_deep_or_climbs_out_of_its_folder_is_refused() {
    let node = door("");
    let many = "X-Many: y\r\n".repeat(500);
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "y".repeat(200_000));
    for head in [format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n"), long] {
        assert_eq!(status(&send(&node, head.as_bytes())), 431);
    }
    for path in [
        "/../../../../etc/passwd",
        "/assets/../../../../etc/passwd",
        "/assets/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%2f..%2f..%2fetc%2fpasswd",
        "/api/v1/evidence/..%2f..%2f..%2fetc%2fpasswd",
        "/lots/..%2f..%2fetc%2fpasswd",
        "/lots/%00",
        "//etc/passwd",
        "/assets/%ff%fe",
    ] {
        let answer = send(&node, get(path).as_bytes());
        assert!((400..500).contains(&status(&answer)), "{path}: {answer}");
        assert!(!answer.contains("root:"), "{path}");
    }
    let deep = "[".repeat(200_000);
    for (path, body) in [("/api/v1/session", &deep), ("/api/v1/citizen/destinations", &deep)] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let answer = send(&node, format!("{head}{body}").as_bytes());
        assert!((400..500).contains(&status(&answer)), "{path}: {answer}");
    }
    // A length that lies, two lengths, a chunk that never ends: nobody else's request is read from it.
    for head in [
        "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nZZ\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}",
    ] {
        let answer = send(&node, head.as_bytes());
        assert!(answer.is_empty() || (400..500).contains(&status(&answer)), "{head:?}: {answer}");
    }
    let large = send(
        &node,
        b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n",
    );
    assert_eq!(status(&large), 413, "{large}");
    assert_eq!(node.get("/readyz").unwrap().0, 200);
    assert!(!node.log().contains("panicked"), "{}", node.log());
}

#[test]
fn what_is_said_comes_back_as_words_never_as_headers_markup_or_a_question_to_the_database() {
    let node = door("");
    for path in ["/?lang=zh%0d%0aX-Evil:%201", "/lite?lang=%0d%0aX-Evil:%201", "/check?number=%0d%0aX-Evil:%201"] {
        let answer = send(&node, get(path).as_bytes());
        let (head, _) = answer.split_once("\r\n\r\n").unwrap();
        assert!(!head.to_lowercase().contains("x-evil"), "{path}: {head}");
    }
    let evil = "\"><script>window.stolen=1</script><img src=x onerror=window.stolen=1>'; DROP TABLE records; --";
    let (officer, supervisor) = (node.sign_in("wang"), node.sign_in("li"));
    let record = json!({"kind": "warning", "vehicle_class": "motor", "plate": "浙K77777", "reason": evil, "note": evil,
        "location": [119.5705, 28.1082]});
    let headers = [("Authorization", officer.as_str()), ("Idempotency-Key", "one")];
    let (status, made) = node.ask("POST", "/api/v1/records", &headers, Some(&record)).unwrap();
    assert_eq!(status, 201, "{made}");
    let other = json!({"kind": "warning", "vehicle_class": "motor", "plate": "浙K88888", "reason": "x", "location": [119.5705, 28.1082]});
    assert_eq!(node.ask("POST", "/api/v1/records", &headers, Some(&other)).unwrap().0, 409, "a key is one record's");
    // What follows a semicolon would be curl's.
    let words = evil.replace(';', "");
    let matter = json!({"category": "E0503", "location": [119.5705, 28.108], "place": words, "what": words});
    assert_eq!(say(&node, "192.0.2.1", "a", &matter).0, 201);

    let id = made["id"].as_str().unwrap();
    let notice = Command::new("curl")
        .args(["-sS", "-H", &format!("Authorization: {officer}"), &node.url(&format!("/api/v1/records/{id}/notice"))])
        .output()
        .unwrap();
    let notice = String::from_utf8_lossy(&notice.stdout);
    assert!(notice.contains("&lt;script&gt;") && !notice.contains("<script>window"), "{notice}");

    // Characters that mean something to SQL or to its patterns find nothing they should not.
    for plate in ["%25", "_______", "%27%20OR%201%3D1%20--", "%E6%B5%99K77777%27--"] {
        let path = format!("/api/v1/plates/{plate}/history?purpose=review");
        let (status, answer) = node.ask("GET", &path, &[("Authorization", &officer)], None).unwrap();
        assert!((400..500).contains(&status), "{plate}: {status} {answer}");
    }
    let (_, records) = node.ask("GET", "/api/v1/records?limit=10", &[("Authorization", &supervisor)], None).unwrap();
    assert_eq!(records["records"].as_array().map(Vec::len), Some(1), "nothing was dropped: {records}");
    browser(&node);
}

/// The desks show what was said, and none of it runs.
fn browser(node: &Node) {
    let told = crate::officer_page::run(
        "attacks.mjs",
        &[
            "--base",
            &node.url(""),
            "--officer",
            "wang:correct horse",
            "--supervisor",
            "li:battery staple",
            "--timeout",
            "60",
        ],
    );
    assert!(told.iter().filter(|line| line["event"] == "held").count() >= 4, "{told:?}");
}

#[test]
fn a_door_with_a_certificate_speaks_https_alone_and_says_so() {
    let mut node = Node::prepare(&Places::default(), &county());
    let (cert, key) = (node.dir.path().join("cert.pem"), node.dir.path().join("key.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-out", cert.to_str().unwrap(), "-keyout", key.to_str().unwrap()])
        .output()
        .expect("openssl must be installed; `./run test` does it");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    change(&node, &format!("tls_cert = \"{}\"\ntls_key = \"{}\"", cert.display(), key.display()));
    node.begin();
    let secure = format!("https://127.0.0.1:{}", node.http);
    let ask = |path: &str, more: &[&str]| {
        let output = Command::new("curl")
            .args(["-sS", "-i", "--max-time", "20", "--cacert", cert.to_str().unwrap()])
            .args(more)
            .arg(format!("{secure}{path}"))
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).to_lowercase()
    };
    wait_for("the node to be ready over HTTPS", || (status(&ask("/readyz", &[])) == 200).then_some(()));
    assert!(ask("/", &[]).contains("strict-transport-security: max-age="));
    let body = json!({"name": "wang", "password": "correct horse"}).to_string();
    let signed_in = ask("/api/v1/session", &["-H", "Content-Type: application/json", "-d", &body]);
    assert!(signed_in.contains("; secure") && signed_in.contains("httponly"), "{signed_in}");
    assert!(node.get("/readyz").is_none(), "nothing is said without TLS");
    // A key that is not the certificate's: told at the start, in one line.
    node.stop();
    fs::write(&key, "nothing").unwrap();
    let refused = node.command(&["serve", "--config", node.path()], "");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("tls_key"), "{said}");
}

#[test]
fn a_picture_that_would_fill_the_memory_is_refused_by_its_head() {
    let node = door("");
    let officer = node.sign_in("wang");
    let folder = node.dir.path();
    // A head that promises 60,000 x 60,000 pixels; and one that keeps its promise: 20,000 x 20,000 grey ones in some kilobytes.
    let mut promised = Vec::new();
    image::GrayImage::new(8, 8).write_to(&mut std::io::Cursor::new(&mut promised), image::ImageFormat::Png).unwrap();
    promised[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let mut bomb = Vec::new();
    image::GrayImage::new(20_000, 20_000)
        .write_to(&mut std::io::Cursor::new(&mut bomb), image::ImageFormat::Png)
        .unwrap();
    for (name, bytes) in [("promised.png", promised), ("bomb.png", bomb)] {
        let file = folder.join(name);
        fs::write(&file, bytes).unwrap();
        #[expect(clippy::disallowed_methods, reason = "the test plays the officer's phone, whose clock is the wall's")]
        let meta = json!({"at": chrono::Utc::now().to_rfc3339(), "vehicle_class": "motor", "plate": "浙K77777", "location": [119.5705, 28.1082]});
        let output = Command::new("curl")
            .args(["-sS", "--max-time", "60", "-w", "\n%{http_code}", "-H", &format!("Authorization: {officer}")])
            .args(["-H", &format!("Idempotency-Key: {name}"), "-F", &format!("meta={meta};type=application/json")])
            .args(["-F", &format!("image=@{};type=image/png", file.display()), &node.url("/api/v1/captures")])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, code) = text.rsplit_once('\n').unwrap();
        let problem: Value = serde_json::from_str(body).unwrap_or_default();
        assert!(["413", "422"].contains(&code), "{name}: {code} {problem}");
        assert!(problem["detail"].is_string(), "{text}");
    }
}
