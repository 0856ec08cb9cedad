import { Connection, succeeded, type Target } from '../http/connection.js';
import { kmsRequest } from '../http/kms.js';
import type { Credentials } from '../http/sign.js';
import type { Lab } from '../lab.js';
import { closedLoop } from '../load/closed-loop.js';
import { type Cell, interleave } from '../load/interleave.js';
import { type Outcome, reach } from '../report/outcome.js';
import { callerCounts, type Material, type Operation, operations, prepareMaterial } from './operations.js';
import { pairTable, pairUp } from './pairs.js';

const atMostTimesEcho = 2.5;

/** AWS's wire: HTTP, JSON 1.1, SigV4, keep-alive. */
export async function wire(lab: Lab): Promise<Outcome> {
  const keystead = await lab.keystead();
  const echo = await lab.echo();
  const { credentials } = keystead;
  const material = await prepareMaterial(keystead.edge, credentials);
  const names = callerCounts.flatMap((callers) => operations.map((what) => ({ what, callers })));
  const cells = names.flatMap(({ what, callers }) => {
    const asked = { operation: what, callers, material, credentials };
    return [
      wireCell({ ...asked, name: `${what} ×${callers}`, roots: [keystead.pid], target: keystead.edge }),
      wireCell({ ...asked, name: `${what} ×${callers}, echo`, roots: echo.pids, target: echo.edge }),
    ];
  });
  const pairs = pairUp(names, await interleave(cells, lab));
  return {
    tables: [pairTable('AWS wire (HTTP, SigV4, keep-alive): 1 KiB plaintexts, AES_256 data keys', pairs)],
    reaches: pairs.map(({ what, callers, ratio }) =>
      reach(`AWS wire, ${what}, ${callers} callers: CPU over its echo`, ratio, { atMost: atMostTimesEcho }),
    ),
    skipped: [],
    figures: pairs,
  };
}

interface WireCell {
  readonly name: string;
  readonly roots: readonly number[];
  readonly target: Target;
  readonly operation: Operation;
  readonly callers: number;
  readonly material: Material;
  readonly credentials: Credentials;
}

function wireCell({ name, roots, target, operation, callers, material, credentials }: WireCell): Cell {
  const input = inputOf(operation, material);
  return {
    name,
    roots,
    async open() {
      const request = [kmsRequest(target, operation, input, credentials)];
      const connections = await Promise.all(Array.from({ length: callers }, () => Connection.open(target)));
      return {
        run: (seconds) =>
          closedLoop(callers, seconds, async (caller) => {
            succeeded(await (connections[caller] as Connection).send(request));
          }),
        close: () => connections.forEach((connection) => connection.close()),
      };
    },
  };
}

function inputOf(operation: Operation, { keyId, plaintext, ciphertext, encryptionContext }: Material): object {
  const common = { KeyId: keyId, EncryptionContext: encryptionContext };
  if (operation === 'GenerateDataKey') return { ...common, KeySpec: 'AES_256' };
  if (operation === 'Encrypt') return { ...common, Plaintext: plaintext.toString('base64') };
  return { ...common, CiphertextBlob: ciphertext.toString('base64') };
}
