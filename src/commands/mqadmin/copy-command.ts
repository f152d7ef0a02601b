import { format } from '../../cli/format.js';
import { CHANGE_OPTIONS, type CommonValues, defineOptions, type OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import type { AdminClient } from '../../client/admin/admin-client.js';
import type { CopyRequest, CopyResult, QueuePair } from '../../client/admin/copy-messages.js';
import { UsageError } from '../../common/errors.js';
import type { CommandContext } from '../base.js';
import { AdminCommand } from './admin-command.js';
import { untilSignal } from './interruption.js';
import { openOther } from './other-cluster.js';
import { noticeText, READ_OPTIONS, readRequest } from './read-options.js';

/** Options that copy and mirror share. */
export const COPY_OPTIONS = defineOptions({
  ...READ_OPTIONS,
  'to-topic': { text: 'Topic to copy to; the same name in the other cluster when absent' },
  'to-namesrv': { group: 'target', text: 'Name servers of the cluster to copy to; this one when absent; keys are those of this one' },
  'to-context': { group: 'target', text: 'Context of the cluster to copy to (mqadmin context list), with its own keys' },
  'queue-mapping': { kind: 'texts', text: 'All messages of a queue go to another, eg: broker-a:0=broker-b:1; may be given several times' },
  rate: { kind: 'decimal', min: 0.001, text: 'Messages a second, at most' },
  'in-flight': { kind: 'int', min: 1, max: 50_000, default: 1024, text: 'Messages that wait or are on their way, at most' },
  ...CHANGE_OPTIONS,
});

/** What the help of both says. */
export const COPY_HELP = [
  'Copies keep body, tags, keys, flag, properties and msgId; COPY_ORIGIN (topic@broker:queue:offset), COPY_BORN_TIMESTAMP and',
  'COPY_STORE_TIMESTAMP say what they are copies of. Topics with as many queues are copied queue by queue, to the queues of the same names or at',
  'the same places; else a message goes to the queue of its sharding key, or all of a queue go to one. The order within each queue is kept. The',
  'target topic has to be there: a copy makes none.',
].join('\n');

const PROGRESS_MS = 5_000;

type Values = OptionValues<typeof COPY_OPTIONS> & CommonValues;

/** Copies messages: once, or as they come. */
export abstract class CopyCommand<T extends typeof COPY_OPTIONS> extends AdminCommand<T, CopyResult> {
  protected override readonly endsBySignal = false;

  /** What the command asks for beside the common options. */
  protected abstract its(values: OptionValues<T> & CommonValues): Pick<CopyRequest, 'offsetsFile' | 'follow' | 'fromEnd'>;

  protected override async ask(admin: AdminClient, values: OptionValues<T> & CommonValues, context: CommandContext): Promise<CopyResult> {
    const shared = values as unknown as Values;
    const request = { ...this.#request(shared, context), ...this.its(values) };
    const { copyMessages, planCopy } = await import('../../client/admin/copy-messages.js');
    const other = { namesrvAddr: shared['to-namesrv'], context: shared['to-context'] };
    const target = other.namesrvAddr === undefined && other.context === undefined ? admin : await openOther(admin, other, context);
    try {
      const ends = { source: admin, target };
      if (shared.dryRun) {
        return await planCopy(ends, request);
      }
      return await untilSignal(
        context,
        (signal) => copyMessages(ends, { ...request, signal }),
        ({ copied }) => `${copied} messages were copied, none is on its way`,
      );
    } finally {
      if (target !== admin) {
        await target.close();
      }
    }
  }

  #request(values: Values, { out, io }: CommandContext): CopyRequest {
    const { topic, rate } = values;
    let said = performance.now();
    return {
      ...readRequest(values),
      targetTopic: values['to-topic'] ?? topic,
      queueMapping: values['queue-mapping'].map(readPair),
      rate,
      inFlight: values['in-flight'],
      onNotice: (notice) => out.note(noticeText(notice)),
      onRetry: ({ brokerName, queueId }, error) => out.note(`note: sending to ${brokerName}:${queueId} is tried again: ${error.message}`),
      onProgress: (copied) => {
        if (io.terminal.animates && performance.now() - said > PROGRESS_MS) {
          said = performance.now();
          out.note(`${copied} copied`);
        }
      },
    };
  }

  protected override render(result: CopyResult, out: Output): void {
    const { copied, alreadyThere, failed, elapsedMs, dryRun, sourceTopic, targetTopic } = result;
    out.line(format('%-32s  %-32s  %12s  %12s  %12s', '#From Queue', '#To Queue', '#From Offset', '#To Offset', '#Copied'));
    for (const queue of result.queues) {
      const target = queue.isWhole ? queue.target : `${queue.target} or by key`;
      const from = `${queue.brokerName}:${queue.queueId}`;
      out.line(format('%-32s  %-32s  %12d  %12d  %12d', from, target, queue.fromOffset, queue.toOffset, queue.copied));
    }
    if (dryRun) {
      out.note(`dry run: would copy these offsets from ${sourceTopic} to ${targetTopic}`);
      return;
    }
    const there = alreadyThere === 0 ? '' : `, ${alreadyThere} were there already`;
    out.note(`${copied} copied, ${failed} failed${there} in ${(elapsedMs / 1000).toFixed(1)} s`);
  }
}

function readPair(text: string): QueuePair {
  const match = /^(.+:\d+)=(.+:\d+)$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new UsageError(`--queue-mapping expects broker:id=broker:id, got "${text}"`, { hint: 'example: broker-a:0=broker-b:1' });
  }
  return { from: match[1], to: match[2] };
}
