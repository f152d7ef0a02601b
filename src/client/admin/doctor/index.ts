/** Diagnosis of clusters: facts are gathered, rules make findings of them. */
export * from './diagnose.js';
export type * from './facts.js';
export * from './finding.js';
export * from './limits.js';
