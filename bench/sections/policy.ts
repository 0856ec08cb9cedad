import { compilePolicy, evaluate, type AuthorizationRequest } from '@keystead/policy';
import type { Lab } from '../lab.js';
import { hostileRequests } from '../policies/hostile.js';
import { largestLegal } from '../policies/legal.js';
import { mixture, nothingApplies } from '../policies/mixture.js';
import { type Outcome, reach } from '../report/outcome.js';
import { figure } from '../report/table.js';

const decisionMicros = 20;
const compileMillis = 5;
const blockMillis = 2;
const fewestBlocks = 100;

/** CPU time of one call, µs. */
interface Spread {
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** The policy engine by itself, warm, in this process: decisions with 50 statements, and documents as large as they may be. */
export function policy(lab: Lab): Promise<Outcome> {
  const usual = mixture();
  const decisions = [
    { name: '50 statements, a mixture', spread: spreadOf(lab.seconds, (n) => decide(usual, n)) },
    { name: '50 statements, none of which applies', spread: spreadOf(lab.seconds, (n) => decide(nothingApplying, n)) },
    { name: '50 statements with 1,250 hostile patterns', spread: spreadOf(lab.seconds, (n) => decide(hostile, n)) },
  ];
  const documents = largestLegal().map(({ name, kind, json }) => ({
    name,
    spread: spreadOf(lab.seconds / 16, () => compilePolicy(json, { kind, name: 'bench' }), 0),
  }));
  const slowest = documents.reduce((worst, next) => (next.spread.max > worst.spread.max ? next : worst));
  return Promise.resolve({
    tables: [
      {
        title: 'Policies: one decision, µs of CPU',
        columns,
        rows: decisions.map(({ name, spread }) => row(name, spread, 1)),
      },
      {
        title: 'Policies: compiling the largest legal documents in a warm process, ms of CPU of single compilations',
        columns,
        rows: documents.map(({ name, spread }) => row(name, spread, 1_000)),
        notes: [
          `The slowest single compilation: ${slowest.name}. CPU is that of the whole process: collecting garbage and V8's own compilers count.`,
          'Not measured: the first compilation of a fresh process. Patterns of text are taken apart when a decision first asks for them.',
        ],
      },
    ],
    reaches: [
      ...decisions
        .slice(0, 2)
        .map(({ name, spread }) => reach(`decision, ${name}: p99`, spread.p99, { atMost: decisionMicros }, ' µs')),
      reach(
        'compiling the slowest legal policy, warm: max',
        slowest.spread.max / 1_000,
        { atMost: compileMillis },
        ' ms',
      ),
    ],
    skipped: [],
    figures: { decisions, documents },
  });
}

const columns = ['', 'mean', 'p50', 'p99', 'max'];
const nothingApplying = nothingApplies();
const hostile = hostileRequests();

function decide(requests: readonly AuthorizationRequest[], n: number): void {
  const request = requests[n % requests.length];
  if (request !== undefined) evaluate(request);
}

function row(name: string, { mean, p50, p99, max }: Spread, micros: number): string[] {
  return [name, ...[mean, p50, p99, max].map((value) => figure(value / micros))];
}

/**
 * CPU time of one call in microseconds. Blocks of calls with the same argument are measured, so that other programs on
 * the machine do not count: the percentiles are over blocks, and thereby over the arguments. Blocks of no
 * milliseconds are single calls. The first tenth only warms the compilers.
 */
function spreadOf(seconds: number, call: (n: number) => void, millis = blockMillis): Spread {
  const warm = performance.now() + Math.max(seconds * 100, 50);
  let [calls, began] = [0, performance.now()];
  while (performance.now() < warm) call(calls++);
  const perBlock = Math.max(1, Math.round((calls * millis) / (performance.now() - began)));
  const blocks: number[] = [];
  began = performance.now();
  for (let n = 0; performance.now() < began + seconds * 900 || blocks.length < fewestBlocks; n++) {
    const before = process.cpuUsage();
    for (let i = 0; i < perBlock; i++) call(n);
    const { user, system } = process.cpuUsage(before);
    blocks.push((user + system) / perBlock);
  }
  blocks.sort((a, b) => a - b);
  const at = (part: number): number => blocks[Math.floor(blocks.length * part)] ?? NaN;
  return {
    mean: blocks.reduce((sum, value) => sum + value, 0) / blocks.length,
    p50: at(0.5),
    p99: at(0.99),
    max: blocks.at(-1) ?? NaN,
  };
}
