import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** One line of /proc/<pid>/stat (proc(5)). */
interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** Its own user and system time and that of its ended children, in clock ticks. */
  readonly ticks: number;
}

const microsPerTick = 1_000_000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** The processes of the trees that begin at `roots`, the roots included. */
export function treeOf(roots: readonly number[]): number[] {
  return statsOf(roots).map(({ pid }) => pid);
}

/**
 * CPU time in µs that the trees beginning at `roots` have used so far. What ended is in its parent's account, so that the
 * difference of two readings misses nothing: PostgreSQL's backends are children of its postmaster, which is the launcher's.
 */
export function cpuMicros(roots: readonly number[]): number {
  return statsOf(roots).reduce((sum, { ticks }) => sum + ticks, 0) * microsPerTick;
}

function statsOf(roots: readonly number[]): Stat[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(Number(name)) ?? []);
  const found = all.filter(({ pid }) => roots.includes(pid));
  // `found` grows while it is walked.
  for (const { pid } of found) found.push(...all.filter(({ parent }) => parent === pid));
  return found;
}

function readStat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The program's name stands in parentheses and may hold spaces.
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [parent = 0] = fields.slice(1);
    const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11);
    return { pid, parent, ticks: user + system + childUser + childSystem };
  } catch {
    return undefined; // it ended meanwhile
  }
}
