//! Disks of the tests' own, and ways to make them fail and work again.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::harness::folder;

/// Runs a command; whether it went well.
pub fn does(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// A small file system in memory.
pub struct Small(PathBuf);

impl Small {
    /// None, and a sentence, where that cannot be had.
    pub fn mount() -> Option<Self> {
        let folder = folder();
        let path = folder.to_str().unwrap();
        if does("mount", &["-t", "tmpfs", "-o", "size=24m", "tmpfs", path]) {
            return Some(Self(folder));
        }
        println!("the full disk was not tried: only root may mount one");
        None
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Leaves no byte on it.
    pub fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("filler")).unwrap();
        for piece in [65_536, 4_096, 512, 1] {
            let zeros = vec![0; piece];
            while file.write_all(&zeros).is_ok() {}
        }
    }

    pub fn make_room(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        does("umount", &["-l", self.0.to_str().unwrap()]);
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// Calls of a process to the system on a store's files that fail, for as long as this is held.
pub struct Failing(Child);

impl Failing {
    /// None, and a sentence, where nobody may look into another process.
    pub async fn of(process: u32, store: &Path, calls: &str, error: &str) -> Option<Self> {
        let process = process.to_string();
        if !does("strace", &["-V"]) {
            println!("failing calls were not tried: strace is missing");
            return None;
        }
        let inject = format!("inject={calls}:error={error}");
        let mut command = Command::new("strace");
        command.args(["-f", "-q", "-p", &process, "-o", "/dev/null"]);
        command.args(["-e", &format!("trace={calls}"), "-e", &inject]);
        for end in ["", "-wal", "-journal"] {
            let mut path = store.as_os_str().to_owned();
            path.push(end);
            command.arg("-P").arg(path);
        }
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut failing = Self(child);
        // Every thread has a tracer when this one has.
        let status = format!("/proc/{process}/task");
        for _ in 0..500 {
            if is_traced(&status) {
                return Some(failing);
            }
            if failing.0.try_wait().unwrap().is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        println!("failing calls were not tried: a process cannot be traced here");
        None
    }
}

/// Whether every thread is looked into.
fn is_traced(tasks: &str) -> bool {
    let threads = std::fs::read_dir(tasks).unwrap().map(|task| task.unwrap().path());
    threads.map(|thread| std::fs::read_to_string(thread.join("status"))).all(|status| {
        // A thread that has ended meanwhile fails no call.
        status.map_or(true, |text| !text.contains("TracerPid:\t0\n"))
    })
}

impl Drop for Failing {
    fn drop(&mut self) {
        // It lets go of the process, whose calls succeed again.
        does("kill", &["-TERM", &self.0.id().to_string()]);
        let _status = self.0.wait();
    }
}
