// The certified `oidc-provider`, set up by one JSON object on the command line, on a loopback port.
//
// Prints one line of JSON, {"issuer": ...}, when it accepts connections. Two people can sign in: whoever types
// `ada` is Ada (groups admins, staff), everybody else has the name that was typed and the group staff.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const options = JSON.parse(process.argv[2] ?? '{}');
const server = createServer();

server.listen(options.port ?? 0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'gateway',
      client_secret: options.client_secret ?? 'loopback-only',
      redirect_uris: options.redirect_uris ?? [],
      post_logout_redirect_uris: options.post_logout_redirect_uris ?? [],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      ...(options.backchannel_logout_uri && {
        backchannel_logout_uri: options.backchannel_logout_uri,
        backchannel_logout_session_required: options.backchannel_logout_session_required ?? true,
      }),
    }],
    scopes: ['openid', 'offline_access', 'profile', 'email'],
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username', 'groups'],
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
    },
    // By default it sends nothing to loopback addresses, and here there are no others.
    fetch: (url, { dispatcher, ...request }) => fetch(url, request),
    cookies: { keys: ['loopback-only'] },
    async findAccount(_ctx, sub) {
      return {
        accountId: sub,
        claims: async () => ({
          sub,
          name: sub === 'ada' ? 'Ada Admin' : `Person ${sub}`,
          preferred_username: sub,
          email: `${sub}@example.com`,
          email_verified: true,
          groups: sub === 'ada' ? ['admins', 'staff'] : ['staff'],
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
    handle(request, response);
  });
  process.stdout.write(`${JSON.stringify({ issuer })}\n`);
});
