import { deflateSync } from 'node:zlib';
import { crc31 } from '../../src/common/crc.js';
import { stringifyFastjson } from '../../src/common/fastjson.js';
import type { DataVersion } from '../data-version.js';
import type { TopicConfig } from '../topics/index.js';

/** A body of REGISTER_BROKER and its checksum. */
export interface RegisterBody {
  body: Buffer;
  /** CRC-32 without the sign bit, for `bodyCrc32`. */
  crc32: number;
}

/** The JSON form. */
export function registerBody(dataVersion: DataVersion, topics: readonly TopicConfig[]): RegisterBody {
  const topicConfigTable = new Map(topics.map((topic) => [topic.topicName, topic]));
  const body = Buffer.from(
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
  return { body, crc32: crc31(body) };
}

/**
 * The compressed form: deflated lengths and texts.
 *
 * | int32 length, DataVersion JSON | int32 topic count | int32 length, `name readQ writeQ perm SINGLE_TAG {attributes}` … |
 * | int32 length, filter server list JSON | int32 count of mapping infos |
 */
export function compressedRegisterBody(dataVersion: DataVersion, topics: readonly TopicConfig[]): RegisterBody {
  const parts: Buffer[] = [];
  const number = (value: number): void => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    parts.push(bytes);
  };
  const text = (value: string): void => {
    const bytes = Buffer.from(value);
    number(bytes.length);
    parts.push(bytes);
  };
  text(stringifyFastjson(dataVersion));
  number(topics.length);
  for (const topic of topics) {
    const { topicName, readQueueNums, writeQueueNums, perm, topicFilterType, attributes } = topic;
    text(`${topicName} ${readQueueNums} ${writeQueueNums} ${perm} ${topicFilterType} ${stringifyFastjson(attributes)}`);
  }
  text('[]');
  number(0);
  const body = deflateSync(Buffer.concat(parts));
  return { body, crc32: crc31(body) };
}
