import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { SyncStateSetResult } from '../../../client/admin/controller.js';
import type { ReplicaIdentity } from '../../../remoting/bodies/replication.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { atIntervals, INTERVAL_OPTIONS } from '../rounds.js';
import { requireBrokerNameOrCluster } from '../targets.js';

const options = defineOptions({
  controllerAddress: { short: 'a', required: true, text: 'the address of controller' },
  clusterName: { short: 'c', text: 'which cluster' },
  brokerName: { short: 'b', text: 'which broker to fetch' },
  ...INTERVAL_OPTIONS,
});

type Values = OptionValues<typeof options>;

/** Shows which copies of brokers are in step with their masters. */
export default class GetSyncStateSet extends AdminCommand<typeof options, SyncStateSetResult> {
  static override summary = 'Fetch syncStateSet for target brokers.';
  static override description = 'As the controller has it. -b is a name, not an address; -c needs a name server.';
  static override examples = [
    'mqadmin getSyncStateSet -a 127.0.0.1:9878 -b broker-c',
    'mqadmin getSyncStateSet -a 127.0.0.1:9878 -b broker-c -i 1 --rounds 1 --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<SyncStateSetResult> {
    const { controllerAddress } = values;
    const target = requireBrokerNameOrCluster(values);
    const { syncStateSet } = await import('../../../client/admin/controller.js');
    return atIntervals(
      values,
      context,
      () => syncStateSet(admin, { controllerAddress, ...target }),
      (result) => this.render(result, context.out),
    );
  }

  protected override render(result: SyncStateSetResult, out: Output): void {
    for (const info of result.brokers) {
      out.line();
      out.line(`#brokerName\t${info.brokerName}`);
      out.line(`#MasterBrokerId\t${info.masterBrokerId}`);
      out.line(`#MasterAddr\t${info.masterAddress}`);
      out.line(`#MasterEpoch\t${info.masterEpoch}`);
      out.line(`#SyncStateSetEpoch\t${info.syncStateSetEpoch}`);
      out.line(`#SyncStateSetNums\t${info.inSyncReplicas.length}`);
      printReplicas('InSyncReplica', info.inSyncReplicas, out);
      printReplicas('NotInSyncReplica', info.notInSyncReplicas, out);
    }
  }
}

function printReplicas(title: string, replicas: readonly ReplicaIdentity[], out: Output): void {
  for (const { brokerName, brokerId, brokerAddress, alive } of replicas) {
    out.line();
    out.line(
      `${title}:\tReplicaIdentity{brokerName='${brokerName}', brokerId=${brokerId}, brokerAddress='${brokerAddress}', alive=${alive}}`,
    );
  }
}
