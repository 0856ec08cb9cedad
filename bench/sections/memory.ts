import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../lab.js';
import { filePagesAlone, memoryOf, type ProcessMemory } from '../proc/memory.js';
import { cpuMicros } from '../proc/tree.js';
import { type Outcome, reach } from '../report/outcome.js';
import { figure } from '../report/table.js';

const atMostMiB = 500;
const mib = (bytes: number): number => bytes / 2 ** 20;

/** The whole system when nobody asks for anything, some seconds after its start. */
export async function memory(lab: Lab): Promise<Outcome> {
  const { pid } = await lab.keystead();
  lab.progress('letting the system rest');
  await sleep(5_000);
  const busy = cpuMicros([pid]);
  await sleep(5_000);
  const idleMillisPerSecond = (cpuMicros([pid]) - busy) / 5_000;
  const processes = memoryOf([pid]);
  const sum = (part: (process: ProcessMemory) => number): number =>
    mib(processes.reduce((total, process) => total + part(process), 0));
  const pss = sum((process) => process.pss);
  const alone = sum((process) => process.pss - process.pssFile) + mib(filePagesAlone([pid]));
  const rows = byName(processes).map(({ name, count, bytes }) => [name, String(count), figure(mib(bytes))]);
  const notes = [
    `Without other programs that share Node.js and its libraries it would be ${figure(alone)} MiB: each file's pages counted once.`,
    `CPU while idle: ${figure(idleMillisPerSecond)} ms each second, all processes together.`,
  ];
  return {
    tables: [
      {
        title: 'Memory of the idle system (PSS)',
        columns: ['', 'processes', 'MiB'],
        rows: [...rows, ['all', String(processes.length), figure(pss)]],
        notes,
      },
    ],
    reaches: [
      reach('memory of the idle system (PSS)', pss, { atMost: atMostMiB }, ' MiB'),
      reach('the same if nothing else ran Node.js', alone, { atMost: atMostMiB }, ' MiB'),
    ],
    skipped: [],
    figures: { pss, alone, idleMillisPerSecond, processes },
  };
}

function byName(processes: readonly ProcessMemory[]): { name: string; count: number; bytes: number }[] {
  const names = [...new Set(processes.map(({ name }) => name))];
  return names.map((name) => {
    const same = processes.filter((process) => process.name === name);
    return { name, count: same.length, bytes: same.reduce((total, { pss }) => total + pss, 0) };
  });
}
