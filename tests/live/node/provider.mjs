// The certified `oidc-provider`, set up by one JSON object on the command line, on a loopback port.
//
// Prints one line of JSON, {"issuer": ...}, when it accepts connections. Two people can sign in: whoever types
// `ada` is Ada (groups admins, staff), everybody else has the name that was typed and the group staff.
// `shape` dresses the claims as a vendor does: `auth0` (an issuer with a slash, a subject with a bar, namespaced
// roles and groups, `updated_at` as a text) or `okta` (a custom authorization server's path in the issuer, an id as
// the subject, an address as the name, groups). Whoever is Ada elsewhere types `auth0|ada` or `00uada` there.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const options = JSON.parse(process.argv[2] ?? '{}');
const server = createServer();

const NAMESPACE = 'https://example.com';
const shapes = {
  auth0: {
    path: '/',
    scopes: { profile: ['name', 'nickname', 'updated_at', `${NAMESPACE}/roles`, `${NAMESPACE}/groups`] },
    claims: ({ sub, name, groups }) => ({
      name,
      nickname: sub,
      updated_at: '2026-11-20T13:14:15.123Z',
      [`${NAMESPACE}/roles`]: groups.includes('admins') ? ['editor'] : [],
      [`${NAMESPACE}/groups`]: groups,
    }),
    person: (sub) => sub.split('|').pop(),
  },
  okta: {
    path: '/oauth2/default',
    scopes: { profile: ['name', 'preferred_username', 'zoneinfo'], groups: ['groups'] },
    claims: ({ sub, name, groups }) => ({
      name, preferred_username: `${sub}@example.com`, zoneinfo: 'Europe/Berlin', groups: ['Everyone', ...groups],
    }),
    person: (sub) => sub.slice(3),
  },
};
const plain = {
  path: '',
  scopes: { profile: ['name', 'preferred_username', 'groups'] },
  claims: ({ sub, name, groups }) => ({ name, preferred_username: sub, groups }),
  person: (sub) => sub,
};
const shape = shapes[options.shape] ?? plain;

server.listen(options.port ?? 0, '127.0.0.1', () => {
  const home = `http://127.0.0.1:${server.address().port}`;
  const issuer = home + shape.path;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'gateway',
      client_secret: options.client?.jwks ? undefined : options.client_secret ?? 'loopback-only',
      redirect_uris: options.redirect_uris ?? [],
      post_logout_redirect_uris: options.post_logout_redirect_uris ?? [],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      ...(options.backchannel_logout_uri && {
        backchannel_logout_uri: options.backchannel_logout_uri,
        backchannel_logout_session_required: options.backchannel_logout_session_required ?? true,
      }),
      ...options.client,
    }],
    scopes: ['openid', 'offline_access', 'email', ...Object.keys(shape.scopes)],
    claims: {
      openid: ['sub'],
      ...shape.scopes,
      email: ['email', 'email_verified'],
    },
    // Claims come from userinfo alone, as the specification has it, unless a test asks otherwise.
    conformIdTokenClaims: options.conform ?? true,
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: async (_ctx, client, code) => client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
    ttl: {
      AccessToken: options.access_token_ttl ?? 3600,
      IdToken: 3600, Session: 86400, Grant: 86400, RefreshToken: 86400, Interaction: 600,
    },
    features: {
      devInteractions: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      revocation: { enabled: true },
      backchannelLogout: { enabled: true },
      ...(options.fapi && { fapi: { enabled: true, profile: options.fapi } }),
      ...(options.pushed && {
        pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
      }),
    },
    // By default it sends nothing to loopback addresses, and here there are no others.
    fetch: (url, { dispatcher, ...request }) => fetch(url, request),
    cookies: { keys: ['loopback-only'] },
    async findAccount(_ctx, sub) {
      const person = shape.person(sub);
      const groups = person === 'ada' ? ['admins', 'staff'] : ['staff'];
      const name = person === 'ada' ? 'Ada Admin' : `Person ${person}`;
      return {
        accountId: sub,
        claims: async () => ({
          sub, email: `${person}@example.com`, email_verified: true, ...shape.claims({ sub: person, name, groups }),
        }),
      };
    },
  });
  // What the tests want to count: how often tokens were asked for, and how.
  const asked = [];
  provider.on('grant.success', (ctx) => asked.push({ grant: ctx.oidc.params.grant_type, ok: true }));
  provider.on('grant.error', (ctx, error) => asked.push({ grant: ctx.oidc.params?.grant_type, ok: false, error: error.message }));
  const handle = provider.callback();
  server.on('request', (request, response) => {
    if (request.url === '/test/asked') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(asked));
      return;
    }
    if (shape.path.length > 1 && request.url.startsWith(shape.path)) {
      request.originalUrl = request.url; // so that the addresses it writes keep the path
      request.url = request.url.slice(shape.path.length);
    }
    handle(request, response);
  });
  process.stdout.write(`${JSON.stringify({ issuer })}\n`);
});
