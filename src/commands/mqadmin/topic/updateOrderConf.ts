import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { NodeOutcome } from '../../../client/admin/fan-out.js';
import { UsageError } from '../../../common/errors.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  topic: { short: 't', required: true, text: 'topic name' },
  orderConf: { short: 'v', text: 'set order conf [eg. brokerName1:num;brokerName2:num]' },
  method: { short: 'm', required: true, text: 'option type [eg. put|get|delete' },
  ...CHANGE_OPTIONS,
});

type Values = OptionValues<typeof options>;

interface Result {
  readonly topic: string;
  readonly method: string;
  readonly dryRun: boolean;
  /** The value read or written. */
  readonly orderConf?: string;
  /** Whether there was something to delete. */
  readonly existed?: boolean;
  readonly namesrvs?: readonly NodeOutcome[];
}

const ORDER_CONF = /^[^:;\s]+:\d{1,5}(;[^:;\s]+:\d{1,5})*$/;

/** Reads, writes or deletes the order configuration of a topic. */
export default class UpdateOrderConf extends AdminCommand<typeof options, Result> {
  static override summary = 'Create or update or delete order conf.';
  static override description =
    'put replaces the whole value in every name server, and delete removes it; get asks the first that answers.';
  static override examples = [
    'mqadmin updateOrderConf -n 127.0.0.1:9876 -m put -t OrderPaid -v broker-a:4',
    'mqadmin updateOrderConf -n 127.0.0.1:9876 -m get -t OrderPaid',
    'mqadmin updateOrderConf -n 127.0.0.1:9876 -m delete -t OrderPaid',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: Values): Promise<Result> {
    const { topic, method, orderConf, dryRun } = values;
    const [{ deleteKv, putKv, requireKv }, { ORDER_TOPIC_CONFIG }] = await Promise.all([
      import('../../../client/admin/kv-config.js'),
      import('../../../client/admin/update-topic.js'),
    ]);
    const entry = { namespace: ORDER_TOPIC_CONFIG, key: topic };
    switch (method) {
      case 'get':
        return { topic, method, dryRun: false, orderConf: await requireKv(admin, entry) };
      case 'put': {
        if (orderConf === undefined || !ORDER_CONF.test(orderConf)) {
          throw new UsageError('please set orderConf with -v, --orderConf: broker names with numbers of queues', {
            hint: 'example: -v broker-a:4;broker-b:4',
          });
        }
        const { namesrvs } = await putKv(admin, { ...entry, value: orderConf }, dryRun);
        return { topic, method, dryRun, orderConf, namesrvs };
      }
      case 'delete': {
        const { namesrvs, existed } = await deleteKv(admin, entry, dryRun);
        return { topic, method, dryRun, existed, namesrvs };
      }
      default:
        throw new UsageError(`-m, --method expects put, get or delete, got "${method}"`);
    }
  }

  protected override render(result: Result, out: Output): void {
    const { topic, method, orderConf } = result;
    const value = orderConf === undefined ? '' : `, orderConf=[${orderConf}]`;
    if (result.existed === false) {
      out.note(`topic ${topic} had no order configuration`);
    }
    if (result.dryRun) {
      out.line(`dry run: would ${method} orderConf on ${result.namesrvs?.map(({ addr }) => addr).join(', ')}. topic=[${topic}]${value}`);
    } else {
      out.line(`${method === 'put' ? 'update' : method} orderConf success. topic=[${topic}]${value}${method === 'get' ? ' ' : ''}`);
    }
  }
}
