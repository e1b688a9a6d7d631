#!/usr/bin/env node
/**
 * `npm run build:kernel -w @switchyard/shared`: compiles assembly/srtp-kernel.ts with AssemblyScript into
 * srtp-kernel-binary.ts, which is part of the repository so that nobody needs the compiler to run.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compileKernel } from './compile-kernel.mjs';

const target = fileURLToPath(new URL('srtp-kernel-binary.ts', import.meta.url));
const text = await compileKernel();
writeFileSync(target, text);
process.stdout.write(`${target}: ${text.length} characters\n`);
