//! A real browser, driven by its own driver over plain HTTP (the protocol of WebDriver): headless,
//! with a profile of its own, and with a note of whatever it asks for and says.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// A browser starts slowly on a machine that has much to do.
const LONG: Duration = Duration::from_secs(60);
/// The names that distributions give the browser.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// What the protocol calls an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser at work.
pub struct Browser {
    driver: Child,
    session: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Browser {
    /// None where there is no browser, or no driver.
    pub async fn start(profile: &Path) -> Option<Self> {
        let is_there = |name: &&str| {
            Command::new(name)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok()
        };
        let browser = BROWSERS.iter().find(|name| is_there(name))?;
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut said = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = said.by_ref().find_map(|line| {
            let line = line.unwrap();
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').parse::<u16>().unwrap())
        });
        let port = port.expect("the driver tells its port");
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut this = Self { driver, session: format!("http://127.0.0.1:{port}/session"), client };
        let path =
            Command::new("sh").args(["-c", &format!("command -v {browser}")]).output().unwrap();
        let arguments = [
            "--headless",
            // As root, in a container, there is no other way; it sees nothing but this gateway.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--force-prefers-reduced-motion",
            &format!("--user-data-dir={}", profile.display()),
        ];
        let made = this
            .ask(
                Method::POST,
                "",
                &json!({ "capabilities": { "alwaysMatch": {
                "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
                "goog:chromeOptions": {
                    "binary": String::from_utf8(path.stdout).unwrap().trim(),
                    "args": arguments,
                },
            } } }),
            )
            .await;
        this.session = format!("{}/{}", this.session, made["sessionId"].as_str().unwrap());
        Some(this)
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder().method(method).uri(format!("{}{path}", self.session));
        let request = request.header("content-type", "application/json");
        let request = request.body(Full::from(body)).unwrap();
        let answer = async {
            let answer = self.client.request(request).await.unwrap();
            let (head, body) = answer.into_parts();
            (head.status, body.collect().await.unwrap().to_bytes())
        };
        let (status, body) = tokio::time::timeout(LONG, answer).await.expect("no answer in time");
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert!(status.is_success(), "{path}: {answer}");
        answer["value"].clone()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        self.ask(Method::POST, path, body).await
    }

    pub async fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url })).await;
    }

    pub async fn reload(&self) {
        self.post("/refresh", &json!({})).await;
    }

    /// What a script gives.
    pub async fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// What a script's promise comes to.
    pub async fn promised(&self, script: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1]; \
             (() => {{ {script} }})().then(done, (error) => done(String(error)))"
        );
        self.post("/execute/async", &json!({ "script": script, "args": [] })).await
    }

    /// Waits until a condition holds.
    #[track_caller]
    pub fn until<'a>(&'a self, condition: &'a str) -> impl Future<Output = ()> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let script = format!("return Boolean({condition})");
            let began = std::time::Instant::now();
            while self.run(&script).await != true {
                let page = async || self.run("return document.body.innerText").await;
                assert!(began.elapsed() < LONG, "{place}: never {condition}: {}", page().await);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// Presses keys, as on a keyboard, wherever the focus is.
    pub async fn press(&self, keys: &str) {
        let active = self.ask(Method::GET, "/element/active", &Value::Null).await;
        let id = active[ELEMENT].as_str().unwrap();
        self.post(&format!("/element/{id}/value"), &json!({ "text": keys })).await;
    }

    /// A command of the browser's own protocol.
    pub async fn tell(&self, command: &str, params: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": params })).await
    }

    /// Whatever it has asked for since it was last asked this.
    pub async fn requested(&self) -> Vec<String> {
        let mut urls = Vec::new();
        for entry in
            self.post("/se/log", &json!({ "type": "performance" })).await.as_array().unwrap()
        {
            let event: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            let event = &event["message"];
            if event["method"] == "Network.requestWillBeSent" {
                urls.push(event["params"]["request"]["url"].as_str().unwrap().to_owned());
            }
        }
        urls
    }

    /// What pages have complained about since it was last asked this.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "browser" })).await;
        log.as_array().unwrap().iter().map(ToString::to_string).collect()
    }

    /// Makes the window so wide, in the light or in the dark.
    pub async fn look(&self, width: u32, scheme: &str) {
        let metrics =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.tell("Emulation.setDeviceMetricsOverride", &metrics).await;
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.tell("Emulation.setEmulatedMedia", &json!({ "features": features })).await;
    }

    /// A picture of the whole page.
    pub async fn picture(&self, to: &Path) {
        let options = json!({ "format": "png", "captureBeyondViewport": true });
        let picture = self.tell("Page.captureScreenshot", &options).await;
        let png = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        assert!(png.starts_with(b"\x89PNG"));
        std::fs::write(to, png).unwrap();
    }

    /// Ends the browser and its driver.
    pub async fn quit(self) {
        self.ask(Method::DELETE, "", &Value::Null).await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ended = self.driver.kill();
        let _status = self.driver.wait();
    }
}
