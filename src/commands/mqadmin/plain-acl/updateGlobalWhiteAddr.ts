import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { BrokerChange } from '../../../client/admin/broker-change.js';
import { BrokerChangeCommand, targetOptions } from '../broker-change-command.js';
import { requireTarget } from '../targets.js';

const options = defineOptions({
  ...targetOptions('update global white address to'),
  globalWhiteRemoteAddresses: {
    short: 'g',
    required: true,
    text: 'set globalWhiteRemoteAddress list,eg: 10.10.103.*,192.168.0.*',
  },
  aclFileFullPath: { short: 'p', text: 'update global white address of specified acl file,eg: /xxx/plain_test.yml' },
  ...CHANGE_OPTIONS,
});

/** Replaces the addresses that need no key. */
export default class UpdateGlobalWhiteAddr extends BrokerChangeCommand<typeof options> {
  static override summary = 'Update global white address for acl Config File in broker';
  static override description = 'For brokers of 4.x with aclEnable. The list replaces the one before. With -c on the slaves too.';
  static override examples = [
    'mqadmin updateGlobalWhiteAddr -b 127.0.0.1:10911 -g 10.10.103.*,192.168.0.*',
    'mqadmin updateGlobalWhiteAddr -n 127.0.0.1:9876 -c DefaultCluster -g 10.10.103.* --dry-run',
  ];
  static override options = options;

  protected override async change(values: OptionValues<typeof options>): Promise<BrokerChange> {
    const { globalWhiteAddrsRequest } = await import('../../../client/admin/plain-acl.js');
    const request = globalWhiteAddrsRequest(values.globalWhiteRemoteAddresses, values.aclFileFullPath);
    return { what: 'update the global white addresses', target: requireTarget(values), part: 'brokers', request };
  }

  protected override done(addr: string): string {
    return `update global white remote addresses to ${addr} success.`;
  }
}
