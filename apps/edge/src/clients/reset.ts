import { TestingServiceClient } from '@keystead/proto/common';
import { type Address, channelCredentials, channelOptions, invoke, type TlsIdentity } from '@keystead/service';

/** Makes the services forget their users' data, one after the other; rejects with the first refusal. */
export function resetter(addresses: Readonly<Record<string, Address>>, tls: TlsIdentity) {
  const clients = Object.entries(addresses).map(
    ([name, address]) => new TestingServiceClient(address, channelCredentials(tls, name), channelOptions),
  );
  return {
    reset: async (): Promise<void> => {
      for (const client of clients) await invoke(client.reset.bind(client), {}, { timeoutMs: 30_000 });
    },
    close: (): void => {
      for (const client of clients) client.close();
    },
  };
}
