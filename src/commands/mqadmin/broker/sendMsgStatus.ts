import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { SendProbe, ShownProbe } from '../../../client/admin/send-probes.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { sendResultText } from '../message-output.js';

const options = defineOptions({
  brokerName: { short: 'b', required: true, text: 'Broker Name e.g. clusterName_brokerName as DefaultCluster_broker-a' },
  messageSize: { short: 's', kind: 'int', default: 128, min: 1, text: 'Message Size, Default: 128' },
  count: { short: 'c', kind: 'int', default: 50, min: 1, text: 'send message count, Default: 50' },
  ...CHANGE_OPTIONS,
});

type Values = OptionValues<typeof options>;

interface Result {
  readonly dryRun: boolean;
  readonly probes: readonly ShownProbe[];
}

/** What Apache's tool fills its messages with. */
const PIECE = 'hello jodie';
const WARM_UP_PIECES = 2;
const RETRIES = 2;

/** Sends messages to the topic that a broker has under its own name, and shows what the broker answers. */
export default class SendMsgStatus extends AdminCommand<typeof options, Result> {
  static override summary = 'Send msg to broker.';
  static override description = [
    '-b is the name of a broker; its messages stay in the topic of that name. One more is sent first and not shown. The size is rounded up',
    'to a multiple of 11. A name that is neither a broker nor a topic is an error; the Java tool makes a topic of it.',
  ].join('\n');
  static override examples = [
    'mqadmin sendMsgStatus -n 127.0.0.1:9876 -b broker-a -c 3',
    'mqadmin sendMsgStatus -n 127.0.0.1:9876 -b broker-a --dry-run',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<Result> {
    const { planBrokerProbes, requireSent, sendProbes, shownProbe } = await import('../../../client/admin/send-probes.js');
    const plan = await planBrokerProbes(admin, values.brokerName);
    if (values.dryRun) {
      return { dryRun: true, probes: [] };
    }
    const common = { producerGroup: 'PID_SMSC', retries: RETRIES };
    for await (const probe of sendProbes(admin, plan, { ...common, body: Buffer.from(PIECE.repeat(WARM_UP_PIECES)), amount: 1 })) {
      requireSent([probe], 'sendMsgStatus', undefined);
    }
    const probes: SendProbe[] = [];
    for await (const probe of sendProbes(admin, plan, { ...common, body: bodyOf(values), amount: values.count })) {
      probes.push(probe);
      if (!probe.isSent) {
        break;
      }
      if (!context.json && probe.sendResult !== undefined) {
        context.out.line(`rt=${Math.round(probe.rtMs)}ms, SendResult=${sendResultText(probe.sendResult)}`);
      }
    }
    const result: Result = { dryRun: false, probes: probes.map(shownProbe) };
    requireSent(probes, `sendMsgStatus ${values.brokerName}`, result);
    return result;
  }

  protected override render(result: Result, out: Output, values: Values): void {
    if (result.dryRun) {
      out.line(
        `dry run: would send ${values.count + 1} messages, all but the first of ${bodyOf(values).length} bytes, to topic ${values.brokerName}`,
      );
    }
  }
}

function bodyOf({ messageSize }: Values): Buffer {
  return Buffer.from(PIECE.repeat(Math.ceil(messageSize / PIECE.length)));
}
