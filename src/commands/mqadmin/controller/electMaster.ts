import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ElectMasterResult } from '../../../client/admin/controller.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  controllerAddress: { short: 'a', required: true, text: 'The address of controller' },
  brokerId: { short: 'b', kind: 'int', min: 0, required: true, text: 'The id of the broker which requires to become master' },
  brokerName: { short: 'bn', required: true, text: 'The broker name of the replicas that require to be manipulated' },
  clusterName: { short: 'c', required: true, text: 'the clusterName of broker' },
  ...CHANGE_OPTIONS,
});

/** Makes a copy of a broker its master. */
export default class ElectMaster extends AdminCommand<typeof options, ElectMasterResult> {
  static override summary = 'Re-elect the specified broker as master.';
  static override description =
    '-b is the id that the controller gave the copy, -bn the name of the broker. It works while the old master is up.';
  static override examples = [
    'mqadmin electMaster -a 127.0.0.1:9878 -b 2 -bn broker-c -c DefaultCluster --dry-run',
    'mqadmin electMaster -a 127.0.0.1:9878 -b 2 -bn broker-c -c DefaultCluster',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<ElectMasterResult> {
    const { controllerAddress, brokerId, brokerName, clusterName, dryRun } = values;
    const { electMaster } = await import('../../../client/admin/controller.js');
    return electMaster(admin, { controllerAddress, brokerId, brokerName, clusterName, dryRun });
  }

  protected override render(result: ElectMasterResult, out: Output): void {
    if (result.dryRun) {
      out.line(`dry run: would make ${result.brokerId} the master of ${result.brokerName}`);
      return;
    }
    out.line();
    out.line(`#ClusterName\t${result.clusterName}`);
    out.line(`#BrokerName\t${result.brokerName}`);
    out.line(`#BrokerMasterAddr\t${result.masterAddress}`);
    out.line(`#MasterEpoch\t${result.masterEpoch}`);
    out.line(`#SyncStateSetEpoch\t${result.syncStateSetEpoch}`);
    for (const [brokerId, addr] of result.brokerAddrs) {
      out.line(`\t#Broker\t${brokerId}\t${addr}`);
    }
  }
}
