//! Reads that no write can serve: herd7 refuses a test with a read through what is known not to be the address of a
//! location, when no write can be at the same place. Mostly that is the name of a location that is missing among the
//! parameters of the process, which makes it a local without a value.

use lkmm_model::program::{EventTemplate, Expr, Path, Program, Value};
use lkmm_report::{Origin, Problem};

/// Refuses such a program.
pub(super) fn check(program: &Program, origins: &[Origin]) -> Result<(), Problem> {
    let paths = || program.threads.iter().flat_map(|thread| &thread.paths);
    let mut reads =
        paths().flat_map(|path| path.events.iter().map(move |event| (path, event))).filter_map(|(path, event)| {
            let address = address(path, event).filter(|_| event.label.is_read())?;
            program.location_at(address).is_none().then_some((address, event))
        });
    let Some((address, read)) = reads.next() else { return Ok(()) };
    // A write at an address that is not known yet could be there.
    let open_write = |path: &Path| {
        path.events
            .iter()
            .any(|event| event.label.is_write() && event.address.is_some() && self::address(path, event).is_none())
    };
    if paths().any(open_write) {
        return Ok(());
    }
    let span = origins.get(read.origin as usize).map_or(0..0, |origin| origin.span.clone());
    let error = match address {
        Value::Int(number) => Problem::at(format!("read through {number}, which is the address of no location"), span)
            .with_help("the location must be a parameter of the process: `P0(int *x)`"),
        _ => Problem::at("read through an address with an offset, where there is no location", span)
            .with_help("declare an array in the initial state: `int x[2];` has a second element at `x + 4`"),
    };
    Err(error)
}

fn address(path: &Path, event: &EventTemplate) -> Option<Value> {
    match path.exprs[event.address? as usize] {
        Expr::Const(value) => Some(value),
        _ => None,
    }
}
