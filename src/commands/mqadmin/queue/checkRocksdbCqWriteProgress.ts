import { type CommonValues, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { CqCheck } from '../../../client/admin/rocksdb.js';
import { systemClock } from '../../../common/clock.js';
import { PartialError } from '../../../common/errors.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  cluster: { short: 'c', required: true, text: 'cluster name' },
  nameserverAddr: { short: 'n', text: 'nameserverAddr' },
  topic: { short: 't', text: 'topic name' },
  checkFrom: { short: 'cf', kind: 'int', min: 0, text: 'check from time' },
});

type Values = OptionValues<typeof options>;

interface Result {
  readonly brokers: readonly CqCheck[];
}

const THIRTY_DAYS_MS = 30 * 86_400_000;
/** The comparison could not be made (CheckStatus.CHECK_ERROR). */
const CHECK_ERROR = 3;

/** Has brokers compare their consume queues in files with those in RocksDB. */
export default class CheckRocksdbCqWriteProgress extends AdminCommand<typeof options, Result> {
  static override summary = 'check if rocksdb cq is same as file cq';
  static override description = [
    'Starts the comparison on the masters of the cluster; what it finds is in their logs. -cf is the store time in milliseconds to begin at, without',
    'it 30 days ago. The bundled broker keeps consume queues in files only.',
  ].join('\n');
  static override examples = [
    'mqadmin checkRocksdbCqWriteProgress -n 127.0.0.1:9876 -c DefaultCluster -t OrderPaid',
    'mqadmin checkRocksdbCqWriteProgress -n 127.0.0.1:9876 -c DefaultCluster -cf 0 --json',
  ];
  static override options = options;

  protected override execute(values: Values & CommonValues, context: CommandContext): Promise<Result> {
    return super.execute({ ...values, namesrvAddr: values.nameserverAddr ?? values.namesrvAddr }, context);
  }

  protected override async ask(admin: AdminClient, values: Values): Promise<Result> {
    const { cluster, topic, checkFrom = systemClock.nowMs() - THIRTY_DAYS_MS } = values;
    const { checkRocksDbCq } = await import('../../../client/admin/rocksdb.js');
    const result = await checkRocksDbCq(admin, { clusterName: cluster, topic, checkStoreTime: checkFrom });
    const failed = result.brokers.filter(({ checkStatus }) => checkStatus === CHECK_ERROR);
    if (failed.length > 0) {
      const reasons = failed.map(({ brokerName, checkResult }) => `${brokerName} (${checkResult})`);
      throw new PartialError(`consume queues are not compared on ${reasons.join(', ')}`, { context: { result } });
    }
    return result;
  }

  protected override render(result: Result, out: Output): void {
    for (const { brokerName, checkStatus, checkResult } of result.brokers) {
      out.line(
        checkStatus === CHECK_ERROR
          ? `${brokerName} check error, please check log... errInfo: ${checkResult}`
          : `${brokerName} check doing, please wait and get the result from log... `,
      );
    }
  }
}
