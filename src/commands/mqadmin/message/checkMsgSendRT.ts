import { cut, format } from '../../../cli/format.js';
import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { SendProbe, ShownProbe } from '../../../client/admin/send-probes.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  topic: { short: 't', required: true, text: 'topic name' },
  amount: { short: 'a', kind: 'int', default: 100, min: 1, text: 'message amount | default 100' },
  size: { short: 's', kind: 'int', default: 128, min: 1, text: 'message size | default 128 Byte' },
  ...CHANGE_OPTIONS,
});

type Values = OptionValues<typeof options>;

interface Result {
  readonly dryRun: boolean;
  readonly queueCount: number;
  readonly probes: readonly ShownProbe[];
  /** Mean of all but the first, ms; null when there was only one. */
  readonly avgRtMs: number | null;
}

const COLUMNS = '%-32s  %-4s  %-20s    %s';

/** Sends messages to the queues of a topic in turn and shows how long each took. */
export default class CheckMsgSendRT extends AdminCommand<typeof options, Result> {
  static override summary = 'Check message send response time.';
  static override description =
    'Stores -a messages of -s bytes in the topic. The average leaves out the first, which opens the connection.';
  static override examples = [
    'mqadmin checkMsgSendRT -n 127.0.0.1:9876 -t OrderPaid -a 10',
    'mqadmin checkMsgSendRT -n 127.0.0.1:9876 -t OrderPaid --dry-run',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<Result> {
    const { planProbes, requireSent, sendProbes, shownProbe } = await import('../../../client/admin/send-probes.js');
    const plan = await planProbes(admin, values.topic);
    const queueCount = plan.queues.length;
    if (values.dryRun) {
      return { dryRun: true, queueCount, probes: [], avgRtMs: null };
    }
    if (!context.json) {
      context.out.line(format(COLUMNS, '#Broker Name', '#QID', '#Send Result', '#RT'));
    }
    const probes: SendProbe[] = [];
    const producerGroup = 'CHECK_MSG_SEND_RT';
    for await (const probe of sendProbes(admin, plan, {
      body: Buffer.alloc(values.size, 'a'),
      amount: values.amount,
      producerGroup,
      firstQueue: 0,
    })) {
      probes.push(probe);
      if (!context.json) {
        context.out.line(format(COLUMNS, cut(probe.brokerName, 32), probe.queueId, probe.isSent, Math.round(probe.rtMs)));
      }
    }
    const rest = probes.slice(1);
    const avgRtMs = rest.length === 0 ? null : rest.reduce((total, probe) => total + probe.rtMs, 0) / rest.length;
    const result: Result = { dryRun: false, queueCount, probes: probes.map(shownProbe), avgRtMs };
    requireSent(probes, `checkMsgSendRT ${values.topic}`, result);
    return result;
  }

  protected override render(result: Result, out: Output, values: Values): void {
    if (result.dryRun) {
      out.line(
        `dry run: would send ${values.amount} messages of ${values.size} bytes to the ${result.queueCount} queues of topic ${values.topic}`,
      );
      return;
    }
    out.line(`Avg RT: ${result.avgRtMs === null ? 'NaN' : result.avgRtMs.toFixed(2)}`);
  }
}
