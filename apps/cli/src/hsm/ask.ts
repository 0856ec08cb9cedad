import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { Failure } from '../failure.js';

/** Says what will happen and asks; scripts give --yes. Throws Failure when the answer is no. */
export async function confirm(explanation: string, yes: boolean): Promise<void> {
  process.stdout.write(`${explanation}\n`);
  if (yes) return;
  if (!process.stdin.isTTY) throw new Failure('Nobody is there to ask: give --yes if that is what you want.');
  const answer = await ask('Type yes to go on: ');
  if (answer.trim().toLowerCase() !== 'yes') throw new Failure('Nothing was done.');
}

/** Asks for something that nobody else shall read from the screen. Throws Failure without a terminal. */
export async function askHidden(question: string, otherwise: string): Promise<Buffer> {
  if (!process.stdin.isTTY) throw new Failure(`Nobody is there to ask: ${otherwise}`);
  process.stdout.write(question);
  const mute = new Writable({ write: (_chunk, _encoding, done) => done() });
  const answer = await ask('', mute);
  process.stdout.write('\n');
  return Buffer.from(answer);
}

async function ask(question: string, output: NodeJS.WritableStream = process.stdout): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output, terminal: true });
  try {
    return await terminal.question(question);
  } finally {
    terminal.close();
  }
}
