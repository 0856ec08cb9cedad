import { randomBytes } from 'node:crypto';
import { startEmbedded, type EmbeddedPostgres } from '@keystead/db/embedded';
import { prepare, schemas, type DatabaseService } from '../database.js';
import type { DataFolder } from '../data-folder.js';
import { Failure, messageOf } from '../failure.js';
import { readIfThere, writePrivate } from '../files.js';
import type { Say } from './service-process.js';
import { passwordFileOf } from './services.js';

/** The embedded PostgreSQL, started again when it ends unasked. */
export class Postgres {
  readonly #folder: DataFolder;
  readonly #port: number;
  readonly #say: Say;
  #server: EmbeddedPostgres | undefined;
  #stopping = false;

  constructor(folder: DataFolder, port: number, say: Say) {
    this.#folder = folder;
    this.#port = port;
    this.#say = say;
  }

  get pid(): number | undefined {
    return this.#server?.pid;
  }

  /** Starts it and brings the schemas up to date. Throws Failure. */
  async start(): Promise<void> {
    const server = await this.#launch();
    try {
      await prepare(server, 'keystead', (service) => rolePassword(this.#folder, service));
    } catch (error) {
      throw new Failure(`The database could not be prepared: ${messageOf(error)}`);
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#server?.stop();
  }

  async #launch(): Promise<EmbeddedPostgres> {
    const server = await startEmbedded({ directory: this.#folder.postgres, port: this.#port }).catch(
      (error: unknown) => {
        throw new Failure(messageOf(error));
      },
    );
    this.#server = server;
    void server.exited.then(() => this.#again());
    if (this.#stopping) await server.stop();
    return server;
  }

  /** A function, since it changes while this waits. */
  #stops(): boolean {
    return this.#stopping;
  }

  async #again(): Promise<void> {
    if (this.#stopping) return;
    this.#say('PostgreSQL ended; starting it again');
    for (let pauseMs = 100; !this.#stops(); pauseMs = Math.min(pauseMs * 2, 5_000)) {
      try {
        await this.#launch();
        this.#say('PostgreSQL serves again');
        return;
      } catch (error) {
        this.#say(`${messageOf(error)}; trying again`);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  }
}

/** The password of a role; made once, kept in a file that the service reads. */
function rolePassword(folder: DataFolder, service: DatabaseService): string {
  if (!(service in schemas)) throw new Error(`${service} has no database`);
  const file = passwordFileOf(folder, service);
  const kept = readIfThere(file)?.trim();
  if (kept) return kept;
  const password = randomBytes(24).toString('base64url');
  writePrivate(file, `${password}\n`);
  return password;
}
