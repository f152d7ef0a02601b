import { readFile } from 'node:fs/promises';
import type { MessageQueue } from '../../client/message-queue.js';
import type { SendHandler } from '../../client/producer/pending-send.js';
import { selectByHash } from '../../client/producer/selectors.js';
import { seededRandom } from '../../common/clock.js';
import { UsageError } from '../../common/errors.js';
import { MAX_PAYLOAD_POOL_BYTES } from '../../common/limits.js';
import type { Message } from '../../common/message/message.js';
import { MessageConst } from '../../common/message/properties.js';
import type { LaneMessage } from '../delivery-ledger.js';
import type { SendLoadOptions, SendTarget } from '../send-load.js';
import { mixedBytes, seededBytes, seededText } from './content.js';
import { type Distribution, type Draw, drawOf, WeightedDraw, weightsOf } from './distribution.js';
import { type LineMessage, readLines } from './lines.js';
import { drawSize, largestBody, type SizeRange } from './sizes.js';

/** What the messages of a load are made of. */
export interface PayloadOptions {
  readonly topic: string;
  /** Without sizes and files. */
  readonly bodyBytes: number;
  /** Instead of `bodyBytes`: sizes and how often they come. */
  readonly sizes?: readonly SizeRange[];
  /** The body of every message is the content of this file. */
  readonly bodyFile?: string;
  /** Bodies, tags, keys and properties come from the lines of this file, in turn. */
  readonly linesFile?: string;
  /** Share of a body that is random bytes, 0 to 1; the rest is zeros. Without it bodies are text. */
  readonly randomBytesRatio?: number;
  /** Different bodies that take turns by chance; default 1. */
  readonly bodyPool?: number;
  /** Each message gets a key of its own. */
  readonly keys?: boolean;
  /** Messages get one of so many keys. */
  readonly keyCount?: number;
  readonly keyDistribution?: Distribution;
  /** Messages get one of so many tags. */
  readonly tagCount?: number;
  readonly tagDistribution?: Distribution;
  readonly propertyCount?: number;
  readonly propertyBytes?: number;
  /** Messages of one key go to one queue, each when the one before is answered. */
  readonly ordered?: boolean;
  readonly delayTimeLevel?: number;
  readonly seed: number;
}

/** What can be said of bodies, keys and properties where every message carries a stamp, and of every place in flight the same. */
export interface StampedPayload
  extends Pick<
    PayloadOptions,
    'bodyBytes' | 'sizes' | 'randomBytesRatio' | 'bodyPool' | 'keyCount' | 'keyDistribution' | 'propertyCount' | 'propertyBytes'
  > {
  /** Of all random choices; a new one when absent. */
  readonly seed?: number;
}

/** Bytes of the smallest body that can come. */
export function smallestBody({ bodyBytes, sizes }: Pick<PayloadOptions, 'bodyBytes' | 'sizes'>): number {
  return sizes === undefined ? bodyBytes : Math.min(...sizes.map((range) => range.from));
}

/** The message of one place in flight, with the memory of its body. */
interface SlotMessage extends LaneMessage {
  readonly slot: number;
  readonly memory: Buffer;
}

/** An ordered key: everything that its messages have in common. */
interface OrderedKey {
  readonly text: string;
  readonly lane: number;
  readonly properties: Map<string, string>;
}

/** Lanes are 1 to 65535. */
const MAX_ORDERED_KEYS = 65_535;
const TURN: Distribution = { kind: 'turn' };
const UNIFORM: Distribution = { kind: 'uniform' };

/**
 * Makes the messages of a load. What can be is prepared before the run; for a message there are a few draws, and at most one copy of a body.
 * The same seed gives the same messages in the same order.
 */
export class Payload {
  /** Places in flight; fewer than asked for where there are fewer ordered keys. */
  readonly inFlight: number;
  readonly #options: PayloadOptions;
  readonly #lines: readonly LineMessage[] | undefined;
  readonly #file: Buffer | undefined;
  readonly #bodies: readonly Buffer[];
  readonly #which: Draw;
  readonly #size: Draw | undefined;
  readonly #tags: readonly string[];
  readonly #tag: Draw | undefined;
  readonly #keys: readonly string[];
  readonly #key: Draw | undefined;
  readonly #orderedKeys: readonly OrderedKey[];
  readonly #orderedDraws: readonly Draw[];
  readonly #properties: Map<string, string> | undefined;
  readonly #keyPrefix: string;
  #keyCount = 0;
  #line = -1;
  #slots = 0;

  /**
   * Reads the files that the options name.
   * @throws UsageError
   */
  static async open(options: PayloadOptions, inFlight: number): Promise<Payload> {
    const lines = options.linesFile === undefined ? undefined : await readLines(options.linesFile);
    const file = options.bodyFile === undefined ? undefined : await readBody(options.bodyFile);
    return new Payload(options, inFlight, { lines, file });
  }

  private constructor(
    options: PayloadOptions,
    inFlight: number,
    files: { readonly lines: readonly LineMessage[] | undefined; readonly file: Buffer | undefined },
  ) {
    const { seed, keyCount = 0, tagCount = 0, keyDistribution = UNIFORM, tagDistribution = TURN } = options;
    this.#options = options;
    this.#lines = files.lines;
    this.#file = files.file;
    this.#bodies = files.lines !== undefined || files.file !== undefined ? [] : bodiesOf(options);
    this.#which = drawOf(UNIFORM, Math.max(1, this.#bodies.length), seededRandom(seed + 1));
    this.#size = options.sizes === undefined ? undefined : drawSize(options.sizes, seededRandom(seed + 2));
    this.#tags = Array.from({ length: tagCount }, (_, i) => `tag${i}`);
    this.#tag = tagCount === 0 ? undefined : drawOf(tagDistribution, tagCount, seededRandom(seed + 3));
    const isOrdered = options.ordered === true;
    this.inFlight = isOrdered ? Math.min(inFlight, keyCount) : inFlight;
    this.#keys = isOrdered ? [] : Array.from({ length: keyCount }, (_, i) => `key${i}`);
    this.#key = isOrdered || keyCount === 0 ? undefined : drawOf(keyDistribution, keyCount, seededRandom(seed + 5));
    this.#properties = propertiesOf(options);
    this.#keyPrefix = seededBytes(seed, 4).toString('hex');
    this.#orderedKeys = isOrdered ? orderedKeysOf(keyCount, this.#properties) : [];
    this.#orderedDraws = isOrdered ? orderedDraws(weightsOf(keyDistribution, keyCount), this.inFlight, seed) : [];
  }

  /** What a load needs of it. */
  get load(): Pick<SendLoadOptions, 'inFlight' | 'createMessage' | 'prepare'> {
    const { inFlight, prepare } = this;
    return { inFlight, createMessage: () => this.createMessage(), ...(prepare === undefined ? {} : { prepare }) };
  }

  /** The message of the next place in flight. */
  createMessage(): Message {
    const { topic, delayTimeLevel } = this.#options;
    const slot = this.#slots++;
    const memory = this.#memory();
    const message: SlotMessage = {
      topic,
      body: memory,
      slot,
      memory,
      ...(delayTimeLevel === undefined ? {} : { delayTimeLevel }),
      ...(this.#properties === undefined ? {} : { properties: this.#properties }),
      ...(this.#lines === undefined && this.#file === undefined ? {} : { isVerbatim: true }),
    };
    return message;
  }

  /** Changes a message before each send; undefined when all sends of a place are alike. */
  get prepare(): ((message: Message) => void) | undefined {
    if (this.#lines !== undefined) {
      const lines = this.#lines;
      return (message) => this.#copyLine(message, lines);
    }
    const changesBody = this.#size !== undefined || this.#bodies.length > 1;
    const changesOthers = this.#tag !== undefined || this.#key !== undefined || this.#options.keys === true || this.#orderedKeys.length > 0;
    return changesBody || changesOthers ? (message) => this.#change(message as SlotMessage) : undefined;
  }

  /** Where the messages are sent to: with ordered keys to the queue of the key. */
  target(producer: QueueTarget, queues: readonly MessageQueue[]): SendTarget {
    if (this.#orderedKeys.length === 0) {
      return producer;
    }
    const byLane = this.#orderedKeys.map(({ text }) => selectByHash(queues, EMPTY_MESSAGE, text) ?? undefined);
    return {
      sendAsync: (message, handler, context) =>
        producer.sendAsync(message, handler, context, byLane[((message as LaneMessage).lane as number) - 1]),
    };
  }

  #memory(): Buffer {
    if (this.#lines !== undefined) {
      return (this.#lines[0] as LineMessage).body;
    }
    return this.#file ?? Buffer.from(this.#bodies[this.#slots % this.#bodies.length] as Buffer);
  }

  #copyLine(message: Message, lines: readonly LineMessage[]): void {
    this.#line = this.#line + 1 === lines.length ? 0 : this.#line + 1;
    const { body, tags, keys, properties } = lines[this.#line] as LineMessage;
    message.body = body;
    setOrDelete(message, 'tags', tags);
    setOrDelete(message, 'keys', keys);
    setOrDelete(message, 'properties', properties);
  }

  #change(message: SlotMessage): void {
    if (this.#bodies.length > 1) {
      message.memory.set(this.#bodies[this.#which.next()] as Buffer);
    }
    if (this.#size !== undefined) {
      message.body = message.memory.subarray(0, this.#size.next());
    }
    if (this.#tag !== undefined) {
      message.tags = this.#tags[this.#tag.next()] as string;
    }
    if (this.#key !== undefined) {
      message.keys = this.#keys[this.#key.next()] as string;
    } else if (this.#orderedKeys.length > 0) {
      const slot = message.slot % this.inFlight;
      // The keys of a place in flight are every n-th.
      const key = this.#orderedKeys[slot + (this.#orderedDraws[slot] as Draw).next() * this.inFlight] as OrderedKey;
      message.keys = key.text;
      message.lane = key.lane;
      message.properties = key.properties;
    } else if (this.#options.keys === true) {
      // Of all messages, those of the warm-up too: each has a key of its own.
      message.keys = `${this.#keyPrefix}-${this.#keyCount++}`;
    }
  }
}

/** A producer that can be told the queue. */
export interface QueueTarget extends SendTarget {
  sendAsync(message: Message, handler: SendHandler, context: unknown, queue?: MessageQueue): void;
}

const EMPTY_MESSAGE: Message = { topic: '', body: Buffer.alloc(0) };

function setOrDelete<K extends 'tags' | 'keys' | 'properties'>(message: Message, field: K, value: Message[K] | undefined): void {
  if (value === undefined) {
    delete message[field];
  } else {
    message[field] = value as Message[K];
  }
}

async function readBody(file: string): Promise<Buffer> {
  try {
    const body = await readFile(file);
    if (body.length === 0) {
      throw new Error('the file is empty');
    }
    return body;
  } catch (error) {
    throw new UsageError(`--payload-file ${file} cannot be sent: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function bodiesOf(options: PayloadOptions): Buffer[] {
  const { randomBytesRatio, bodyPool = 1, seed } = options;
  const length = largestBody(options);
  if (bodyPool > 1 && bodyPool * length > MAX_PAYLOAD_POOL_BYTES) {
    const fitting = Math.floor(MAX_PAYLOAD_POOL_BYTES / length);
    throw new UsageError(`--payload-pool ${bodyPool}: so many bodies of ${length} B do not fit into ${MAX_PAYLOAD_POOL_BYTES} B`, {
      hint: `give up to ${fitting} of them, or smaller ones`,
    });
  }
  return Array.from({ length: bodyPool }, (_, i) =>
    randomBytesRatio === undefined ? seededText(seed + i, length) : mixedBytes(seed + i, length, randomBytesRatio),
  );
}

function propertiesOf({ propertyCount = 0, propertyBytes = 16, seed }: PayloadOptions): Map<string, string> | undefined {
  return propertyCount === 0
    ? undefined
    : new Map(Array.from({ length: propertyCount }, (_, i) => [`p${i}`, seededText(seed + 1000 + i, propertyBytes).toString('latin1')]));
}

function orderedKeysOf(count: number, properties: ReadonlyMap<string, string> | undefined): OrderedKey[] {
  if (count < 1 || count > MAX_ORDERED_KEYS) {
    throw new UsageError(`--ordered with ${count} keys: give it 1 to ${MAX_ORDERED_KEYS} with --keys`);
  }
  return Array.from({ length: count }, (_, i) => {
    const text = `key${i}`;
    return { text, lane: i + 1, properties: new Map([...(properties ?? []), [MessageConst.SHARDING_KEY, text]]) };
  });
}

/** For each place in flight the draw among its keys, by their weights. */
function orderedDraws(weights: Float64Array, places: number, seed: number): Draw[] {
  return Array.from({ length: places }, (_, place) => {
    const own: number[] = [];
    for (let key = place; key < weights.length; key += places) {
      own.push(weights[key] as number);
    }
    return new WeightedDraw(Float64Array.from(own), seededRandom(seed + 6 + place));
  });
}
