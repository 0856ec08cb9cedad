/**
 * A fresh process of its own, as a service that has just started: it warms up, collects everything as services do when they
 * fall quiet, and takes the documents of stdin once each. Prints what each took, in ms.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AuthorizationRequest, compilePolicy, evaluate, warmUp } from '@keystead/policy';
import { busyMicros } from './busy.js';
import { firstRequest } from './first.js';
import type { Legal } from './legal.js';

/** How long compiling took, and the first decision. */
export interface Fresh {
  readonly name: string;
  readonly compile: number;
  readonly decide: number;
}

const documents = JSON.parse(readFileSync(0, 'utf8')) as readonly Legal[];
const collect = (globalThis as { gc?: (options: object) => unknown }).gc;
await warmUp();
for (let n = 0; n < 6; n++) {
  await collect?.({ type: 'major', execution: 'async' });
  await sleep(30);
}
const found: Fresh[] = [];
for (const { name, kind, json } of documents) {
  // Policies come one by one.
  await sleep(50);
  let request: AuthorizationRequest | undefined;
  const compile = busyMicros(() => (request = firstRequest(compilePolicy(json, { kind, name }))));
  const decide = busyMicros(() => request && evaluate(request));
  found.push({ name, compile: compile / 1_000, decide: decide / 1_000 });
}
console.log(JSON.stringify(found));
