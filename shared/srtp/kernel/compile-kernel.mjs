/** Compiles the kernel in memory. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const SOURCE = 'srtp-kernel.ts';
const directory = fileURLToPath(new URL('assembly/', import.meta.url));
/** No runtime and no allocation: the memory is the caller's. */
const OPTIONS = [
  '-O3',
  '--noAssert',
  '--runtime',
  'stub',
  '--enable',
  'simd',
  '--importMemory',
  '--noExportMemory',
];

/** @returns {Promise<string>} The text of srtp-kernel-binary.ts. @throws with the compiler's words. */
export async function compileKernel() {
  let binary;
  const { error, stderr } = await asc.main([SOURCE, '--outFile', 'kernel.wasm', ...OPTIONS], {
    readFile: (name) => (name === SOURCE ? readFileSync(`${directory}${SOURCE}`, 'utf8') : null),
    writeFile: (name, contents) => {
      if (name === 'kernel.wasm') binary = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || binary === undefined) throw new Error(stderr.toString(), { cause: error });
  return `/** Made by \`npm run build:kernel -w @switchyard/shared\` from assembly/srtp-kernel.ts: WebAssembly, base64. */
export const SRTP_KERNEL_BINARY: string =
  '${Buffer.from(binary).toString('base64')}';
`;
}
