import { ConfigError } from '@keystead/service';
import type { Client } from 'minio';

/** The one bucket of a store, and where it is. */
export interface Place {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
}

/** Longer than a store needs that is well, shorter than supervisors wait for a service. */
const WITHIN_MS = 10_000;

/**
 * Makes sure that an S3 store answers, takes the credentials and has the bucket, which is made where it is missing.
 * Throws ConfigError, whose sentence says what the operator can do.
 */
export async function openBucket(client: Client, place: Place): Promise<void> {
  try {
    await inTime(ensureBucket(client, place));
  } catch (cause) {
    throw new ConfigError(sentence(codeOf(cause), place), { cause });
  }
}

/** A listing, not HEAD: only an S3 store answers with one, and a refusal has a body that says why. */
async function ensureBucket(client: Client, { bucket, region }: Place): Promise<void> {
  try {
    await client.listObjectsV2Query(bucket, '', '', '', 1, '');
  } catch (error) {
    if (codeOf(error) !== 'NoSuchBucket') throw error;
    await client.makeBucket(bucket, region);
  }
}

async function inTime(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error('silence'), { code: 'ETIMEDOUT' })), WITHIN_MS);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** The code of the store or of the system; undefined for an answer that is none of S3. Texts of a store are not shown. */
function codeOf(error: unknown): string | undefined {
  const { code, name, message = '' } = error as { code?: unknown; name?: string; message?: string };
  // The client library looks at the name before it asks the store.
  if (name === 'InvalidBucketNameError') return 'InvalidBucketName';
  // It keeps nothing else of answers that it would have tried again.
  const status = /Retryable HTTP status: (\d{3})/.exec(message)?.[1];
  if (status !== undefined) return `HTTP ${status}`;
  return typeof code === 'string' && /^[\w.]{1,64}$/.test(code) ? code : undefined;
}

interface Trouble {
  readonly codes: RegExp;
  /** @param at the endpoint; `why` is the code in brackets */
  readonly sentence: (at: string, why: string, bucket: string) => string;
}

const notS3: Trouble = {
  // What the client library makes of bare status codes, which S3 answers to no listing, and of other protocols; and
  // what MinIO says at the port of its console.
  codes: /^(InvalidArgument|NotFound|MethodNotAllowed|UnknownError|EPROTO|ECONNRESET|ERR_SSL_\w+|HPE_\w+)$/,
  sentence: (at, why) =>
    `What answers at ${at} is no S3 store${why}: name the endpoint of the store's S3 API, with the right scheme and port.`,
};

const troubles: readonly Trouble[] = [
  notS3,
  {
    codes: /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ETIMEDOUT)$/,
    sentence: (at, why) => `Nothing answers at ${at}${why}: start the object store, or name its right endpoint.`,
  },
  {
    codes: /CERT|SIGNATURE_FAILURE|UNABLE_TO_/,
    sentence: (at, why) =>
      `The certificate of the object store at ${at} is not trusted${why}: name its authority with NODE_EXTRA_CA_CERTS, or give it a valid one.`,
  },
  {
    codes: /^(InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|ExpiredToken)$/,
    sentence: (at, why) =>
      `The object store at ${at} refuses the credentials${why}: correct KEYSTEAD_S3_ACCESS_KEY_ID and KEYSTEAD_S3_SECRET_ACCESS_KEY.`,
  },
  {
    codes: /^(AccessDenied|AllAccessDisabled)$/,
    sentence: (at, why, bucket) =>
      `The object store at ${at} does not let these credentials use the bucket ${bucket}${why}: allow them to list it and to read, write and delete in it, and to create it where it does not exist.`,
  },
  {
    codes: /^RequestTimeTooSkewed$/,
    sentence: (at, why) =>
      `The object store at ${at} and this machine do not agree on the time${why}: set the clock that is wrong.`,
  },
  {
    codes:
      /^(AuthorizationHeaderMalformed|IllegalLocationConstraintException|PermanentRedirect|MovedPermanently|TemporaryRedirect)$/,
    sentence: (at, why, bucket) =>
      `The object store at ${at} has the bucket ${bucket} in another Region${why}: name it with KEYSTEAD_S3_REGION.`,
  },
  {
    codes: /^(BucketAlreadyExists|InvalidBucketName)$/,
    sentence: (at, why, bucket) =>
      `The object store at ${at} does not give us the bucket ${bucket}${why}: choose another KEYSTEAD_S3_BUCKET_PREFIX.`,
  },
  {
    codes: /./,
    sentence: (at, why, bucket) =>
      `The object store at ${at} does not serve the bucket ${bucket}${why}: its own log says more.`,
  },
];

function sentence(code: string | undefined, { endpoint, bucket }: Place): string {
  const trouble = (code === undefined ? undefined : troubles.find(({ codes }) => codes.test(code))) ?? notS3;
  return trouble.sentence(new URL(endpoint).origin, code === undefined ? '' : ` (${code})`, bucket);
}
