import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { toJson } from '../../cli/output.js';
import { userFolder } from '../../cli/user-folders.js';
import type { OffsetMove } from '../../client/admin/offset-moves.js';
import { type OffsetUndo, UNDO_FORMAT } from '../../client/admin/undo-offsets.js';
import { systemClock } from '../../common/clock.js';
import { ConfigError } from '../../common/errors.js';
import type { CommandContext } from '../base.js';
import { fileTime } from './offset-move.js';

/** How many names are tried in the folder of undo files. */
const NAMES = 1000;

/**
 * Writes the offsets as they are before a change.
 * @returns the file, or null where none was asked for and the folder of undo files cannot be written
 * @throws ConfigError when the file that was asked for cannot be written, or exists already
 */
export async function writeUndo(undo: {
  file: string | undefined;
  group: string;
  queues: readonly OffsetMove[];
  command: string;
  context: CommandContext;
}): Promise<string | null> {
  const { file, group, queues, command, context } = undo;
  const nowMs = systemClock.nowMs();
  const content: OffsetUndo = {
    format: UNDO_FORMAT,
    version: 1,
    command,
    time: new Date(nowMs).toISOString(),
    group,
    queues: queues.map(({ topic, brokerName, brokerAddr, queueId, before, offset }) => ({
      topic,
      brokerName,
      brokerAddr,
      queueId,
      before,
      offset,
    })),
  };
  const text = `${toJson(content)}\n`;
  if (file !== undefined) {
    try {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text, { flag: 'wx' });
      return resolve(file);
    } catch (cause) {
      const why = isExisting(cause) ? 'it exists already' : String((cause as NodeJS.ErrnoException).code ?? cause);
      throw new ConfigError(`--undo-file: ${file} cannot be written (${why}): nothing was changed`, { cause });
    }
  }
  const folder = join(userFolder('state', context.io.env), 'offset-undo');
  const name = `${group.replace(/[^\w.-]/g, '_')}-${fileTime(nowMs)}`;
  try {
    await mkdir(folder, { recursive: true });
    for (let number = 1; ; number++) {
      const place = join(folder, number === 1 ? `${name}.json` : `${name}-${number}.json`);
      try {
        await writeFile(place, text, { flag: 'wx' });
        return place;
      } catch (error) {
        if (!isExisting(error) || number === NAMES) {
          throw error;
        }
      }
    }
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error);
    context.out.note(`note: no undo file: ${folder} cannot be written (${why}); give another place with --undo-file`);
    return null;
  }
}

function isExisting(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EEXIST';
}
