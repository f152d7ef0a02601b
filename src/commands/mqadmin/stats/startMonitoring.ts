import { dateTime } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { DeleteMsgsEvent, MonitorRound, UndoneMsgs } from '../../../client/admin/monitor.js';
import { queueText } from '../../../client/message-queue.js';
import { systemClock } from '../../../common/clock.js';
import { differenceText } from '../../../common/subscription-differences.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { everyRound, ROUNDS_OPTION } from '../rounds.js';
import { stuckQueueText } from '../running-info-text.js';

const options = defineOptions({
  interval: { kind: 'duration', own: true, default: 60_000, text: 'Pause after each round, eg: 10s; a minute without it' },
  ...ROUNDS_OPTION,
});

/** Looks at all consumer groups again and again. */
export default class StartMonitoring extends AdminCommand<typeof options, MonitorRound> {
  static override summary = 'Start Monitoring.';
  static override description = [
    'Looks every minute at all groups that have a retry topic and prints what is not consumed, consumers that subscribe differently or do not get on,',
    'and groups that were sent to another offset because theirs was gone; the Java tool writes that to a log file. Ends with Ctrl-C. It joins no group.',
  ].join('\n');
  static override examples = [
    'mqadmin startMonitoring -n 127.0.0.1:9876 --interval 100ms --rounds 2',
    'mqadmin startMonitoring -n 127.0.0.1:9876 --rounds 1 --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>, context: CommandContext): Promise<MonitorRound> {
    const { Monitor } = await import('../../../client/admin/monitor.js');
    const monitor = new Monitor(admin);
    return everyRound(
      { rounds: values.rounds, intervalMs: values.interval, context },
      () => monitor.round(systemClock.nowMs()),
      (round) => (context.json ? context.out.data(round) : this.render(round, context.out)),
    );
  }

  protected override render(round: MonitorRound, out: Output): void {
    const say = (mark: string, text: string): void => out.line(`${dateTime(round.time)} [${mark}] ${text}`);
    say('MONITOR', `beginRound: ${round.groupCount} groups`);
    for (const undone of round.undoneMsgs) {
      say('MONITOR', `reportUndoneMsgs: ${undoneText(undone)}`);
    }
    for (const event of round.deleteMsgsEvents) {
      say('MONITOR', `reportDeleteMsgsEvent: ${eventText(event)}`);
    }
    for (const difference of round.subscriptionDifferences) {
      const what = `Subscription different, ${differenceText(difference)}`;
      say('NOTIFY', `reportConsumerRunningInfo: ConsumerGroup: ${difference.consumerGroup}, ${what}`);
    }
    for (const queue of round.stuckQueues) {
      const { consumerGroup, clientId } = queue;
      say('NOTIFY', `reportConsumerRunningInfo: ConsumerGroup: ${consumerGroup}, ClientId: ${clientId}, ${stuckQueueText(queue)}`);
    }
    for (const { consumerGroup, reason } of round.failures) {
      say('NOTIFY', `unknown: ConsumerGroup: ${consumerGroup}, ${reason}`);
    }
    for (const { brokerName, reason } of round.unreadBrokers) {
      say('NOTIFY', `unknown: DeleteMsgsEvents of broker ${brokerName}, ${reason}`);
    }
    say('MONITOR', 'endRound');
  }
}

function undoneText({ consumerGroup, topic, undoneMsgsTotal, undoneMsgsSingleMQ, undoneMsgsDelayTimeMills, reason }: UndoneMsgs): string {
  const fields = [
    `consumerGroup=${consumerGroup}`,
    `topic=${topic}`,
    `undoneMsgsTotal=${undoneMsgsTotal}`,
    `undoneMsgsSingleMQ=${undoneMsgsSingleMQ}`,
    `undoneMsgsDelayTimeMills=${undoneMsgsDelayTimeMills ?? `unknown (${reason ?? ''})`}`,
  ];
  return `UndoneMsgs [${fields.join(', ')}]`;
}

function eventText({ offsetMovedEvent, eventTimestamp }: DeleteMsgsEvent): string {
  const { consumerGroup, messageQueue, offsetRequest, offsetNew } = offsetMovedEvent;
  const moved = `consumerGroup=${consumerGroup}, messageQueue=${queueText(messageQueue)}, offsetRequest=${offsetRequest}, offsetNew=${offsetNew}`;
  return `DeleteMsgsEvent [offsetMovedEvent=OffsetMovedEvent [${moved}], eventTimestamp=${eventTimestamp}]`;
}
