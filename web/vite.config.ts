import { defineConfig } from 'vite'

// `npm run dev` shows the page against a running tape; the server accepts its origin because both are loopback and the
// proxy rewrites Host and Origin.
const tape = process.env.TAPE_URL ?? 'http://127.0.0.1:8080'
const forward = { target: tape, changeOrigin: true, headers: { Origin: tape } }

export default defineConfig({
  build: { target: 'es2022', modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  server: { proxy: { '/api': forward, '/ws': { ...forward, ws: true } } },
})
