/** `landward/model`: what is allowed, and who says no. The public face of the model room. */

export * from './landlock/index.ts';
