"""An identity provider that says what a test tells it to say: OpenID Connect, or OAuth as GitHub has it; and a browser.

Whoever comes to /authorize is sent back at once with a code, as `person`. Everything that the provider says can be made
wrong: `claims` and `header` change the id token, `answers` replaces whole answers.
"""
import base64
import hashlib
import hmac
import http.client
import http.server
import json
import threading
import time
import urllib.parse

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def encode_number(number, size=None):
    return encode(number.to_bytes(size or (number.bit_length() + 7) // 8, 'big'))


class SigningKey:
    """A key of the provider; RSA, or P-256."""

    def __init__(self, name, kind='RS256'):
        self.name, self.kind = name, kind
        self.key = rsa.generate_private_key(65537, 2048) if kind == 'RS256' else ec.generate_private_key(ec.SECP256R1())

    def jwk(self):
        numbers = self.key.public_key().public_numbers()
        if self.kind == 'RS256':
            return {'kty': 'RSA', 'kid': self.name, 'use': 'sig', 'alg': 'RS256', 'n': encode_number(numbers.n),
                    'e': encode_number(numbers.e)}
        return {'kty': 'EC', 'kid': self.name, 'use': 'sig', 'crv': 'P-256', 'x': encode_number(numbers.x, 32),
                'y': encode_number(numbers.y, 32)}

    def sign(self, text):
        if self.kind == 'RS256':
            return self.key.sign(text, padding.PKCS1v15(), hashes.SHA256())
        r, s = utils.decode_dss_signature(self.key.sign(text, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, 'big') + s.to_bytes(32, 'big')


class Provider(http.server.ThreadingHTTPServer):
    client_id, client_secret = 'dpc', 'a secret: with a colon'

    def __init__(self, kind='RS256', tls=None):
        """`tls` is a server's context, for https."""
        super().__init__(('127.0.0.1', 0), Handler)
        self.issuer = f'http://127.0.0.1:{self.server_address[1]}'
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
            self.issuer = self.issuer.replace('http:', 'https:')
        self.key = SigningKey('first', kind)
        self.published = [self.key]
        self.person = {'sub': 'alice'}
        self.claims, self.header, self.answers = {}, {}, {}
        self.signature = None  # makes another one of key and text
        self.codes = {}
        self.asked = []  # paths, in order
        self.denies = False
        self.started = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self.started.start()

    def stop(self):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """A hub that hangs up is what some tests are about."""

    def config(self, name='own', **settings):
        lines = {'issuer': self.issuer, 'client_id': self.client_id, 'client_secret': self.client_secret, **settings}
        return f'[provider {name}]\n' + ''.join(f'{key} = {value}\n' for key, value in lines.items() if value)

    def document(self):
        return {'issuer': self.issuer, 'authorization_endpoint': self.issuer + '/authorize',
                'token_endpoint': self.issuer + '/token', 'jwks_uri': self.issuer + '/keys'}

    def id_token(self, nonce):
        now = int(time.time())
        claims = {'iss': self.issuer, 'aud': self.client_id, 'iat': now, 'exp': now + 300, 'nonce': nonce,
                  **self.person, **self.claims}
        header = {'alg': self.key.kind, 'kid': self.key.name, 'typ': 'JWT', **self.header}
        text = encode(json.dumps(header).encode()) + '.' + encode(json.dumps(claims).encode())
        signature = self.signature(text.encode()) if self.signature else self.key.sign(text.encode())
        return text + '.' + encode(signature)

    def mac_with_public_key(self, text):
        return hmac.new(json.dumps(self.key.jwk()).encode(), text, hashlib.sha256).digest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def reply(self, status, body, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_any(self):
        url = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(url.query))
        size = int(self.headers.get('Content-Length') or 0)
        self.form = dict(urllib.parse.parse_qsl(self.rfile.read(size).decode()))
        self.server.asked.append(url.path)
        special = self.server.answers.get(url.path)
        if special is not None:
            special(self)
            return
        handler = {'/.well-known/openid-configuration': self.describe, '/keys': self.keys,
                   '/authorize': self.authorize, '/token': self.token, '/login/oauth/authorize': self.authorize,
                   '/login/oauth/access_token': self.github_token, '/api/v3/user': self.github_user,
                   '/api/v3/user/emails': self.github_emails}.get(url.path)
        if handler:
            handler()
        else:
            self.reply(404, {})

    do_GET = do_POST = handle_any

    def describe(self):
        self.reply(200, self.server.document())

    def keys(self):
        self.reply(200, {'keys': [key.jwk() for key in self.server.published]})

    def authorize(self):
        query = self.query
        assert query['client_id'] == self.server.client_id and query['response_type'] == 'code', query
        assert query['code_challenge_method'] == 'S256' and len(query['code_challenge']) == 43, query
        back = {'state': query['state']}
        if self.server.denies:
            back['error'] = 'access_denied'
        else:
            back['code'] = encode(hashlib.sha256(query['state'].encode()).digest())
            self.server.codes[back['code']] = query
        self.reply(302, b'', Location=query['redirect_uri'] + '?' + urllib.parse.urlencode(back))

    def code_is_good(self, client_id, client_secret):
        """Everything that a provider has to check (RFC 6749 section 4.1.3, RFC 7636 section 4.6)."""
        query = self.server.codes.pop(self.form.get('code'), None)
        challenge = encode(hashlib.sha256(self.form.get('code_verifier', '').encode()).digest())
        good = query and self.form['grant_type'] == 'authorization_code' \
            and self.form['redirect_uri'] == query['redirect_uri'] and challenge == query['code_challenge'] \
            and (client_id, client_secret) == (self.server.client_id, self.server.client_secret)
        return query if good else None

    def token(self):
        scheme, _, pair = self.headers.get('Authorization', '').partition(' ')
        client_id, _, secret = base64.b64decode(pair).decode().partition(':')
        query = self.code_is_good(urllib.parse.unquote(client_id), urllib.parse.unquote(secret))
        if scheme != 'Basic' or not query:
            self.reply(400, {'error': 'invalid_grant'})
        else:
            self.reply(200, {'access_token': 'unused', 'token_type': 'Bearer',
                             'id_token': self.server.id_token(query['nonce'])})

    # What GitHub does otherwise: the secret is in the body, an error has status 200, there is no id token, an answer
    # is JSON for those alone who ask for it, and nobody without a User-Agent is answered.

    def github_token(self):
        if self.headers.get('Accept') != 'application/json':
            self.reply(200, b'access_token=x')
        elif not self.code_is_good(self.form.get('client_id'), self.form.get('client_secret')):
            self.reply(200, {'error': 'bad_verification_code'})
        else:
            self.reply(200, {'access_token': 'gho_token', 'scope': 'read:user', 'token_type': 'bearer'})

    def github_person(self, body):
        if self.headers.get('Authorization') != 'Bearer gho_token' or not self.headers.get('User-Agent'):
            self.reply(403, {'message': 'Forbidden'})
        else:
            self.reply(200, body)

    def github_user(self):
        self.github_person({'login': 'alice', 'email': None, **self.server.person})

    def github_emails(self):
        self.github_person(self.server.claims['emails'])


class Browser:
    """What a browser does of itself: cookies by host and path, and redirects when it is told to follow one."""

    def __init__(self, accept='text/html'):
        self.cookies, self.accept = {}, accept

    def ask(self, method, url, form=None):
        """Status, headers and body."""
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        fitting = [f'{name}={value}' for (host, path, name), value in self.cookies.items()
                   if host == parts.netloc and parts.path.startswith(path)]
        headers = {'Accept': self.accept, **({'Cookie': '; '.join(fitting)} if fitting else {})}
        body = urllib.parse.urlencode(form) if form is not None else None
        if body is not None:
            headers['Content-Type'] = 'application/x-www-form-urlencoded'
        connection.request(method, parts.path + ('?' + parts.query if parts.query else ''), body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        for cookie in answer.headers.get_all('Set-Cookie') or []:
            self.take(parts.netloc, cookie)
        connection.close()
        return answer.status, answer.headers, text

    def take(self, host, cookie):
        pair, *attributes = cookie.split('; ')
        name, _, value = pair.partition('=')
        values = dict(attribute.partition('=')[::2] for attribute in attributes)
        assert 'HttpOnly' in values and values['SameSite'] == 'Lax', cookie
        if values['Max-Age'] == '0':
            self.cookies.pop((host, values['Path'], name), None)
        else:
            self.cookies[host, values['Path'], name] = value

    def follow(self, url, until='http://127.0.0.1:9/'):
        """Goes where it is sent, up to a place that begins so: that place, or the last status and body."""
        for _ in range(10):
            if url.startswith(until):
                return url
            status, headers, text = self.ask('GET', url)
            if status != 302:
                return status, text
            url = headers['Location']
        raise AssertionError('a circle')
