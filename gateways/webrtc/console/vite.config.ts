/** The gateway serves `dist/app` at `/`; `npx vite gateways/webrtc/console` is the same page with hot reload. */
export default {
  // Sources of the workspace (the SDK) instead of their builds: no build between an edit and a reload.
  resolve: { conditions: ['@switchyard/source', 'module', 'browser', 'development|production'] },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { outDir: 'dist/app', emptyOutDir: true, sourcemap: true, modulePreload: { polyfill: false } },
  server: {
    host: '127.0.0.1',
    port: 5173,
    proxy: {
      '/ws': { target: 'ws://127.0.0.1:8080', ws: true },
      '/api': 'http://127.0.0.1:8080',
    },
  },
};
