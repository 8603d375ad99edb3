//! Pictures in a real browser: `cargo xtask browser`.
//!
//! Pages and pictures of `lkmm draw` are opened in Chromium without a window. There, as users would, keys are pressed, buttons and boxes clicked, and arrows pointed at;
//! and it is measured whether texts fit into their boxes and labels lie upon each other. Chromium is told what to do through a pipe, in the DevTools
//! protocol: JSON, with a zero byte after each message.

use crate::lkmm;
use crate::table::Row;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// What Chromium is called, here and there.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/// How long to wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// The script that pages are asked with.
const PROBE: &str = include_str!("browser/probe.js");
/// The tests that are drawn: two to six processes, fences, dependencies, RCU, locks, atomic operations, C and Rust.
const TESTS: [&str; 16] = [
    "classics/SB.litmus",
    "classics/2+2W.litmus",
    "classics/IRIW.litmus",
    "classics/Z6.0.litmus",
    "fences/MP+wmb+rmb.litmus",
    "fences/WRC+unlock-lock+rmb.litmus",
    "dependencies/LB+ctrl+data.litmus",
    "dependencies/LB+data-coi+acquire.litmus",
    "propagation/IRIW+mb+mb.litmus",
    "propagation/MP+release+rmw-sequence+acquire.litmus",
    "rcu/MP+reader+sync.litmus",
    "rcu/ring-G-G-R-R.litmus",
    "srcu/overlapping-readers.litmus",
    "locks/mutual-exclusion.litmus",
    "rust/MP+release+acquire.litmus",
    "rust/Z6.0+lock+lock+mb.litmus",
];

/// Checks pictures in a browser, and that Graphviz reads what is meant for it.
pub(crate) fn row(lkmm: &Path) -> Row {
    println!("== pictures in a browser");
    let start = Instant::now();
    let mut row = Row { suite: "pictures in a browser".into(), ..Row::default() };
    match chromium() {
        None => {
            row.skipped = 1;
            row.note = "no Chromium: apt-get install chromium, or name one in LKMM_CHROMIUM".into();
        }
        Some(browser) => {
            if let Err(message) = run(&browser, lkmm, &mut row) {
                row.failed += 1;
                row.note = message;
            }
        }
    }
    row.time = start.elapsed();
    row
}

/// The browser that is named, or that is there.
fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("LKMM_CHROMIUM").filter(|named| !named.is_empty()).map(PathBuf::from);
    named.or_else(|| on_path(&NAMES))
}

/// The first of these commands that there is.
pub(crate) fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|file| file.is_file())
}

fn run(browser: &Path, lkmm: &Path, row: &mut Row) -> Result<(), String> {
    let folder = std::env::temp_dir().join(format!("lkmm-browser-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|e| format!("cannot create {}: {e}", folder.display()))?;
    let result = check(browser, lkmm, &folder, row);
    let _ = std::fs::remove_dir_all(&folder);
    result
}

fn check(browser: &Path, lkmm: &Path, folder: &Path, row: &mut Row) -> Result<(), String> {
    let mut browser = Browser::start(browser, &folder.join("profile"))?;
    for test in TESTS {
        let name = test.replace('/', "-");
        for form in ["html", "svg"] {
            let file = folder.join(format!("{name}.{form}"));
            draw(lkmm, test, &file)?;
            browser.open(&file)?;
            let checked = if form == "html" { check_page(&mut browser) } else { check_picture(&mut browser) };
            let outcome = checked.and_then(|()| browser.is_silent());
            match outcome {
                Ok(()) => row.passed += 1,
                Err(message) => {
                    row.failed += 1;
                    println!("{test} as {form}: {message}");
                }
            }
        }
    }
    check_dot(lkmm, folder, row)
}

/// Has a test drawn.
fn draw(lkmm: &Path, test: &str, file: &Path) -> Result<(), String> {
    let output =
        Command::new(lkmm).arg("draw").arg(lkmm::root().join("litmus").join(test)).arg("-o").arg(file).output();
    let output = output.map_err(|e| format!("cannot run {}: {e}", lkmm.display()))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{test} is not drawn: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

/// Graphviz reads what is written for it, if it is there.
fn check_dot(lkmm: &Path, folder: &Path, row: &mut Row) -> Result<(), String> {
    let Some(dot) = on_path(&["dot"]) else {
        row.skipped += 1;
        row.note = "no Graphviz: apt-get install graphviz".into();
        return Ok(());
    };
    for test in TESTS {
        let file = folder.join("test.dot");
        draw(lkmm, test, &file)?;
        let output = Command::new(&dot).arg("-Tsvg").arg(&file).stdin(Stdio::null()).output();
        let output = output.map_err(|e| format!("cannot run dot: {e}"))?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        if output.status.success() && !complaint.contains("syntax error") {
            row.passed += 1;
        } else {
            row.failed += 1;
            println!("{test} as dot: {complaint}");
        }
    }
    Ok(())
}

/// Fails with a message.
fn ensure(holds: bool, message: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message.to_string()) }
}

/// A picture by itself: texts and labels, in the light, in the dark and on paper.
fn check_picture(browser: &mut Browser) -> Result<(), String> {
    ensure(browser.ask("document.documentElement.nodeName")? == "svg", "it is not read as SVG")?;
    let wrong = browser.ask("probe.overlaps(document.documentElement)")?;
    ensure(wrong == json!([]), &format!("{wrong}"))?;
    check_themes(browser)
}

fn check_themes(browser: &mut Browser) -> Result<(), String> {
    let paper = "getComputedStyle(document.querySelector('.paper')).fill";
    for (media, scheme, colour) in [
        ("screen", "light", "rgb(255, 255, 255)"),
        ("screen", "dark", "rgb(13, 17, 23)"),
        ("print", "dark", "rgb(255, 255, 255)"),
    ] {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        browser.call("Emulation.setEmulatedMedia", json!({ "media": media, "features": features }))?;
        let found = browser.ask(paper)?;
        ensure(found == colour, &format!("the paper is {found} on {media}, {scheme}"))?;
    }
    browser.call("Emulation.setEmulatedMedia", json!({ "media": "", "features": [] }))?;
    Ok(())
}

/// A page: all that a reader does with it.
fn check_page(browser: &mut Browser) -> Result<(), String> {
    let count = browser.ask("document.querySelectorAll('figure').length")?;
    let count = count.as_u64().unwrap_or(0);
    ensure(browser.ask("document.querySelectorAll('#picker option').length")? == count, "the list has other pictures")?;
    let start = browser.ask("Number(document.body.dataset.start)")?.as_u64().unwrap_or(0);
    ensure(shown(browser)? == start, "it begins with another picture")?;
    // Keys: to the first one, on and back, to the last one, and no further.
    for (key, expected) in [
        ("Home", 0),
        ("ArrowLeft", 0),
        ("ArrowRight", 1.min(count - 1)),
        ("ArrowLeft", 0),
        ("End", count - 1),
        ("ArrowRight", count - 1),
    ] {
        browser.press(key)?;
        let found = shown(browser)?;
        ensure(found == expected, &format!("after {key}, picture {found} is shown, not {expected}"))?;
    }
    if count > 1 {
        browser.click("document.getElementById('back')")?;
        ensure(shown(browser)? == count - 2, "the button leads not back")?;
        browser.click("document.getElementById('on')")?;
        ensure(shown(browser)? == count - 1, "the button leads not on")?;
    }
    ensure(browser.ask("location.hash")? == format!("#{count}"), "the address does not name the picture")?;
    for number in 0..count.min(6) {
        browser.ask(&format!("(location.hash = '#{}', 0)", number + 1))?;
        browser.settle()?;
        ensure(shown(browser)? == number, "the address leads not to the picture")?;
        let wrong = browser.ask("probe.overlaps(probe.figure())")?;
        ensure(wrong == json!([]), &format!("picture {}: {wrong}", number + 1))?;
    }
    browser.ask(&format!("(location.hash = '#{}', 0)", start + 1))?;
    browser.settle()?;
    check_toggles(browser)?;
    check_rules(browser)?;
    check_themes(browser)?;
    browser.call("Emulation.setEmulatedMedia", json!({ "media": "print" }))?;
    let nav = browser.ask("getComputedStyle(document.querySelector('nav')).display")?;
    ensure(nav == "none", "the buttons are printed")?;
    browser.call("Emulation.setEmulatedMedia", json!({ "media": "" }))?;
    Ok(())
}

/// The number of the picture that is shown, if the list agrees.
fn shown(browser: &mut Browser) -> Result<u64, String> {
    let found = browser.ask("probe.shown()")?;
    found.as_u64().ok_or_else(|| format!("{found}"))
}

/// Relations are hidden and shown.
fn check_toggles(browser: &mut Browser) -> Result<(), String> {
    let names = browser.ask("probe.names()")?;
    for name in names.as_array().into_iter().flatten() {
        let count = browser.ask(&format!("probe.visible({name})"))?.as_u64().unwrap_or(0);
        browser.click(&format!("probe.toggle({name})"))?;
        let then = browser.ask(&format!("probe.visible({name})"))?.as_u64().unwrap_or(0);
        let has_any = browser.ask(&format!("probe.parts({name}).length"))?.as_u64().unwrap_or(0) > 0;
        ensure(
            (count == 0) == (then > 0) || !has_any,
            &format!("{name} is not hidden or shown: {count}, then {then}"),
        )?;
        browser.click(&format!("probe.toggle({name})"))?;
        let again = browser.ask(&format!("probe.visible({name})"))?.as_u64().unwrap_or(0);
        ensure(again == count, &format!("{name} is not as before"))?;
    }
    if browser.ask("!document.getElementById('cycle').disabled")? == true {
        let all = browser.ask("probe.visible()")?.as_u64();
        browser.click("document.getElementById('cycle')")?;
        let bold = browser.ask("[probe.visible(), probe.figure().querySelectorAll('g[data-bold]').length]")?;
        ensure(bold[0] == bold[1] && bold[0].as_u64() <= all, &format!("the cycle alone is {bold}"))?;
        browser.click("document.getElementById('cycle')")?;
    }
    Ok(())
}

/// Who points at an arrow, or comes to it by keys, is told why it is there.
fn check_rules(browser: &mut Browser) -> Result<(), String> {
    let hint = browser.ask("document.getElementById('rule').textContent")?;
    let count = browser.ask("probe.arrows().length")?.as_u64().unwrap_or(0);
    for number in 0..count {
        let place = browser.ask(&format!("probe.point({number})"))?;
        if place.is_null() {
            continue;
        }
        browser.point(&place)?;
        let told = browser.ask(&format!("[document.getElementById('rule').textContent, probe.said({number})]"))?;
        ensure(told[0] == told[1] && told[0] != hint, &format!("pointed at, an arrow says {told}"))?;
        ensure(told[0].as_str().is_some_and(|text| text.contains('→')), &format!("no rule: {told}"))?;
    }
    browser.point(&json!({ "x": 1, "y": 1 }))?;
    ensure(browser.ask("document.getElementById('rule').textContent")? == hint, "the rule stays")?;
    if count > 0 {
        let told =
            browser.ask("(probe.arrows()[0].focus(), [document.getElementById('rule').textContent, probe.said(0)])")?;
        ensure(told[0] == told[1], &format!("reached by keys, an arrow says {told}"))?;
    }
    Ok(())
}

/// A browser with one page.
struct Browser {
    child: Child,
    input: ChildStdin,
    answers: Receiver<Value>,
    session: Option<String>,
    number: u64,
    /// What the page complained of, and what it asked for from elsewhere.
    complaints: Vec<String>,
    loaded: bool,
}

impl Browser {
    fn start(browser: &Path, profile: &Path) -> Result<Browser, String> {
        // The pipe is to be its files 3 and 4.
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null"]).arg(browser);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe"]);
        command.args(["--window-size=1400,1000", "--disable-background-networking", "--disable-extensions"]);
        command.arg(format!("--user-data-dir={}", profile.display())).arg("about:blank");
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|e| format!("cannot run {}: {e}", browser.display()))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the browser has no pipe".into());
        };
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(output).split(0).map_while(Result::ok) {
                let Ok(value) = serde_json::from_slice(&message) else { continue };
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        let (session, complaints) = (None, Vec::new());
        let mut browser = Browser { child, input, answers, session, number: 0, complaints, loaded: false };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }))?;
        let attached = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", attached)?;
        browser.session = attached["sessionId"].as_str().map(String::from);
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}))?;
        }
        browser.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }))?;
        Ok(browser)
    }

    /// Does something, and returns what came of it.
    fn call(&mut self, method: &str, params: Value) -> Result<Value, String> {
        self.number += 1;
        let mut message = json!({ "id": self.number, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let sent = self.input.write_all(format!("{message}\0").as_bytes()).and_then(|()| self.input.flush());
        sent.map_err(|e| format!("the browser does not listen: {e}"))?;
        loop {
            let answer = self.next()?;
            if answer["id"] == self.number {
                return match answer.get("error") {
                    Some(error) => Err(format!("{method}: {error}")),
                    None => Ok(answer["result"].clone()),
                };
            }
        }
    }

    /// The next message; notes what the page complains of.
    fn next(&mut self) -> Result<Value, String> {
        let message = self.answers.recv_timeout(PATIENCE).map_err(|_| "the browser does not answer".to_string())?;
        let params = &message["params"];
        match message["method"].as_str() {
            Some("Page.loadEventFired") => self.loaded = true,
            Some("Runtime.exceptionThrown") => self.complaints.push(format!("{}", params["exceptionDetails"])),
            Some("Log.entryAdded") => self.complaints.push(format!("{}", params["entry"])),
            Some("Network.requestWillBeSent") => {
                let url = params["request"]["url"].as_str().unwrap_or_default();
                if !url.starts_with("file:") || url.contains("favicon") {
                    self.complaints.push(format!("it asks for {url}"));
                }
            }
            _ => {}
        }
        Ok(message)
    }

    /// Opens a file.
    fn open(&mut self, file: &Path) -> Result<(), String> {
        (self.loaded, self.complaints) = (false, Vec::new());
        self.call("Page.navigate", json!({ "url": format!("file://{}", file.display()) }))?;
        while !self.loaded {
            self.next()?;
        }
        self.ask(&format!("(globalThis.probe = {PROBE}, 0)"))?;
        Ok(())
    }

    /// Did the page neither complain nor ask for anything from elsewhere?
    fn is_silent(&mut self) -> Result<(), String> {
        self.settle()?;
        self.complaints.pop().map_or(Ok(()), Err)
    }

    /// Waits until what was done is seen.
    fn settle(&mut self) -> Result<(), String> {
        self.ask("new Promise((done) => setTimeout(() => done(0), 0))").map(|_| ())
    }

    /// The value of an expression.
    fn ask(&mut self, expression: &str) -> Result<Value, String> {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", params)?;
        match answer.get("exceptionDetails") {
            Some(details) => Err(format!("{expression}: {}", details["exception"]["description"])),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    /// Presses a key.
    fn press(&mut self, key: &str) -> Result<(), String> {
        for kind in ["keyDown", "keyUp"] {
            self.call("Input.dispatchKeyEvent", json!({ "type": kind, "key": key, "code": key }))?;
        }
        Ok(())
    }

    /// Moves the mouse.
    fn point(&mut self, place: &Value) -> Result<(), String> {
        self.mouse("mouseMoved", place)
    }

    fn mouse(&mut self, kind: &str, place: &Value) -> Result<(), String> {
        let (button, count) = if kind == "mouseMoved" { ("none", 0) } else { ("left", 1) };
        let params = json!({ "type": kind, "x": place["x"], "y": place["y"], "button": button, "clickCount": count });
        self.call("Input.dispatchMouseEvent", params).map(|_| ())
    }

    /// Clicks at an element.
    fn click(&mut self, element: &str) -> Result<(), String> {
        let place = self.ask(&format!("probe.middle({element})"))?;
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            self.mouse(kind, &place)?;
        }
        Ok(())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.session = None;
        let _ = self.call("Browser.close", json!({}));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
