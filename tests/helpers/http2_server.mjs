// An HTTPS server that makes full use of what HTTP/2 lets a server do, for e2e/http2_spec.lua: it refuses every
// second path when it is first asked for (REFUSED_STREAM), and takes every tenth for the moment to leave (GOAWAY, with
// that stream and those after it not processed). It speaks HTTP/1.1, too, and then just answers.
//
// Usage: node http2_server.mjs CERTIFICATE KEY
// The first line of its output is its port; then comes a line for each request that it has carried out.

import { readFileSync } from "node:fs"
import { constants, createSecureServer } from "node:http2"

const [certificate, key] = process.argv.slice(2)
const server = createSecureServer({ cert: readFileSync(certificate), key: readFileSync(key), allowHTTP1: true })
const refused = new Set()
const leaving = new WeakSet()

function leave(stream) {
  leaving.add(stream.session)
  stream.session.goaway(constants.NGHTTP2_NO_ERROR, stream.id - 2)
  stream.session.close()
}

// True when the stream is not to be processed.
function isRefused(stream, path) {
  if (leaving.has(stream.session)) return true
  if (refused.has(path)) return false
  refused.add(path)
  if (refused.size % 10 === 0) leave(stream)
  else if (refused.size % 2 === 0) stream.close(constants.NGHTTP2_REFUSED_STREAM)
  return refused.size % 2 === 0
}

server.on("request", (request, response) => {
  if (request.stream && isRefused(request.stream, request.url)) return
  console.log(`HTTP/${request.httpVersion} ${request.method} ${request.url}`)
  const body = JSON.stringify({ id: request.url.split("/").pop(), name: "carried out" })
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length })
  response.end(body)
})

server.listen(0, "127.0.0.1", () => console.log(server.address().port))
process.on("SIGINT", () => process.exit(0))
