import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../lab.js';
import { interleave, type Measured } from '../load/interleave.js';
import { fileStore } from '../objects/files.js';
import { s3Store } from '../objects/s3.js';
import { callers, type ObjectStore, type Verb, verbs } from '../objects/store.js';
import { objectCell } from '../objects/cell.js';
import { type Outcome, type Reach, reach } from '../report/outcome.js';
import { figure, type Table } from '../report/table.js';
import type { Keystead } from '../system/keystead.js';
import { prepareMaterial } from './operations.js';

const sizes = [
  { name: '64 KiB', bytes: 64 << 10, wanted: { PUT: 0.6, GET: 0.3 } },
  { name: '1 MiB', bytes: 1 << 20, wanted: { PUT: 0.6, GET: 0.22 } },
  { name: '64 MiB', bytes: 64 << 20, wanted: { PUT: 0.45, GET: 0.17 } },
] as const;

/** How objects are encrypted: what a PUT without a word of it gets, with a Bucket Key, or with a data key of KMS for each. */
const encryptions = {
  'SSE-S3': {},
  'Bucket Key': {
    'x-amz-server-side-encryption': 'aws:kms',
    'x-amz-server-side-encryption-bucket-key-enabled': 'true',
  },
  'aws:kms': { 'x-amz-server-side-encryption': 'aws:kms' },
} as const;
type Encryption = keyof typeof encryptions;

/** The gateway in front of a backend, for each way of encryption, and the backend alone. */
interface Contest {
  readonly backend: string;
  readonly gateways: ReadonlyMap<Encryption, ObjectStore>;
  readonly alone: ObjectStore;
}

/** One line of the table; figures in MiB/s. */
interface Line {
  readonly backend: string;
  readonly encryption: Encryption;
  readonly verb: Verb;
  readonly size: (typeof sizes)[number];
  readonly gateway: Measured;
  readonly alone: Measured;
}

/** Whole objects through the gateway's own port beside its backend alone. */
export async function objects(lab: Lab): Promise<Outcome> {
  const contests = [...(await minioContest(lab)), await directoryContest(lab)];
  const skipped = contests.some(({ backend }) => backend === 'MinIO')
    ? []
    : ['objects on MinIO: there is no minio program (set MINIO, or put it on PATH)'];
  const lines: Line[] = [];
  for (const size of sizes) lines.push(...(await measureSize(lab, contests, size)));
  return { tables: [tableOf(lines)], reaches: reachesOf(lines), skipped, figures: lines };
}

async function measureSize(lab: Lab, contests: readonly Contest[], size: (typeof sizes)[number]): Promise<Line[]> {
  const stores = contests.flatMap(({ gateways, alone }) => [...gateways.values(), alone]);
  lab.progress(`objects of ${size.name}: filling`);
  for (const store of stores) await store.fill(size.bytes);
  const lines: Line[] = [];
  for (const verb of verbs) {
    const cells = stores.map((store) => objectCell(store, verb, size.bytes));
    const measured = await interleave(cells, {
      seconds: lab.seconds,
      progress: (line) => lab.progress(`${verb} ${size.name}: ${line}`),
    });
    const next = measured.values();
    for (const { backend, gateways } of contests) {
      const through = [...gateways.keys()].map((encryption) => ({
        encryption,
        gateway: next.next().value as Measured,
      }));
      const alone = next.next().value as Measured;
      for (const line of through) lines.push({ backend, verb, size, alone, ...line });
    }
  }
  return lines;
}

async function minioContest(lab: Lab): Promise<Contest[]> {
  const started = await lab.minio();
  if (started === undefined) return [];
  const { minio, keystead } = started;
  const { target, credentials } = minio;
  const alone = await s3Store('MinIO alone', { target, credentials, roots: [minio.pid], headers: {}, bucket: 'bench' });
  return [{ backend: 'MinIO', gateways: await gatewayStores('MinIO', keystead, [minio.pid]), alone }];
}

async function directoryContest(lab: Lab): Promise<Contest> {
  const folder = join(lab.folder, 'files');
  mkdirSync(folder);
  const gateways = await gatewayStores('a directory', await lab.keystead(), [], ['SSE-S3']);
  return { backend: 'directory', gateways, alone: fileStore('files alone', folder) };
}

async function gatewayStores(
  backend: string,
  keystead: Keystead,
  others: readonly number[],
  ways = Object.keys(encryptions) as Encryption[],
): Promise<ReadonlyMap<Encryption, ObjectStore>> {
  const { s3: target, edge, credentials, pid } = keystead;
  const { keyId } = await prepareMaterial(edge, credentials);
  const stores = new Map<Encryption, ObjectStore>();
  for (const way of ways) {
    const key = way === 'SSE-S3' ? {} : { 'x-amz-server-side-encryption-aws-kms-key-id': keyId };
    const options = { target, credentials, roots: [pid, ...others], headers: { ...encryptions[way], ...key } };
    const bucket = `bench-${way.toLowerCase().replaceAll(/\W/g, '-')}`;
    stores.set(way, await s3Store(`gateway on ${backend}, ${way}`, { ...options, bucket }));
  }
  return stores;
}

const mibPerSecond = ({ perSecond }: Measured, bytes: number): number => (perSecond * bytes) / 2 ** 20;
const ratioOf = ({ gateway, alone }: Line): number => gateway.perSecond / alone.perSecond;

function tableOf(lines: readonly Line[]): Table {
  return {
    title: `Objects: the gateway's own port beside the backend alone, ${callers} at a time`,
    columns: ['', 'encryption', 'size', 'MiB/s', 'alone MiB/s', 'ratio', 'CPU ms/MiB', 'p50 ms', 'p99 ms'],
    rows: lines.map((line) => {
      const { backend, encryption, verb, size, gateway, alone } = line;
      return [
        ...[`${verb}, ${backend}`, encryption, size.name],
        ...[mibPerSecond(gateway, size.bytes), mibPerSecond(alone, size.bytes), ratioOf(line)].map(figure),
        ...[(gateway.cpuMicros / 1_000 / size.bytes) * 2 ** 20, gateway.p50, gateway.p99].map(figure),
      ];
    }),
    notes: [
      'Every object has a data key of its own and an audit record: derived from a key of the bucket with a Bucket Key and ' +
        'under SSE-S3 (what a PUT gets that says nothing), made by KMS with a record of its own under aws:kms. ' +
        'CPU is that of Keystead and MinIO together. ' +
        'A directory alone is this program writing files as durably as the gateway does, and reading them from the page cache.',
    ],
  };
}

function reachesOf(lines: readonly Line[]): Reach[] {
  return lines
    .filter(({ backend }) => backend === 'MinIO')
    .map((line) =>
      reach(`${line.verb} ${line.size.name}, ${line.encryption}: MiB/s over MinIO alone`, ratioOf(line), {
        atLeast: line.size.wanted[line.verb],
      }),
    );
}
