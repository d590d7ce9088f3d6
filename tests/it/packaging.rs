//! What is packaged: every example is a configuration, every metric that an alert or a picture names is told by the program, every
//! alert has its page, and every file of the package is there.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn every_example_configuration_is_whole() {
    let mut examples = vec!["packaging/debian/yunpark.toml".to_owned(), "packaging/compose/yunpark.toml".to_owned()];
    for entry in fs::read_dir(root().join("packaging/examples")).unwrap().flatten() {
        examples.push(format!("packaging/examples/{}", entry.file_name().to_string_lossy()));
    }
    assert!(examples.len() >= 5, "{examples:?}");
    for example in examples {
        let told = Command::new(env!("CARGO_BIN_EXE_yunpark"))
            .args(["config", "check"])
            .arg(root().join(&example))
            .output()
            .unwrap();
        assert!(told.status.success(), "{example}: {}", String::from_utf8_lossy(&told.stderr));
    }
}

/// Names of metrics in a text, without what Prometheus adds to a histogram's.
fn metrics(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("yunpark_") {
        let name: String = text[at..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
        let plain = ["_bucket", "_sum", "_count"].iter().find_map(|ending| name.strip_suffix(ending));
        found.insert(plain.unwrap_or(&name).to_owned());
    }
    found
}

fn told_by_the_program() -> BTreeSet<String> {
    fn walk(folder: &PathBuf, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(path).unwrap();
                for part in text.split(['"']).skip(1).step_by(2) {
                    if part.starts_with("yunpark_") {
                        found.insert(part.to_owned());
                    }
                }
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(&root().join("src"), &mut found);
    found
}

#[test]
fn every_metric_that_an_alert_a_picture_or_a_page_names_is_told_by_the_program() {
    let told = told_by_the_program();
    assert!(told.len() > 60, "{told:?}");
    for file in ["packaging/prometheus/yunpark.rules.yml", "packaging/grafana/yunpark.json", "docs/runbook.md"] {
        let named = metrics(&text(file));
        assert!(!named.is_empty(), "{file}");
        let unknown: Vec<_> = named.difference(&told).collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}");
    }
    let board: serde_json::Value = serde_json::from_str(&text("packaging/grafana/yunpark.json")).unwrap();
    assert!(board["panels"].as_array().unwrap().iter().all(|panel| !panel["targets"][0]["expr"].is_null()));
}

#[test]
fn every_alert_has_its_section_in_the_runbook_and_none_is_without_an_alert() {
    let rules = text("packaging/prometheus/yunpark.rules.yml");
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let runbook = text("docs/runbook.md");
    let sections: Vec<(&str, &str)> =
        runbook.split("\n## ").skip(1).filter_map(|section| section.split_once('\n')).collect();
    let named: Vec<&str> = sections.iter().map(|(name, _)| *name).filter(|name| name.starts_with("Yunpark")).collect();
    assert!(alerts.len() > 15);
    assert_eq!(named, alerts);
    for (name, section) in sections.iter().filter(|(name, _)| name.starts_with("Yunpark")) {
        assert!(section.contains("**Means:**") && section.contains("**Do:**"), "{name}");
    }
    for alert in alerts {
        assert!(rules.contains(&format!("runbook.md#{}\"", alert.to_lowercase())), "{alert}");
    }
}

#[test]
fn the_city_of_the_way_to_install_can_be_imported() {
    let page = text("docs/install.md");
    let (_, city) = page.split_once("cat >city.geojson <<'END'\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("city.geojson");
    fs::write(&file, city.split_once("\nEND").unwrap().0).unwrap();
    let config = folder.path().join("yunpark.toml");
    fs::write(&config, "").unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_yunpark"));
        let told = command.args(arguments).arg("--config").arg(&config).output().unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    };
    run(&["migrate"]);
    run(&["import", file.to_str().unwrap()]);
}

#[test]
fn every_file_of_the_package_is_there() {
    let manifest = text("Cargo.toml");
    let (_, package) = manifest.split_once("[package.metadata.deb]").unwrap();
    let package = package.split("\n[").next().unwrap();
    let mut files = 0;
    for line in package.lines() {
        let Some(file) = line.trim().strip_prefix("[\"").and_then(|line| line.split('"').next()) else { continue };
        // The binary is built, and a star stands for several.
        if file.starts_with("target/") {
            continue;
        }
        let folder = file.split('*').next().unwrap();
        assert!(root().join(folder).exists(), "{file}");
        files += 1;
    }
    assert!(files > 5, "{package}");
    assert!(root().join("packaging/debian/yunpark.service").exists());
}

#[test]
fn the_unit_is_one_that_systemd_reads() {
    for unit in ["yunpark.service", "yunpark-backup.service", "yunpark-backup.timer"] {
        let file = root().join("packaging/debian").join(unit);
        let Ok(told) = Command::new("systemd-analyze").arg("verify").arg("--man=no").arg(&file).output() else {
            return;
        };
        let said = String::from_utf8_lossy(&told.stderr).into_owned();
        // What this machine does not have installed is no fault of the unit.
        let faults: Vec<&str> =
            said.lines().filter(|line| line.contains(unit) && !line.contains("is not executable")).collect();
        assert!(faults.is_empty(), "{faults:?}");
    }
}
