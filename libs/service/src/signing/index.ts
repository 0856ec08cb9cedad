export { authenticate, readSignature } from './authenticate.js';
export { grpcSigners, type GrpcSignersOptions } from './grpc.js';
export { refusals, type Refusals } from './refusals.js';
export { signingKeySource, type SigningKeySource } from './signing-keys.js';
