//! A disk of a few megabytes, which only root can make.

use std::{fs, io::Write, path::Path, process::Command};

use tempfile::TempDir;

use crate::node::Node;

/// A file system in memory, taken away with it.
pub struct SmallDisk(TempDir);

impl SmallDisk {
    /// One of so many kilobytes; `None`, said aloud, where nobody may mount.
    pub fn of_kb(size: u32) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}k,mode=777"), "yunpark-test"]).arg(folder.path());
        if mount.output().is_ok_and(|made| made.status.success()) {
            return Some(Self(folder));
        }
        let _ = writeln!(std::io::stderr(), "SKIPPED on a small disk: only root can mount one");
        None
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes over what a node keeps that does not run yet.
    pub fn take_over(&self, node: &Node) {
        let here = node.dir.path().display().to_string();
        fs::copy(node.dir.path().join("yunpark.db"), self.path().join("yunpark.db")).unwrap();
        let mut text = fs::read_to_string(&node.config).unwrap();
        for file in ["yunpark.db", "evidence", "availability.journal"] {
            text = text.replace(&format!("{here}/{file}"), &format!("{}/{file}", self.path().display()));
        }
        fs::write(&node.config, text).unwrap();
    }

    /// Fills it to its last byte.
    pub fn fill(&self) {
        let mut file = fs::File::create(self.path().join("filling")).unwrap();
        while file.write_all(&[7; 4096]).is_ok() {}
        while file.write_all(&[7]).is_ok() {}
    }

    /// Makes room again.
    pub fn empty(&self) {
        fs::remove_file(self.path().join("filling")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What still has files open on it lets go of it when it ends.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
