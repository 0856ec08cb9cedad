import { readdirSync, readFileSync } from 'node:fs';

/** CPU time of a process and its children so far, in microseconds, by Linux' accounting (10 ms steps). */
export function cpuOf(pid: number): number {
  return family(pid).reduce((sum, { ticks }) => sum + ticks, 0) * 10_000;
}

/** Signals a process and all its children. */
export function signalAll(pid: number, signal: NodeJS.Signals): void {
  for (const member of family(pid)) process.kill(member.pid, signal);
}

function family(pid: number): Stat[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => stat(name))
    .filter((one) => one !== undefined)
    .filter((one) => one.pid === pid || one.parent === pid);
}

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
}

function stat(name: string): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${name}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { pid: Number(name), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return undefined; // it ended meanwhile
  }
}
