import { type CommonValues, DELETE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { CleanBrokerMetadataResult } from '../../../client/admin/controller.js';
import { UsageError } from '../../../common/errors.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  controllerAddress: { short: 'a', required: true, text: 'The address of controller' },
  brokerControllerIdsToClean: {
    short: 'b',
    text: 'The brokerController id list which requires to clean metadata. eg: 1;2;3, means that clean broker-1, broker-2 and broker-3',
  },
  brokerName: { short: 'bn', required: true, text: 'The broker name of the replicas that require to be manipulated' },
  clusterName: { short: 'c', text: 'The clusterName of broker' },
  cleanLivingBroker: { short: 'l', kind: 'flag', text: 'Whether clean up living brokers,default value is false' },
  ...DELETE_OPTIONS,
});

type Values = OptionValues<typeof options>;

/** Has the controller forget copies of a broker. */
export default class CleanBrokerMetadata extends AdminCommand<typeof options, CleanBrokerMetadataResult> {
  static override summary = 'Clean metadata of broker on controller.';
  static override description =
    'All copies without -b. Without -l the cluster must be given, and copies that are up are refused. Asks first on a terminal.';
  static override examples = [
    'mqadmin cleanBrokerMetadata -a 127.0.0.1:9878 -bn broker-c -c DefaultCluster -b 3 --yes',
    'mqadmin cleanBrokerMetadata -a 127.0.0.1:9878 -bn broker-c -l --dry-run',
  ];
  static override options = options;

  protected override async ask(
    admin: AdminClient,
    values: Values & CommonValues,
    context: CommandContext,
  ): Promise<CleanBrokerMetadataResult> {
    const { controllerAddress, brokerName, clusterName, cleanLivingBroker, dryRun, yes } = values;
    const brokerIds = idsIn(values.brokerControllerIdsToClean);
    const [{ cleanBrokerMetadata }, { confirmDeletion }] = await Promise.all([
      import('../../../client/admin/controller.js'),
      import('../../../cli/confirm.js'),
    ]);
    if (!dryRun) {
      const which = brokerIds === undefined ? 'all copies' : `copies ${brokerIds.join(', ')}`;
      await confirmDeletion(`have the controller forget ${which} of ${brokerName}`, { yes, signal: context.signal, io: context.io });
    }
    return cleanBrokerMetadata(admin, { controllerAddress, brokerName, clusterName, brokerIds, cleanLivingBroker, dryRun });
  }

  protected override render({ brokerName, brokerIds, dryRun }: CleanBrokerMetadataResult, out: Output): void {
    const which = brokerIds === null ? 'all copies' : `copies ${brokerIds.join(', ')}`;
    out.line(
      dryRun
        ? `dry run: would clear ${which} of broker ${brokerName} from controller`
        : `clear broker ${brokerName} metadata from controller success! `,
    );
  }
}

function idsIn(text: string | undefined): number[] | undefined {
  if (text === undefined) {
    return undefined;
  }
  const words = text.split(';').map((word) => word.trim());
  if (!words.every((word) => /^\d{1,15}$/.test(word))) {
    throw new UsageError(`-b, --brokerControllerIdsToClean expects ids with ; between them, got "${text}"`, { hint: 'example: 1;2;3' });
  }
  return words.map(Number);
}
