export * from './local-fabric.ts';
