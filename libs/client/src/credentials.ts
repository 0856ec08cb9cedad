/** Credentials of AWS as its SDKs have them: an access key, or what STS gives. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** With temporary credentials. */
  readonly sessionToken?: string | undefined;
  /** When temporary credentials end. */
  readonly expiration?: Date | undefined;
}

/** A provider of the AWS SDK for JavaScript, for example of `@aws-sdk/credential-providers`. */
export type AwsCredentialsProvider = () => Promise<AwsCredentials>;

/** A provider is asked again this long before its credentials end, in ms, and as often when they have no end. */
const marginMs = 5 * 60_000;
/** Between two questions at least. */
const leastMs = 1_000;

/** Keeps what a provider gave until it is nearly over, and says when it gives others. */
export class HeldCredentials {
  readonly #provider: AwsCredentialsProvider;
  readonly #listeners = new Set<() => void>();
  #held: AwsCredentials | undefined;
  #askAt = 0;
  #asking: Promise<AwsCredentials> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(source: AwsCredentials | AwsCredentialsProvider) {
    this.#provider = typeof source === 'function' ? source : () => Promise.resolve(source);
  }

  /** Those to sign with now. Rejects as the provider does, when nothing that is held is still good. */
  async get(): Promise<AwsCredentials> {
    if (this.#held && Date.now() < this.#askAt) return this.#held;
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  /** Calls `listener` when there are other credentials than before; returns how to stop that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#held = undefined;
  }

  async #ask(): Promise<AwsCredentials> {
    const before = this.#held;
    try {
      this.#keep(await this.#provider());
    } catch (error) {
      if (!before || over(before)) throw error;
      this.#keep(before);
    }
    const now = this.#held as AwsCredentials;
    if (before && !same(before, now)) for (const listener of this.#listeners) listener();
    return now;
  }

  #keep(credentials: AwsCredentials): void {
    const now = Date.now();
    const left = credentials.expiration === undefined ? 2 * marginMs : credentials.expiration.getTime() - now;
    const delay = Math.max(leastMs, left > 2 * marginMs ? left - marginMs : left / 2);
    this.#held = credentials;
    this.#askAt = now + delay;
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const again = (): void => void this.get().catch(() => undefined);
    this.#timer = setTimeout(again, Math.min(delay, longestTimerMs)).unref();
  }
}

/** Node fires at once what lies further ahead. */
const longestTimerMs = 24 * 60 * 60_000;

const over = ({ expiration }: AwsCredentials): boolean =>
  expiration !== undefined && expiration.getTime() <= Date.now();

const same = (a: AwsCredentials, b: AwsCredentials): boolean =>
  a.accessKeyId === b.accessKeyId && a.secretAccessKey === b.secretAccessKey && a.sessionToken === b.sessionToken;
