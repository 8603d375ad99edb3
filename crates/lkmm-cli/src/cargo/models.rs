//! What came of the models of a test run: the lines that each of them wrote, as a table.

use lkmm_report::human::duration;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

/// What a model came to.
#[derive(Debug, PartialEq)]
pub(super) struct Model {
    name: String,
    executions: u64,
    time: Duration,
    outcome: Outcome,
    /// What could not be checked, in sentences.
    unchecked: Vec<String>,
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Complete,
    Sampled { of: Option<f64> },
    Bounded { preemptions: u64 },
    OutOfBudget { left: Option<f64> },
    Failed { kind: String, place: Option<String>, report: String },
}

/// Reads what the models wrote, if there were any. They are sorted by name.
pub(super) fn read(folder: &Path) -> io::Result<Vec<Model>> {
    let text = match std::fs::read_to_string(folder.join("models.jsonl")) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    let mut models = text.lines().map(parse).collect::<io::Result<Vec<Model>>>()?;
    models.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(models)
}

fn parse(line: &str) -> io::Result<Model> {
    let line: Value = serde_json::from_str(line)?;
    let text = |value: &Value| value.as_str().unwrap_or("").to_string();
    let executions = line["executions"].as_u64().unwrap_or(0);
    let estimate = line["estimate"].as_f64();
    let failure = &line["failure"];
    let outcome = match line["outcome"].as_str() {
        Some("complete") => Outcome::Complete,
        Some("sampled") => Outcome::Sampled { of: estimate },
        Some("bounded") => Outcome::Bounded { preemptions: line["preemptions"].as_u64().unwrap_or(0) },
        Some("out of budget") => Outcome::OutOfBudget { left: estimate.map(|all| all - executions as f64) },
        _ => Outcome::Failed {
            kind: text(&failure["kind"]),
            place: failure["places"][0].as_str().map(String::from),
            report: text(&failure["report"]),
        },
    };
    // A harness that runs one test at a time, or a test in the documentation, has no name for it.
    let name = match (text(&line["binary"]), text(&line["test"])) {
        (_, test) if test == "main" => format!("{}:{}", text(&line["file"]), line["line"]),
        (binary, test) => format!("{binary} {test}"),
    };
    let time = Duration::try_from_secs_f64(line["seconds"].as_f64().unwrap_or(0.0)).unwrap_or_default();
    let unchecked = line["unchecked"].as_array().into_iter().flatten().map(text).collect();
    Ok(Model { name, executions, time, outcome, unchecked })
}

/// Prints the table.
pub(super) fn print(out: &mut dyn Write, models: &[Model]) -> io::Result<()> {
    if models.is_empty() {
        return writeln!(out, "\nno model was explored: do the tests call lkmm::check::model?");
    }
    let width = models.iter().map(|model| model.name.chars().count()).max().unwrap_or(0).max("model".len());
    writeln!(out, "\n{:width$}  {:>12}  {:>9}  outcome", "model", "executions", "time")?;
    for Model { name, executions, time, outcome, .. } in models {
        let (executions, time) = (grouped(*executions), duration(*time));
        writeln!(out, "{name:width$}  {executions:>12}  {time:>9}  {}", describe(outcome))?;
        if let Outcome::Failed { report, .. } = outcome {
            writeln!(out, "{:width$}  report: {report}", "")?;
        }
    }
    let count = |is: fn(&Outcome) -> bool| models.iter().filter(|model| is(&model.outcome)).count();
    let (complete, failed) =
        (count(|o| matches!(o, Outcome::Complete)), count(|o| matches!(o, Outcome::Failed { .. })));
    let (sampled, cut) =
        (count(|o| matches!(o, Outcome::Sampled { .. })), count(|o| matches!(o, Outcome::OutOfBudget { .. })));
    let bounded = count(|o| matches!(o, Outcome::Bounded { .. }));
    let executions = grouped(models.iter().map(|model| model.executions).sum());
    let time = duration(models.iter().map(|model| model.time).sum());
    let s = if models.len() == 1 { "" } else { "s" };
    write!(out, "\n{} model{s}, {executions} executions, {time}: {complete} complete, {failed} failed", models.len())?;
    if sampled > 0 {
        write!(out, ", {sampled} sampled")?;
    }
    if bounded > 0 {
        write!(out, ", {bounded} bounded")?;
    }
    if cut > 0 {
        write!(out, ", {cut} out of budget")?;
    }
    writeln!(out)?;
    let sentences: BTreeSet<&String> = models.iter().flat_map(|model| &model.unchecked).collect();
    for sentence in sentences {
        let of = models.iter().filter(|model| model.unchecked.contains(sentence)).count();
        writeln!(out, "Mind, for {of} of them: {sentence}.")?;
    }
    Ok(())
}

fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Complete => "complete".into(),
        Outcome::Sampled { of: None } => "random walks".into(),
        Outcome::Sampled { of: Some(all) } => format!("random walks, of about {}", about(*all)),
        Outcome::Bounded { preemptions: 1 } => "at most 1 preemption".into(),
        Outcome::Bounded { preemptions } => format!("at most {preemptions} preemptions"),
        Outcome::OutOfBudget { left: None } => "out of budget".into(),
        Outcome::OutOfBudget { left: Some(left) } => format!("out of budget, about {} left", about(*left)),
        Outcome::Failed { kind, place: None, .. } => kind.clone(),
        Outcome::Failed { kind, place: Some(place), .. } => format!("{kind} at {place}"),
    }
}

/// An estimate. What follows the first two digits would say nothing.
fn about(number: f64) -> String {
    if number < 1e6 {
        let unit = 10_f64.powf(number.max(1.0).log10().floor() - 1.0).max(1.0);
        return grouped(((number / unit).round() * unit) as u64);
    }
    format!("{number:.1e}")
}

/// A number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(outcome: &str, estimate: &str) -> String {
        format!(
            r#"{{"binary":"app","test":"counts","file":"src/lib.rs","line":3,"executions":1234,"estimate":{estimate},
            "seconds":0.0021,"outcome":"{outcome}","failure":null}}"#
        )
        .replace('\n', "")
    }

    #[test]
    fn every_outcome_has_its_words() {
        let shown = |line: &str| describe(&parse(line).expect("a line").outcome);
        assert_eq!(shown(&line("complete", "1234.0")), "complete");
        assert_eq!(shown(&line("sampled", "2.5e9")), "random walks, of about 2.5e9");
        assert_eq!(shown(&line("out of budget", "125678.0")), "out of budget, about 120,000 left");
        assert_eq!(shown(&line("out of budget", "null")), "out of budget");
        let bounded = line("bounded", "null").replace(r#""failure""#, r#""preemptions":2,"failure""#);
        assert_eq!(shown(&bounded), "at most 2 preemptions");
        let failed = line("failed", "null").replace(
            r#""failure":null"#,
            r#""failure":{"kind":"DataRace","message":"m","places":["src/lib.rs:9:2"],"report":"/r.txt"}"#,
        );
        assert_eq!(shown(&failed), "DataRace at src/lib.rs:9:2");
    }

    #[test]
    fn the_table_names_each_model() {
        let mut out = Vec::new();
        let models =
            [parse(&line("complete", "1234.0")), parse(&line("out of budget", "null").replace("counts", "main"))];
        print(&mut out, &models.map(|model| model.expect("a line"))).expect("a buffer takes all");
        let expected = "
model           executions       time  outcome
app counts           1,234    2.10 ms  complete
src/lib.rs:3         1,234    2.10 ms  out of budget

2 models, 2,468 executions, 4.20 ms: 1 complete, 0 failed, 1 out of budget
";
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }

    #[test]
    fn what_was_not_checked_is_said_once() {
        let line = line("complete", "null").replace(r#""failure""#, r#""unchecked":["frees were not"],"failure""#);
        let models = [parse(&line).unwrap(), parse(&line).unwrap()];
        let mut out = Vec::new();
        print(&mut out, &models).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("\nMind, for 2 of them: frees were not.\n"), "{text}");
    }
}
