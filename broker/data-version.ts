import type { Clock } from '../src/common/clock.js';
import { asNumber, asObject } from './json.js';

/** Version of a table: grows with each change, so that name servers and slaves see what they miss. */
export interface DataVersion {
  counter: number;
  stateVersion: number;
  timestamp: number;
}

export function newDataVersion(clock: Clock): DataVersion {
  return { counter: 0, stateVersion: 0, timestamp: clock.nowMs() };
}

/** The version after one more change. */
export function nextDataVersion(version: DataVersion, clock: Clock): DataVersion {
  return { ...version, counter: version.counter + 1, timestamp: clock.nowMs() };
}

/** Reads the `dataVersion` of a file; 4.x files may have none. */
export function readDataVersion(value: unknown, clock: Clock): DataVersion {
  const object = asObject(value);
  if (object === null) return newDataVersion(clock);
  return {
    counter: asNumber(object.counter, 0),
    stateVersion: asNumber(object.stateVersion, 0),
    timestamp: asNumber(object.timestamp, clock.nowMs()),
  };
}
