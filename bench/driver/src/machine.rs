//! What the kernel says in `/proc`: CPU time and memory of process trees, and how busy the machine
//! is with other work. Everything is optional: where a file is missing the figure is left out.

use std::collections::BTreeMap;
use std::fs;

/// One tick of `/proc/<pid>/stat` and `/proc/stat`: `USER_HZ` is 100 on every Linux of ours.
const TICK_US: u64 = 10_000;

/// CPU times at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuTimes {
    /// The gateway's processes, user and system.
    pub(crate) gateway_us: Option<u64>,
    /// The driver's and the upstream's.
    own_us: u64,
    /// All CPUs, busy with anything.
    busy_us: Option<u64>,
    /// All CPUs, busy or not.
    total_us: Option<u64>,
}

impl CpuTimes {
    /// Reads them: `gateway` is the root of the gateway's process tree, `own` the other processes
    /// that belong to the benchmark (this one is added).
    pub(crate) fn now(gateway: Option<u32>, own: &[u32]) -> Self {
        let processes = processes();
        let own = own.iter().copied().chain([std::process::id()]);
        let machine = machine();
        Self {
            gateway_us: gateway.and_then(|root| tree_us(root, &processes)),
            own_us: own
                .filter_map(|pid| processes.get(&pid))
                .map(|process| process.cpu_us)
                .sum(),
            busy_us: machine.map(|(busy, _)| busy),
            total_us: machine.map(|(_, total)| total),
        }
    }

    /// The gateway's CPU time since `earlier`.
    pub(crate) fn gateway_since(&self, earlier: &Self) -> Option<u64> {
        Some(self.gateway_us?.saturating_sub(earlier.gateway_us?))
    }

    /// The share of all CPUs since `earlier` that went to work which isn't the benchmark's.
    pub(crate) fn other_work_since(&self, earlier: &Self) -> Option<f64> {
        let ours = self.own_us.saturating_sub(earlier.own_us)
            + self.gateway_since(earlier).unwrap_or_default();
        let busy = self.busy_us?.saturating_sub(earlier.busy_us?);
        let total = self.total_us?.saturating_sub(earlier.total_us?);
        (total > 0).then(|| busy.saturating_sub(ours) as f64 / total as f64)
    }
}

/// What is needed of one process.
struct Process {
    parent: u32,
    cpu_us: u64,
}

/// Every process that can be seen.
fn processes() -> BTreeMap<u32, Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            Some((pid, parse_stat(&stat)?))
        })
        .collect()
}

/// Reads parent and CPU time off a `/proc/<pid>/stat` line. The name, in parentheses, may hold
/// anything, so fields count from the last parenthesis (see proc(5): 4 ppid, 14 utime, 15 stime).
fn parse_stat(stat: &str) -> Option<Process> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let user: u64 = fields.nth(9)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Process {
        parent,
        cpu_us: (user + system) * TICK_US,
    })
}

/// The pids of a tree, its root first.
fn tree(root: u32, processes: &BTreeMap<u32, Process>) -> Vec<u32> {
    let mut pids = vec![root];
    let mut at = 0;
    while let Some(parent) = pids.get(at).copied() {
        at += 1;
        let children = processes
            .iter()
            .filter(|(_, process)| process.parent == parent);
        pids.extend(children.map(|(pid, _)| *pid));
    }
    pids
}

/// CPU time of a tree, if its root is alive.
fn tree_us(root: u32, processes: &BTreeMap<u32, Process>) -> Option<u64> {
    processes.get(&root)?;
    let pids = tree(root, processes);
    Some(
        pids.iter()
            .filter_map(|pid| processes.get(pid))
            .map(|process| process.cpu_us)
            .sum(),
    )
}

/// Busy and total time of all CPUs.
fn machine() -> Option<(u64, u64)> {
    parse_machine(&fs::read_to_string("/proc/stat").ok()?)
}

/// Reads the `cpu` line: user nice system idle iowait irq softirq steal (guest is within user).
fn parse_machine(stat: &str) -> Option<(u64, u64)> {
    let line = stat.lines().find(|line| line.starts_with("cpu "))?;
    let ticks = line.split_ascii_whitespace().skip(1).take(8);
    let ticks: Vec<u64> = ticks.map_while(|field| field.parse().ok()).collect();
    let total: u64 = ticks.iter().sum();
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    Some(((total - idle) * TICK_US, total * TICK_US))
}

/// Memory of a tree: the proportional share (so that pages shared by workers count once), or the
/// resident size where the kernel doesn't tell the share.
pub(crate) fn memory_kib(root: u32) -> Option<u64> {
    let processes = processes();
    processes.get(&root)?;
    let one = |pid: &u32| {
        let share = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok();
        share.and_then(|text| field_kib(&text, "Pss:")).or_else(|| {
            field_kib(
                &fs::read_to_string(format!("/proc/{pid}/status")).ok()?,
                "VmRSS:",
            )
        })
    };
    Some(tree(root, &processes).iter().filter_map(one).sum())
}

/// The kibibytes on the line that starts with `name`.
fn field_kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// What the figures were measured on, in a line: model of the CPU, how many, kernel.
pub(crate) fn description() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown CPU", |(_, model)| model);
    let cpus = cpuinfo
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cpus} × {model}, Linux {}", kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let stat = "42 (a b) c) S 7 1 1 0 -1 4 0 0 0 0 150 50 9 9 20 0 1 0 1 1 1";
        let process = parse_stat(stat).unwrap();
        assert_eq!((process.parent, process.cpu_us), (7, 2_000_000));
    }

    #[test]
    fn idle_and_waiting_are_not_busy() {
        let stat = "cpu  10 0 20 60 5 1 2 2 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(parse_machine(stat), Some((35 * TICK_US, 100 * TICK_US)));
    }

    #[test]
    fn a_tree_holds_grandchildren_and_nobody_else() {
        let processes = [(1, 0), (5, 1), (6, 5), (7, 6), (8, 1)].map(|(pid, parent)| {
            (
                pid,
                Process {
                    parent,
                    cpu_us: pid.into(),
                },
            )
        });
        let processes = BTreeMap::from(processes);
        assert_eq!(tree(5, &processes), [5, 6, 7]);
        assert_eq!(tree_us(5, &processes), Some(18));
        assert_eq!(tree_us(99, &processes), None);
    }
}
