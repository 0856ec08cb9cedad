import { IamAdminServiceClient } from '@keystead/proto/iam';
import { channelCredentials, channelOptions, invoke, spiffeId, tlsIdentity } from '@keystead/service';
import type { Cluster } from '@keystead/testing/cluster';

/** A new account of a running system, entered as its root user. */
export interface Entered {
  readonly account: string;
  readonly clientConfig: Cluster['clientConfig'];
}

/** What `keystead account` does, over the same RPCs. */
export interface Operator extends Disposable {
  readonly admin: IamAdminServiceClient;
  /** Makes an account and a key of its root user. */
  enter(accountId?: string): Promise<Entered>;
}

export async function operator(world: Cluster, name = 'cli'): Promise<Operator> {
  const tls = tlsIdentity(await world.pki.dirFor(spiffeId(world.pki.trustDomain, { kind: 'operator', name })));
  const address = world.addresses['iam-service'] ?? '';
  const admin = new IamAdminServiceClient(address, channelCredentials(tls, 'iam-service'), channelOptions);
  return {
    admin,
    enter: async (accountId = '') => {
      const { account } = await invoke(admin.createAccount.bind(admin), { accountId, alias: '' });
      const made = account?.accountId ?? '';
      const { key, secretAccessKey } = await invoke(admin.createRootKey.bind(admin), {
        accountId: made,
        replace: false,
      });
      const credentials = { accessKeyId: key?.accessKeyId ?? '', secretAccessKey };
      return { account: made, clientConfig: { ...world.clientConfig, credentials } };
    },
    [Symbol.dispose]: () => {
      admin.close();
      tls.close();
    },
  };
}
