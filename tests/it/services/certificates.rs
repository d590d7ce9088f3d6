//! Certificates as a county's own authority makes them, by openssl.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use super::free_name;

/// An authority with a key of its own, in a folder that everybody may read.
pub struct Authority {
    dir: TempDir,
}

/// A certificate and its key.
pub struct Certificate {
    /// PEM file of the certificate.
    pub chain: PathBuf,
    /// PEM file of the key.
    pub key: PathBuf,
}

impl Authority {
    /// A new one, that nobody trusts yet.
    pub fn new() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = TempDir::new().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        openssl(
            dir.path(),
            &format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 \
                 -subj /CN=authority-{} -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign",
                free_name()
            ),
        );
        Self { dir }
    }

    /// The file of its own certificate.
    pub fn file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// A certificate for names and addresses as openssl writes them: `DNS:localhost,IP:127.0.0.1`.
    pub fn issue(&self, name: &str, for_whom: &str) -> Certificate {
        let dir = self.dir.path();
        let key = "ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        openssl(dir, &format!("req -newkey {key} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        fs::write(dir.join(format!("{name}.ext")), format!("subjectAltName={for_whom}\n")).unwrap();
        openssl(
            dir,
            &format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile {name}.ext \
                 -out {name}.pem"
            ),
        );
        Certificate { chain: dir.join(format!("{name}.pem")), key: dir.join(format!("{name}.key")) }
    }
}

fn openssl(dir: &Path, arguments: &str) {
    let made =
        Command::new("openssl").current_dir(dir).args(arguments.split_whitespace()).stdin(Stdio::null()).output();
    let made = made.expect("openssl must be installed");
    assert!(made.status.success(), "{arguments}: {}", String::from_utf8_lossy(&made.stderr));
}
