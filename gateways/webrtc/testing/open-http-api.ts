import { HttpApi } from '../server/http-api.ts';
import type { FakeEnvironment } from './fake-ports.ts';

/** The HTTP API on `environment`, as tests inject requests into it. An error that it logs fails the test. */
export const openHttpApi = (environment: FakeEnvironment): HttpApi =>
  new HttpApi({
    environment,
    core: { host: '127.0.0.1', port: 1 },
    logger: {
      info: () => {},
      error: (fields) => {
        throw new Error(JSON.stringify(fields));
      },
    },
  });
