import { setTimeout as sleep } from 'node:timers/promises';
import { DomainKeyState, type ListDomainKeysResponse } from '@keystead/proto/hsm';
import type { Command } from 'commander';
import { Failure } from '../failure.js';
import { listDomainKeys, type Where } from './connection.js';
import { runCommand, withSigning, type RunOptions } from './run-command.js';

const states: Readonly<Record<number, string>> = {
  [DomainKeyState.DOMAIN_KEY_STATE_ACTIVE]: 'active',
  [DomainKeyState.DOMAIN_KEY_STATE_DECRYPT]: 'only opens',
  [DomainKeyState.DOMAIN_KEY_STATE_NEXT]: 'waits for kms-service and the replicas',
};

/** The domain keys, and how far rewrapping is; those that are destroyed are only counted. */
export function domainKeyLines({ domainKeys, ...status }: ListDomainKeysResponse): string[] {
  const there = domainKeys.filter(({ state }) => state !== DomainKeyState.DOMAIN_KEY_STATE_DESTROYED);
  const lines = there.map(({ epoch, state, createdMs, tokens, closed }) => {
    const made = new Date(Number(createdMs)).toISOString().slice(0, 16).replace('T', ' ');
    const count = tokens === undefined ? 'tokens not counted yet' : `${tokens} tokens${closed ? ', no more come' : ''}`;
    return `  epoch ${epoch}`.padEnd(19) + `${states[state] ?? ''}, made ${made}, ${count}`;
  });
  const gone = domainKeys.length - there.length;
  const kept = status.retentionDays === 0 ? 'kept for ever' : `kept for ${status.retentionDays} days`;
  const often = status.rotationHours === 0 ? 'not rotated' : `rotated every ${status.rotationHours} hours`;
  const head = `domain keys        ${often}, ${kept}${gone > 0 ? `, ${gone} destroyed` : ''}`;
  return [head, ...lines, ...(status.writer ? shared(status) : ['this replica makes no generations of the root'])];
}

function shared({ rootGeneration, sharedGeneration }: Omit<ListDomainKeysResponse, 'domainKeys'>): string[] {
  if (rootGeneration === sharedGeneration) return [];
  return [
    `kms-service has not confirmed this generation yet${sharedGeneration > 0n ? `, but ${sharedGeneration}` : ''}`,
  ];
}

/** keystead hsm rotate-domain-key, destroy-domain-key, supersede-root. */
export function domainKeyCommands(hsm: Command): void {
  withSigning(hsm.command('rotate-domain-key').description('make a new domain key; every token follows it'))
    .option('--no-wait', 'do not show how far it is')
    .addHelpText('after', rotateHelp)
    .action(async (options: RunOptions & { wait: boolean }) => {
      const explanation =
        'This makes a new domain key. kms-service rewraps every token under it; nothing stops meanwhile.';
      const done = await runCommand(options, { name: 'rotate-domain-key', explanation });
      if (!done) return;
      process.stdout.write(`epoch ${done.details['epoch']} is made\n`);
      if (options.wait) await followed(options, Number(done.details['epoch']));
    });
  withSigning(hsm.command('destroy-domain-key').description('destroy a former domain key').argument('<epoch>'))
    .addHelpText('after', destroyHelp)
    .action(async (epoch: string, options: RunOptions) => {
      const explanation = `This destroys the domain key of epoch ${epoch}: backups of kms-service from its time become useless.`;
      if (await runCommand(options, { name: 'destroy-domain-key', args: { epoch }, explanation }))
        process.stdout.write(`the domain key of epoch ${epoch} is destroyed\n`);
    });
  const supersede = hsm.command('supersede-root').description('go on with this root although a newer one was known');
  withSigning(supersede)
    .requiredOption('--generation <n>', 'the generation that kms-service knows')
    .requiredOption('--hash <hex>', 'its SHA-256, as the log of kms-service and the event HsmRootChanged tell it')
    .requiredOption('--epoch <n>', 'the highest epoch that was ever used, or a guess above it')
    .addHelpText('after', supersedeHelp)
    .action(async (options: RunOptions & { generation: string; hash: string; epoch: string }) => {
      const { generation, hash, epoch } = options;
      if (!/^[0-9a-f]{64}$/.test(hash)) throw new Failure('--hash: 64 hex digits wanted.');
      const explanation = `This gives up root generation ${generation}: every key made under domain keys that only it holds is lost.`;
      if (await runCommand(options, { name: 'supersede-root', args: { generation, hash, epoch }, explanation }))
        process.stdout.write('kms-service will go on with this root\n');
    });
}

/** How long somebody who cannot interrupt it waits, in ms. */
const patienceMs = 60_000;
const lookMs = 500;

/** Shows how far a rotation is, until every token has followed. It goes on without anybody who looks. */
async function followed(where: Where, epoch: number): Promise<void> {
  const until = process.stdin.isTTY ? Infinity : Date.now() + patienceMs;
  let told = '';
  for (;;) {
    const { line, done } = progress(await listDomainKeys(where), epoch);
    if (line !== told) process.stdout.write(`${line}\n`);
    if (done) return;
    told = line;
    if (Date.now() >= until) break;
    await sleep(lookMs);
  }
  process.stdout.write('it goes on by itself; `keystead hsm status` shows how far it is\n');
}

/** How far the rotation to `epoch` is, in one line. */
function progress({ domainKeys }: Pick<ListDomainKeysResponse, 'domainKeys'>, epoch: number): Progress {
  const mine = domainKeys.find((key) => key.epoch === epoch);
  if (mine?.state === DomainKeyState.DOMAIN_KEY_STATE_NEXT)
    return { line: `epoch ${epoch} waits until kms-service and every replica have it`, done: false };
  if (mine?.tokens === undefined) return { line: `epoch ${epoch} is active`, done: false };
  const left = domainKeys.reduce((sum, key) => sum + (key.epoch < epoch ? (key.tokens ?? 0n) : 0n), 0n);
  if (left > 0n) return { line: `epoch ${epoch} is active, ${left} tokens have still to follow`, done: false };
  return { line: `epoch ${epoch} is active, and every token is under it`, done: true };
}

interface Progress {
  readonly line: string;
  readonly done: boolean;
}

const rotateHelp = `
The new key waits until kms-service has stored the new root and every replica has it. Former domain keys still open old
tokens, and are kept unless KEYSTEAD_DOMAIN_KEY_RETENTION_DAYS is set. It may be interrupted: what was begun goes on by itself.

Example:
  keystead hsm rotate-domain-key`;

const destroyHelp = `
Refused unless KEYSTEAD_DOMAIN_KEY_RETENTION_DAYS is set, the days have passed, and kms-service has counted no token that
needs it.

Example:
  keystead hsm destroy-domain-key 3`;

const supersedeHelp = `
Only when the newest root file is lost everywhere and kms-service refuses the one that is left as a rollback. First look
for the newest one: in the folders of the other replicas, in backups, and in kms-service's database (table hsm_root).`;
