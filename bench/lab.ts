import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Echo, startEcho } from './system/echo.js';
import { type Keystead, startKeystead } from './system/keystead.js';
import { findMinio, type Minio, startMinio } from './system/minio.js';

/** What the sections measure: started when the first asks for it, all stopped together. */
export class Lab {
  /** On a disk, and gone afterwards. */
  readonly folder: string;
  readonly seconds: number;
  readonly progress: (line: string) => void;
  readonly #stops: (() => Promise<void>)[] = [];
  #keystead: Promise<Keystead> | undefined;
  #echo: Promise<Echo> | undefined;

  constructor(folder: string, seconds: number, progress: (line: string) => void) {
    this.folder = folder;
    this.seconds = seconds;
    this.progress = progress;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** The data folder of the installation that the sections share. */
  get data(): string {
    return join(this.folder, 'keystead');
  }

  /** The installation with the directory as its backend. */
  keystead(): Promise<Keystead> {
    this.#keystead ??= this.#started('Keystead', startKeystead({ data: this.data }));
    return this.#keystead;
  }

  echo(): Promise<Echo> {
    this.#echo ??= this.#started('the echo', startEcho(join(this.folder, 'echo')));
    return this.#echo;
  }

  /** MinIO and an installation whose backend it is; undefined when there is no program. */
  async minio(): Promise<{ minio: Minio; keystead: Keystead } | undefined> {
    const program = findMinio(process.env);
    if (program === undefined) return undefined;
    const minio = await this.#started('MinIO', startMinio(program, join(this.folder, 'minio')));
    const data = join(this.folder, 'keystead-s3');
    return { minio, keystead: await this.#started('Keystead in front of MinIO', startKeystead({ data, minio })) };
  }

  /** Has something stopped at the end, whatever happens. Stopping twice must do no harm. */
  onClose(stop: () => Promise<void>): void {
    this.#stops.push(stop);
  }

  async close(): Promise<void> {
    // What did not start has already been told.
    for (const stop of this.#stops.reverse()) await stop().catch(() => undefined);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #started<T extends { stop(): Promise<void> }>(name: string, starting: Promise<T>): Promise<T> {
    this.progress(`starting ${name}`);
    // Noted before it stands: who interrupts a start shall leave nothing running either.
    this.onClose(async () => (await starting).stop());
    return starting;
  }
}
