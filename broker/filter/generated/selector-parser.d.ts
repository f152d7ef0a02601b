import type { SelectorNode } from '../selector-node.js';

/** @throws SyntaxError with `message` and `location.start.column` */
export function parse(selector: string): SelectorNode;
