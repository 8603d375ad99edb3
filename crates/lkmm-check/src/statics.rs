//! Where the statics of the process are: other models see them too, and later runs.

/// Where the writable statics of the process are.
pub(crate) struct Statics {
    ranges: Vec<std::ops::Range<usize>>,
}

impl Statics {
    #[cfg(unix)]
    pub(crate) fn find() -> Self {
        let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
        // SAFETY: the callback is called with the data that is handed over, and does not keep what it is shown.
        unsafe { libc::dl_iterate_phdr(Some(collect), (&raw mut ranges).cast()) };
        Statics { ranges }
    }

    #[cfg(not(unix))]
    pub(crate) fn find() -> Self {
        Statics { ranges: Vec::new() }
    }

    pub(crate) fn contain(&self, address: usize) -> bool {
        self.ranges.iter().any(|range| range.contains(&address))
    }
}

/// Collects the writable segments of a loaded object.
#[cfg(unix)]
unsafe extern "C" fn collect(info: *mut libc::dl_phdr_info, _: usize, ranges: *mut std::ffi::c_void) -> i32 {
    // SAFETY: `Statics::find` hands over a vector; the rest is as `dl_iterate_phdr` promises.
    unsafe {
        let ranges = &mut *ranges.cast::<Vec<std::ops::Range<usize>>>();
        for n in 0..usize::from((*info).dlpi_phnum) {
            let header = &*(*info).dlpi_phdr.add(n);
            if header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W != 0 {
                let start = (*info).dlpi_addr as usize + header.p_vaddr as usize;
                ranges.push(start..start + header.p_memsz as usize);
            }
        }
    }
    0
}
