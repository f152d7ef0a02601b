import { DELETE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { BrokerChange } from '../../../client/admin/broker-change.js';
import { UsageError } from '../../../common/errors.js';
import { RequestCode } from '../../../remoting/codes.js';
import { BrokerChangeCommand } from '../broker-change-command.js';

const options = defineOptions({
  brokerContainerAddr: { short: 'c', required: true, text: 'Broker container address' },
  brokerIdentity: {
    short: 'b',
    required: true,
    text: 'Information to identify a broker: clusterName:brokerName:brokerId(dLedgerId for dLedger)',
  },
  ...DELETE_OPTIONS,
});

/** Has a container stop a broker. */
export default class RemoveBroker extends BrokerChangeCommand<typeof options> {
  static override summary = 'Remove a broker from specified container.';
  static override description = 'The broker is stopped; its files stay. Asks first on a terminal.';
  static override examples = ['mqadmin removeBroker -c 127.0.0.1:10911 -b DefaultCluster:broker-b:0 --yes'];
  static override options = options;

  protected override readonly deletes = true;

  protected override async change(values: OptionValues<typeof options>): Promise<BrokerChange> {
    const { brokerContainerAddr, brokerIdentity } = values;
    const [brokerClusterName = '', brokerName = '', brokerId = '', ...rest] = brokerIdentity.split(':').map((part) => part.trim());
    if (brokerClusterName === '' || brokerName === '' || !/^\d{1,15}$/.test(brokerId) || rest.length > 0) {
      const reason = /^-\d+$/.test(brokerId) ? "brokerId can't be negative" : 'it is not clusterName:brokerName:brokerId';
      throw new UsageError(`-b, --brokerIdentity ${brokerIdentity}: ${reason}`, { hint: 'example: DefaultCluster:broker-a:0' });
    }
    const request = { code: RequestCode.REMOVE_BROKER, extFields: { brokerClusterName, brokerName, brokerId } };
    return { what: `stop broker ${brokerIdentity}`, target: { brokerAddr: brokerContainerAddr }, part: 'brokers', request };
  }

  protected override done(addr: string): string {
    return `remove broker from ${addr} success`;
  }
}
