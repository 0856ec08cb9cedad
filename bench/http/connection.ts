import { connect, type Socket } from 'node:net';

export interface Answer {
  readonly status: number;
  /** Length of the body. */
  readonly length: number;
  /** The body, when it was asked to be kept or tells of a failure; else empty. */
  readonly body: Buffer;
}

/** host:port of plain HTTP. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

// Answers are read one after the other, in this thread, so that all connections share what they are read into.
const readBuffer = Buffer.allocUnsafe(512 << 10);

/** One keep-alive HTTP/1.1 connection that costs as little as it can: requests are bytes, bodies are counted, not kept. */
export class Connection {
  readonly #socket: Socket;
  #head: Buffer = Buffer.alloc(0);
  /** Bytes of the body still to come; undefined while the head arrives. */
  #left: number | undefined;
  #status = 0;
  #length = 0;
  #keep = false;
  #kept: Buffer[] = [];
  #resolve: ((answer: Answer) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;

  private constructor(target: Target) {
    const callback = (length: number, buffer: Uint8Array): boolean => {
      this.#read(buffer.subarray(0, length));
      return true;
    };
    this.#socket = connect({ ...target, noDelay: true, onread: { buffer: readBuffer, callback } });
    this.#socket.on('error', (error) => this.#reject?.(error));
    this.#socket.on('close', () => this.#reject?.(new Error('the connection was closed')));
  }

  static async open(target: Target): Promise<Connection> {
    const connection = new Connection(target);
    await new Promise<void>((connected, failed) => {
      connection.#reject = failed;
      connection.#socket.once('connect', connected);
    });
    return connection;
  }

  /** Sends a request and waits for its answer; one at a time. */
  send(request: readonly Uint8Array[], keep = false): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#keep = keep;
      this.#left = undefined;
      if (request.length > 1) this.#socket.cork();
      for (const part of request) this.#socket.write(part);
      if (request.length > 1) this.#socket.uncork();
    });
  }

  close(): void {
    this.#reject = undefined;
    this.#socket.destroy();
  }

  #read(bytes: Uint8Array): void {
    const body = this.#left === undefined ? this.#readHead(bytes) : bytes;
    if (this.#left === undefined || body === undefined) return;
    this.#left -= body.length;
    if (this.#keep || this.#status >= 300) this.#kept.push(Buffer.from(body));
    if (this.#left === 0) this.#done();
  }

  /** Gives what follows the head, or undefined while that is not whole. */
  #readHead(bytes: Uint8Array): Uint8Array | undefined {
    this.#head = Buffer.concat([this.#head, bytes]);
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const text = this.#head.toString('latin1', 0, end);
    const rest = this.#head.subarray(end + 4);
    this.#head = Buffer.alloc(0);
    this.#status = Number(text.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
    if (length === undefined && this.#status !== 204) {
      this.#socket.destroy(new Error(`an answer without a length: ${text.slice(0, 200)}`));
      return undefined;
    }
    this.#left = this.#length = Number(length ?? 0);
    return rest;
  }

  #done(): void {
    const answer = { status: this.#status, length: this.#length, body: Buffer.concat(this.#kept) };
    this.#kept = [];
    this.#reject = undefined;
    this.#resolve?.(answer);
  }
}

/** The same request on a connection of its own. Throws when it is refused. */
export async function fetchOnce(target: Target, request: readonly Uint8Array[]): Promise<Answer> {
  const connection = await Connection.open(target);
  try {
    return succeeded(await connection.send(request, true));
  } finally {
    connection.close();
  }
}

/** Throws what the server said unless it succeeded. */
export function succeeded(answer: Answer): Answer {
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw new Error(`HTTP ${answer.status}: ${answer.body.toString('utf8', 0, 500)}`);
}
