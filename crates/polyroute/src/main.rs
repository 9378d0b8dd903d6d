//! The `polyroute` program.

use std::process::ExitCode;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Where the system gives huge pages to all, a few bytes on a heap or a thread's stack would cost
    // 2 MiB each. What we allocate is small and short-lived: it gains nothing by them.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    polyroute::cli::main()
}
