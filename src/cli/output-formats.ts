/** How a result is printed; `text` is the command's own form. */
export const OUTPUT_FORMATS = ['text', 'wide', 'json', 'yaml', 'csv', 'name'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];
