/** Writes generated/page-assets.js when it is missing or older than what it is made from. */
export function generatePage(): void;
