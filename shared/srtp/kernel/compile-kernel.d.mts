/** @returns The text of srtp-kernel-binary.ts. @throws with the compiler's words. */
export declare function compileKernel(): Promise<string>;
