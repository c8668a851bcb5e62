import { defineConfig } from 'vite';

/** `npm start` passes the requests on to the service, which runs beside it. */
export default defineConfig({
  server: { proxy: { '/api': 'http://localhost:3000' } },
});
