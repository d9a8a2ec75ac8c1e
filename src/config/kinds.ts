/** All kinds of parameters: see parameter.ts for what a kind is. */
export * from './kinds/basic.ts';
export * from './kinds/composite.ts';
