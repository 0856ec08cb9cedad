export {
  ConfigError,
  address,
  addresses,
  flag,
  int,
  optional,
  required,
  secretFile,
  serviceConfig,
  splitAddress,
  type Address,
  type Environment,
  type ServiceConfig,
} from './config.js';
export { logger, type Logger } from './logger.js';
export { isMain, runService, type Running } from './run.js';
export { requestId } from './requestId.js';
export { onlyUri, parseSpiffeId, spiffeId, trustDomainOf, type Peer } from './identity/spiffe.js';
export { tlsIdentity, trustIn, type TlsIdentity, type TlsMaterial, type Trust } from './identity/tls.js';
export { channelCredentials, checkSpiffe, serverCredentials } from './identity/credentials.js';
export { peerOf, type IncomingCall } from './server/callState.js';
export { serve, type GrpcServer, type ServeOptions, type ServiceBinding, type SignedListener } from './server/serve.js';
export { listening, opsServer, type OpsServer } from './server/ops.js';
export { hostOf } from './server/host.js';
export type { Authenticate, Caller, Signer } from './server/signer.js';
export { unary, type UnaryCall, type UnaryOptions } from './server/unary.js';
export { errorTrailer, fromGrpcError, grpcError } from './errors.js';
export { channelOptions, invoke, type InvokeOptions, type UnaryMethod } from './client.js';
export { byCase, pipeline, type CaseTable, type PipelineCall, type PipelineOptions } from './pipeline/server.js';
export {
  pipelineClient,
  type CallOptions,
  type PipelineClient,
  type PipelineClientOptions,
  type StreamCredentials,
} from './pipeline/client.js';
export { wasNeverSent } from './pipeline/entry.js';
export type { PipelineMethod, Success, Tagged, ValueOf } from './pipeline/frames.js';
export { LeaseHub, type LeaseHubOptions } from './leases/hub.js';
export { lease, type ChangeListener, type Lease, type LeaseOptions } from './leases/subscription.js';
export { LeasedCache, type LeasedCacheOptions } from './leases/cache.js';
export { mustNotBeWatched } from './harden.js';
export { callMetrics, counter, gauge, metricsRegistry, type CallMetrics, type Metrics } from './metrics.js';
export {
  bound,
  clientSpan,
  currentTraceParent,
  serverSpan,
  startTelemetry,
  telemetryEnabled,
  unbound,
  type CallSpan,
} from './telemetry.js';
