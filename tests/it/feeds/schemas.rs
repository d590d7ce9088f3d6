//! How a document is held against its schema: xmllint for XML, JSON Schema for JSON; the schemas are read where tests share them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use super::shared;

/// The schema of DATEX II 3.7.
pub fn datex2_v3() -> PathBuf {
    shared("datex2/v3.7/DATEXII_3_D2Payload.xsd")
}

/// The schema of DATEX II 2.3.
pub fn datex2_v2() -> PathBuf {
    shared("datex2/v2.3/DATEXIISchema_2_2_3.xsd")
}

/// Holds an XML document against its schema.
pub fn xmllint(schema: &Path, document: &[u8]) -> Result<(), String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), document).unwrap();
    let output = Command::new("xmllint")
        .args(["--nonet", "--noout", "--schema"])
        .args([schema, file.path()])
        .output()
        .expect("libxml2-utils must be installed; `./run test` does it");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn faults(validator: &jsonschema::Validator, document: &Value) -> Vec<String> {
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Faults of a list of ParkAPI v1 by the project's own schema, whose `$schema` names a page that is gone.
pub fn parkapi_v1(document: &Value) -> Vec<String> {
    let text = fs::read_to_string(shared("parkapi-v1/city_schema.json")).unwrap();
    let mut schema: Value = serde_json::from_str(&text).unwrap();
    schema.as_object_mut().unwrap().remove("$schema");
    faults(&jsonschema::draft4::options().should_validate_formats(true).build(&schema).unwrap(), document)
}

/// Faults of an NGSI-LD entity, as keys and values, by the schema of its kind.
pub fn ngsi_ld(kind: &str, document: &Value) -> Vec<String> {
    let read = |path: &str| -> Value { serde_json::from_str(&fs::read_to_string(shared(path)).unwrap()).unwrap() };
    let schema = read(&format!("fiware/{kind}/schema.json"));
    let common = read("fiware/common-schema.json");
    let address = "https://smart-data-models.github.io/data-models/common-schema.json";
    let registry = jsonschema::Registry::new().add(address, common).unwrap().prepare().unwrap();
    let validator =
        jsonschema::options().with_registry(&registry).should_validate_formats(true).build(&schema).unwrap();
    faults(&validator, document)
}

/// The Python that has what other readers of our feeds need; `None`, said aloud, where there is none.
pub fn python() -> Option<PathBuf> {
    use std::io::Write as _;
    let home = std::env::var_os("HOME")?;
    let python = PathBuf::from(home).join(".cache/yunpark/parkapi-sources/bin/python");
    if python.exists() {
        return Some(python);
    }
    assert!(std::env::var_os("CI").is_none(), "there is no parkapi-sources; `./run test` installs it");
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED with other readers: there is no parkapi-sources; `./run test` installs it"
    );
    None
}

/// Faults of a document of CDS by one of its YAML schemas, such as `Events API.yaml#/paths/...`; `None` without Python.
pub fn cds(file: &str, path: &str, document: &Value) -> Option<Vec<String>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/feeds/yaml_schema.py");
    let output = Command::new(python()?).arg(script).arg(shared("cds/APIs").join(file)).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
    Some(faults(&validator, document))
}
