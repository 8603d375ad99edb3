//! Pictures of all of the project's tests: they are well-formed, and show all that there is.

use lkmm_litmus::{Settings, Which, check, draw};
use lkmm_model::graph::{EventId, Execution};
use lkmm_model::models;
use lkmm_report::diagram::{Diagram, Relation};
use lkmm_report::explanation::Explanation;
use lkmm_report::pictures::{self, Drawn};
use lkmm_report::{Report, dot, html, svg};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn litmus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../litmus")
}

/// Every test below a folder, with its source.
fn tests(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            found.extend(tests(&path));
        } else if path.extension().is_some_and(|extension| extension == "litmus") {
            let source = std::fs::read_to_string(&path).expect("it is text");
            found.push((path.display().to_string(), source));
        }
    }
    found.sort();
    found
}

fn settings() -> Settings {
    Settings::new(models::lkmm())
}

/// Is it well-formed? Tags match, attributes are in quotes, and `&` and `<` stand for nothing else.
fn assert_well_formed(name: &str, text: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        assert_characters(name, &rest[..at]);
        rest = &rest[at + 1..];
        let end =
            rest.find('>').unwrap_or_else(|| panic!("{name}: a tag does not end: {}", &rest[..rest.len().min(80)]));
        let (tag, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "{name}");
            continue;
        }
        let word = tag.split([' ', '/']).next().expect("there is one");
        assert!(word.chars().all(|c| c.is_ascii_alphabetic()), "{name}: {tag}");
        assert_characters(name, tag);
        assert_eq!(tag.matches('"').count() % 2, 0, "{name}: {tag}");
        let bare: String = tag.split('"').step_by(2).collect();
        assert_eq!(bare.matches('=').count(), tag.matches('"').count() / 2, "{name}: {tag}");
        if !tag.ends_with('/') {
            open.push(word);
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{name}: {open:?}");
}

fn assert_characters(name: &str, text: &str) {
    let is_bad = |c: char| c.is_control() && !matches!(c, '\n' | '\t') || c == '\u{ffff}';
    assert!(!text.contains(is_bad), "{name}: {text}");
    for (at, _) in text.match_indices('&') {
        let entity = text[at..].split_inclusive(';').next().unwrap_or_default();
        assert!(["&amp;", "&lt;", "&gt;", "&quot;"].contains(&entity), "{name}: {entity}");
    }
}

/// Quotes that end, and braces that match outside of them.
fn assert_dot(name: &str, text: &str) {
    let (mut depth, mut in_quotes, mut letters) = (0, false, text.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if in_quotes => drop(letters.next()),
            '"' => in_quotes = !in_quotes,
            '{' if !in_quotes => depth += 1,
            '}' if !in_quotes => depth -= 1,
            '\n' => assert!(!in_quotes, "{name}"),
            _ => {}
        }
    }
    assert_eq!((depth, in_quotes), (0, false), "{name}");
}

#[test]
fn every_test_is_drawn_in_every_form() {
    let (mut drawn, mut nothing) = (0, 0);
    for (name, source) in tests(&litmus()) {
        let (report, album) = draw(&*name, source, &settings(), Which::Answer, &["hb".to_string()]);
        match album {
            Ok(album) => {
                drawn += 1;
                let diagram = &album.pages[0].diagram;
                let picture = svg::draw(diagram);
                assert_well_formed(&name, &picture);
                assert!(picture.contains("prefers-color-scheme:dark"), "{name}");
                assert_dot(&name, &dot::draw(diagram));
                assert_page(&name, &html::draw(&album));
            }
            Err(problem) => {
                nothing += 1;
                assert!(problem.help.is_some() || report.test.is_none(), "{name}: {}", problem.message);
            }
        }
    }
    assert!(drawn > 400 && nothing < 40, "{drawn} {nothing}");
}

/// The pictures of a page are well-formed, and it asks for nothing from elsewhere.
fn assert_page(name: &str, page: &str) {
    for figure in page.split("<figure").skip(1) {
        let figure = figure.split("</figure>").next().unwrap_or_default();
        let (_, picture) = figure.split_once('\n').expect("a picture");
        assert_well_formed(name, picture);
    }
    let outside = page.matches("http").count() - page.matches("http://www.w3.org/2000/svg").count();
    assert_eq!(outside, page.matches("http-equiv").count(), "{name}");
    assert!(!page.contains("src=") && !page.contains("url(h") && !page.contains("@import"), "{name}");
}

#[test]
fn pages_have_executions_of_every_state() {
    for folder in ["classics", "locks"] {
        for (name, source) in tests(&litmus().join(folder)) {
            let (report, album) = draw(&*name, source.as_str(), &settings(), Which::All, &[]);
            let Ok(album) = album else { continue };
            let page = html::draw(&album);
            assert_page(&name, &page);
            if name.contains("SB") {
                let again = draw(&*name, source, &settings(), Which::All, &[]).1.expect("as before");
                assert_eq!(page, html::draw(&again), "{name}");
            }
            let outcome = report.executions().expect("it was searched");
            for number in 1..=outcome.states.len().min(64) {
                let heading = format!("allowed, state {number} of {}", outcome.states.len());
                assert!(album.pages.iter().any(|page| page.heading.starts_with(&heading)), "{name}: {heading}");
            }
            let all = outcome.positive + outcome.negative;
            let allowed = album.pages.iter().filter(|page| page.heading.starts_with("allowed")).count() as u64;
            assert!(allowed == all || album.notes.iter().any(|note| note.contains("executions are drawn")), "{name}");
            assert!(album.start < album.pages.len(), "{name}");
        }
    }
}

/// All that an execution consists of is in its picture.
fn assert_whole(name: &str, execution: &Execution, report: &Report, diagram: &Diagram) {
    let thread = |id: EventId| execution.events[id as usize].thread;
    for event in execution.events.iter().filter(|event| event.thread.is_some()) {
        let origin = report.test.as_ref().map(|test| &test.origins[event.origin as usize]).expect("there is a test");
        let line = report.source[..origin.span.start].matches('\n').count() + 1;
        let place = format!("line {line}");
        let is_it = |node: &lkmm_report::diagram::Node| Some(node.column as u32) == event.thread && node.place == place;
        assert!(diagram.nodes.iter().any(is_it), "{name}: {event:?} at {place}");
    }
    // Two reads of different threads in two boxes: as many arrows as there are pairs of threads and locations.
    let across = |pairs: &[(EventId, EventId)]| -> BTreeSet<(u32, u32)> {
        let ends = pairs.iter().filter_map(|&(a, b)| Some((thread(a)?, thread(b)?)));
        ends.filter(|(a, b)| a != b).collect()
    };
    let drawn = |relation: &[Relation]| -> BTreeSet<(u32, u32)> {
        let own = diagram.edges.iter().filter(|edge| relation.contains(&edge.relation));
        let column = |node: usize| diagram.nodes[node].column as u32;
        own.map(|edge| (column(edge.from), column(edge.to))).filter(|(a, b)| a != b).collect()
    };
    assert!(across(&execution.rf).is_subset(&drawn(&[Relation::Rf])), "{name}: rf");
    for pairs in [&execution.addr, &execution.data, &execution.ctrl] {
        let within = pairs
            .iter()
            .filter(|pair| execution.events[pair.0 as usize].origin != execution.events[pair.1 as usize].origin);
        let needed: BTreeSet<Option<u32>> = within.map(|pair| thread(pair.0)).collect();
        let own = diagram.edges.iter().filter(|edge| edge.relation == Relation::Dependency);
        let found: BTreeSet<Option<u32>> = own.map(|edge| Some(diagram.nodes[edge.from].column as u32)).collect();
        assert!(needed.is_subset(&found), "{name}: dependencies");
    }
}

#[test]
fn pictures_show_every_event_and_the_cycle_of_the_explanation() {
    let mut cycles = 0;
    for (name, source) in tests(&litmus()) {
        let report = check(&*name, source, &Settings { explain: true, witness: true, ..settings() });
        let witness = report.outcome().and_then(|outcome| outcome.witness.as_deref());
        if let Some(execution) = witness {
            let drawn = Drawn { execution: execution.clone(), ..Drawn::default() };
            let diagram = pictures::diagram(&report, &drawn).expect("there is a test");
            assert_whole(&name, execution, &report, &diagram);
            assert!(diagram.edges.iter().all(|edge| !edge.is_bold), "{name}");
        }
        let Some(Explanation::Forbidden(forbidden)) = &report.explanation else { continue };
        for kind in &forbidden.kinds {
            let drawn = Drawn {
                execution: kind.execution.clone(),
                violation: Some(kind.violation.clone()),
                ..Drawn::default()
            };
            let diagram = pictures::diagram(&report, &drawn).expect("there is a test");
            assert_whole(&name, &kind.execution, &report, &diagram);
            let edges: Vec<_> = kind.violation.edges().into_iter().chain(kind.violation.edges_besides()).collect();
            let bold: Vec<_> = diagram.edges.iter().filter(|edge| edge.is_bold).collect();
            // Every edge is bold, but those within one operation; and nothing else is.
            assert!(!bold.is_empty() || edges.len() < 3, "{name}");
            assert!(bold.len() <= edges.len(), "{name}");
            let known = models::lkmm().relations(&kind.execution, &|_| true);
            let one = known[cycles % known.len()].clone();
            assert_eq!(models::lkmm().relation(&kind.execution, one.0), Some(one.1), "{name}: {}", one.0);
            for edge in &edges {
                let ends = [edge.from, edge.to].map(|id| kind.execution.events[id as usize].thread);
                if ends[0] != ends[1] {
                    let is_it = |bold: &&&lkmm_report::diagram::Edge| {
                        [bold.from, bold.to].map(|node| Some(diagram.nodes[node].column as u32)) == ends
                            && bold.rule.contains(edge.relation)
                    };
                    assert!(bold.iter().any(|bold| is_it(&bold)), "{name}: {edge:?}");
                }
            }
            assert!(diagram.notes.len() >= edges.len(), "{name}: the cycle in words");
            cycles += 1;
        }
    }
    assert!(cycles > 200, "{cycles}");
}

#[test]
fn names_of_users_are_escaped() {
    let source = "C names\n{}\nP0(int *x) { WRITE_ONCE(*x, 1 & 3); int r0 = READ_ONCE(*x) < 2; }\n\
        exists (0:r0=1)";
    let (_, album) = draw("a.litmus", source, &settings(), Which::All, &[]);
    let mut album = album.unwrap_or_else(|problem| panic!("{}", problem.message));
    let hostile = "a<b&\"c\u{1}</script><!--".to_string();
    album.title = hostile.clone();
    album.pages[0].heading = hostile.clone();
    album.pages[0].diagram.title = hostile.clone();
    album.pages[0].diagram.edges[0].name = hostile.into();
    let picture = svg::draw(&album.pages[0].diagram);
    assert_well_formed("a.litmus", &picture);
    assert!(picture.contains("a&lt;b&amp;&quot;c\u{fffd}&lt;/script&gt;&lt;!--</title>"), "{picture}");
    assert!(picture.contains("WRITE_ONCE(*x, 1 &amp; 3)"), "{picture}");
    assert_dot("a.litmus", &dot::draw(&album.pages[0].diagram));
    assert_page("a.litmus", &html::draw(&album));
}

#[test]
fn a_state_that_is_asked_for_is_drawn() {
    let source = std::fs::read_to_string(litmus().join("classics/SB.litmus")).expect("it is there");
    for (number, state) in [(1, "0:r0=0; 1:r0=0;"), (2, "0:r0=0; 1:r0=1;"), (4, "0:r0=1; 1:r0=1;")] {
        let (_, album) = draw("SB.litmus", &*source, &settings(), Which::State(number), &[]);
        let album = album.expect("there are four");
        assert!(album.pages[0].diagram.subtitles.iter().any(|line| line.ends_with(state)), "{:?}", album.pages[0]);
    }
    for number in [0, 5] {
        let (_, album) = draw("SB.litmus", &*source, &settings(), Which::State(number), &[]);
        let problem = album.expect_err("there are four");
        assert_eq!(problem.message, format!("the test has 4 final states, and no state {number}"));
    }
}

#[test]
fn relations_that_are_named_are_drawn() {
    let source = std::fs::read_to_string(litmus().join("fences/MP+wmb+rmb.litmus")).expect("it is there");
    let names = |show: &[&str]| -> BTreeSet<String> {
        let show: Vec<String> = show.iter().map(|name| name.to_string()).collect();
        let (_, album) = draw("MP.litmus", &*source, &settings(), Which::Answer, &show);
        let album = album.expect("there is a cycle");
        let shown = album.pages[0].diagram.edges.iter().filter(|edge| !edge.is_extra);
        shown.map(|edge| edge.name.to_string()).collect()
    };
    let plain = names(&[]);
    assert_eq!(plain, ["fr", "rf", "rmb", "wmb"].map(String::from).into());
    assert_eq!(&names(&["hb", "prop"]) - &plain, ["hb", "prop"].map(String::from).into());
    let (_, album) = draw("MP.litmus", &*source, &settings(), Which::Answer, &["happens".into()]);
    let problem = album.expect_err("no such relation");
    assert_eq!(problem.message, "lkmm-6.12 has no relation `happens`");
    assert!(problem.help.is_some_and(|help| help.contains("hb")));
}

/// The heights of the points that pull a path: `M1 2C3 4 5 6 7 8H9V10` has 2, 4, 6, 8 and 10.
fn heights(path: &str) -> Vec<f64> {
    let mut heights = Vec::new();
    for part in path.split(['M', 'C']) {
        let (points, rest) = part.split_once(['H', 'V']).unwrap_or((part, ""));
        let numbers = points.split_whitespace().map(|number| number.parse::<f64>().expect("a number"));
        heights.extend(numbers.skip(1).step_by(2));
        if part.contains('V') {
            heights.extend(rest.parse::<f64>());
        }
    }
    heights
}

#[test]
fn arrows_over_other_columns_stay_below_the_titles() {
    let source = "C far\n{}\nP0(int *x) { int r0 = READ_ONCE(*x); }\nP1(int *x) { barrier(); }\n\
        P2(int *x) { int r1 = xchg(x, 5); }\nexists (0:r0=0)\n";
    let album = draw("far.litmus", source, &settings(), Which::Answer, &[]).1.expect("a picture");
    let picture = svg::draw(&album.pages[0].diagram);
    let after = |line: &str, start: &str| {
        line.split_once(start).and_then(|(_, rest)| rest.split_once('"')).map(|(value, _)| value.to_string())
    };
    let title = picture.lines().find(|line| line.contains("class=\"thread\"")).expect("a title");
    let title: f64 = after(title, " y=\"").and_then(|y| y.parse().ok()).expect("its height");
    let arrows: Vec<String> =
        picture.lines().filter(|line| line.contains("marker-end")).filter_map(|line| after(line, " d=\"")).collect();
    assert!(!arrows.is_empty(), "{picture}");
    for arrow in arrows {
        assert!(heights(&arrow).into_iter().all(|y| y > title + 10.0), "{arrow} and titles at {title}");
    }
}
