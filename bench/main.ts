/**
 * npm run bench: what Keystead costs on this machine, each figure beside what it is compared with. Everything that is
 * compared runs in turns within one run, since machines drift; CPU time is the operating system's account of our processes.
 *
 * Not here: other people's products (reference figures are in docs), several machines, more than one replica.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Lab } from './lab.js';
import { help, type Options, readOptions, type SectionName } from './options.js';
import { describeMachine, type Machine } from './report/machine.js';
import type { Outcome, Reach } from './report/outcome.js';
import { render } from './report/table.js';
import { audit } from './sections/audit.js';
import { grpc } from './sections/grpc.js';
import { hsm } from './sections/hsm.js';
import { memory } from './sections/memory.js';
import { objects } from './sections/objects.js';
import { policy } from './sections/policy.js';
import { start } from './sections/start.js';
import { wire } from './sections/wire.js';
import { root } from './system/keystead.js';

const sections: Readonly<Record<SectionName, (lab: Lab) => Promise<Outcome>>> = {
  ...{ start, memory, wire, grpc, audit, hsm, policy, objects },
};

const begun = Date.now();
const progress = (line: string): void =>
  console.log(`${((Date.now() - begun) / 1_000).toFixed(0).padStart(5)} s  ${line}`);

async function run(options: Options): Promise<void> {
  const machine = describeMachine(root);
  progress('bundling');
  execFileSync(process.execPath, [join(root, 'tools/bundle.mjs')], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const lab = new Lab(join(root, 'dist/bench', `run-${process.pid}`), options.seconds, progress);
  const outcomes: Partial<Record<SectionName, Outcome>> = {};
  const interrupted = untilSignal();
  try {
    for (const name of options.sections) {
      progress(name);
      const stopped = interrupted.then((signal) => Promise.reject(new Error(`stopped by ${signal}`)));
      outcomes[name] = await Promise.race([sections[name](lab), stopped]);
    }
  } finally {
    progress('stopping');
    await lab.close();
  }
  report(options, machine, outcomes);
}

function report(options: Options, machine: Machine, outcomes: Partial<Record<SectionName, Outcome>>): void {
  const all = Object.values(outcomes);
  const { cpu, cores, memoryGiB, system, node, date, commit, loadBefore } = machine;
  console.log(`\n${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}, Node.js ${node}, load before ${loadBefore}`);
  console.log(`${date} UTC, commit ${commit}, ${options.seconds} s for each cell\n`);
  for (const table of all.flatMap(({ tables }) => tables)) console.log(render(table));
  const reaches = all.flatMap((outcome) => outcome.reaches);
  if (reaches.length > 0) console.log(render(reachTable(reaches)));
  for (const reason of all.flatMap(({ skipped }) => skipped)) console.log(`skipped: ${reason}`);
  const file = resolve(root, options.json);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ machine, options, outcomes }, null, 2)}\n`);
  console.log(`figures: ${file}`);
}

function reachTable(reaches: readonly Reach[]) {
  const rows = reaches.map(({ what, wanted, got, met }) => [what, wanted, got, met ? 'met' : 'NOT met']);
  return { title: 'Reaches', columns: ['', 'wanted', 'got', ''], rows };
}

function untilSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve(signal));
  });
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) console.log(help);
  else if (!existsSync('/proc/self/smaps_rollup'))
    console.log('skipped: CPU time and memory are read from /proc of Linux.');
  else await run(options);
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
// Streams and timers that an aborted section has left behind.
process.exit();
