/*
 * Body of REGISTER_BROKER. Plain: JSON. Compressed: a zlib stream of
 * | int32 length, DataVersion JSON | int32 count, for each topic: int32 length, text | int32 length, JSON array of filter servers |
 * and from V5_0_0 | int32 count, for each: int32 length, TopicQueueMappingInfo JSON |.
 * Text of a topic: `name readQueueNums writeQueueNums perm topicFilterType {attributes JSON}`; 4.9 writes no attributes.
 * Mirrors RegisterBrokerBody.
 */
import { deflateSync } from 'node:zlib';
import { inflateBytes } from '../../common/compression.js';
import { ProtocolError } from '../../common/errors.js';
import { type JsonObject, parseFastjson, parseFastjsonObject, stringifyFastjson } from '../../common/fastjson.js';
import { MAX_FRAME_BYTES } from '../../common/limits.js';
import { V5_0_0 } from '../../common/mq-version.js';
import { decodeDataVersion } from './data-version.js';
import { isObject, optionalObject, parseBody, text, textMap, texts, writeBody } from './reader.js';
import { newTopicConfig, type TopicConfig, type TopicConfigSerializeWrapper, toTopicConfigWrapper } from './topic.js';

export interface RegisterBrokerBody {
  topicConfigSerializeWrapper: TopicConfigSerializeWrapper;
  filterServerList: string[];
}

/** First byte of a zlib stream; JSON begins with a brace. 5.3.3 brokers say compressed=false of compressed bodies. */
const ZLIB_FIRST_BYTE = 0x78;

/** Decodes either form; which one it is shows in the first byte. */
export function decodeRegisterBrokerBody(body: Buffer | null, version: number): RegisterBrokerBody {
  if (body !== null && body[0] === ZLIB_FIRST_BYTE) {
    return decodeCompressed(inflateBytes(body, MAX_FRAME_BYTES), version);
  }
  const object = parseBody(body, 'RegisterBrokerBody');
  return {
    topicConfigSerializeWrapper: toTopicConfigWrapper(optionalObject(object, 'topicConfigSerializeWrapper') ?? {}),
    filterServerList: texts(object, 'filterServerList'),
  };
}

/** The plain form, as a broker with the default configuration sends it. */
export function encodeRegisterBrokerBody(body: RegisterBrokerBody): Buffer {
  const wrapper = body.topicConfigSerializeWrapper;
  return writeBody({
    filterServerList: body.filterServerList,
    topicConfigSerializeWrapper: {
      ...wrapper,
      mappingDataVersion: wrapper.mappingDataVersion ?? { counter: 0, stateVersion: 0, timestamp: wrapper.dataVersion.timestamp },
      topicQueueMappingDetailMap: wrapper.topicQueueMappingDetailMap ?? {},
      topicQueueMappingInfoMap: wrapper.topicQueueMappingInfoMap ?? {},
    },
  });
}

/** The compressed form for a broker of the version. */
export function encodeRegisterBrokerBodyCompressed(body: RegisterBrokerBody, version: number): Buffer {
  const wrapper = body.topicConfigSerializeWrapper;
  const parts: Buffer[] = [];
  const number = (value: number): void => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    parts.push(bytes);
  };
  const block = (content: string): void => {
    const bytes = Buffer.from(content);
    number(bytes.length);
    parts.push(bytes);
  };
  block(stringifyFastjson(wrapper.dataVersion));
  number(wrapper.topicConfigTable.size);
  for (const config of wrapper.topicConfigTable.values()) {
    block(topicText(config, version));
  }
  block(stringifyFastjson(body.filterServerList));
  if (version >= V5_0_0) {
    const infos = Object.values(wrapper.topicQueueMappingInfoMap ?? {});
    number(infos.length);
    for (const info of infos) {
      block(stringifyFastjson(info));
    }
  }
  return deflateSync(Buffer.concat(parts));
}

function topicText(config: TopicConfig, version: number): string {
  const fields = [config.topicName, config.readQueueNums, config.writeQueueNums, config.perm, config.topicFilterType];
  return version >= V5_0_0 ? [...fields, stringifyFastjson(config.attributes)].join(' ') : fields.join(' ');
}

class BlockReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  number(): number {
    const value = this.#at + 4 <= this.#bytes.length ? this.#bytes.readInt32BE(this.#at) : -1;
    if (value < 0 || value > this.#bytes.length) {
      throw new ProtocolError(`malformed compressed registration at byte ${this.#at}: length ${value}`, { code: 'BODY_MALFORMED' });
    }
    this.#at += 4;
    return value;
  }

  block(): string {
    const length = this.number();
    const end = this.#at + length;
    if (end > this.#bytes.length) {
      throw new ProtocolError(`malformed compressed registration at byte ${this.#at}: ${length} bytes are not there`, {
        code: 'BODY_MALFORMED',
      });
    }
    const content = this.#bytes.utf8Slice(this.#at, end);
    this.#at = end;
    return content;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }
}

function decodeCompressed(bytes: Buffer, version: number): RegisterBrokerBody {
  const reader = new BlockReader(bytes);
  const dataVersion = decodeDataVersion(reader.block());
  const topicConfigTable = new Map<string, TopicConfig>();
  for (let left = reader.number(); left > 0; left--) {
    const config = parseTopicText(reader.block());
    topicConfigTable.set(config.topicName, config);
  }
  const filterServers = parseFastjson(reader.block());
  const topicQueueMappingInfoMap: JsonObject = {};
  if (version >= V5_0_0 && !reader.atEnd) {
    for (let left = reader.number(); left > 0; left--) {
      const info = parseFastjsonObject(reader.block(), 'TopicQueueMappingInfo');
      topicQueueMappingInfoMap[text(info, 'topic')] = info;
    }
  }
  return {
    topicConfigSerializeWrapper: { dataVersion, topicConfigTable, topicQueueMappingInfoMap },
    filterServerList: Array.isArray(filterServers) ? filterServers.map((item) => String(item)) : [],
  };
}

function parseTopicText(content: string): TopicConfig {
  const [topicName = '', read, write, perm, topicFilterType = 'SINGLE_TAG', ...attributes] = content.split(' ');
  const [readQueueNums, writeQueueNums, permBits] = [Number(read), Number(write), Number(perm)];
  if (topicName === '' || !Number.isInteger(readQueueNums) || !Number.isInteger(writeQueueNums) || !Number.isInteger(permBits)) {
    throw new ProtocolError(`malformed topic in a compressed registration: ${JSON.stringify(content.slice(0, 200))}`, {
      code: 'BODY_MALFORMED',
    });
  }
  const parsed = attributes.length === 0 ? null : parseFastjson(attributes.join(' '));
  return newTopicConfig(topicName, {
    readQueueNums,
    writeQueueNums,
    perm: permBits,
    topicFilterType,
    attributes: isObject(parsed ?? undefined) ? textMap({ attributes: parsed }, 'attributes') : new Map<string, string>(),
  });
}
