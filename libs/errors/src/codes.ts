import { status } from '@grpc/grpc-js';

/** How one code looks on each wire. */
export interface Wire {
  /** gRPC status for direct clients. */
  readonly grpc: status;
  /** Name in AWS's JSON protocols; IAM's Query and S3's XML have their own where they differ. */
  readonly aws: string;
  /** HTTP status in KMS's JSON protocol; IAM and S3 override it where theirs differ. */
  readonly http: number;
}

const badRequest = (aws: string): Wire => ({ grpc: status.INVALID_ARGUMENT, aws, http: 400 });
const conflict = (aws: string): Wire => ({ grpc: status.FAILED_PRECONDITION, aws, http: 400 });
const unauthenticated = (aws: string, http = 400): Wire => ({ grpc: status.UNAUTHENTICATED, aws, http });
const missing = (aws: string, http = 400): Wire => ({ grpc: status.NOT_FOUND, aws, http });

/**
 * The closed set of failures and their names on each wire: the one table of this system.
 * KMS answers 400 for every client error, NotFound included; IAM uses 404 and 409.
 * https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html
 */
export const wire = {
  AccessDenied: { grpc: status.PERMISSION_DENIED, aws: 'AccessDeniedException', http: 400 },
  AlreadyExists: { grpc: status.ALREADY_EXISTS, aws: 'AlreadyExistsException', http: 400 },
  Conflict: { grpc: status.ABORTED, aws: 'ConflictException', http: 400 },
  CustomKeyStoreNotFound: missing('CustomKeyStoreNotFoundException'),
  DependencyTimeout: { grpc: status.DEADLINE_EXCEEDED, aws: 'DependencyTimeoutException', http: 500 },
  Disabled: conflict('DisabledException'),
  DryRunOperation: conflict('DryRunOperationException'),
  ExpiredImportToken: badRequest('ExpiredImportTokenException'),
  IncorrectKey: badRequest('IncorrectKeyException'),
  IncorrectKeyMaterial: badRequest('IncorrectKeyMaterialException'),
  InvalidAliasName: badRequest('InvalidAliasNameException'),
  InvalidArn: badRequest('InvalidArnException'),
  InvalidCiphertext: badRequest('InvalidCiphertextException'),
  InvalidGrantId: badRequest('InvalidGrantIdException'),
  InvalidGrantToken: badRequest('InvalidGrantTokenException'),
  InvalidImportToken: badRequest('InvalidImportTokenException'),
  InvalidKeyUsage: badRequest('InvalidKeyUsageException'),
  InvalidMarker: badRequest('InvalidMarkerException'),
  KmsInternal: { grpc: status.INTERNAL, aws: 'KMSInternalException', http: 500 },
  KmsInvalidMac: badRequest('KMSInvalidMacException'),
  KmsInvalidSignature: badRequest('KMSInvalidSignatureException'),
  KmsInvalidState: conflict('KMSInvalidStateException'),
  KeyUnavailable: { grpc: status.UNAVAILABLE, aws: 'KeyUnavailableException', http: 500 },
  LimitExceeded: { grpc: status.RESOURCE_EXHAUSTED, aws: 'LimitExceededException', http: 400 },
  MalformedPolicyDocument: badRequest('MalformedPolicyDocumentException'),
  NotFound: missing('NotFoundException'),
  Tag: badRequest('TagException'),
  UnsupportedOperation: { grpc: status.UNIMPLEMENTED, aws: 'UnsupportedOperationException', http: 400 },
  Validation: badRequest('ValidationException'),

  ExpiredToken: unauthenticated('ExpiredTokenException'),
  IncompleteSignature: unauthenticated('IncompleteSignatureException'),
  InvalidSignature: unauthenticated('InvalidSignatureException'),
  MissingAuthenticationToken: unauthenticated('MissingAuthenticationTokenException'),
  UnrecognizedClient: unauthenticated('UnrecognizedClientException'),
  RequestExpired: unauthenticated('RequestExpired'),

  RequestTooLarge: { grpc: status.RESOURCE_EXHAUSTED, aws: 'RequestEntityTooLargeException', http: 413 },
  Serialization: badRequest('SerializationException'),
  Throttling: { grpc: status.RESOURCE_EXHAUSTED, aws: 'ThrottlingException', http: 400 },
  UnknownOperation: { grpc: status.UNIMPLEMENTED, aws: 'UnknownOperationException', http: 400 },

  DeleteConflict: { grpc: status.FAILED_PRECONDITION, aws: 'DeleteConflict', http: 409 },
  EntityAlreadyExists: { grpc: status.ALREADY_EXISTS, aws: 'EntityAlreadyExists', http: 409 },
  EntityTemporarilyUnmodifiable: { grpc: status.ABORTED, aws: 'EntityTemporarilyUnmodifiable', http: 409 },
  InvalidAuthorizationMessage: badRequest('InvalidAuthorizationMessageException'),
  InvalidInput: badRequest('InvalidInput'),
  NoSuchEntity: missing('NoSuchEntity', 404),
  PolicyNotAttachable: badRequest('PolicyNotAttachable'),
  UnmodifiableEntity: badRequest('UnmodifiableEntity'),

  /** A web identity token that is past its time; a session's own is ExpiredToken. */
  ExpiredIdentityToken: badRequest('ExpiredTokenException'),
  IdpCommunication: badRequest('IDPCommunicationError'),
  IdpRejectedClaim: { grpc: status.PERMISSION_DENIED, aws: 'IDPRejectedClaim', http: 403 },
  InvalidParameterValue: badRequest('InvalidParameterValue'),
  InvalidIdentityToken: badRequest('InvalidIdentityToken'),
  PackedPolicyTooLarge: badRequest('PackedPolicyTooLarge'),

  InvalidEventCategory: badRequest('InvalidEventCategoryException'),
  InvalidLookupAttributes: badRequest('InvalidLookupAttributesException'),
  InvalidMaxResults: badRequest('InvalidMaxResultsException'),
  InvalidNextToken: badRequest('InvalidNextTokenException'),
  InvalidTimeRange: badRequest('InvalidTimeRangeException'),

  /** A key token that this HSM domain did not make, or that names another key: never a client's fault. */
  InvalidToken: { grpc: status.DATA_LOSS, aws: 'KMSInternalException', http: 500 },
  /** The HSM's root is sealed; SDKs retry KMSInternalException. */
  Sealed: { grpc: status.UNAVAILABLE, aws: 'KMSInternalException', http: 500 },
  /** This replica of the HSM does not have the token's domain key yet; another one may, and it will soon. */
  RootBehind: { grpc: status.UNAVAILABLE, aws: 'KMSInternalException', http: 500 },
  /** A service that is needed does not answer. */
  Unavailable: { grpc: status.UNAVAILABLE, aws: 'KMSInternalException', http: 500 },
  /** The time for the call ran out. */
  DeadlineExceeded: { grpc: status.DEADLINE_EXCEEDED, aws: 'KMSInternalException', http: 500 },
  /** The caller went away. */
  Cancelled: { grpc: status.CANCELLED, aws: 'KMSInternalException', http: 500 },
  /** What is not ours: an id for the log, nothing else. */
  Internal: { grpc: status.INTERNAL, aws: 'KMSInternalException', http: 500 },
} as const satisfies Record<string, Wire>;

/** A code of the closed set. */
export type Code = keyof typeof wire;

/** True for a code of the closed set. */
export function isCode(text: string): text is Code {
  return Object.hasOwn(wire, text);
}
