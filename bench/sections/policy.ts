import { compilePolicy, evaluate, type AuthorizationRequest } from '@keystead/policy';
import type { Lab } from '../lab.js';
import { hostileRequests } from '../policies/hostile.js';
import { type Legal, largestLegal } from '../policies/legal.js';
import { mixture, nothingApplies } from '../policies/mixture.js';
import { type Outcome, reach } from '../report/outcome.js';
import { figure } from '../report/table.js';

const decisionMicros = 20;
const compileMillis = 5;
const blockMillis = 2;
const fewestBlocks = 100;
/** Until V8 has compiled what all kinds of documents use. */
const compilersNeedMillis = 3_000;

/** CPU time of one call, µs. */
interface Spread {
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly count: number;
}

/** The policy engine by itself, warm, in this process: decisions with 50 statements, and documents as large as they may be. */
export function policy(lab: Lab): Promise<Outcome> {
  const usual = mixture();
  const decisions = [
    { name: '50 statements, a mixture', spread: spreadOf(lab.seconds, (n) => decide(usual, n)) },
    { name: '50 statements, none of which applies', spread: spreadOf(lab.seconds, (n) => decide(nothingApplying, n)) },
    { name: '50 statements with 1,250 hostile patterns', spread: spreadOf(lab.seconds, (n) => decide(hostile, n)) },
  ];
  const documents = compileInTurns(largestLegal(), lab.seconds);
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
          `The slowest of ${slowest.spread.count * documents.length} single compilations: ${slowest.name}. CPU is that of the whole process: collecting garbage and V8's own compilers count.`,
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

/** Compiles all documents one after the other, again and again, as a service meets them: no kind is warmer than another. */
function compileInTurns(documents: readonly Legal[], seconds: number): { name: string; spread: Spread }[] {
  const samples = documents.map((): number[] => []);
  const round = (note: (index: number, micros: number) => void): void => {
    for (const [index, { kind, json }] of documents.entries()) {
      const before = process.cpuUsage();
      compilePolicy(json, { kind, name: 'bench' });
      note(index, microsSince(before));
    }
  };
  const warm = performance.now() + compilersNeedMillis;
  while (performance.now() < warm) round(() => undefined);
  const end = performance.now() + seconds * 1_000;
  for (let n = 0; n < fewestBlocks || performance.now() < end; n++)
    round((index, micros) => samples[index]?.push(micros));
  return documents.map(({ name }, index) => ({ name, spread: spread(samples[index] ?? []) }));
}

function microsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/**
 * CPU time of one call in microseconds. Blocks of calls with the same argument are measured, so that other programs on
 * the machine do not count: the percentiles are over blocks, and thereby over the arguments. The first tenth only warms
 * the compilers.
 */
function spreadOf(seconds: number, call: (n: number) => void): Spread {
  const warm = performance.now() + Math.max(seconds * 100, 50);
  let [calls, began] = [0, performance.now()];
  while (performance.now() < warm) call(calls++);
  const perBlock = Math.max(1, Math.round((calls * blockMillis) / (performance.now() - began)));
  const blocks: number[] = [];
  began = performance.now();
  for (let n = 0; performance.now() < began + seconds * 900 || blocks.length < fewestBlocks; n++) {
    const before = process.cpuUsage();
    for (let i = 0; i < perBlock; i++) call(n);
    blocks.push(microsSince(before) / perBlock);
  }
  return spread(blocks);
}

function spread(samples: number[]): Spread {
  samples.sort((a, b) => a - b);
  const at = (part: number): number => samples[Math.floor(samples.length * part)] ?? NaN;
  const mean = samples.reduce((sum, value) => sum + value, 0) / samples.length;
  return { mean, p50: at(0.5), p99: at(0.99), max: samples.at(-1) ?? NaN, count: samples.length };
}
