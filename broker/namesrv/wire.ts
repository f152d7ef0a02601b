/*
 * Bodies of the name server's requests (Java: RegisterBrokerBody, TopicRouteData).
 * A registration's body is JSON or, zlib-compressed, this (int32 lengths, big-endian):
 *   len, DataVersion JSON | topic count, each: len, `name readQueueNums writeQueueNums perm SINGLE_TAG attributesJSON` |
 *   len, JSON array of filter servers | from version 413 on: count, each: len, TopicQueueMappingInfo JSON
 */
import { inflateBytes } from '../../src/common/compression.js';
import { ProtocolError } from '../../src/common/errors.js';
import { parseFastjson, stringifyFastjson } from '../../src/common/fastjson.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { HeaderOf, RegisterBrokerRequestHeader } from '../../src/remoting/headers/index.js';
import { asArray, asLong, asNumber, asObject, asText } from '../json.js';
import type { DataVersion, JsonLike, QueueData, RegisteredBroker, RegisteredTopic } from './types.js';

const V5_0_0 = 413;
/** A broker that says nothing else is dropped after this long without a sign of life. */
const DEFAULT_TIMEOUT_MS = 120_000;
const ZLIB_FIRST_BYTE = 0x78;
const DEFAULT_QUEUE_NUMS = 16;
const DEFAULT_PERM = 6;

/** A body for an answer; `isStandard` quotes number keys and escapes what is not ASCII. */
export function jsonBody(value: unknown, options: { isStandard?: boolean } = {}): Buffer {
  return Buffer.from(stringifyFastjson(value, { browserCompatible: options.isStandard ?? false }));
}

/** The properties text of an update. */
export function propertiesBody(request: RemotingCommand): string {
  return request.body?.toString('utf8') ?? '';
}

export function decodeDataVersion(request: RemotingCommand): DataVersion {
  return readDataVersion(request.body === null ? null : parseFastjson(request.body));
}

/** `queueDatas` of the route in a REGISTER_TOPIC_IN_NAMESRV. */
export function decodeQueues(request: RemotingCommand): QueueData[] {
  const route = asObject(request.body === null ? null : parseFastjson(request.body));
  return asArray(route?.queueDatas).flatMap((entry) => {
    const queue = asObject(entry);
    if (queue === null) return [];
    return { brokerName: asText(queue.brokerName, ''), ...readQueueNums(queue) };
  });
}

/** A registration, whichever form its body has: the `compressed` flag of 5.3.3 is wrong, so the first byte decides. */
export function decodeRegistration(
  header: HeaderOf<typeof RegisterBrokerRequestHeader>,
  request: RemotingCommand,
  connection: unknown,
): RegisteredBroker {
  const timeoutMs = header.heartbeatTimeoutMillis ?? 0;
  return {
    cluster: header.clusterName,
    brokerAddr: header.brokerAddr,
    brokerName: header.brokerName,
    brokerId: header.brokerId,
    haServerAddr: header.haServerAddr,
    timeoutMs: timeoutMs > 0 ? timeoutMs : DEFAULT_TIMEOUT_MS,
    enableActingMaster: header.enableActingMaster ?? false,
    zoneName: header.__ZONE_NAME ?? null,
    connection,
    ...decodeTopics(request),
  };
}

type RegisteredTopics = Pick<RegisteredBroker, 'dataVersion' | 'topics' | 'mappings'>;

function decodeTopics(request: RemotingCommand): RegisteredTopics {
  const body = request.body;
  if (body === null || body.length === 0) return { dataVersion: readDataVersion(null), topics: [], mappings: new Map() };
  if (body[0] === ZLIB_FIRST_BYTE) return decodeCompressed(inflateBytes(body), request.version);
  const wrapper = asObject(asObject(parseFastjson(body))?.topicConfigSerializeWrapper);
  if (wrapper === null) throw new ProtocolError('the registration has no topicConfigSerializeWrapper');
  const topics = Object.entries(asObject(wrapper.topicConfigTable) ?? {}).flatMap(([topicName, value]) => {
    const topic = asObject(value);
    return topic === null ? [] : { topicName, ...readQueueNums(topic) };
  });
  const mappings = new Map(Object.entries(asObject(wrapper.topicQueueMappingInfoMap) ?? {}));
  return { dataVersion: readDataVersion(wrapper.dataVersion), topics, mappings };
}

function decodeCompressed(bytes: Buffer, version: number): RegisteredTopics {
  const reader = new LengthReader(bytes);
  const dataVersion = readDataVersion(parseFastjson(reader.text()));
  const topics: RegisteredTopic[] = [];
  for (let left = reader.count(); left > 0; left--) topics.push(readTopicLine(reader.text()));
  reader.text();
  const mappings = new Map<string, JsonLike>();
  if (version >= V5_0_0 && !reader.isAtEnd) {
    for (let left = reader.count(); left > 0; left--) {
      const mapping = asObject(parseFastjson(reader.text()));
      if (mapping !== null) mappings.set(asText(mapping.topic, ''), mapping);
    }
  }
  return { dataVersion, topics, mappings };
}

/** Flags and order are lost in this form. */
function readTopicLine(line: string): RegisteredTopic {
  const [topicName, readQueueNums, writeQueueNums, perm] = line.split(' ', 5);
  if (topicName === undefined || perm === undefined)
    throw new ProtocolError(`a topic of the compressed registration is malformed: ${line.slice(0, 100)}`);
  return {
    topicName,
    readQueueNums: asNumber(readQueueNums, DEFAULT_QUEUE_NUMS),
    writeQueueNums: asNumber(writeQueueNums, DEFAULT_QUEUE_NUMS),
    perm: asNumber(perm, DEFAULT_PERM),
    topicSysFlag: 0,
  };
}

function readQueueNums(value: Record<string, unknown>): Omit<RegisteredTopic, 'topicName'> {
  return {
    readQueueNums: asNumber(value.readQueueNums, DEFAULT_QUEUE_NUMS),
    writeQueueNums: asNumber(value.writeQueueNums, DEFAULT_QUEUE_NUMS),
    perm: asNumber(value.perm, DEFAULT_PERM),
    // Very old senders spell it topicSynFlag.
    topicSysFlag: asNumber(value.topicSysFlag ?? value.topicSynFlag, 0),
  };
}

function readDataVersion(value: unknown): DataVersion {
  const version = asObject(value);
  return {
    counter: asLong(version?.counter, 0),
    timestamp: asLong(version?.timestamp, 0),
    stateVersion: asLong(version?.stateVersion, 0),
  };
}

/** Reads int32 counts and length-prefixed texts. */
class LengthReader {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#bytes.length;
  }

  count(): number {
    if (this.#position + 4 > this.#bytes.length) throw new ProtocolError('the compressed registration is cut off');
    const value = this.#bytes.readInt32BE(this.#position);
    this.#position += 4;
    // Each entry takes at least its own length field.
    if (value < 0 || value > this.#bytes.length - this.#position)
      throw new ProtocolError(`the compressed registration has a length of ${value}`);
    return value;
  }

  text(): string {
    const length = this.count();
    const start = this.#position;
    this.#position += length;
    return this.#bytes.toString('utf8', start, this.#position);
  }
}
