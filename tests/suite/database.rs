//! A PostgreSQL server of a test's own, which it may stop at any moment, and a way to it that it
//! may cut.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use switchyard::tasks::Tasks;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener as Listener, TcpStream};
use tokio::sync::watch;

use crate::harness::folder;

/// A server in a folder of its own. Nothing in it outlives the test, so it need not reach the disk.
pub struct Server {
    bin: PathBuf,
    folder: PathBuf,
    port: u16,
}

impl Server {
    /// None, and a sentence, where the programs are missing.
    pub fn start() -> Option<Self> {
        let Some(bin) = programs() else {
            println!("skipped: PostgreSQL is not installed");
            return None;
        };
        let folder = folder();
        let data = folder.join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o711)).unwrap();
        if is_root() {
            does(Command::new("chown").arg("postgres").arg(&data));
        }
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let server = Self { bin, folder, port };
        let how = ["-U", "switchyard", "-A", "trust", "-E", "UTF8", "--no-sync", "-D"];
        does(server.command("initdb").args(how).arg(&data));
        server.start_again();
        Some(server)
    }

    /// Starts it where it was stopped; when this returns, it answers.
    pub fn start_again(&self) {
        let data = self.data();
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -k {} -c fsync=off",
            self.port,
            data.display()
        );
        let mut command = self.command("pg_ctl");
        command.arg("-D").arg(&data).args(["-w", "-l"]).arg(data.join("log"));
        does(command.args(["-o", &options, "start"]));
    }

    /// Ends it as a crash would.
    pub fn crash(&self) {
        does(self.command("pg_ctl").arg("-D").arg(self.data()).args(["-m", "immediate", "stop"]));
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// The database, reached at an address: its own, or that of a way to it.
    pub fn url(&self, at: SocketAddr) -> String {
        format!("postgres://switchyard@{at}/postgres")
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// It does not run as root.
    fn command(&self, program: &str) -> Command {
        let program = self.bin.join(program);
        if !is_root() {
            return Command::new(program);
        }
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl");
        stop.arg("-D").arg(self.data()).args(["-m", "immediate", "stop"]);
        // It is stopped already where a test failed in the middle.
        let _stopped = stop.stdout(Stdio::null()).stderr(Stdio::null()).status();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// Where the server's programs are: Debian keeps a folder for each version and links none of them.
fn programs() -> Option<PathBuf> {
    let version = |path: &Path| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        name.and_then(|name| name.parse::<u32>().ok()).unwrap_or(0)
    };
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut versions: Vec<PathBuf> = debian.filter_map(|it| Some(it.ok()?.path())).collect();
    versions.sort_by_key(|path| std::cmp::Reverse(version(path)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = versions.into_iter().map(|version| version.join("bin"));
    let mut folders = folders.chain(std::env::split_paths(&path));
    folders.find(|folder| folder.join("pg_ctl").exists() && folder.join("initdb").exists())
}

fn is_root() -> bool {
    let who = Command::new("id").arg("-u").output().unwrap();
    who.stdout == b"0\n"
}

/// Runs a command that must go well. What it starts may keep its output open, so that is not read.
fn does(command: &mut Command) {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Output { status, .. } = command.spawn().unwrap().wait_with_output().unwrap();
    assert!(status.success(), "{command:?}");
}

/// A way to an address that can be cut: what is sent then waits, and nobody is told.
pub struct Way {
    at: SocketAddr,
    is_cut: watch::Sender<bool>,
}

impl Way {
    pub async fn to(address: SocketAddr, tasks: &Tasks) -> Self {
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let (is_cut, seen) = watch::channel(false);
        let within = tasks.clone();
        tasks.spawn("way", async move {
            let mut gone = seen.clone();
            let accept = async {
                while let Ok((near, _)) = listener.accept().await {
                    let seen = seen.clone();
                    within.spawn("way", async move {
                        let Ok(far) = TcpStream::connect(address).await else { return };
                        let (near, far) = (near.into_split(), far.into_split());
                        let there = carry(near.0, far.1, seen.clone());
                        let back = carry(far.0, near.1, seen);
                        tokio::join!(there, back);
                    });
                }
            };
            tokio::select! {
                () = accept => {}
                () = async { while gone.changed().await.is_ok() {} } => {}
            }
        });
        Self { at, is_cut }
    }

    pub fn at(&self) -> SocketAddr {
        self.at
    }

    pub fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    pub fn mend(&self) {
        self.is_cut.send_replace(false);
    }
}

/// Carries bytes one way while the way is whole, until either end closes or the way is gone.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut is_cut: watch::Receiver<bool>) {
    let mut bytes = [0; 16 * 1024];
    loop {
        let Ok(read @ 1..) = from.read(&mut bytes).await else { return };
        if is_cut.wait_for(|is_cut| !is_cut).await.is_err() {
            return;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
