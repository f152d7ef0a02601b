import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * One request and its answer, written by hand: what the peers say is compared with what the bundled nodes say without
 * any code of this project in between.
 */
export interface RawResponse {
  code: number;
  remark: string | null;
  extFields: Record<string, string> | null;
  version: number;
  language: string;
  body: Buffer;
}

const ANSWER_TIMEOUT_MS = 30_000;
/** V5_3_3. */
const CLIENT_VERSION = 479;

/** A connection that sends requests one after another; a consumer's heartbeat lives as long as it. */
export class RawConnection {
  #socket: ReturnType<typeof connect>;
  #buffered: Buffer = Buffer.alloc(0);
  #pending = new Map<number, (response: RawResponse) => void>();
  #nextOpaque = 1;
  #failed: Error | null = null;
  #rejecters = new Set<(error: Error) => void>();
  /** Requests that the server sent (40, for example), in order. */
  readonly pushed: { code: number; extFields: Record<string, string> | null; at: number }[] = [];

  constructor(address: string) {
    const [host, port] = address.split(':');
    this.#socket = connect({ host: host ?? '', port: Number(port) });
    this.#socket.on('data', (chunk) => this.#onData(chunk));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error(`${address} closed the connection`)));
  }

  request(
    code: number,
    extFields: Record<string, string> = {},
    body: Buffer | string = '',
    options: { version?: number; timeoutMs?: number } = {},
  ): Promise<RawResponse> {
    if (this.#failed) return Promise.reject(this.#failed);
    const opaque = this.#nextOpaque++;
    const timeoutMs = options.timeoutMs ?? ANSWER_TIMEOUT_MS;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => fail(new Error(`no answer to ${code} within ${timeoutMs} ms`)), timeoutMs);
      const fail = (error: Error): void => {
        clearTimeout(timer);
        this.#pending.delete(opaque);
        this.#rejecters.delete(fail);
        reject(error);
      };
      this.#rejecters.add(fail);
      this.#pending.set(opaque, (response) => {
        clearTimeout(timer);
        this.#rejecters.delete(fail);
        resolve(response);
      });
      this.#socket.write(encode({ code, opaque, extFields, version: options.version ?? CLIENT_VERSION }, Buffer.from(body)));
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    this.#failed ??= error;
    for (const reject of [...this.#rejecters]) reject(error);
  }

  #onData(chunk: Buffer): void {
    this.#buffered = Buffer.concat([this.#buffered, chunk]);
    while (this.#buffered.length >= 4 && this.#buffered.length >= 4 + this.#buffered.readUInt32BE(0)) {
      const end = 4 + this.#buffered.readUInt32BE(0);
      const headerEnd = 8 + (this.#buffered.readUInt32BE(4) & 0xff_ffff);
      const header = JSON.parse(this.#buffered.subarray(8, headerEnd).toString('utf8'));
      const body = Buffer.from(this.#buffered.subarray(headerEnd, end));
      this.#buffered = this.#buffered.subarray(end);
      if ((header.flag & 1) === 0) {
        this.pushed.push({ code: header.code, extFields: header.extFields ?? null, at: performance.now() });
        continue;
      }
      const { code, remark = null, extFields = null, version, language } = header;
      this.#pending.get(header.opaque)?.({ code, remark, extFields, version, language, body });
      this.#pending.delete(header.opaque);
    }
  }
}

/** One request on a connection of its own. */
export async function rawRequest(
  address: string,
  code: number,
  extFields: Record<string, string> = {},
  body: Buffer | string = '',
): Promise<RawResponse> {
  const connection = new RawConnection(address);
  try {
    return await connection.request(code, extFields, body);
  } finally {
    connection.close();
  }
}

/** Waits until the name server routes to the broker. */
export async function registered(namesrvAddr: string, brokerAddr: string, timeoutMs = 60_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const info = await rawRequest(namesrvAddr, 106).catch(() => null);
    if (info?.body.includes(brokerAddr)) return;
    if (performance.now() > deadline) throw new Error(`${brokerAddr} did not register on ${namesrvAddr} within ${timeoutMs} ms`);
    await delay(50);
  }
}

function encode(
  { code, opaque, extFields, version }: { code: number; opaque: number; extFields: Record<string, string>; version: number },
  body: Buffer,
): Buffer {
  const header = Buffer.from(
    JSON.stringify({ code, language: 'JAVA', version, opaque, flag: 0, extFields, serializeTypeCurrentRPC: 'JSON' }),
  );
  const frame = Buffer.alloc(8 + header.length + body.length);
  frame.writeUInt32BE(4 + header.length + body.length, 0);
  frame.writeUInt32BE(header.length, 4);
  header.copy(frame, 8);
  body.copy(frame, 8 + header.length);
  return frame;
}
