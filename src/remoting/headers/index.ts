export * from './admin.js';
export * from './consumer.js';
export { defineHeader, type HeaderDef, type HeaderOf, readHeader, writeHeader } from './definition.js';
export * from './namesrv.js';
export * from './pop.js';
export * from './pull.js';
export * from './send.js';
