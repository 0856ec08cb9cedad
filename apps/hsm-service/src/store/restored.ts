import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { CeremonyNote } from '../domain/ceremonies.js';
import type { SealedRoot } from '../domain/root-file.js';
import { readIfThere, syncDirectory } from './files.js';

const FILE = 'restored.json';
const FIELDS = ['by', 'generation', 'sha256'] as const;
const MAX_FIELD = 256;

/**
 * Notes the restore that `keystead hsm restore` left word of: nobody was there to note it. The word is no proof: who writes
 * to the folder writes that file too, or does not.
 */
export async function noteRestore(
  directory: string,
  file: SealedRoot | undefined,
  note: (ceremony: CeremonyNote) => Promise<void>,
): Promise<void> {
  const bytes = await readIfThere(join(directory, FILE));
  if (!bytes) return;
  const parameters = fieldsOf(bytes);
  await note({ event: 'RestoreRoot', operator: '', sourceIp: '', signers: [], parameters, file });
  await unlink(join(directory, FILE));
  await syncDirectory(directory);
}

function fieldsOf(bytes: Buffer): Record<string, string> {
  let json: Record<string, unknown> = {};
  try {
    json = { ...(JSON.parse(bytes.toString('utf8')) as object) };
  } catch {
    // A restore all the same, of which nothing is known.
  }
  return Object.fromEntries(
    FIELDS.flatMap((name) => {
      const value = json[name];
      return typeof value === 'string' ? [[name, value.slice(0, MAX_FIELD)]] : [];
    }),
  );
}
