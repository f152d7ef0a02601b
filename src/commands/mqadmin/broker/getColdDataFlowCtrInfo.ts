import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ColdDataResult } from '../../../client/admin/cold-data.js';
import { stringifyFastjson } from '../../../common/fastjson.js';
import { AdminCommand } from '../admin-command.js';
import { brokerHead } from '../broker-head.js';
import { requireTarget } from '../targets.js';

const options = defineOptions({
  brokerAddr: { short: 'b', text: 'get from which broker' },
  clusterName: { short: 'c', text: 'get from which cluster' },
});

/** Shows the limiter of cold reads. */
export default class GetColdDataFlowCtrInfo extends AdminCommand<typeof options, ColdDataResult> {
  static override summary = 'Get cold data flow ctr info.';
  static override examples = [
    'mqadmin getColdDataFlowCtrInfo -b 127.0.0.1:10911',
    'mqadmin getColdDataFlowCtrInfo -n 127.0.0.1:9876 -c DefaultCluster --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<ColdDataResult> {
    const target = requireTarget(values);
    const { coldDataInfo } = await import('../../../client/admin/cold-data.js');
    return coldDataInfo(admin, target);
  }

  protected override render(result: ColdDataResult, out: Output): void {
    for (const entry of result.brokers) {
      out.line(` ${brokerHead(entry)}`);
      out.line(stringifyFastjson(entry.coldData, { pretty: true }));
    }
  }
}
