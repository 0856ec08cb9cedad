import { join } from 'node:path';
import { channelCredentials, channelOptions, tlsIdentity, type TlsIdentity } from '@keystead/service';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { issueOperator, openAuthority, writeIdentity } from './certificates.js';
import { existingDataFolder, type DataFolder } from './data-folder.js';
import { Failure } from './failure.js';
import { readIfThere, writePrivate } from './files.js';

/** Where the services of a running `up` are; for commands beside it. */
export interface Runtime {
  readonly trustDomain: string;
  /** host:port of gRPC by service. */
  readonly addresses: Readonly<Record<string, string>>;
}

const fileOf = (folder: DataFolder): string => join(folder.path, 'runtime.json');

/** Kept while `up` runs. */
export function writeRuntime(folder: DataFolder, runtime: Runtime): void {
  writePrivate(fileOf(folder), `${JSON.stringify(runtime, null, 2)}\n`);
}

/** A connection of the CLI, as operator, to one service. */
export interface OperatorConnection {
  readonly address: string;
  readonly credentials: ChannelCredentials;
  readonly options: typeof channelOptions;
  readonly close: () => void;
}

/** Connects to a service of the `up` that runs on this data folder, with a certificate made for this one command. */
export async function asOperator(dataDir: string, service: string): Promise<OperatorConnection> {
  const folder = existingDataFolder(dataDir);
  const text = readIfThere(fileOf(folder));
  const runtime = text === undefined ? undefined : (JSON.parse(text) as Runtime);
  const address = runtime?.addresses[service];
  if (runtime === undefined || address === undefined)
    throw new Failure(`Nothing runs on ${folder.path}: start it with \`npm start\`.`);
  return connection(await operatorIdentity(folder, runtime.trustDomain), address, service);
}

/** Connects to a service elsewhere, with the operator's certificate in `tlsDir`. */
export function asOperatorWith(tlsDir: string, address: string, service: string): OperatorConnection {
  return connection(tlsIdentity(tlsDir), address, service);
}

function connection(identity: TlsIdentity, address: string, service: string): OperatorConnection {
  return {
    address,
    credentials: channelCredentials(identity, service),
    options: channelOptions,
    close: () => identity.close(),
  };
}

async function operatorIdentity(folder: DataFolder, trustDomain: string): Promise<TlsIdentity> {
  const authority = await openAuthority(folder.authority, new Date());
  const directory = folder.tls('operator');
  writeIdentity(directory, authority, await issueOperator(authority, trustDomain, 'cli', new Date()));
  return tlsIdentity(directory);
}
