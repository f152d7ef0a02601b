/**
 * A name server and broker in one that stores nothing and answers every request at once, from templates: what is measured against it is
 * the client alone. `tsx null-server.ts [serviceUs] [answerAfterMs]` prints its address and serves until its stdin ends. With a service
 * time it works so long for each message, one after the other; with the other it holds answers back so long, as one does that waits for a disk.
 */
import { createServer, type Socket } from 'node:net';

const RequestCode = { HEART_BEAT: 34, GET_ROUTEINFO_BY_TOPIC: 105, GET_BROKER_CLUSTER_INFO: 106, SEND_MESSAGE_V2: 310 } as const;
const FLAG_ONEWAY = 2;
const PREFIX_BYTES = 8;
const QUEUES = 8;
/** V5_3_3. */
const VERSION = 479;

const SEND_HEAD = Buffer.from(
  '{"code":0,"extFields":{"queueId":"0","transactionId":"7F00000154545FFD2B2767E3BA650002","msgId":"7F00000100002A9F0000000000001234","TRACE_ON":"true","MSG_REGION":"DefaultRegion","queueOffset":"1234"},"flag":1,"language":"JAVA","opaque":',
  'latin1',
);
const SEND_TAIL = Buffer.from(`,"serializeTypeCurrentRPC":"JSON","version":${VERSION}}`, 'latin1');
const MAX_ANSWER_BYTES = PREFIX_BYTES + SEND_HEAD.length + 10 + SEND_TAIL.length;

/** Prefix and header of a send take more than that. */
const LEAST_REQUEST_BYTES = 200;

const SERVICE_MS = Number(process.argv[2] ?? 0) / 1000;
const ANSWER_AFTER_MS = Number(process.argv[3] ?? 0);

/** The thread works for so long. */
function work(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

/** Answers the requests of one connection. */
class Connection {
  readonly #socket: Socket;
  readonly #address: string;
  #rest: Buffer = Buffer.alloc(0);
  #out: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, address: string) {
    this.#socket = socket;
    this.#address = address;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('error', () => socket.destroy());
  }

  #onData(chunk: Buffer): void {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let position = 0;
    const out = this.#room((Math.floor(data.length / LEAST_REQUEST_BYTES) + 1) * MAX_ANSWER_BYTES);
    let filled = 0;
    while (data.length - position >= 4) {
      const end = position + 4 + data.readInt32BE(position);
      if (end > data.length) break;
      const headerEnd = position + PREFIX_BYTES + (data.readInt32BE(position + 4) & 0xffffff);
      const opaque = isSend(data, position + PREFIX_BYTES) ? opaqueOf(data, headerEnd) : -1;
      if (opaque < 0) {
        this.#answerOther(data, position + PREFIX_BYTES, headerEnd);
      } else {
        filled = writeAnswer(out, filled, opaque);
        if (SERVICE_MS > 0) work(SERVICE_MS);
      }
      position = end;
    }
    if (filled > 0) this.#answer(out.subarray(0, filled));
    this.#rest = position === data.length ? Buffer.alloc(0) : data.subarray(position);
  }

  #answer(answers: Buffer): void {
    if (ANSWER_AFTER_MS === 0) {
      this.#socket.write(answers);
      return;
    }
    const kept = Buffer.from(answers);
    setTimeout(() => this.#socket.write(kept), ANSWER_AFTER_MS);
  }

  /** The same memory again, unless the socket still has something of it. */
  #room(bytes: number): Buffer {
    if (this.#out.length < bytes || this.#socket.writableLength > 0) {
      this.#out = Buffer.allocUnsafeSlow(2 * bytes);
    }
    return this.#out;
  }

  #answerOther(data: Buffer, start: number, end: number): void {
    const { code, opaque, flag } = JSON.parse(data.toString('utf8', start, end)) as { code: number; opaque: number; flag: number };
    if ((flag & FLAG_ONEWAY) !== 0) return;
    const header = Buffer.from(
      JSON.stringify({ code: 0, flag: 1, language: 'JAVA', opaque, serializeTypeCurrentRPC: 'JSON', version: VERSION }),
    );
    const body = Buffer.from(bodyOf(code, this.#address));
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeInt32BE(4 + header.length + body.length, 0);
    prefix.writeInt32BE(header.length, 4);
    this.#socket.write(Buffer.concat([prefix, header, body]));
  }
}

function bodyOf(code: number, address: string): string {
  const brokerData = `{"brokerAddrs":{"0":"${address}"},"brokerName":"broker-null","cluster":"NullCluster"}`;
  if (code === RequestCode.GET_ROUTEINFO_BY_TOPIC) {
    const queueData = `{"brokerName":"broker-null","perm":6,"readQueueNums":${QUEUES},"topicSysFlag":0,"writeQueueNums":${QUEUES}}`;
    return `{"brokerDatas":[${brokerData}],"filterServerTable":{},"queueDatas":[${queueData}]}`;
  }
  return code === RequestCode.GET_BROKER_CLUSTER_INFO
    ? `{"brokerAddrTable":{"broker-null":${brokerData}},"clusterAddrTable":{"NullCluster":["broker-null"]}}`
    : '';
}

/** Whether a JSON header begins with the code of a send, as both clients write it. */
function isSend(data: Buffer, start: number): boolean {
  // {"code":310,
  return data[start + 8] === 0x33 && data[start + 9] === 0x31 && data[start + 10] === 0x30 && data[start + 11] === 0x2c;
}

/** The opaque in the last part of a header; −1 where it is not as both clients write it. */
function opaqueOf(data: Buffer, end: number): number {
  let at = end;
  // Behind `opaque` there is no other q.
  while (at > end - 100 && data[at] !== 0x71) at--;
  if (data[at] !== 0x71) return -1;
  let opaque = 0;
  for (at += 5; (data[at] as number) >= 0x30 && (data[at] as number) <= 0x39; at++) opaque = opaque * 10 + (data[at] as number) - 0x30;
  return opaque;
}

function writeAnswer(out: Buffer, start: number, opaque: number): number {
  let at = start + PREFIX_BYTES;
  out.set(SEND_HEAD, at);
  at += SEND_HEAD.length;
  let unit = 1;
  while (unit * 10 <= opaque) unit *= 10;
  for (let rest = opaque; unit >= 1; unit = Math.floor(unit / 10)) {
    const digit = Math.floor(rest / unit);
    out[at++] = 0x30 + digit;
    rest -= digit * unit;
  }
  out.set(SEND_TAIL, at);
  at += SEND_TAIL.length;
  out.writeInt32BE(at - start - 4, start);
  out.writeInt32BE(at - start - PREFIX_BYTES, start + 4);
  return at;
}

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const bound = server.address();
  const address = `127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`;
  server.on('connection', (socket) => void new Connection(socket, address));
  process.stdout.write(`serving on ${address}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
