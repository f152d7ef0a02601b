import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Output } from '../../cli/output.js';
import { mappingDetail } from '../../client/admin/static-topic.js';
import type { MappingFile, StaticTopicResult } from '../../client/admin/static-topic-change.js';
import { ConfigError } from '../../common/errors.js';
import { stringifyFastjson } from '../../common/fastjson.js';

/** What a change did, and where the mappings before and after it are; no files for a dry run. */
export interface StaticTopicDone extends StaticTopicResult {
  readonly beforeFile: string | null;
  readonly afterFile: string | null;
}

/** Keeps the mappings before and after a change in files of the folder for temporary ones. */
export class MappingKeeper {
  #before: string | null = null;
  #after: string | null = null;

  readonly beforeChange = async (before: MappingFile, after: MappingFile): Promise<void> => {
    this.#before = await write(before, '.before');
    this.#after = await write(after, '.after');
  };

  withFiles(result: StaticTopicResult): StaticTopicDone {
    return { ...result, beforeFile: this.#before, afterFile: this.#after };
  }
}

async function write(file: MappingFile, suffix: string): Promise<string> {
  const { topic, type, epoch, configs, brokerToMapIn, brokerToMapOut } = file;
  const path = join(tmpdir(), `${topic}-${epoch}${suffix}`);
  const brokers = [...configs].map(([name, config]) => {
    const { topicName, readQueueNums, writeQueueNums, perm, topicFilterType, topicSysFlag, order } = config;
    const plain = { topicName, readQueueNums, writeQueueNums, perm, topicFilterType, topicSysFlag, order, attributes: {} };
    return [name, { ...plain, mappingDetail: mappingDetail(name, config) }] as const;
  });
  const content = { topic, type, epoch, brokerConfigMap: new Map(brokers), brokerToMapIn, brokerToMapOut };
  try {
    await writeFile(path, stringifyFastjson(content));
  } catch (cause) {
    throw new ConfigError(`${path} cannot be written (${(cause as NodeJS.ErrnoException).code ?? String(cause)}): nothing was changed`, {
      hint: 'name another folder in TMPDIR',
      cause,
    });
  }
  return path;
}

/** How many queues each broker leads, on a line of its own. */
export function printPlan(result: StaticTopicDone, out: Output): void {
  for (const [name, count] of Object.entries(result.brokers)) {
    out.line(`dry run: ${name} would have ${count} of ${result.totalQueues} queues of ${result.topic}`);
  }
}

/** Options that the Java tool has and does not read. */
export function noteUnread(values: { mapFile?: string | undefined; forceReplace?: string | undefined }, out: Output): void {
  if (values.mapFile !== undefined || values.forceReplace !== undefined) {
    out.note('note: -mf and -fr are not read, as in the Java tool: the mapping is computed');
  }
}
