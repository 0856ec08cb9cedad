import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { confirm } from './ask.js';
import { withCeremonies, withWhere, type Where } from './connection.js';
import { runCommand, withSigning, type RunOptions } from './run-command.js';
import { explained, makeOperatorKey, publicKeyIn, readCommand, signCommand } from './signing.js';

/** keystead hsm operator: whose signatures count. */
export function operatorCommands(hsm: Command): void {
  const operator = hsm.command('operator').description('say whose signatures count').addHelpText('after', operatorHelp);
  operator
    .command('new-key')
    .description('make an Ed25519 key for yourself, in two files; needs no connection')
    .argument('<file>', 'the private key; the public one gets .pub')
    .action((file: string) => {
      makeOperatorKey(file);
      process.stdout.write(`${file} stays with you, ${file}.pub goes to whoever adds you\n`);
    });
  withSigning(operator.command('add').description('add an operator').argument('<name>'))
    .requiredOption('--role <role>', 'rules ask for roles')
    .requiredOption('--key <file>', 'the public key, PEM')
    .action(async (name: string, options: RunOptions & { role: string; key: string }) => {
      const args = { name, role: options.role, key: publicKeyIn(options.key) };
      const explanation = `From now on signatures of ${name} count as role ${options.role}; key ${args.key}.`;
      if (await runCommand(options, { name: 'add-operator', args, explanation }))
        process.stdout.write(`operator ${name} added\n`);
    });
  withSigning(operator.command('remove').description('remove an operator').argument('<name>')).action(
    async (name: string, options: RunOptions) => {
      const explanation = `From now on signatures of ${name} count for nothing.`;
      if (await runCommand(options, { name: 'remove-operator', args: { name }, explanation }))
        process.stdout.write(`operator ${name} removed\n`);
    },
  );
  withWhere(operator.command('list').description('show operators and their keys')).action(async (options: Where) => {
    const { operators } = await withCeremonies(options, (client) => client.describeRoot({}));
    for (const { name, role, publicKey } of operators)
      process.stdout.write(`${name}  ${role}  ${Buffer.from(publicKey).toString('hex')}\n`);
  });
}

const operatorHelp = `
Without rules an operator's certificate suffices for everything. As soon as there are rules, the commands that they name
need signatures, each for one command, once. A change of operators or rules needs the signatures that every rule asks for.

Example:
  keystead hsm operator new-key ann.key
  keystead hsm operator add ann --role officer --key ann.key.pub
  keystead hsm rule set '*' --role officer --count 2`;

/** keystead hsm rule: which commands need signatures. */
export function ruleCommands(hsm: Command): void {
  const rule = hsm.command('rule').description('say which commands need signatures').addHelpText('after', ruleHelp);
  withSigning(rule.command('set').description('set how many signatures a command needs').argument('<command>'))
    .requiredOption('--role <role>', 'whose signatures count')
    .requiredOption('--count <m>', 'how many are needed; 0 takes the rule away')
    .action(async (command: string, options: RunOptions & { role: string; count: string }) => {
      const args = { command, role: options.role, count: options.count };
      const explanation = `From now on ${command} needs ${options.count} signatures of role ${options.role}.`;
      if (await runCommand(options, { name: 'set-rule', args, explanation })) process.stdout.write('rule set\n');
    });
  withWhere(rule.command('list').description('show the rules')).action(async (options: Where) => {
    const { rules } = await withCeremonies(options, (client) => client.describeRoot({}));
    for (const { command, role, count } of rules) process.stdout.write(`${command}  ${count} of role ${role}\n`);
  });
}

const ruleHelp = `
Commands: add-recipient, remove-recipient, add-operator, remove-operator, set-rule, backup, seal, rotate-domain-key,
destroy-domain-key, supersede-root, create-partition, zeroize-partition; or '*' for every one without a rule of its own, except seal.

Example:
  keystead hsm rule set backup --role officer --count 2`;

/** keystead hsm sign: needs no connection. */
export function signCommandLine(hsm: Command): void {
  hsm
    .command('sign')
    .description('sign a command that somebody prepared; needs no connection')
    .argument('<file>', 'the command')
    .requiredOption('--as <name>', 'your name as operator')
    .requiredOption('--key <file>', 'your private key, PEM')
    .option('--out <file>', 'the signature; default FILE.NAME.sig')
    .option('--yes', 'do not ask', false)
    .addHelpText('after', '\nExample:\n  keystead hsm sign backup-1a2b3c4d.command --as ann --key ann.key')
    .action(async (file: string, options: { as: string; key: string; out?: string; yes: boolean }) => {
      const { bytes, command } = readCommand(file);
      await confirm(`You sign this, and nothing else:\n${explained(command)}`, options.yes);
      const out = options.out ?? `${file}.${options.as}.sig`;
      writeFileSync(out, signCommand(bytes, options.as, options.key), { flag: 'wx' });
      process.stdout.write(`${out}\n`);
    });
}
