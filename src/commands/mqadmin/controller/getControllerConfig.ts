import { format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ControllerConfigResult } from '../../../client/admin/controller.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  controllerAddress: { short: 'a', required: true, text: 'Controller address list, eg: 192.168.0.1:9878;192.168.0.2:9878' },
});

/** Prints the running configuration of controllers. */
export default class GetControllerConfig extends AdminCommand<typeof options, ControllerConfigResult> {
  static override summary = 'Get controller config.';
  static override examples = ['mqadmin getControllerConfig -a 127.0.0.1:9878', 'mqadmin getControllerConfig -a 127.0.0.1:9878 --json'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<ControllerConfigResult> {
    const { controllerConfig } = await import('../../../client/admin/controller.js');
    return controllerConfig(admin, values.controllerAddress);
  }

  protected override render(result: ControllerConfigResult, out: Output): void {
    for (const { addr, config } of result.controllers) {
      out.line(`============${addr}============`);
      for (const [key, value] of Object.entries(config)) {
        out.line(format('%-50s=  %s', key, value));
      }
    }
  }
}
