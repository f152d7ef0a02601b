import { defineOptions } from '../../cli/options.js';

/** What a run forgives that checks what it receives by the sequence numbers in the messages. */
export const deliveryOptions = defineOptions({
  allowLoss: { kind: 'flag', own: true, long: 'allow-loss', text: 'Lost messages do not fail the run' },
  allowDuplicates: { kind: 'flag', own: true, long: 'allow-duplicates', text: 'Messages that arrive twice do not fail the run' },
  allowDisorder: { kind: 'flag', own: true, long: 'allow-disorder', text: "Messages out of their key's order do not fail the run" },
});
