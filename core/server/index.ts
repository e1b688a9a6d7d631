export { Admission, type AdmissionLimits } from './admission.ts';
export { GatewayServer } from './gateway-server.ts';
export { createHttpApi } from './http-api/http-api.ts';
export { MediaCore } from './media-core.ts';
