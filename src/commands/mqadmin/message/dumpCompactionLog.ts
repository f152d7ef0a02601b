import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { MessageView } from '../../../client/admin/message-view.js';
import { UsageError } from '../../../common/errors.js';
import { MqCommand } from '../../base.js';
import { messageExtText } from '../message-text.js';

const options = defineOptions({
  file: { short: 'f', text: 'to dump file name' },
});

interface Result {
  readonly file: string;
  readonly messages: readonly MessageView[];
}

/** Prints the messages in a file of a compacted topic. */
export default class DumpCompactionLog extends MqCommand<typeof options, Result> {
  static override summary = 'Parse compaction log to message.';
  static override description =
    'Files of the commit log are read as well. The text is without bodies, as in the Java tool; --json has them. The file is only read.';
  static override examples = [
    'mqadmin dumpCompactionLog -f /var/tmp/compaction.log',
    'mqadmin dumpCompactionLog -f /var/tmp/compaction.log --json',
  ];
  static override options = options;

  protected override async execute({ file }: OptionValues<typeof options>): Promise<Result> {
    if (file === undefined) {
      throw new UsageError('miss dump log file name: give it with -f, --file');
    }
    const { readMessageFile } = await import('../message-log-file.js');
    return { file, messages: await readMessageFile(file) };
  }

  protected override render({ messages }: Result, out: Output): void {
    for (const message of messages) {
      out.line(messageExtText(message, 'null'));
    }
  }
}
