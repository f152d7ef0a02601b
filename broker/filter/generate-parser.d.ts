/** Writes generated/selector-parser.js when it is missing or older than its grammar. */
export function generateParser(): void;
