import { resolve } from 'node:path';
import {
  HsmCeremonyServiceClient,
  HsmDomainKeyServiceClient,
  PartitionServiceClient,
  type DescribeRootRequest,
  type DescribeRootResponse,
  type ExecuteCommandRequest,
  type ExecuteCommandResponse,
  type InitializeRequest,
  type InitializeResponse,
  type ListDomainKeysRequest,
  type ListDomainKeysResponse,
  type ListPartitionsRequest,
  type ListPartitionsResponse,
  type PrepareCommandRequest,
  type PrepareCommandResponse,
  type UnsealRequest,
  type UnsealResponse,
  type VerifyRootFileRequest,
  type VerifyRootFileResponse,
} from '@keystead/proto/hsm';
import { invoke, type UnaryMethod } from '@keystead/service';
import type { Command } from 'commander';
import { asOperator, asOperatorWith, type OperatorConnection } from '../runtime.js';

/** Where hsm-service is. */
export interface Where {
  readonly data: string;
  readonly address?: string;
  readonly tls?: string;
}

/** The ceremonies of a running hsm-service. */
export interface CeremonyClient {
  describeRoot(request: DescribeRootRequest): Promise<DescribeRootResponse>;
  initialize(request: InitializeRequest): Promise<InitializeResponse>;
  unseal(request: UnsealRequest): Promise<UnsealResponse>;
  prepareCommand(request: PrepareCommandRequest): Promise<PrepareCommandResponse>;
  executeCommand(request: ExecuteCommandRequest): Promise<ExecuteCommandResponse>;
  verifyRootFile(request: VerifyRootFileRequest): Promise<VerifyRootFileResponse>;
}

/** scrypt for each passphrase recipient, on a busy machine. */
const timeoutMs = 60_000;

/** Adds the options that say where hsm-service is. */
export function withWhere(command: Command): Command {
  return command
    .option('--data <dir>', 'the data folder of the running `up`', '.keystead')
    .option('--address <host:port>', 'an hsm-service elsewhere, with --tls instead of --data')
    .option('--tls <dir>', "ca.crt, tls.crt and tls.key of an operator's certificate");
}

/** Runs `work` with a connection to hsm-service, as operator. */
export async function withCeremonies<T>(
  where: Where | string,
  work: (client: CeremonyClient) => Promise<T>,
): Promise<T> {
  const connection = await connect(typeof where === 'string' ? { data: where } : where);
  const client = new HsmCeremonyServiceClient(connection.address, connection.credentials, connection.options);
  const call =
    <Request, Response>(method: UnaryMethod<Request, Response>) =>
    (request: Request): Promise<Response> =>
      invoke(method, request, { timeoutMs });
  try {
    return await work({
      describeRoot: call((...args) => client.describeRoot(...args)),
      initialize: call((...args) => client.initialize(...args)),
      unseal: call((...args) => client.unseal(...args)),
      prepareCommand: call((...args) => client.prepareCommand(...args)),
      executeCommand: call((...args) => client.executeCommand(...args)),
      verifyRootFile: call((...args) => client.verifyRootFile(...args)),
    });
  } finally {
    client.close();
    connection.close();
  }
}

/** The domain keys of a running hsm-service. */
export async function listDomainKeys(where: Where): Promise<ListDomainKeysResponse> {
  const connection = await connect(where);
  const client = new HsmDomainKeyServiceClient(connection.address, connection.credentials, connection.options);
  try {
    return await invoke<ListDomainKeysRequest, ListDomainKeysResponse>((...args) => client.listDomainKeys(...args), {});
  } finally {
    client.close();
    connection.close();
  }
}

/** All partitions of a running hsm-service. */
export async function listPartitions(where: Where): Promise<ListPartitionsResponse> {
  const connection = await connect(where);
  const client = new PartitionServiceClient(connection.address, connection.credentials, connection.options);
  try {
    return await invoke<ListPartitionsRequest, ListPartitionsResponse>((...args) => client.listPartitions(...args), {});
  } finally {
    client.close();
    connection.close();
  }
}

function connect({ data, address, tls }: Where): Promise<OperatorConnection> | OperatorConnection {
  if (address !== undefined && tls !== undefined) return asOperatorWith(resolve(tls), address, 'hsm-service');
  return asOperator(data, 'hsm-service');
}
