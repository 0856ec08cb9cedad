import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { compilePolicy, evaluate, type AuthorizationRequest } from '@keystead/policy';
import { runtimeOf } from '@keystead/service/runtime';
import type { Lab } from '../lab.js';
import { busyMicros } from '../policies/busy.js';
import { firstRequest } from '../policies/first.js';
import type { Fresh } from '../policies/fresh.js';
import { hostileRequests } from '../policies/hostile.js';
import { type Legal, largestLegal } from '../policies/legal.js';
import { mixture, nothingApplies } from '../policies/mixture.js';
import { type Outcome, reach } from '../report/outcome.js';
import { figure } from '../report/table.js';
import { root } from '../system/keystead.js';

const decisionMicros = 20;
const compileMillis = 5;
const blockMillis = 2;
const fewestBlocks = 100;
const fewestDecisions = 15;
/** Until V8 has compiled what all kinds of documents use. */
const compilersNeedMillis = 3_000;
const freshProcesses = 8;
/** How many of the slowest documents each fresh process takes. */
const freshDocuments = 8;

/** One document compiled again and again, and the first decision after that, µs. */
interface Compiled {
  readonly name: string;
  readonly spread: Spread;
  readonly decided: number;
}

/** CPU time of one call, µs. */
interface Spread {
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly count: number;
}

/** The policy engine by itself, warm, in this process: decisions with 50 statements, and documents as large as they may be. */
export async function policy(lab: Lab): Promise<Outcome> {
  const usual = mixture();
  const decisions = [
    { name: '50 statements, a mixture', spread: spreadOf(lab.seconds, (n) => decide(usual, n)) },
    { name: '50 statements, none of which applies', spread: spreadOf(lab.seconds, (n) => decide(nothingApplying, n)) },
    { name: '50 statements with 1,250 hostile patterns', spread: spreadOf(lab.seconds, (n) => decide(hostile, n)) },
  ];
  const legal = largestLegal();
  const documents = await compileInTurns(legal, lab.seconds);
  const fresh = inFreshProcesses(slowestOf(legal, documents), lab);
  const slowest = documents.reduce((worst, next) => (next.spread.max > worst.spread.max ? next : worst));
  return {
    tables: [
      {
        title: 'Policies: one decision, µs of CPU',
        columns,
        rows: decisions.map(({ name, spread }) => row(name, spread, 1)),
      },
      {
        title: 'Policies: compiling the largest legal documents in a warm process, ms of single compilations',
        columns: [...columns, 'decided'],
        rows: documents.map(({ name, spread, decided }) => [...row(name, spread, 1_000), figure(decided / 1_000)]),
        notes: [
          `The slowest of ${slowest.spread.count * documents.length} single compilations: ${slowest.name}. Elapsed time or CPU time of the process, whichever is shorter: at most what the thread was busy. Pauses for collecting garbage count, V8's other threads do not.`,
          '"decided" is the first decision after that, with a request that no pattern matches, at the median: it takes the patterns apart.',
        ],
      },
      {
        title: `Policies: the slowest of those in ${freshProcesses} fresh processes that have warmed up, ms, longest of all`,
        columns: ['', 'compiled', 'first decision'],
        rows: fresh.map(({ name, compile, decide }) => [name, figure(compile), figure(decide)]),
        notes: [
          'Each process takes each document once, another one first, and has collected everything six times before, which throws away what V8 has optimized for shapes of which there is no object.',
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
      reach(
        'compiling the slowest legal policies, fresh processes: max',
        Math.max(...fresh.map(({ compile }) => compile)),
        { atMost: compileMillis },
        ' ms',
      ),
    ],
    skipped: [],
    figures: { decisions, documents, fresh },
  };
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
 * Compiles all documents one after the other, again and again, each in a turn of its own as a service meets them: no kind
 * is warmer than another, and what V8 does between turns it does there.
 */
async function compileInTurns(documents: readonly Legal[], seconds: number): Promise<Compiled[]> {
  const samples = documents.map((): number[] => []);
  const decisions = documents.map((): number[] => []);
  const round = async (note: (index: number, micros: number) => void): Promise<void> => {
    for (const [index, { kind, json }] of documents.entries()) {
      await nextTurn();
      note(
        index,
        busyMicros(() => compilePolicy(json, { kind, name: 'bench' })),
      );
    }
  };
  const warm = performance.now() + compilersNeedMillis;
  while (performance.now() < warm) await round(() => undefined);
  const end = performance.now() + seconds * 1_000;
  for (let n = 0; n < fewestBlocks || performance.now() < end; n++)
    await round((index, micros) => samples[index]?.push(micros));
  for (let n = 0; n < fewestDecisions; n++)
    for (const [index, { kind, json }] of documents.entries()) {
      const request = firstRequest(compilePolicy(json, { kind, name: 'bench' }));
      decisions[index]?.push(busyMicros(() => evaluate(request)));
    }
  return documents.map(({ name }, index) => ({
    name,
    spread: spread(samples[index] ?? []),
    decided: spread(decisions[index] ?? []).p50,
  }));
}

/** Those that take longest at the median, and those whose first decision does. */
function slowestOf(legal: readonly Legal[], compiled: readonly Compiled[]): Legal[] {
  const by = (cost: (one: Compiled) => number): string[] =>
    compiled
      .toSorted((a, b) => cost(b) - cost(a))
      .slice(0, freshDocuments / 2)
      .map(({ name }) => name);
  const names = new Set([...by(({ spread }) => spread.p50), ...by(({ decided }) => decided)]);
  return legal.filter(({ name }) => names.has(name));
}

/** The longest that each document took in one of several processes; each begins with another one. */
function inFreshProcesses(documents: readonly Legal[], lab: Lab): Fresh[] {
  const all = Array.from({ length: freshProcesses }, (_, n) => {
    lab.progress(`policy, fresh process ${n + 1} of ${freshProcesses}`);
    const first = n % documents.length;
    return inFreshProcess([...documents.slice(first), ...documents.slice(0, first)]);
  }).flat();
  return documents.map(({ name }) => {
    const same = all.filter((one) => one.name === name);
    const longest = (of: (one: Fresh) => number): number => Math.max(...same.map(of));
    return { name, compile: longest(({ compile }) => compile), decide: longest(({ decide }) => decide) };
  });
}

function inFreshProcess(documents: readonly Legal[]): Fresh[] {
  // With the flags of a service that evaluates policies.
  const flags = ['--import', 'tsx', '--conditions=@keystead/source', ...runtimeOf('kms-service').flags];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, join(root, 'bench/policies/fresh.ts')], {
    ...{ cwd: root, input: JSON.stringify(documents), encoding: 'utf8' },
  });
  if (status !== 0) throw new Error(`a fresh process failed: ${stderr.slice(-600)}`);
  return JSON.parse(stdout) as Fresh[];
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
