/** What is used of WebAssembly, which neither the language's types nor Node's declare. */
declare namespace WebAssembly {
  class Module {
    /** @throws when it is malformed, or needs an instruction that the engine does not have. */
    constructor(bytes: Uint8Array);
  }
  class Memory {
    /** @param descriptor Pages of 64 KiB. */
    constructor(descriptor: { readonly initial: number });
    readonly buffer: ArrayBuffer;
  }
  class Instance {
    constructor(module: Module, imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>);
    readonly exports: Readonly<Record<string, unknown>>;
  }
}
