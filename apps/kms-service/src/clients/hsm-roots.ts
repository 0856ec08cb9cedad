import {
  HsmRootServiceClient,
  type EpochTokens,
  type GetRootResponse,
  type ReportRootRequest,
} from '@keystead/proto/hsm';
import { channelCredentials, channelOptions, invoke, type TlsIdentity } from '@keystead/service';
import type { KnownRoot } from '../domain/hsm-root.js';

/** The roots of the replicas of hsm-service, each by its own address. */
export interface HsmRoots {
  /** The root of a replica, with the file when it is another than `known`. Errors: Unavailable. */
  get(address: string, known: Pick<KnownRoot, 'generation' | 'hash'> | undefined): Promise<GetRootResponse>;
  /** Errors: AccessDenied, Conflict, Sealed, Unavailable. */
  put(address: string, sealedRoot: Uint8Array): Promise<void>;
  /** Tells the writer what everybody has. Errors: Conflict, Unavailable. */
  report(address: string, report: RootReport): Promise<void>;
  close(): void;
}

/** What the writer is told. */
export interface RootReport {
  readonly generation: bigint;
  readonly hash: Uint8Array;
  /** Undefined when nothing was counted. */
  readonly counted: { readonly at: Date; readonly tokens: readonly EpochTokens[] } | undefined;
}

const timeoutMs = 3_000;

export function hsmRoots(tls: TlsIdentity): HsmRoots {
  const clients = new Map<string, HsmRootServiceClient>();
  const at = (address: string): HsmRootServiceClient => {
    const known = clients.get(address);
    if (known) return known;
    const made = new HsmRootServiceClient(address, channelCredentials(tls, 'hsm-service'), {
      ...channelOptions,
      // A root file is up to 1 MiB.
      'grpc.max_receive_message_length': 2 << 20,
    });
    clients.set(address, made);
    return made;
  };
  return {
    get: (address, known) => {
      const client = at(address);
      const request = { knownGeneration: known?.generation ?? 0n, knownHash: Buffer.from(known?.hash ?? []) };
      return invoke(client.getRoot.bind(client), request, { timeoutMs });
    },
    put: async (address, sealedRoot) => {
      const client = at(address);
      await invoke(client.putRoot.bind(client), { sealedRoot }, { timeoutMs });
    },
    report: async (address, { generation, hash, counted }) => {
      const client = at(address);
      const request: ReportRootRequest = {
        ...{ sharedGeneration: generation, fileHash: hash, counted: counted !== undefined },
        ...{ tokens: [...(counted?.tokens ?? [])], countedMs: BigInt(counted?.at.getTime() ?? 0) },
      };
      await invoke(client.reportRoot.bind(client), request, { timeoutMs });
    },
    close: () => {
      for (const client of clients.values()) client.close();
    },
  };
}
