import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Random } from '../../common/clock.js';
import { ConfigError } from '../../common/errors.js';
import type { Workload } from './workload.js';

/** Payloads that come with the OpenMessaging Benchmark; where they are not at hand, letters of the same size take their place. */
const WELL_KNOWN = /^payload\/payload-\w+\.data$/;
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/**
 * The bodies that messages of a workload have in turn.
 * @param workloadFile payload files are looked for beside it, in the folder above, and where the command runs.
 * @throws ConfigError when the payload file is missing or of another size.
 */
export function payloadsOf(workload: Workload, workloadFile: string | undefined, random: Random): Buffer[] {
  const { messageSize, payloadFile } = workload;
  if (workload.useRandomizedPayloads) {
    const randomBytes = Math.floor(messageSize * workload.randomBytesRatio);
    return Array.from({ length: workload.randomizedPayloadPoolSize }, () => partlyRandom(messageSize, randomBytes, random));
  }
  if (payloadFile === undefined) return [letters(messageSize, random)];
  const near = workloadFile === undefined ? [] : [dirname(workloadFile), join(dirname(workloadFile), '..')];
  const found = [...near, '.'].map((folder) => resolve(folder, payloadFile)).find((file) => existsSync(file));
  if (found === undefined) {
    if (WELL_KNOWN.test(payloadFile)) return [letters(messageSize, random)];
    throw new ConfigError(`payloadFile ${payloadFile} is not there`, { hint: 'its path counts from the workload file, or leave it out' });
  }
  const payload = readFileSync(found);
  if (payload.length !== messageSize) {
    throw new ConfigError(`payloadFile ${payloadFile} has ${payload.length} bytes, but messageSize is ${messageSize}`);
  }
  return [payload];
}

/** Random bytes in front, zeros behind: so much of it can be compressed. */
function partlyRandom(size: number, randomBytes: number, random: Random): Buffer {
  const payload = Buffer.alloc(size);
  for (let at = 0; at < randomBytes; at++) payload[at] = random.nextInt(256);
  return payload;
}

function letters(size: number, random: Random): Buffer {
  const payload = Buffer.alloc(size);
  for (let at = 0; at < size; at++) payload[at] = LETTERS.charCodeAt(random.nextInt(LETTERS.length));
  return payload;
}
