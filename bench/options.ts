import { parseArgs } from 'node:util';

/** What can be measured, in the order in which it is. */
export const sectionNames = ['start', 'memory', 'wire', 'grpc', 'audit', 'hsm', 'policy', 'objects'] as const;
export type SectionName = (typeof sectionNames)[number];

export interface Options {
  readonly sections: readonly SectionName[];
  /** How long each cell of a table is measured, its slices together. */
  readonly seconds: number;
  /** Where the figures go as JSON; relative to the repository. */
  readonly json: string;
}

export const help = `npm run bench [-- section… --seconds N --short --json FILE]

Sections (default: all): ${sectionNames.join(', ')}
  --seconds N   how long each cell is measured, in slices that alternate with the others (default 6);
                each is warmed for as long or longer before, so that with less, slow cells come out slower than they are
  --short       half a second for each cell: to see that everything runs, not to quote
  --json FILE   where the figures go (default dist/bench/results.json)
MINIO names the minio program; otherwise PATH and ~/.cache/keystead are searched.`;

/** Undefined when help was asked for. Throws a sentence for what it does not know. */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      seconds: { type: 'string' },
      short: { type: 'boolean', default: false },
      json: { type: 'string', default: 'dist/bench/results.json' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const unknown = positionals.find((name) => !(sectionNames as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Error(`There is no section ${unknown}; there are ${sectionNames.join(', ')}.`);
  const seconds = Number(values.seconds ?? (values.short ? 0.5 : 6));
  if (!(seconds > 0 && seconds <= 600)) throw new Error('--seconds is a number up to 600.');
  const sections = sectionNames.filter((name) => positionals.length === 0 || positionals.includes(name));
  return { sections, seconds, json: values.json };
}
