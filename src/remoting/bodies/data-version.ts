import type { JsonObject } from '../../common/fastjson.js';
import { type Long, long, parseBody, writeBody } from './reader.js';

/** Version of a node's tables; 4.9 has no stateVersion. */
export interface DataVersion {
  stateVersion: Long;
  timestamp: Long;
  counter: Long;
}

export function toDataVersion(object: JsonObject | undefined): DataVersion {
  const fields = object ?? {};
  return { stateVersion: long(fields, 'stateVersion'), timestamp: long(fields, 'timestamp'), counter: long(fields, 'counter') };
}

export function sameDataVersion(a: DataVersion, b: DataVersion): boolean {
  return a.stateVersion === b.stateVersion && a.timestamp === b.timestamp && a.counter === b.counter;
}

/** Body of QUERY_DATA_VERSION and of its answer; also the header field `version` of GET_BROKER_CONFIG. */
export function decodeDataVersion(body: Uint8Array | string | null): DataVersion {
  return toDataVersion(parseBody(body, 'DataVersion'));
}

export function encodeDataVersion(version: DataVersion): Buffer {
  return writeBody(version);
}
