/** Syntax tree of a selector, as the rules of selector.peggy make it. */
export type SelectorNode =
  | { readonly kind: 'or' | 'and' | 'equal' | 'notEqual'; readonly left: SelectorNode; readonly right: SelectorNode }
  | { readonly kind: 'order'; readonly operator: OrderOperator; readonly left: SelectorNode; readonly right: SelectorNode }
  | { readonly kind: 'isNull' | 'isNotNull'; readonly left: SelectorNode }
  | {
      readonly kind: 'search';
      readonly where: 'contains' | 'startsWith' | 'endsWith';
      readonly search: string;
      readonly left: SelectorNode;
      readonly isNegated: boolean;
    }
  | {
      readonly kind: 'between';
      readonly low: SelectorNode;
      readonly high: SelectorNode;
      readonly left: SelectorNode;
      readonly isNegated: boolean;
    }
  | { readonly kind: 'in'; readonly values: readonly string[]; readonly left: SelectorNode; readonly isNegated: boolean }
  | { readonly kind: 'negate' | 'not'; readonly operand: SelectorNode }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'float' | 'decimal'; readonly text: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'null' }
  | { readonly kind: 'property'; readonly name: string };

export type OrderOperator = '>' | '>=' | '<' | '<=';
