import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

const NOT_BUILT = `<!doctype html><meta charset="utf-8"><title>Switchyard</title>
<p>The console is not built yet. Run <code>npm run build</code> and reload this page.</p>`;

/**
 * The console page at `/` (built by vite into `console/dist/app`) and the SDK as ES modules at `/sdk/`
 * (`/sdk/index.js`).
 */
export async function consoleFiles(app: FastifyInstance): Promise<void> {
  const root = packageRoot();
  const page = join(root, 'console', 'dist', 'app');
  const sdk = join(root, 'sdk', 'dist');
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff');
  });
  if (existsSync(sdk))
    await app.register(fastifyStatic, { root: sdk, prefix: '/sdk/', index: false, cacheControl: false });
  if (existsSync(join(page, 'index.html')))
    await app.register(fastifyStatic, {
      root: page,
      prefix: '/',
      decorateReply: !app.hasReplyDecorator('sendFile'),
      // File names carry a hash of their content, but for the page itself.
      setHeaders: (reply, path) => {
        const isPage = path.endsWith('.html');
        reply.header('cache-control', isPage ? 'no-cache' : 'public, max-age=3600');
      },
    });
  else app.get('/', (_request, reply) => reply.code(503).type('text/html; charset=utf-8').send(NOT_BUILT));
}

/** `gateways/webrtc`, from the sources as from the build. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}
