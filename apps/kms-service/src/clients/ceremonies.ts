import {
  HsmCeremonyServiceClient,
  type AcknowledgeCeremoniesRequest,
  type AcknowledgeCeremoniesResponse,
  type Ceremony,
  type ListCeremoniesRequest,
  type ListCeremoniesResponse,
} from '@keystead/proto/hsm';
import { channelCredentials, channelOptions, invoke, type TlsIdentity } from '@keystead/service';

/** What operators did with the root of trust, as hsm-service keeps it until it is in the audit log. */
export interface CeremonyJournal {
  /** The oldest that are not acknowledged. */
  pending(): Promise<readonly Ceremony[]>;
  /** Up to and with this sequence they are in the audit log. */
  acknowledge(sequence: bigint): Promise<void>;
  close(): void;
}

/** The journals of all replicas, by address. */
export interface CeremonyJournals {
  at(address: string): CeremonyJournal;
  close(): void;
}

export function ceremonyJournals(tls: TlsIdentity): CeremonyJournals {
  const known = new Map<string, CeremonyJournal>();
  return {
    at: (address) => {
      const journal = known.get(address) ?? ceremonyJournal({ address, tls });
      known.set(address, journal);
      return journal;
    },
    close: () => {
      for (const journal of known.values()) journal.close();
    },
  };
}

function ceremonyJournal({ address, tls }: { address: string; tls: TlsIdentity }): CeremonyJournal {
  const client = new HsmCeremonyServiceClient(address, channelCredentials(tls, 'hsm-service'), channelOptions);
  return {
    pending: async () => {
      const call = client.listCeremonies.bind(client);
      const { ceremonies } = await invoke<ListCeremoniesRequest, ListCeremoniesResponse>(call, {});
      return ceremonies;
    },
    acknowledge: async (sequence) => {
      const call = client.acknowledgeCeremonies.bind(client);
      await invoke<AcknowledgeCeremoniesRequest, AcknowledgeCeremoniesResponse>(call, { sequence });
    },
    close: () => client.close(),
  };
}
