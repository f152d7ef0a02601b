import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { UpdateControllerConfigResult } from '../../../client/admin/controller.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  controllerAddress: { short: 'a', required: true, text: 'Controller address list, eg: 192.168.0.1:9878;192.168.0.2:9878' },
  key: { short: 'k', required: true, text: 'config key' },
  value: { short: 'v', required: true, text: 'config value' },
  ...CHANGE_OPTIONS,
});

/** Changes one key of the configuration of controllers. */
export default class UpdateControllerConfig extends AdminCommand<typeof options, UpdateControllerConfigResult> {
  static override summary = 'Update controller config.';
  static override description = 'Controllers accept keys that they do not know: see with getControllerConfig which there are.';
  static override examples = [
    'mqadmin updateControllerConfig -a 127.0.0.1:9878 -k enableElectUncleanMaster -v true',
    'mqadmin updateControllerConfig -a 127.0.0.1:9878 -k enableElectUncleanMaster -v true --dry-run',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<UpdateControllerConfigResult> {
    const { controllerAddress, key, value, dryRun } = values;
    const { updateControllerConfig } = await import('../../../client/admin/controller.js');
    return updateControllerConfig(admin, { controllerAddress, key, value, dryRun });
  }

  protected override render({ controllers, key, value, dryRun }: UpdateControllerConfigResult, out: Output): void {
    const addrs = controllers.filter(({ outcome }) => outcome === 'done' || outcome === 'planned').map(({ addr }) => addr);
    if (addrs.length > 0) {
      out.line(
        dryRun
          ? `dry run: would update controller config on ${addrs.join(', ')}`
          : `update controller config success![${addrs.join(', ')}]`,
      );
      out.line(`${key} : ${value}`);
    }
  }
}
