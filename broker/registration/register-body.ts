import { deflateSync } from 'node:zlib';
import { crc31 } from '../../src/common/crc.js';
import { stringifyFastjson } from '../../src/common/fastjson.js';
import type { DataVersion } from '../data-version.js';
import type { TopicConfig } from '../topics/index.js';

const INT32_BYTES = 4;

/** A body of REGISTER_BROKER and its checksum. */
export interface RegisterBody {
  readonly body: Buffer;
  /** CRC-32 without the sign bit, for `bodyCrc32`. */
  readonly crc32: number;
  readonly isCompressed: boolean;
  /** Topics in the body. */
  readonly topicCount: number;
}

/**
 * The JSON form, or the compressed one where that is asked for or the other is too long, with as many of the topics, from the first, as there
 * is room for.
 * @param options.maxBytes of the body, also when it is inflated
 */
export function registerBody(
  dataVersion: DataVersion,
  topics: readonly TopicConfig[],
  options: { isCompressed: boolean; maxBytes: number },
): RegisterBody {
  const plain = options.isCompressed ? null : plainBody(dataVersion, topics);
  if (plain !== null && plain.length <= options.maxBytes) {
    return { body: plain, crc32: crc31(plain), isCompressed: false, topicCount: topics.length };
  }
  const { body, topicCount } = compressedBody(dataVersion, topics, options.maxBytes);
  return { body, crc32: crc31(body), isCompressed: true, topicCount };
}

function plainBody(dataVersion: DataVersion, topics: readonly TopicConfig[]): Buffer {
  const topicConfigTable = new Map(topics.map((topic) => [topic.topicName, topic]));
  return Buffer.from(
    stringifyFastjson({
      filterServerList: [],
      topicConfigSerializeWrapper: {
        dataVersion,
        mappingDataVersion: { counter: 0, stateVersion: 0, timestamp: dataVersion.timestamp },
        topicConfigTable: Object.fromEntries(topicConfigTable),
        topicQueueMappingDetailMap: {},
        topicQueueMappingInfoMap: {},
      },
    }),
  );
}

/**
 * The compressed form: deflated lengths and texts.
 *
 * | int32 length, DataVersion JSON | int32 topic count | int32 length, `name readQ writeQ perm SINGLE_TAG {attributes}` … |
 * | int32 length, filter server list JSON | int32 count of mapping infos |
 */
function compressedBody(dataVersion: DataVersion, topics: readonly TopicConfig[], maxBytes: number): { body: Buffer; topicCount: number } {
  const head = block(stringifyFastjson(dataVersion));
  const tail = Buffer.concat([block('[]'), int32(0)]);
  const blocks: Buffer[] = [];
  let bytes = head.length + INT32_BYTES + tail.length;
  for (const { topicName, readQueueNums, writeQueueNums, perm, topicFilterType, attributes } of topics) {
    const text = block(`${topicName} ${readQueueNums} ${writeQueueNums} ${perm} ${topicFilterType} ${stringifyFastjson(attributes)}`);
    bytes += text.length;
    if (bytes > maxBytes) break;
    blocks.push(text);
  }
  return { body: deflateSync(Buffer.concat([head, int32(blocks.length), ...blocks, tail])), topicCount: blocks.length };
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(INT32_BYTES);
  bytes.writeInt32BE(value);
  return bytes;
}

function block(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([int32(bytes.length), bytes]);
}
