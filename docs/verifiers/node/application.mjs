// An application that lets in whoever the gateway vouches for, and nobody else.
import { createServer } from 'node:http';
import { AssertionVerifier, KeysUnavailable, Rejected } from './assertion.mjs';

const verifier = new AssertionVerifier({
  issuer: process.env.ASSERTION_ISSUER, // https://auth.example.com
  audience: process.env.ASSERTION_AUDIENCE, // app.example.com, never the Host of the request
  jwksUrl: process.env.ASSERTION_JWKS_URL, // https://auth.example.com/.well-known/jwks.json
});

const server = createServer(async (request, response) => {
  try {
    // Node joins two header lines with a comma, and that is no token.
    const claims = await verifier.claims(request.headers['x-auth-assertion'] ?? '');
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(claims));
  } catch (error) {
    if (error instanceof Rejected) response.writeHead(401).end();
    else if (error instanceof KeysUnavailable) response.writeHead(503, { 'Retry-After': '30' }).end();
    else response.writeHead(500).end(); // fail closed, whatever it was
  }
});

server.listen(process.env.PORT ?? 8080, '127.0.0.1');
